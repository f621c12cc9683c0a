use std::collections::BTreeMap;

use super::comparison::{ComparisonTable, table};
use super::figures::{Figure, Source, column, figure, figure_columns};
use super::grid::Cell;
use super::marks::rivals;
use super::notes::{MOST_NAMED, name};
use super::scraped::page_table;
use crate::metrics::Better::{Higher, Lower, Neither};
use crate::metrics::{BatchGroup, BatchSource, CellSummary, METRICS, MetricSummary, SwitchingSummary};
use crate::text::plural;
use crate::units::format_significant;

/// The axis that stands for the batch size in a view by it.
const BATCH: &str = "batch_size_used";

/// What servers say of themselves beside what was measured: in their answers, of every cell and of every batch size where they
/// tell theirs, and on their Prometheus pages. None where nothing tells anything.
#[must_use]
pub fn server_tables(name: &str, cells: &[CellSummary]) -> Vec<ComparisonTable> {
    let by_batch = by_batch(cells);
    let beside =
        tells_anything(cells).then(|| server_table(&format!("{name} · server beside client"), cells, batch_notes));
    let batches = (!by_batch.is_empty()).then(|| {
        server_table(&format!("{name} · by batch size"), &by_batch, |_, _| {
            vec!["tokens/s total: of a whole batch, the mean of its requests times its size".to_owned()]
        })
    });
    beside.into_iter().chain(batches).chain(page_table(name, cells)).collect()
}

/// Whether some cell has a figure by its server that is more than a count.
fn tells_anything(cells: &[CellSummary]) -> bool {
    let of_server =
        |(name, summary): (&String, &Option<MetricSummary>)| name.starts_with("server_") && summary.is_some();
    cells.iter().any(|cell| cell.batches.is_some() || cell.metrics.iter().any(of_server))
}

fn server_table(
    title: &str,
    cells: &[CellSummary],
    notes: impl FnOnce(&[CellSummary], &[&str]) -> Vec<String>,
) -> ComparisonTable {
    let own = own_metrics(cells);
    let groups: Vec<String> = own.iter().map(|metric| group_of(metric)).collect();
    let median = |metric| Source::Metric(metric, "p50");
    let mut figures: Vec<Figure<'_>> = vec![
        figure("TTFT", "client", Lower, 0, median("ttft_ms")),
        figure("TTFT", "server", Lower, 0, median("server_ttft_ms")),
        figure("E2E", "client", Lower, 2, median("e2e_ms")),
        figure("E2E", "server", Lower, 1, median("server_e2e_ms")),
        figure("tokens/s", "client", Higher, 2, median("output_tokens_per_s")),
        figure("tokens/s", "server", Higher, 1, median("server_output_tokens_per_s")),
        figure("tokens/s", "total", Higher, 3, Source::Cell(|cell| cell.output_token_throughput)),
    ];
    figures.extend(own.iter().zip(&groups).map(|(metric, group)| figure(group, "server", Neither, 4, median(metric))));
    let mut columns = vec![column("requests", cells, |cell| Cell::plain(cell.requests.completed.to_string()))];
    columns.extend(figure_columns(&figures, cells, &rivals(cells), &[]));
    table(&format!("{title} · medians"), cells, columns, notes)
}

/// Figures of servers that have no counterpart of ours.
fn own_metrics(cells: &[CellSummary]) -> Vec<String> {
    let listed = |name: &&String| METRICS.iter().any(|metric| metric.name == **name);
    let names =
        cells.iter().flat_map(|cell| cell.metrics.keys()).filter(|name| name.starts_with("server_") && !listed(name));
    let mut names: Vec<String> = names.cloned().collect();
    names.sort();
    names.dedup();
    names
}

/// `prompt` of `server_prompt_ms`: the unit is put behind it.
fn group_of(metric: &str) -> String {
    let name = metric.strip_prefix("server_").unwrap_or(metric);
    name.strip_suffix("_ms").unwrap_or(name).to_owned()
}

/// A row for each batch size of each cell whose server tells it.
fn by_batch(cells: &[CellSummary]) -> Vec<CellSummary> {
    let row = |cell: &CellSummary, group: &BatchGroup| {
        let mut axes = cell.axes.clone();
        axes.insert(BATCH.to_owned(), group.batch_size.into());
        let short = |(name, spread): (&String, &Option<crate::metrics::Spread>)| {
            let summary = spread.map(|spread| MetricSummary {
                count: spread.count,
                mean: spread.mean,
                p5: spread.p5,
                p50: spread.p50,
                p95: spread.p95,
                ..MetricSummary::default()
            });
            (name.clone(), summary)
        };
        let mut row = CellSummary {
            axes,
            metrics: group.metrics.iter().map(short).collect(),
            output_token_throughput: group.batch_tokens_per_s,
            steady: None,
            batches: None,
            scraped: None,
            ..cell.clone()
        };
        row.requests.completed = group.requests;
        row
    };
    // One size everywhere is what the cells' own rows show.
    if cells.iter().filter_map(|cell| cell.batches.as_ref()).all(|batches| batches.groups.len() < 2) {
        return Vec::new();
    }
    let groups = |cell: &CellSummary| -> Vec<CellSummary> {
        cell.batches.iter().flat_map(|batches| &batches.groups).map(|group| row(cell, group)).collect()
    };
    cells.iter().flat_map(groups).collect()
}

/// `16 requests together in most (72 of 80)`, marked where it is a guess.
fn batch_notes(cells: &[CellSummary], varying: &[&str]) -> Vec<String> {
    let says = |cell: &CellSummary| {
        let batches = cell.batches.as_ref().filter(|batches| batches.requests.keys().any(|size| *size > 1))?;
        let all: u64 = batches.requests.values().sum();
        let sizes = shares(&batches.requests, all);
        let mostly =
            batches.representative.map_or_else(|| "no size in most".to_owned(), |size| format!("mostly {size}"));
        let source = match batches.source {
            BatchSource::Server => "batch sizes",
            BatchSource::Estimate => "batch sizes, an estimate from the server's TTFT",
        };
        Some(format!("{}: {source}: {mostly} ({sizes})", name(cell, varying)))
    };
    let mut notes: Vec<String> = cells.iter().filter_map(says).collect();
    if let Some(more) = notes.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        notes.truncate(MOST_NAMED);
        notes.push(format!("batch sizes of {} are in summary.json", plural(more, "other cell", "other cells")));
    }
    notes
}

/// `16: 80 %, 8: 20 %`, the most common first.
fn shares(requests: &BTreeMap<u64, u64>, all: u64) -> String {
    const MOST: usize = 4;
    let mut sizes: Vec<(u64, u64)> = requests.iter().map(|(size, count)| (*size, *count)).collect();
    sizes.sort_by_key(|(size, count)| (std::cmp::Reverse(*count), *size));
    let percent = |count: u64| (count * 100 + all / 2) / all.max(1);
    let mut texts: Vec<String> =
        sizes.iter().take(MOST).map(|(size, count)| format!("{size}: {} %", percent(*count))).collect();
    if sizes.len() > MOST {
        texts.push("...".to_owned());
    }
    texts.join(", ")
}

/// What it takes to switch to the model of a cell, the longest first.
pub(super) fn switching_notes(cells: &[CellSummary], varying: &[&str]) -> Vec<String> {
    let measured = |cell: &SwitchingSummary| cell.switching_ms;
    let mut found: Vec<(&CellSummary, &SwitchingSummary, f64)> = cells
        .iter()
        .filter_map(|cell| cell.switching.as_ref().and_then(|found| Some((cell, found, measured(found)?))))
        .collect();
    found.sort_by(|a, b| b.2.total_cmp(&a.2));
    let note = |(cell, found, ms): &(&CellSummary, &SwitchingSummary, f64)| {
        let control =
            if found.control_ms.is_some() { "less what it takes without a switch" } else { "without a control" };
        format!(
            "{}: switching to this model takes {} ms (median of {} switches, spread {} ms, {control})",
            name(cell, varying),
            format_significant(*ms, 4),
            found.switches,
            format_significant(found.spread_ms, 2),
        )
    };
    found.iter().take(MOST_NAMED).map(note).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::metrics::CellAccumulator;
    use crate::record::samples::completed;
    use crate::record::{RequestRecord, ServerReport};
    use crate::report::{comparison, comparison_markdown, summary_csv};

    /// A cell of requests by the batch size and the TTFT that the server gives them.
    fn cell(concurrency: u64, requests: &[(Option<u64>, f64)]) -> CellSummary {
        let axes = json!({"model": "m", "endpoint": "e", "concurrency": concurrency});
        let mut cell = CellAccumulator::new("c", axes.as_object().cloned().unwrap(), None);
        for (batch_size_used, ttft_ms) in requests {
            let server = ServerReport {
                ttft_ms: Some(*ttft_ms),
                e2e_ms: Some(2.0 * ttft_ms),
                output_tokens_per_s: Some(50.0),
                batch_size_used: *batch_size_used,
                extra: [("server_queue_ms".to_owned(), 7.0)].into(),
            };
            let mut row = RequestRecord { server, ..completed() };
            (row.stamps.sent_ns, row.stamps.first_token_ns) = (Some(0), Some(120_000_000));
            row.stamps.end_ns = Some(300_000_000);
            cell.add(0, &row);
        }
        cell.finish()
    }

    fn drawn(cells: &[CellSummary]) -> Vec<String> {
        server_tables("q", cells).iter().map(|table| table.terminal(200, false)).collect()
    }

    #[test]
    fn what_the_server_says_stands_beside_what_was_measured() {
        let cells = [cell(1, &[(Some(1), 100.0)]), cell(4, &[(Some(4), 110.0), (Some(4), 112.0), (Some(2), 90.0)])];
        let [beside, by_batch] = drawn(&cells).try_into().unwrap();
        for part in ["q · server beside client · medians", "client   server", "queue ms", "p50 needs 11"] {
            assert!(beside.contains(part), "{part}:\n{beside}");
        }
        assert!(beside.contains("concurrency=4: batch sizes: mostly 4 (4: 67 %, 2: 33 %)"), "{beside}");
        assert!(!beside.contains("concurrency=1: batch"), "one at a time is no news:\n{beside}");
        let row = by_batch.lines().find(|line| line.trim_start().starts_with("4 ")).unwrap();
        assert!(row.contains("111") || row.contains(" 90"), "{by_batch}");
        assert!(by_batch.contains("batch_size_used") && by_batch.contains("200"), "50 tokens/s times 4:\n{by_batch}");
        let main = comparison("q", &cells).terminal(200, false);
        assert!(main.contains("server"), "{main}");
        assert!(comparison_markdown("q", &cells, &[]).contains("| TTFT ms client | TTFT ms server |"));
        assert!(summary_csv(&cells).contains("4=2") || summary_csv(&cells).contains("2=1; 4=2"));
    }

    #[test]
    fn a_guess_is_called_one_and_silence_has_no_table() {
        let [beside] = drawn(&[cell(4, &[(None, 100.0), (None, 100.4), (None, 99.8)])]).try_into().unwrap();
        assert!(beside.contains("batch sizes, an estimate from the server's TTFT: mostly 4"), "{beside}");
        let silent = CellAccumulator::new("c", serde_json::Map::new(), None).finish();
        assert!(server_tables("q", &[silent]).is_empty());
    }
}

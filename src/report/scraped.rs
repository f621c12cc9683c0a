use std::collections::BTreeSet;

use super::comparison::{ComparisonTable, table};
use super::figures::{Figure, Source, figure, figure_columns};
use super::notes::{each, name};
use crate::metrics::Better::Neither;
use crate::metrics::{CellSummary, ScrapeSummary};
use crate::scenario::KNOWN_METRICS;

/// What the table of pages shows of the known metrics: group, name, metric, figure.
const SHOWN: [(&str, &str, &str, &str); 11] = [
    ("running", "mean", "requests_running", "mean"),
    ("running", "max", "requests_running", "max"),
    ("waiting", "mean", "requests_waiting", "mean"),
    ("waiting", "max", "requests_waiting", "max"),
    ("KV %", "mean", "kv_cache_usage", "mean"),
    ("KV %", "max", "kv_cache_usage", "max"),
    ("", "preempted", "preemptions_total", "increase"),
    ("prefix hits", "tokens", "prefix_cache_hits_total", "increase"),
    ("prefix hits", "%", "prefix_cache_hit_rate", "mean"),
    ("tokens/s", "prompt", "prompt_tokens_total", "per_s"),
    ("tokens/s", "generated", "generation_tokens_total", "per_s"),
];

/// Figures of a cell's pages, each a column of a CSV file.
type TextOfPage = fn(&ScrapeSummary) -> String;
/// The same, where a cell may lack them.
type OfPage = Box<dyn Fn(&ScrapeSummary) -> Option<String>>;

/// What servers' Prometheus pages said while cells ran; `None` where none was scraped.
pub(super) fn page_table(name: &str, cells: &[CellSummary]) -> Option<ComparisonTable> {
    cells.iter().any(|cell| cell.scraped.is_some()).then(|| {
        let own = own_metrics(cells);
        let shown = SHOWN
            .iter()
            .map(|(group, name, metric, word)| figure(group, name, Neither, 1, Source::Scraped(metric, word)));
        let words = |metric: &str| if is_gauge(cells, metric) { ["mean", "max"] } else { ["increase", "per_s"] };
        let own = own.iter().flat_map(|metric| {
            words(metric).map(|word| figure(metric, word, Neither, 2, Source::Scraped(metric, word)))
        });
        let figures: Vec<Figure<'_>> = shown.chain(own).collect();
        let columns = figure_columns(&figures, cells, &[], &[]);
        table(&format!("{name} · the server's metrics page"), cells, columns, notes)
    })
}

/// What a reader must know of the pages: what was wrong with them, and when servers were started anew.
pub(super) fn notes(cells: &[CellSummary], varying: &[&str]) -> Vec<String> {
    let mut notes = each(
        cells,
        varying,
        |cell| of_page(cell, |page| page.failed),
        |cell, count| {
            format!("server metrics: {count} of {} scrapes failed{}", of_page(cell, |page| page.scrapes), faults(cell))
        },
    );
    // Those that failed name their faults already.
    notes.extend(each(
        cells,
        varying,
        |cell| of_page(cell, |page| if page.failed == 0 { page.faults.values().sum() } else { 0 }),
        |cell, count| {
            format!(
                "server metrics: {count} of {} pages were not whole{}",
                of_page(cell, |page| page.scrapes),
                faults(cell)
            )
        },
    ));
    notes.extend(each(
        cells,
        varying,
        |cell| of_page(cell, |page| page.restarts),
        |_, count| format!("server metrics: counters began anew {count} times: the server was restarted"),
    ));
    notes.extend(each(
        cells,
        varying,
        |cell| of_page(cell, |page| if page.missed * 10 > page.scrapes { page.missed } else { 0 }),
        |cell, count| {
            format!("server metrics: {count} scrapes left out, the page took up to {:.0} ms", of_page_ms(cell))
        },
    ));
    notes.extend(outside(cells, varying));
    notes.extend(absent(cells));
    notes
}

/// Cells that were over before a scrape was due.
fn outside(cells: &[CellSummary], varying: &[&str]) -> Option<String> {
    let is_outside = |page: &ScrapeSummary| page.failed < page.scrapes && page.gauges.values().all(Option::is_none);
    let mut outside = cells.iter().filter(|cell| cell.scraped.as_ref().is_some_and(is_outside));
    let first = outside.next()?;
    let more = outside.count();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!(
        "server metrics: no scrape fell into the measured window of {}{more}; a shorter metrics_interval, or a longer load",
        name(first, varying)
    ))
}

/// Columns of the scenario that no page has.
fn absent(cells: &[CellSummary]) -> Option<String> {
    let has = |metric: &str, page: &ScrapeSummary| page.gauge(metric).is_some() || page.counter(metric).is_some();
    let pages = || cells.iter().filter_map(|cell| cell.scraped.as_ref());
    let has_any = pages().any(|page| page.gauges.values().any(Option::is_some));
    let absent: Vec<String> =
        own_metrics(cells).into_iter().filter(|metric| !pages().any(|page| has(metric, page))).collect();
    (has_any && !absent.is_empty()).then(|| format!("server metrics: no page has {}", absent.join(", ")))
}

fn of_page(cell: &CellSummary, of: impl Fn(&ScrapeSummary) -> u64) -> u64 {
    cell.scraped.as_ref().map_or(0, of)
}

fn of_page_ms(cell: &CellSummary) -> f64 {
    cell.scraped.as_ref().and_then(|page| page.scrape_ms_max).unwrap_or(0.0)
}

/// `: HTTP 404 (3), no page within 5 s (1)`, the most first.
fn faults(cell: &CellSummary) -> String {
    let Some(page) = &cell.scraped else { return String::new() };
    let mut faults: Vec<(&String, &u64)> = page.faults.iter().collect();
    faults.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let texts: Vec<String> = match faults.as_slice() {
        [] => return String::new(),
        [(fault, _)] => vec![(*fault).clone()],
        several => several.iter().map(|(fault, count)| format!("{fault} ({count})")).collect(),
    };
    format!(": {}", texts.join(", "))
}

/// The columns of the scenario's own, by name.
fn own_metrics(cells: &[CellSummary]) -> Vec<String> {
    let known = |name: &str| KNOWN_METRICS.iter().any(|metric| metric.name == name);
    let pages = cells.iter().filter_map(|cell| cell.scraped.as_ref());
    let names: BTreeSet<&String> = pages.flat_map(|page| page.gauges.keys().chain(page.counters.keys())).collect();
    names.into_iter().filter(|name| !known(name)).cloned().collect()
}

fn is_gauge(cells: &[CellSummary], metric: &str) -> bool {
    cells.iter().filter_map(|cell| cell.scraped.as_ref()).any(|page| page.gauges.contains_key(metric))
}

/// The columns of pages in a CSV file; none where no page was scraped.
pub(super) fn csv_columns(cells: &[CellSummary]) -> Vec<(String, OfPage)> {
    if cells.iter().all(|cell| cell.scraped.is_none()) {
        return Vec::new();
    }
    let counts: [(&str, TextOfPage); 5] = [
        ("scrapes", |page| page.scrapes.to_string()),
        ("failed", |page| page.failed.to_string()),
        ("missed", |page| page.missed.to_string()),
        ("restarts", |page| page.restarts.to_string()),
        ("faults", |page| super::csv::counts(&page.faults)),
    ];
    let mut columns: Vec<(String, OfPage)> = Vec::new();
    for (name, of) in counts {
        columns.push((format!("scraped_{name}"), Box::new(move |page| Some(of(page)))));
    }
    let number = |value: Option<f64>| value.map(|value| value.to_string());
    columns.push(("scraped_scrape_ms_max".to_owned(), Box::new(move |page| number(page.scrape_ms_max))));
    columns
        .push(("scraped_prefix_cache_hit_share".to_owned(), Box::new(move |page| number(page.prefix_cache_hit_share))));
    let known = KNOWN_METRICS.iter().map(|metric| metric.name.to_owned());
    for metric in known.chain(own_metrics(cells)) {
        let words: &[&str] = if is_gauge(cells, &metric) {
            &["samples", "mean", "min", "max"]
        } else {
            &["increase", "seconds", "per_s"]
        };
        for word in words {
            let metric = metric.clone();
            columns
                .push((format!("scraped_{metric}_{word}"), Box::new(move |page| number(page.figure(&metric, word)))));
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::metrics::{CellAccumulator, ScrapeTally};
    use crate::record::{ScrapedColumn, ScrapedSample};
    use crate::report::{comparison, server_tables, summary_csv};
    use crate::scenario::MetricKind;

    const S: i64 = 1_000_000_000;

    /// A cell measured for four seconds, of samples a second apart: running, waiting, generated tokens, a column of its own.
    fn cell(concurrency: u64, samples: &[Result<[Option<f64>; 4], &str>]) -> CellSummary {
        let axes = json!({"model": "m", "endpoint": "e", "concurrency": concurrency});
        let mut cell = CellAccumulator::new("c", axes.as_object().cloned().unwrap(), None);
        let mut row = crate::record::samples::completed();
        (row.stamps.sent_ns, row.stamps.end_ns) = (Some(0), Some(4 * S));
        cell.add(0, &row);
        let column = |name: &str| ScrapedColumn { name: name.to_owned(), kind: MetricKind::of_name(name) };
        let columns = ["requests_running", "requests_waiting", "generation_tokens_total", "swapped"].map(column);
        let mut tally = ScrapeTally::new(&columns, cell.window(0));
        for (at_s, sample) in (-1..).zip(samples) {
            let (values, fault) = match sample {
                Ok(values) => (values.to_vec(), None),
                Err(fault) => (Vec::new(), Some((*fault).to_owned())),
            };
            tally.add(&ScrapedSample { at_ns: at_s * S, scrape_ns: S / 4, missed: 0, fault, values });
        }
        cell.set_scraped(0, tally);
        cell.finish()
    }

    fn busy() -> CellSummary {
        let at = |running, waiting, tokens| Ok([Some(running), Some(waiting), Some(tokens), None]);
        cell(
            8,
            &[
                at(0.0, 0.0, 100.0),
                at(4.0, 1.0, 150.0),
                at(4.0, 4.0, 300.0),
                Err("HTTP 503"),
                at(4.0, 4.0, 500.0),
                at(1.0, 0.0, 590.0),
                at(0.0, 0.0, 600.0),
            ],
        )
    }

    #[test]
    fn queue_running_and_rates_stand_in_the_tables() {
        let drawn = comparison("q", &[busy()]).terminal(200, false);
        assert!(drawn.contains("server") && drawn.contains("running  waiting"), "{drawn}");
        assert!(drawn.contains("3.25") && drawn.contains("2.25"), "{drawn}");
        let page = page_table("q", &[busy()]).unwrap().terminal(200, false);
        // 150 to 590 tokens in four seconds.
        for part in ["the server's metrics page", "110", "1 of 7 scrapes failed: HTTP 503", "no page has swapped"] {
            assert!(page.contains(part), "{part}:\n{page}");
        }
        assert_eq!(server_tables("q", &[busy()]).len(), 1);
        let csv = summary_csv(&[busy()]);
        let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
        let at =
            |name: &str| rows[1][rows[0].iter().position(|column| *column == name).unwrap_or_else(|| panic!("{name}"))];
        assert_eq!((at("scraped_requests_running_mean"), at("scraped_requests_waiting_max")), ("3.25", "4"));
        assert_eq!(
            (at("scraped_generation_tokens_total_increase"), at("scraped_generation_tokens_total_seconds")),
            ("440", "4")
        );
        assert_eq!((at("scraped_faults"), at("scraped_swapped_mean"), at("scraped_scrapes")), ("HTTP 503=1", "", "7"));
        assert_eq!(rows[0].len(), rows[1].len());
    }

    #[test]
    fn what_went_wrong_with_pages_is_told_and_silence_is_no_table() {
        let tokens = |count| Ok([Some(1.0), None, Some(count), Some(0.0)]);
        let restarted = cell(1, &[tokens(50.0), tokens(70.0), tokens(3.0), tokens(9.0), tokens(10.0), tokens(11.0)]);
        let gone = cell(2, &[Err("HTTP 404"), Err("HTTP 404"), Err("no page within 5 s")]);
        let short = cell(4, &[tokens(1.0)]);
        let drawn = comparison("q", &[restarted, gone, short]).terminal(300, false);
        for part in [
            "concurrency=1: server metrics: counters began anew 1 times",
            "concurrency=2: server metrics: 3 of 3 scrapes failed: HTTP 404 (2), no page within 5 s (1)",
            "no scrape fell into the measured window of concurrency=4;",
        ] {
            assert!(drawn.contains(part), "{part}:\n{drawn}");
        }
        let silent = CellAccumulator::new("c", serde_json::Map::new(), None).finish();
        assert!(page_table("q", std::slice::from_ref(&silent)).is_none());
        assert!(!summary_csv(&[silent]).contains("scraped"));
    }
}

//! Tables as they are read.

use serde_json::{Map, Value, json};

use super::*;
use crate::metrics::{CellAccumulator, CellSummary};
use crate::record::{Cause, Chunk, Failure, KeptTimes, Outcome, RequestRecord, Stamps, TokenCounts};

use crate::record::samples::completed;

const MS: i64 = 1_000_000;

fn record(ttft: i64, itl: i64, tokens: i64, at: i64) -> RequestRecord {
    let chunks: Vec<Chunk> = (0..tokens).map(|k| Chunk { at_ns: (at + ttft + k * itl) * MS, tokens: 1 }).collect();
    let last_ns = chunks.last().map(|chunk| chunk.at_ns);
    RequestRecord {
        stamps: Stamps {
            sent_ns: Some(at * MS),
            first_token_ns: chunks.first().map(|chunk| chunk.at_ns),
            last_token_ns: last_ns,
            end_ns: last_ns,
            ..Stamps::default()
        },
        chunks,
        tokens: TokenCounts { output_server: Some(tokens.unsigned_abs()), ..TokenCounts::default() },
        ..completed()
    }
}

fn summary(axes: &Value, records: impl IntoIterator<Item = RequestRecord>) -> CellSummary {
    let axes: Map<String, Value> = axes.as_object().cloned().unwrap_or_default();
    let name = axes.values().map(|value| value.to_string().replace('"', "")).collect::<Vec<_>>().join("_");
    let mut cell = CellAccumulator::new(&name, axes, None);
    cell.set_repeat(0, 0, 0);
    for record in records {
        cell.add(0, &record);
    }
    cell.finish()
}

/// 24 cells as a real run leaves them: two models, two input sizes, six levels; one cell limps, one is dead.
fn realistic() -> Vec<CellSummary> {
    let mut cells = Vec::new();
    for (model, slow) in [("llama-3.3-70b", 10), ("deepseek-r1", 17)] {
        for input in [250, 4000] {
            for concurrency in [1, 4, 16, 32, 64, 128] {
                let axes = json!({
                    "model": model, "endpoint": "cloud", "mode": "synthetic", "input_tokens": input,
                    "output_tokens": 250, "image_size": "na", "concurrency": concurrency,
                });
                let dead = model == "deepseek-r1" && input == 4000 && concurrency == 128;
                let limps = model == "deepseek-r1" && concurrency == 64;
                let count = if concurrency == 64 { 700 } else { 16.max(4 * concurrency) };
                let rows = (0..count).map(|k| {
                    let ttft = slow * 4 + input / 40 + concurrency * slow / 6 + (k * 7919) % 23 * concurrency / 9;
                    let row = record(ttft, 4 + slow / 3 + concurrency / 12 + k % 2, 40, k * 2500 / concurrency);
                    let fails = dead || (limps && k % 32 == 5);
                    let outcome =
                        if fails { Outcome::Failed(Failure::new(Cause::HttpStatus, "x")) } else { row.outcome };
                    RequestRecord { http_status: Some(if fails { 503 } else { 200 }), outcome, ..row }
                });
                cells.push(summary(&axes, rows));
            }
        }
    }
    cells
}

/// Three models at two levels: enough for a best and a worst.
pub(super) fn sweep() -> Vec<CellSummary> {
    let mut cells = Vec::new();
    for (model, slow) in [("small", 1), ("medium", 2), ("large", 3)] {
        for concurrency in [1, 4] {
            let axes = json!({"model": model, "mode": "synthetic", "input_tokens": 64, "concurrency": concurrency});
            let each = |k: i64| record(40 * slow + concurrency + k % 3, 8 * slow, 32, 300 * k);
            cells.push(summary(&axes, (0..20).map(each)));
        }
    }
    cells
}

fn too_wide(text: &str, width: usize) -> Option<&str> {
    text.lines().find(|line| console::measure_text_width(line) > width)
}

#[test]
fn a_table_is_drawn_exactly_so() {
    let drawn = comparison("quickstart", &sweep()).terminal(100, false);
    let expected = "\
quickstart · mode = synthetic · input_tokens = 64

                 TTFT ms          ITL ms         TPOT ms        E2E ms       tokens/s
model   conc    p50     p99     p50     p99     p50     p99   p50   p99    each   total   errors
──────  ────  ──────────────  ──────────────  ──────────────  ──────────  ──────────────  ──────
small      1   42.0▲   43.0~   8.00▲   8.00~   8.00▲   8.00~  290▲  291~  125.0▲  106.8▲       -
small      4   45.0▲   46.0~   8.00▲   8.00~   8.00▲   8.00~  293▲  294~  125.0▲  106.8▲       -

medium     1   82.0    83.0~  16.00   16.00~  16.00   16.00~  578   579~   62.5   101.9        -
medium     4   85.0    86.0~  16.00   16.00~  16.00   16.00~  581   582~   62.5   101.9        -

large      1  122.0▼  123.0~  24.00▼  24.00~  24.00▼  24.00~  866▼  867~   41.7▼   97.5▼       -
large      4  125.0▼  126.0~  24.00▼  24.00~  24.00▼  24.00~  869▼  870~   41.7▼   97.4▼       -

▲ best, ▼ worst among cells that differ in nothing but model or endpoint
~ too few samples to rely on: p50 needs 11, p99 needs 662
no room for req/s (summary.csv has all)";
    assert_eq!(drawn, expected, "\n{drawn}\n");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut long = realistic();
    long[0].cell_id = "x".repeat(120);
    long[0].axes.insert("model".to_owned(), "an-organisation/a-model-with-a-very-long-name-70B-Instruct".into());
    for cells in [&realistic(), &sweep(), &long, &long[..1].to_vec(), &Vec::new()] {
        let table = comparison("llama-sizes", cells);
        for width in 20..=200 {
            let text = table.terminal(width, width % 2 == 0);
            assert_eq!(too_wide(&text, width), None, "{width}:\n{text}");
        }
    }
}

#[test]
fn columns_give_way_in_their_order_and_the_table_says_so() {
    let table = comparison("llama-sizes", &realistic());
    let gone = |width| {
        let text = table.terminal(width, false);
        let (_, note) = text.split_once("no room for ")?;
        let words: Vec<&str> = note.split_whitespace().collect();
        Some(words.join(" ").split_once(" (summary.csv has all)")?.0.to_owned())
    };
    assert_eq!(gone(200), None);
    assert_eq!(gone(120).unwrap(), "req/s");
    assert_eq!(gone(100).unwrap(), "ITL ms p99, TPOT ms p99, tokens/s each, req/s");
    assert_eq!(gone(80).unwrap(), "ITL ms p50, ITL ms p99, TPOT ms p50, TPOT ms p99, E2E ms p99, tokens/s each, req/s");
    let narrow = table.terminal(50, false);
    for part in ["TTFT ms", "p50", "errors", "all failed", "22 (3.1 %)", "deepseek-r1"] {
        assert!(narrow.contains(part), "{part}:\n{narrow}");
    }
}

#[test]
fn long_names_are_squeezed_in_the_middle() {
    let mut cells = sweep();
    for (at, cell) in cells.iter_mut().enumerate() {
        let model = format!("an-organisation/a-model-with-a-very-long-name-{}B-Instruct", 7 + at / 2);
        cell.axes.insert("model".to_owned(), model.into());
    }
    let text = comparison("q", &cells).terminal(60, false);
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("an-organ")).collect();
    assert_eq!(rows.len(), cells.len(), "{text}");
    assert!(rows.iter().all(|row| row.contains('…') && row.contains("B-Instruct  ") && row.ends_with('-')), "{text}");
}

#[test]
fn marks_are_explained_where_they_are() {
    let text = comparison("q", &sweep()).terminal(160, false);
    for part in ["▲ best, ▼ worst among", "~ too few samples to rely on: p50 needs 11, p99 needs 662"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let alone = comparison("q", &sweep()[..2]).terminal(160, false);
    assert!(!alone.contains(['▲', '▼']), "{alone}");
    let pair = comparison("q", &sweep()[..4]).terminal(160, false);
    assert!(pair.contains("▲ best among") && !pair.contains('▼'), "{pair}");
    // Where no percentile is doubtful in what is left, nothing is said of doubt.
    let narrow = comparison("q", &sweep()).terminal(40, false);
    assert!(!narrow.contains('~'), "{narrow}");
}

#[test]
fn blocks_of_the_first_axis_stand_apart() {
    let blank = |cells: &[CellSummary]| {
        let text = comparison("q", cells).terminal(160, false);
        let rows = text.lines().skip_while(|line| !line.starts_with('─')).skip(1);
        rows.take_while(|line| !line.starts_with(['▲', '~'])).filter(|line| line.is_empty()).count()
    };
    // One blank line goes before the notes.
    assert_eq!(blank(&sweep()), 2 + 1);
    let mut mixed = sweep();
    mixed.swap(1, 2);
    assert_eq!(blank(&mixed), 1);
}

#[test]
fn a_group_has_one_unit() {
    let slow = |c: i64| summary(&json!({"concurrency": c}), (0..20).map(|k| record(4000 * c + k, 8, 32, 300 * k)));
    let text = comparison("q", &[slow(1), slow(4)]).terminal(160, false);
    assert!(text.contains("TTFT s") && text.contains(" 4.01~") || text.contains(" 4.01 "), "{text}");
    assert!(text.contains("ITL ms") && text.contains("16.01"), "{text}");
}

#[test]
fn colour_is_added_and_never_needed() {
    let table = comparison("q", &realistic());
    for width in [60, 160] {
        let coloured = table.terminal(width, true);
        assert!(coloured.contains("\u{1b}["));
        assert_eq!(trimmed(&console::strip_ansi_codes(&coloured)), trimmed(&table.terminal(width, false)));
    }
}

/// A coloured line may end in painted blanks.
fn trimmed(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

#[test]
fn failures_are_shown_with_their_causes() {
    let failed = |cause, status| RequestRecord {
        outcome: Outcome::Failed(Failure::new(cause, "x")),
        http_status: status,
        ..record(1, 1, 2, 0)
    };
    let dropped = || RequestRecord { outcome: Outcome::Dropped, ..record(1, 1, 2, 0) };
    let axes = |c: i64| json!({"model": "m", "concurrency": c});
    let good = || record(40, 8, 4, 0);
    let cells = [
        summary(&axes(1), [failed(Cause::Connect, None), failed(Cause::Connect, None)]),
        summary(&axes(2), [failed(Cause::RateLimited, Some(429)), good(), good(), good()]),
        summary(
            &axes(3),
            [Some(503), Some(500), Some(503)]
                .map(|status| failed(Cause::HttpStatus, status))
                .into_iter()
                .chain([good()]),
        ),
        summary(&axes(4), [good(), dropped()]),
    ];
    let text = comparison("q", &cells).terminal(160, false);
    for part in [
        "all failed",
        "1 (25.0 %)",
        "concurrency=1: 2 of 2 requests failed: 2 connect\n",
        "concurrency=2: 1 of 4 requests failed: 1 rate_limited\n",
        "concurrency=3: 3 of 4 requests failed: 3 http_status (2 of 503, 1 of 500)\n",
        "concurrency=4: 1 of 2 requests dropped",
        "connect: \"x\"; check that the server runs",
        "http_status: \"x\"; the server refuses",
        "dropped\n",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let dead = text.lines().find(|line| line.contains("all failed")).unwrap();
    assert!(!dead.contains("0.0"), "a dead cell has no rates: {dead}");
}

#[test]
fn many_failing_cells_do_not_flood_the_notes() {
    let failed =
        || RequestRecord { outcome: Outcome::Failed(Failure::new(Cause::StreamCut, "x")), ..record(1, 1, 2, 0) };
    let cells: Vec<CellSummary> = (1..=9)
        .map(|c| summary(&json!({"concurrency": c}), (0..c).map(|_| failed()).chain([record(40, 8, 4, 0)])))
        .collect();
    let text = comparison("q", &cells).terminal(200, false);
    assert_eq!(text.lines().filter(|line| line.contains("requests failed: ")).count(), 5);
    assert!(text.contains("concurrency=9: 9 of 10 requests failed: 9 stream_cut\n"), "{text}");
    assert!(text.contains("5 stream_cut; 10 more in 4 other cells"), "{text}");
}

#[test]
fn other_input_than_asked_for_is_told() {
    let off = |k| {
        let mut row = record(40, 8, 4, k);
        (row.tokens.input_requested, row.tokens.input_server) = (Some(250), Some(262));
        row
    };
    let text = comparison("q", &[summary(&json!({"input_tokens": 250}), (0..3).map(off))]).terminal(160, false);
    assert!(
        text.contains("input tokens: the server counted 262 (median), 250 asked for, in 3 of 3 requests"),
        "{text}"
    );
}

#[test]
fn answers_that_ended_otherwise_than_most_are_told() {
    let ended = |reason: &str| RequestRecord { finish_reason: Some(reason.to_owned()), ..record(40, 8, 4, 0) };
    let cells = [
        summary(&json!({"concurrency": 1}), [ended("length"), ended("length")]),
        summary(&json!({"concurrency": 2}), [ended("stop"), ended("length"), ended("length")]),
    ];
    let text = comparison("q", &cells).terminal(160, false);
    assert!(text.contains("concurrency=2: answers ended for different reasons: length 2, stop 1"), "{text}");
    assert!(!text.contains("concurrency=1: answers"), "{text}");
}

#[test]
fn markdown_has_the_same_rows_marks_and_notes() {
    let mut cells = sweep();
    cells[0].axes.insert("model".to_owned(), "sm|all".into());
    let markdown = comparison("q", &cells).markdown();
    let rows: Vec<&str> = markdown.lines().filter(|line| line.starts_with("| ")).collect();
    assert_eq!(rows.len(), 2 + cells.len(), "{markdown}");
    let bars = |row: &str| row.replace("\\|", "").matches('|').count();
    assert!(rows.iter().all(|row| bars(row) == bars(rows[0])), "{markdown}");
    assert!(markdown.contains("| TTFT ms p50 | TTFT ms p99 |") && markdown.contains(" ▲ | "), "{markdown}");
    assert!(markdown.contains("\n- ▲ best"), "{markdown}");
}

#[test]
fn csv_has_every_figure_unrounded() {
    let cells = realistic();
    let csv = summary_csv(&cells);
    let table: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(table.len(), 1 + cells.len());
    assert!(table.iter().all(|row| row.len() == table[0].len()));
    let at = |name: &str| table[0].iter().position(|column| *column == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(table[1][at("concurrency")], "1");
    assert_eq!(table[1][at("ttft_ms_p99")].parse(), Ok(cells[0].metric("ttft_ms").unwrap().p99.unwrap()));
    assert_eq!(table[5][at("error_rate")].parse(), Ok(cells[4].error_rate.unwrap()));
    assert_eq!((table[1][at("goodput")], table[24][at("ttft_ms_p50")]), ("", ""));
    assert_eq!((table[24][at("causes")], table[24][at("http_statuses")]), ("http_status=512", "503=512"));
    // Whatever the summary has, except for axes, metrics and repeats, is a column, under its own name or its parent's.
    let json = serde_json::to_value(&cells[0]).unwrap();
    for (key, value) in json.as_object().unwrap() {
        match (key.as_str(), value) {
            ("axes" | "metrics" | "scraped" | "slo" | "steady" | "batches" | "switching", _) => {}
            ("requests", Value::Object(inner)) => inner.keys().for_each(|name| assert!(at(name) > 0)),
            (_, Value::Object(inner)) => inner.keys().for_each(|name| assert!(at(&format!("{key}_{name}")) > 0)),
            _ => assert!(at(key) < table[0].len()),
        }
    }
}

#[test]
fn csv_quotes_what_would_break_a_row() {
    let mut cells = sweep();
    cells[0].axes.insert("input_tokens".to_owned(), "normal(1000,200)".into());
    cells[0].axes.insert("model".to_owned(), "a \"b\"".into());
    let csv = summary_csv(&cells);
    assert!(csv.contains("\"normal(1000,200)\"") && csv.contains("\"a \"\"b\"\"\""));
}

/// Four slots filled one after the other, `each` requests in each, with the passes of a run.
fn ramped(concurrency: i64, each: i64, ttft: fn(i64) -> i64) -> CellSummary {
    let axes = json!({"model": "m", "concurrency": concurrency});
    let mut cell = CellAccumulator::new("c", axes.as_object().cloned().unwrap(), None);
    cell.set_repeat(0, 0, 0);
    while cell.next_pass().is_some() {
        for at in 0..4 * each {
            cell.add(0, &record(ttft(at), 10, 40, at % 4 * 500 + at / 4 * 500));
        }
    }
    cell.finish()
}

#[test]
fn steady_figures_stand_beside_raw_ones_where_they_differ() {
    let cells = [ramped(4, 10, |_| 100), ramped(5, 10, |_| 100)];
    let table = comparison("q", &cells);
    let text = table.terminal(180, false);
    assert!(text.lines().any(|line| line.ends_with("each  total  steady  req/s  errors")), "{text}");
    assert!(text.contains("steady: tokens/s between ramp and drain; `show RUN --steady`"), "{text}");
    let lacks = "no steady state, figures hold ramp and drain: concurrency=5: never more than 4 of 5 were in flight";
    assert!(text.contains(lacks), "{text}");
    let steady = steady_comparison("q", &cells).terminal(180, false);
    let raw = cells[0].output_token_throughput.unwrap();
    let alone = cells[0].steady.as_ref().unwrap().output_token_throughput.unwrap();
    assert!(alone > 1.1 * raw, "{alone} {raw}");
    assert!(steady.starts_with("q · steady state") && steady.contains(&format!(" {alone:.0} ")), "{steady}");
    let markdown = comparison_markdown("q", &cells, &[]);
    assert!(
        markdown.contains("**q · model = m**") && markdown.contains("**q · steady state · model = m**"),
        "{markdown}"
    );
    let csv = summary_csv(&cells);
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let at = |name: &str| rows[0].iter().position(|column| *column == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(rows[1][at("steady_output_token_throughput")].parse(), Ok(alone));
    assert_eq!(rows[1][at("steady_e2e_ms_p50")].parse(), Ok(490.0));
    assert_eq!((rows[1][at("steady_rule")], rows[2][at("steady_e2e_ms_p50")]), ("closed_full", ""));
}

#[test]
fn what_goes_on_changing_is_told() {
    let cells = [ramped(4, 100, |at| 50 + at / 8), ramped(4, 100, |_| 50)];
    let text = comparison("q", &cells).terminal(180, false);
    let note = text.lines().find(|line| line.contains("still changing in its steady window")).unwrap();
    assert!(note.contains("TTFT +") && !note.contains(';'), "{text}");
}

#[test]
fn sampled_inter_token_latencies_say_so() {
    let mut rows: Vec<RequestRecord> = (0..32).map(|k| record(40, 8, 20, 10 * k)).collect();
    rows.iter_mut().skip(2).for_each(|row| crate::record::thin(row, KeptTimes::FirstLast));
    let text = comparison("q", &[summary(&json!({"concurrency": 1}), rows)]).terminal(180, false);
    assert!(text.contains("ITL is that of 2 of 32 requests: output.chunk_times"), "{text}");
    let none = (0..4).map(|k| {
        let mut row = record(40, 8, 20, 10 * k);
        crate::record::thin(&mut row, KeptTimes::FirstLast);
        row
    });
    let text = comparison("q", &[summary(&json!({"concurrency": 1}), none)]).terminal(180, false);
    assert!(!text.contains("ITL") && text.contains("TPOT ms"), "{text}");
}

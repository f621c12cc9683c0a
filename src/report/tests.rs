//! Tables as they are read.

use serde_json::{Map, Value, json};

use super::*;
use crate::metrics::{CellAccumulator, CellSummary};
use crate::record::{Cause, Chunk, Failure, Outcome, Phase, RequestRecord, ServerReport, Stamps, TokenCounts};

const MS: i64 = 1_000_000;

fn record(ttft: i64, itl: i64, tokens: i64, at: i64) -> RequestRecord {
    let chunks: Vec<Chunk> = (0..tokens).map(|k| Chunk { at_ns: (at + ttft + k * itl) * MS, tokens: 1 }).collect();
    let last_ns = chunks.last().map(|chunk| chunk.at_ns);
    RequestRecord {
        request_index: 0,
        phase: Phase::Measure,
        model_id: "m".to_owned(),
        prompt_name: None,
        conversation: None,
        turn: None,
        response_id: None,
        outcome: Outcome::Completed,
        http_status: Some(200),
        attempts: Vec::new(),
        stamps: Stamps {
            sent_ns: Some(at * MS),
            first_token_ns: chunks.first().map(|chunk| chunk.at_ns),
            last_token_ns: last_ns,
            end_ns: last_ns,
            ..Stamps::default()
        },
        chunks,
        token_source: None,
        tokens: TokenCounts { output_server: Some(tokens.unsigned_abs()), ..TokenCounts::default() },
        finish_reason: None,
        server: ServerReport::default(),
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

fn sweep() -> Vec<CellSummary> {
    let mut cells = Vec::new();
    for (model, slow) in [("small", 1), ("large", 3)] {
        for concurrency in [1, 4] {
            let axes = json!({"model": model, "mode": "synthetic", "input_tokens": 64, "concurrency": concurrency});
            let each = |k: i64| record(40 * slow + concurrency + k % 3, 8 * slow, 32, 300 * k);
            cells.push(summary(&axes, (0..20).map(each)));
        }
    }
    cells
}

#[test]
fn the_table_has_what_varies_as_columns_and_fits_any_width() {
    let table = comparison("quickstart", &sweep());
    for width in [60, 80, 100, 120, 160] {
        let text = table.terminal(width, false);
        assert!(text.lines().all(|line| console::measure_text_width(line) <= width), "{width}:\n{text}");
    }
    let text = table.terminal(160, false);
    assert!(text.starts_with("quickstart · mode = synthetic · input_tokens = 64"), "{text}");
    for part in ["model", "conc", "TTFT ms", "tokens/s", "▲ best, ▼ worst", "~ too few samples", "req/s"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(!text.contains("not shown"));
    assert!(table.terminal(80, false).contains("not shown: "));
}

#[test]
fn colour_is_added_and_never_needed() {
    let table = comparison("q", &sweep());
    let coloured = table.terminal(160, true);
    assert!(coloured.contains("\u{1b}["));
    assert_eq!(console::strip_ansi_codes(&coloured), table.terminal(160, false));
}

#[test]
fn failures_are_shown_with_their_causes() {
    let failed = |cause| RequestRecord { outcome: Outcome::Failed(Failure::new(cause, "x")), ..record(1, 1, 2, 0) };
    let axes = |c: i64| json!({"model": "m", "concurrency": c});
    let cells = [
        summary(&axes(1), [failed(Cause::Connect), failed(Cause::Connect)]),
        summary(
            &axes(2),
            [failed(Cause::RateLimited), record(40, 8, 4, 0), record(40, 8, 4, 50), record(40, 8, 4, 90)],
        ),
    ];
    let text = comparison("q", &cells).terminal(160, false);
    for part in ["all failed", "1 (25.0 %)", "2 requests failed: 2 connect", "1 request failed: 1 rate_limited"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

#[test]
fn markdown_and_csv_hold_the_same_cells() {
    let cells = sweep();
    let markdown = comparison("q", &cells).markdown();
    assert_eq!(markdown.lines().filter(|line| line.starts_with("| ")).count(), 2 + cells.len(), "{markdown}");
    let csv = summary_csv(&cells);
    let columns: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert!(columns.contains(&"ttft_ms_p99") && columns.contains(&"concurrency"));
    assert!(csv.lines().all(|line| line.split(',').count() == columns.len()));
    assert_eq!(csv.lines().count(), 1 + cells.len());
}

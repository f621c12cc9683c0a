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

/// 24 cells of two models, one of them with a name longer than any column.
fn large_sweep(prefix: &str) -> Vec<CellSummary> {
    let mut cells = Vec::new();
    for (model, slow) in [("llama-3.3-70b", 3), ("qwen3-32b", 2)] {
        for input in [250, 1000, 8000] {
            for concurrency in [1, 4, 16, 64] {
                let axes = json!({"model": format!("{prefix}{model}"), "mode": "synthetic", "input_tokens": input,
                    "output_tokens": 250, "image_size": "na", "concurrency": concurrency});
                let ttft = 40 + input * slow / 20 + concurrency * 5 * slow;
                let each = |k: i64| record(ttft + k % 7, 7 * slow + concurrency / 8 + k % 2, 64, 10 * k);
                let failed = |k: i64| k % 50 == 7 && concurrency == 64;
                let cut = |k: i64| RequestRecord {
                    outcome: Outcome::Failed(Failure::new(Cause::RateLimited, "x")),
                    ..each(k)
                };
                let all = (0..16 * concurrency).map(|k| if failed(k) { cut(k) } else { each(k) });
                cells.push(summary(&axes, all));
            }
        }
    }
    cells
}

/// Every line fits, and the rows' columns begin below their headers.
fn assert_fits(text: &str, width: usize) {
    for line in text.lines() {
        assert!(console::measure_text_width(line) <= width, "{width}: {line}\n{text}");
    }
}

#[test]
fn large_tables_fit_and_say_what_they_leave_out() {
    let cells = large_sweep("");
    let table = comparison("llama-sizes", &cells);
    for (width, gone) in [
        (160, None),
        (120, Some("not shown: TPOT ms p99, ITL ms p99 (")),
        (80, Some("not shown: TPOT ms p99, ITL ms p99, TPOT ms p50, tokens/s each p50, E2E")),
    ] {
        let text = table.terminal(width, false);
        assert_fits(&text, width);
        let flat = text.replace("\n  ", " ");
        assert_eq!(flat.contains("not shown"), gone.is_some(), "{text}");
        assert!(gone.is_none_or(|gone| flat.contains(gone)), "{text}");
    }
}

#[test]
fn names_of_any_length_never_overflow() {
    let cells = large_sweep("an-organisation-with-a-long-name/and-a-model-whose-name-does-not-end/");
    let table = comparison("a-scenario-with-a-name-that-is-longer-than-the-narrowest-terminal", &cells);
    for width in [24, 40, 80, 120, 160] {
        assert_fits(&table.terminal(width, false), width);
        assert_fits(&table.terminal(width, true), width);
    }
    let narrow = table.terminal(80, false);
    assert!(["…", "TTFT ms", "total", "errors"].iter().all(|part| narrow.contains(part)), "{narrow}");
}

#[test]
fn footnotes_explain_the_marks_that_are_shown_and_no_others() {
    let one = |model: &str, count: i64| {
        summary(&json!({"model": model, "concurrency": 1}), (0..count).map(|k| record(40 + k % 3, 8, 32, 300 * k)))
    };
    let alone = comparison("q", &[one("a~▲", 700)]).terminal(160, false);
    assert!(!alone.contains("best") && !alone.contains("too few"), "{alone}");
    let few = comparison("q", &[one("a", 20)]).terminal(160, false);
    assert!(!few.contains("best") && few.contains("~ too few samples to rely on: p99 needs 662"), "{few}");
    let fewer = comparison("q", &[one("a", 5)]).terminal(160, false);
    assert!(fewer.contains("p50 needs 11, p99 needs 662"), "{fewer}");
}

#[test]
fn decimal_points_stand_below_one_another() {
    let text = comparison("q", &large_sweep("")).terminal(160, false);
    let rows: Vec<Vec<char>> =
        text.lines().filter(|line| line.starts_with("llama-3.3")).map(|line| line.chars().skip(16).collect()).collect();
    let points =
        |row: &Vec<char>| row.iter().enumerate().filter(|(_, c)| **c == '.').map(|(at, _)| at).collect::<Vec<_>>();
    assert!(rows.len() == 12 && !points(&rows[0]).is_empty());
    // Errors are the last column and may have a point of their own.
    let common = points(&rows[0]);
    assert!(rows.iter().all(|row| points(row).starts_with(&common)), "{text}");
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

const PLANNED: &str = r#"
name = "sizes"
[endpoints.sim]
api = "simulator"
[endpoints.cloud]
api = "openai_chat"
base_url = "http://127.0.0.1:9/v1"
[models.priced]
endpoint = "sim"
price = { input = 0.6, output = 1.2 }
[models.other]
endpoint = "cloud"
[matrix]
model = ["priced", "other"]
mode = "synthetic"
input_tokens = [250, 8000]
output_tokens = 250
concurrency = [1, 16]
[load]
requests = 1200
repeats = 3
"#;

#[test]
fn a_plan_shows_what_it_takes_and_whether_it_guesses() {
    let variables = crate::scenario::Variables::default();
    let options = crate::scenario::ReadOptions {
        variables: &variables,
        unset: crate::scenario::Unset::Keep,
        set: &[],
        profile: None,
    };
    let reading = crate::scenario::read_text(std::path::Path::new("sizes.toml"), PLANNED, &options);
    let scenario = reading.scenario.unwrap();
    let plan = crate::plan::expand(&scenario, &crate::plan::ContentHashes::default());
    let estimate = crate::plan::Estimate::of(&scenario, &plan);
    for width in [24, 80, 100, 160] {
        let text = plan_table(&scenario, &plan, &estimate, width);
        assert_fits(&text, width);
        assert!(
            text.replace("\n  ", " ").contains("8 cells: 28 800 requests")
                && text.replace("\n  ", " ").contains("time is a guess"),
            "{text}"
        );
    }
    let text = plan_table(&scenario, &plan, &estimate, 160);
    for part in ["model", " in ", "conc", "1 200 x 3", "input tokens", "time", "cost", "$"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(!text.contains("not shown") && !text.contains("output_tokens"), "{text}");
    assert!(plan_table(&scenario, &plan, &estimate, 80).contains("not shown: "));
    let known = crate::plan::Estimate { guessed: false, ..estimate };
    assert!(!plan_table(&scenario, &plan, &known, 160).contains("guess"));
}

#[test]
fn csv_quotes_what_needs_it_and_rounds_nothing() {
    let cells =
        [summary(&json!({"model": "a,\"b\"", "concurrency": 1}), (0..3).map(|k| record(40 + k % 2, 8, 4, 90 * k)))];
    let csv = summary_csv(&cells);
    assert!(csv.contains(",\"a,\"\"b\"\"\",1,3,0,0,0,"), "{csv}");
    assert!(csv.contains(&format!(",{},", cells[0].metrics["ttft_ms"].mean)), "{csv}");
}

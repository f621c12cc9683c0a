//! Open loop, whole: the schedule as rows show it, what a slow server does to latencies, what is dropped.
//!
//! Only counts, orders and least times are asserted, which a busy machine cannot break.

use std::path::Path;

use infersweep::metrics::derive;
use infersweep::record::{Outcome, Phase, RequestRecord};
use serde_json::Value;

use crate::tool::{Bench, rows};

const OPEN: &str = r#"
name = "open"
seed = 3

[endpoints.sim]
api = "simulator"
simulator = { ttft = "5ms", itl = "1ms", batch_slowdown = 0.0, slots = 64 }

[models.a]
tokenizer = "words"

[models.b]
tokenizer = "words"

[matrix]
model = "a"
mode = "real_workload"
input_tokens = 24
output_tokens = 3
qps = 100

[load]
requests = 20
"#;

/// Runs it with these settings; returns its rows in the order of their numbers, its only cell, and what was shown.
fn run(settings: &[&str]) -> (Vec<RequestRecord>, Value, String) {
    let bench = Bench::new().file("open.toml", OPEN);
    let set = settings.iter().fold(String::new(), |set, setting| set + " --set " + setting);
    let said = bench.call(&format!("run open.toml{set}"));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let dir = bench.latest("open");
    (rows_of(&dir), Bench::json(&dir.join("summary.json"))["cells"][0].clone(), said.stdout)
}

fn rows_of(dir: &Path) -> Vec<RequestRecord> {
    let mut rows = rows(&dir.join("requests"));
    rows.sort_by_key(|row| row.request_index);
    rows
}

fn due(rows: &[RequestRecord]) -> Vec<i64> {
    rows.iter().map(|row| row.stamps.scheduled_ns.unwrap()).collect()
}

fn count(rows: &[RequestRecord], is: impl Fn(&RequestRecord) -> bool) -> usize {
    rows.iter().filter(|row| is(row)).count()
}

#[test]
fn every_request_is_due_by_the_schedule_and_sent_after_it() {
    let (rows, cell, shown) = run(&["load.warmup=6", "matrix.qps=200"]);
    let expected: Vec<i64> = (-6..20).map(|k| k * 5_000_000).collect();
    assert_eq!(due(&rows), expected, "zero is where the measured phase begins");
    for (at, row) in rows.iter().enumerate() {
        assert_eq!((row.request_index, &row.outcome), (at as u64, &Outcome::Completed));
        assert_eq!(row.phase, if at < 6 { Phase::Warmup } else { Phase::Measure });
        let derived = derive(row);
        let parts = [derived.queue_delay_ms, derived.e2e_ms, derived.e2e_from_schedule_ms].map(Option::unwrap);
        assert!(parts[0] >= 0.0 && (parts[0] + parts[1] - parts[2]).abs() < 1e-6, "{parts:?}");
    }
    assert_eq!(cell["requests"]["completed"], 20);
    assert!((cell["offered_rate"].as_f64().unwrap() - 200.0).abs() < 1e-6);
    let delivered = cell["sent_rate"].as_f64().unwrap();
    assert!(delivered > 0.0 && delivered <= 200.001, "{delivered}");
    for metric in ["queue_delay_ms", "ttft_from_schedule_ms", "e2e_from_schedule_ms"] {
        assert_eq!(cell["metrics"][metric]["count"], 20, "{metric}");
    }
    let head = shown.lines().nth(2).unwrap();
    assert!(head.contains("sends/s") && shown.contains("due"), "{shown}");
}

#[test]
fn the_schedule_hangs_on_the_seed_and_not_on_the_model_or_the_rate() {
    let bench = Bench::new().file("open.toml", OPEN);
    let of = |settings: &str| {
        let said = bench.call(&format!("run open.toml --set matrix.qps_distribution=exponential {settings}"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        due(&rows_of(&bench.latest("open")))
    };
    let one = of("");
    assert_eq!(one[0], 0);
    assert_eq!(one, of("--set matrix.model=b"));
    let twice = of("--set matrix.qps=200");
    assert!(one.iter().zip(&twice).all(|(slow, fast)| (slow - 2 * fast).abs() <= 2), "{one:?} {twice:?}");
    assert_ne!(one, of("--set seed=4"));
    assert_ne!(one, of("--set matrix.output_tokens=2"));
}

#[test]
fn a_duration_takes_exactly_what_is_due_within_it() {
    let (rows, cell, _) = run(&["load.duration=300ms", "load.requests=1000", "load.warmup=100ms"]);
    assert_eq!((count(&rows, |row| row.phase == Phase::Warmup), rows.len()), (10, 40));
    assert_eq!(cell["requests"]["completed"], 30);
}

#[test]
fn an_infinite_rate_sends_all_at_once() {
    let (rows, cell, _) = run(&["matrix.qps=inf", "load.requests=50"]);
    assert_eq!(due(&rows), [0; 50]);
    assert!(cell["offered_rate"].is_null() && cell["sent_rate"].as_f64().is_some());
}

#[test]
fn a_stalled_server_is_asked_all_the_same_and_its_queue_shows() {
    // One at a time, at least 50 ms each, and one due every 10 ms: the tenth waits for nine others.
    let (rows, cell, _) =
        run(&["endpoints.sim.simulator.slots=1", "endpoints.sim.simulator.ttft=50ms", "load.requests=10"]);
    assert_eq!(count(&rows, |row| row.outcome == Outcome::Completed), 10);
    let first_end = rows.iter().filter_map(|row| row.stamps.end_ns).min().unwrap();
    assert!(count(&rows, |row| row.stamps.scheduled_ns.unwrap() < first_end) >= 5, "due before anything was answered");
    let longest = |metric: &str| cell["metrics"][metric]["max"].as_f64().unwrap();
    assert!(longest("e2e_from_schedule_ms") >= 10.0 * 50.0 - 9.0 * 10.0);
    for row in &rows {
        let derived = derive(row);
        assert!(derived.e2e_from_schedule_ms > derived.e2e_ms, "sending takes some time");
    }
}

#[test]
fn what_is_due_beyond_the_cap_has_a_row_and_is_infinitely_late() {
    let (rows, cell, shown) = run(&[
        "endpoints.sim.simulator.slots=1",
        "endpoints.sim.simulator.ttft=300ms",
        "load.max_in_flight=2",
        "load.requests=25",
    ]);
    let dropped = count(&rows, |row| row.outcome == Outcome::Dropped);
    assert_eq!((rows.len(), due(&rows)), (25, (0..25).map(|k| k * 10_000_000).collect()));
    assert!((1..=23).contains(&dropped), "{dropped}");
    for row in rows.iter().filter(|row| row.outcome == Outcome::Dropped) {
        assert!(row.stamps.sent_ns.is_none() && row.attempts.is_empty() && row.chunks.is_empty());
        assert_eq!((row.tokens.input_requested, row.tokens.output_requested), (Some(24), Some(3)));
        assert_eq!((row.model_id.as_str(), row.prompt_name.is_some()), ("a", true));
    }
    // Never more in flight than may be: by the stamps, when each was sent.
    for row in rows.iter().filter(|row| row.outcome == Outcome::Completed) {
        let sent = row.stamps.sent_ns.unwrap();
        let flying = |other: &RequestRecord| {
            other.stamps.sent_ns.is_some_and(|at| at <= sent) && other.stamps.end_ns.is_some_and(|end| end > sent)
        };
        assert!(count(&rows, flying) <= 2);
    }
    assert_eq!(
        (&cell["requests"]["dropped"], &cell["requests"]["completed"]),
        (&dropped.into(), &(25 - dropped).into())
    );
    let metric = |name: &str| cell["metrics"][name].clone();
    assert_eq!(
        (&metric("e2e_from_schedule_ms")["count"], &metric("e2e_ms")["count"]),
        (&25.into(), &(25 - dropped).into())
    );
    assert_eq!(metric("e2e_from_schedule_ms")["null_reasons"]["p99"], "censored");
    assert!(cell["sent_rate"].as_f64() < cell["offered_rate"].as_f64());
    assert!(shown.contains(&format!("{dropped} of 25 requests dropped")), "{shown}");
}

#[test]
fn a_failed_request_counts_as_infinitely_late() {
    // All at once on one slot of 100 ms: those at the end of the queue give up.
    let (rows, cell, _) = run(&[
        "endpoints.sim.simulator.slots=1",
        "endpoints.sim.simulator.ttft=100ms",
        "endpoints.sim.timeouts.first_token=1s",
        "matrix.qps=inf",
        "load.requests=40",
    ]);
    let completed = count(&rows, |row| row.outcome == Outcome::Completed);
    assert!((1..40).contains(&completed), "{completed}");
    assert_eq!(cell["requests"]["failed"], 40 - completed);
    assert_eq!(cell["metrics"]["ttft_from_schedule_ms"]["count"], 40);
    assert_eq!(cell["metrics"]["ttft_ms"]["count"], completed);
    assert!(cell["metrics"]["ttft_from_schedule_ms"]["max"].is_null());
}

#[test]
fn rows_of_a_dataset_come_by_a_schedule_as_well() {
    let data = "{\"prompt\": \"what is this?\"}\n".repeat(12);
    let scenario = OPEN.replace("mode = \"real_workload\"\ninput_tokens = 24", "mode = \"custom\"\nloop = \"open\"");
    let scenario = scenario.replace("requests = 20", "") + "[dataset]\nfile = \"d.jsonl\"\n";
    let bench = Bench::new().file("open.toml", &scenario).file("d.jsonl", &data);
    let said = bench.call("run open.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let rows = rows_of(&bench.latest("open"));
    assert_eq!(due(&rows), (0..12).map(|k| k * 10_000_000).collect::<Vec<_>>(), "every row once");
}

#[test]
fn a_plan_tells_how_long_a_schedule_takes() {
    let bench = Bench::new().file("open.toml", OPEN);
    let said = bench.call("plan open.toml --json --set matrix.qps=2 --set load.requests=41");
    let plan: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((plan["requests"].as_u64(), plan["cells"][0]["requests"].as_u64()), (Some(41), Some(41)));
    let seconds = plan["estimated_s"].as_f64().unwrap();
    assert!((20.0..20.1).contains(&seconds), "{seconds}");
}

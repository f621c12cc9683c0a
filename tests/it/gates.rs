//! Gates of a scenario: what is kept, missed and unclear, and who is told.

use std::fs;

use crate::tool::Bench;

const GATED: &str = r#"
name = "gated"

[endpoints.sim]
api = "simulator"
simulator = { ttft = "40ms", itl = "1ms" }

[matrix]
model = "a"
input_tokens = 24
output_tokens = 6
concurrency = [1, 2]

[load]
requests = 4

[output]
formats = ["table", "json", "parquet", "junit"]

[[gate]]
metric = "ttft_ms"
stat = "p50"
max = "30s"

[[gate]]
metric = "ttft_ms"
stat = "p50"
max = "20ms"
where = { concurrency = 2 }

[[gate]]
metric = "output_tokens_per_s"
stat = "mean"
min = 1
judge = "interval"
where = { concurrency = 64 }
"#;

#[test]
fn a_missed_gate_ends_with_3_and_stands_in_every_place() {
    let bench = Bench::new().file("gated.toml", GATED).variable("GITHUB_ACTIONS", "true");
    let summary = bench.path("step.md");
    let bench = bench.variable("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
    let said = bench.call("run gated.toml");
    assert_eq!(said.code, 3, "{}", said.stderr);
    for part in [
        "gates: 2 kept, 1 missed, 1 unclear",
        "ttft_ms p50 <= 20 ms where concurrency = 2",
        "above 20 ms",
        "no cell with a complete repeat has what `where` asks for",
        "::error title=gated%3A gate missed::",
        "::warning title=gated%3A gate unclear::",
    ] {
        assert!(said.stderr.contains(part), "{part}\n{}", said.stderr);
    }
    let summary = fs::read_to_string(summary).unwrap();
    assert!(summary.contains("| ✗ missed |") && summary.contains("TTFT ms p50"), "{summary}");
    let junit = fs::read_to_string(bench.latest("gated").join("junit.xml")).unwrap();
    assert!(junit.contains(r#"<testsuites name="gated" tests="4" failures="1" errors="0">"#), "{junit}");
}

#[test]
fn kept_gates_are_told_and_change_nothing() {
    let kept = GATED.replace("20ms\"\nwhere", "30s\"\nwhere");
    let bench = Bench::new().file("gated.toml", &kept);
    let said = bench.call("run gated.toml --json");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("gates: 3 kept, 1 unclear") && !said.stderr.contains("::"), "{}", said.stderr);
    assert!(serde_json::from_str::<serde_json::Value>(&said.stdout).is_ok(), "{}", said.stdout);
}

#[test]
fn a_quiet_run_still_says_which_gate_was_missed() {
    let bench = Bench::new().file("gated.toml", GATED);
    let said = bench.call("run gated.toml --quiet");
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("error: gate missed: ") && said.stderr.contains("above 20 ms"), "{}", said.stderr);
    assert!(!said.stderr.contains("unclear"), "{}", said.stderr);
}

//! Runs held against one another by the tool itself.

use std::fs;

use serde_json::Value;

use crate::tool::Bench;

const SCENARIO: &str = r#"
name = "small"

[endpoints.sim]
api = "simulator"
simulator = { ttft = "20ms", itl = "1ms" }

[matrix]
model = ["a", "b"]
input_tokens = 24
output_tokens = 4
concurrency = [1, 2]

[load]
requests = 24
repeats = 2
"#;

/// Two runs of one scenario; `more` words change the second.
fn two_runs(more: &str) -> Bench {
    let bench = Bench::new().file("small.toml", SCENARIO);
    run(&bench, "small.toml");
    run(&bench, &format!("small.toml {more}"));
    bench
}

/// Two runs of one repeat each, the second against a server whose first token takes three times as long: whatever else the
/// machine does, that is certain within a run.
fn slower() -> Bench {
    let bench = Bench::new().file("small.toml", &SCENARIO.replace("repeats = 2", ""));
    run(&bench, "small.toml --set load.requests=60");
    run(&bench, "small.toml --set load.requests=60 --set endpoints.sim.simulator.ttft=\"60ms\"");
    bench
}

/// A run of the scenario called small, as a machine without other work would have left it: tests may slow the client down.
fn run(bench: &Bench, words: &str) {
    let said = bench.call(&format!("run {words} --quiet"));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let path = bench.latest("small").join("summary.json");
    let mut summary = Bench::json(&path);
    for cell in summary["cells"].as_array_mut().unwrap() {
        cell["client"]["verdict"] = "ok".into();
    }
    fs::write(path, summary.to_string()).unwrap();
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn pairs(comparison: &Value, metric: &str, stat: &str) -> Vec<Value> {
    let pairs = comparison["pairs"].as_array().unwrap().iter();
    pairs.filter(|pair| pair["metric"] == metric && pair["stat"] == stat).cloned().collect()
}

#[test]
fn a_server_that_is_twice_as_slow_is_worse_in_every_form() {
    let bench = slower();
    let said = bench.call("compare small~1 small --json --out c.md --out c.html --out c.xml --out c.json --gate worse");
    assert_eq!(said.code, 3, "{}", said.stderr);
    let comparison = json(&said.stdout);
    let ttft = pairs(&comparison, "ttft_ms", "mean");
    assert_eq!(ttft.len(), 4);
    for pair in &ttft {
        assert_eq!(pair["verdict"], "worse", "{pair}");
        let (change, ci95) = (pair["change"].as_f64().unwrap(), pair["ci95"].as_array().unwrap());
        assert!(change > 1.0 && ci95[0].as_f64().unwrap() <= change && change <= ci95[1].as_f64().unwrap(), "{pair}");
    }
    assert_eq!(comparison["comparisons"][0]["cells"][0]["between_runs_known"], false);
    assert!(comparison["gate_counts"]["missed"].as_u64().unwrap() >= 4);
    let read = |name: &str| fs::read_to_string(bench.path(name)).unwrap();
    assert_eq!(json(&read("c.json")), comparison);
    assert!(read("c.md").contains("| ▼ worse |"), "{}", read("c.md"));
    let page = read("c.html");
    assert!(page.starts_with("<!doctype html>") && page.contains("▼ worse") && page.len() < 60_000, "{}", page.len());
    for outside in ["http:", "https:", "<script", "<link", "url("] {
        assert!(!page.contains(outside), "the page needs nothing beside itself: {outside}");
    }
    assert!(read("c.xml").contains("<testsuites name=\"infersweep compare\""), "{}", read("c.xml"));

    let table = bench.call("compare small~1 small");
    assert_eq!(table.code, 0, "{}", table.stderr);
    assert!(table.stdout.contains("▼ worse") && table.stdout.contains("Holm"), "{}", table.stdout);
    let narrow = bench.command("compare small~1 small").env("COLUMNS", "60").output().unwrap();
    let narrow = String::from_utf8_lossy(&narrow.stdout).into_owned();
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
}

#[test]
fn a_gate_on_a_change_is_held_against_every_cell() {
    let bench = slower();
    let said = bench.call("compare small~1 small --out gates.xml --gate ttft_ms:p50+5%");
    assert_eq!((said.code, said.stderr.contains("is no gate")), (2, true), "{}", said.stderr);
    let call = |gate: &str| {
        let output = bench.command("compare small~1 small").args(["--gate", gate]).output().unwrap();
        crate::tool::said(&output)
    };
    for (gate, code, says) in [
        ("ttft_ms p50 +5%", 3, "gates: 4 missed"),
        ("ttft_ms mean +5% interval", 3, "certainly beyond +5.0 %"),
        ("ttft_ms p99 +5% interval", 0, "needs 662 samples"),
        ("ttft_ms p50 +900%", 0, "gates: 4 kept"),
        ("ttft_ms p50 +5s", 0, "gates: 4 kept"),
        ("ttft_ms p50 +1ms", 3, "beyond +1.000 ms"),
        ("output_token_throughput -99%", 0, "gates: 4 kept"),
        ("server_queue_ms p50 +5%", 0, "no cell of both sides has this figure"),
    ] {
        let said = call(gate);
        assert_eq!(said.code, code, "{gate}: {}", said.stderr);
        assert!(said.stderr.contains(says), "{gate}: {}", said.stderr);
    }
}

#[test]
fn other_prompts_are_refused_with_a_reason_unless_forced() {
    let bench = two_runs("--set seed=9");
    let said = bench.call("compare small~1 small --json --gate worse");
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("another seed: other prompts and arrivals (seed)"), "{}", said.stderr);
    assert!(said.stderr.contains("= help: measure both with the same scenario"), "{}", said.stderr);
    let comparison = json(&said.stdout);
    assert_eq!(comparison["pairs"], json("[]"));
    assert_eq!(comparison["gate_counts"]["unclear"], 4, "a gate that guards nothing says so: {comparison}");
    let forced = bench.call("compare small~1 small --force");
    assert_eq!(forced.code, 0, "{}", forced.stderr);
    assert!(forced.stdout.contains("compared by force: another seed"), "{}", forced.stdout);
}

#[test]
fn a_client_that_was_the_bottleneck_is_refused_cell_by_cell() {
    let bench = two_runs("");
    let path = bench.latest("small").join("summary.json");
    let mut summary = Bench::json(&path);
    summary["cells"][0]["client"]["verdict"] = "limited".into();
    fs::write(&path, summary.to_string()).unwrap();
    let said = bench.call("compare small~1 small --json");
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("the client limited small/"), "{}", said.stderr);
    assert_eq!(pairs(&json(&said.stdout), "ttft_ms", "p50").len(), 3, "the other cells are compared");
}

#[test]
fn another_lock_is_refused_unless_nothing_else_changed() {
    let bench = Bench::new().file("s/small.toml", SCENARIO).file("s/other.toml", &SCENARIO.replace("small", "other"));
    let lock_and_run = || {
        assert_eq!(bench.call("lock s").code, 0);
        run(&bench, "s/small.toml --locked --only model=a");
    };
    let edit = |name: &str, from: &str, to: &str| {
        let path = bench.path(name);
        fs::write(&path, fs::read_to_string(&path).unwrap().replace(from, to)).unwrap();
    };
    lock_and_run();
    edit("s/other.toml", "requests = 24", "requests = 25");
    lock_and_run();
    let said = bench.call("compare small~1 small");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stdout.contains("lock has changed in between, but nothing that these cells rest on"),
        "{}",
        said.stdout
    );
    edit("s/small.toml", "requests = 24", "requests = 25");
    lock_and_run();
    let said = bench.call("compare small~1 small");
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("another lock: the suite has changed in between"), "{}", said.stderr);
}

#[test]
fn values_of_an_axis_of_one_run_are_compared_without_a_second_run() {
    let bench = Bench::new().file("small.toml", SCENARIO);
    run(&bench, "small.toml");
    let said = bench.call("compare small --by concurrency --json");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let comparison = json(&said.stdout);
    let sides: Vec<&Value> = comparison["comparisons"].as_array().unwrap().iter().map(|one| &one["run_b"]).collect();
    assert_eq!(sides, ["concurrency = 2"]);
    assert_eq!(pairs(&comparison, "ttft_ms", "p50").len(), 2, "a cell for each model");
    let said = bench.call("compare small --by model=b,a --json");
    assert_eq!(json(&said.stdout)["comparisons"][0]["run_a"], "model = b");
    for (words, says) in [
        ("compare small --by concurency", "did you mean `concurrency`?"),
        ("compare small --by model=c,a", "does not come to two values"),
        ("compare small --by input_tokens", "does not come to two values"),
        ("compare small small --by model", "compares values within one run"),
        ("compare small", "one run is nothing to compare"),
        ("compare small large", "there is no run `large`"),
        ("compare small small~4", "small has 1 runs here"),
        ("compare small small --margin wide", "`wide` is no margin"),
        ("compare small small --metric ttft", "did you mean `ttft_ms`?"),
        ("compare small small --out c.pdf", "its ending says no form"),
    ] {
        let said = bench.call(words);
        assert_eq!(said.code, 2, "{words}: {}", said.stderr);
        assert!(said.stderr.contains(says), "{words}: {}", said.stderr);
    }
}

#[test]
fn rows_and_summaries_that_lie_apart_from_their_run_compare_too() {
    let bench = two_runs("");
    let dir = bench.latest("small");
    fs::rename(dir.join("requests"), bench.path("rows")).unwrap();
    fs::copy(dir.join("summary.json"), bench.path("s.json")).unwrap();
    for words in
        ["compare small~1 rows --json --force", "compare small~1 s.json --json", "compare s.json rows --json --force"]
    {
        let said = bench.call(words);
        assert_eq!(said.code, 0, "{words}: {}", said.stderr);
        let comparison = json(&said.stdout);
        assert_eq!(pairs(&comparison, "ttft_ms", "p50").len(), 4, "{words}");
        assert!(comparison["comparisons"][0]["notes"].to_string().contains("taken on trust"), "{words}: {comparison}");
    }
    let rows = bench.call("compare s.json rows --json --force");
    for pair in pairs(&json(&rows.stdout), "ttft_ms", "p50") {
        assert_eq!((&pair["a"], &pair["change"]), (&pair["b"], &0.0.into()), "the same rows: {pair}");
        assert!(["same", "unclear"].contains(&pair["verdict"].as_str().unwrap()), "{pair}");
    }
}

#[test]
fn one_repeat_says_that_runs_may_differ_and_cells_of_one_side_are_named() {
    let bench = Bench::new().file("small.toml", SCENARIO);
    for words in ["--only concurrency=1", "--only model=a"] {
        run(&bench, &format!("small.toml --set load.repeats=1 {words}"));
    }
    let said = bench.call("compare small~1 small");
    assert_eq!(said.code, 0, "{}", said.stderr);
    for part in ["how much runs differ from one to the next is unknown everywhere", "only in small/", "model = a"] {
        assert!(said.stdout.contains(part), "{part}\n{}", said.stdout);
    }
}

//! Searches for the highest load that meets the SLOs, and repeats that end when a figure is certain.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use rustix::process::Signal;
use serde_json::Value;

use crate::tool::{Bench, files, rows};

/// A server whose tokens take 10 ms for one user and 5 ms more for each further: 25 ms for four, 30 ms for five.
const USERS: &str = r#"
name = "slow"
seed = 2
[endpoints.sim]
api = "simulator"
simulator = { ttft = "2ms", prefill_per_token = "0s", itl = "10ms", batch_slowdown = 0.5, slots = 32 }
[models.toy]
tokenizer = "words"
[matrix]
model = "toy"
input_tokens = 20
output_tokens = 11
[load]
requests = "8x"
warmup = "1x"
[slo]
tpot = "27.5ms"
attainment = 0.70
[search]
axis = "concurrency"
max = 32
"#;

/// What the run directory says of its only search.
fn search_of(run: &Path) -> Value {
    let summary = Bench::json(&run.join("summary.json"));
    let searches = summary["searches"].as_array().unwrap();
    assert_eq!(searches.len(), 1, "{summary}");
    searches[0].clone()
}

/// Whether the machine was too busy for the client where the SLOs are missed: then a search says so.
fn client_was_slow(search: &Value) -> bool {
    let limited = search["probes"].as_array().unwrap().iter().any(|probe| probe["client_limited"] == true);
    limited && search["why"].as_str().unwrap().starts_with("the client was the bottleneck")
}

/// When each file of rows was written.
fn written(run: &Path) -> BTreeMap<String, SystemTime> {
    let of = |path: &Path| path.metadata().unwrap().modified().unwrap();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files(&run.join("requests")).iter().map(|path| (name(path), of(path))).collect()
}

fn levels(search: &Value) -> Vec<f64> {
    search["probes"].as_array().unwrap().iter().map(|probe| probe["level"].as_f64().unwrap()).collect()
}

#[test]
fn a_search_finds_what_the_server_can_take_and_every_load_is_a_cell() {
    let bench = Bench::new().file("s.toml", USERS);
    let said = bench.call("run s.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let run = bench.latest("slow");
    let search = search_of(&run);
    assert_eq!(search["answer"], 4.0, "{search:#}");
    assert!(search["resolved"] == true || client_was_slow(&search), "{search:#}");
    assert_eq!(
        (&search["bracket"][0], &search["bracket"][1], &search["unit"]),
        (&4.0.into(), &5.0.into(), &"requests in flight".into())
    );
    let tried = levels(&search);
    assert!([1.0, 2.0, 4.0, 5.0, 8.0].iter().all(|level| tried.contains(level)), "{tried:?}");
    let summary = Bench::json(&run.join("summary.json"));
    let cells = summary["cells"].as_array().unwrap();
    let of_cells: Vec<f64> = cells.iter().map(|cell| cell["axes"]["concurrency"].as_f64().unwrap()).collect();
    assert_eq!(of_cells, tried, "cells stand by load");
    assert!(rows(&run.join("requests")).len() >= tried.len() * 8);
    for text in [&said.stdout, &bench.call("show results/slow/latest").stdout] {
        assert!(text.contains("70 % of requests meet the SLOs up to concurrency 4 (requests in flight)"), "{text}");
        assert!(text.contains("surely met at 4, surely missed at 5"), "{text}");
    }
    assert!(std::fs::read_to_string(run.join("comparison.md")).unwrap().contains("surely met at 4"));

    // What is there is taken over; a stricter objective needs one load more.
    let again = bench.call("run s.toml --reuse");
    assert_eq!(again.code, 0, "{}", again.stderr);
    let reused = Bench::json(&bench.latest("slow").join("summary.json"));
    let repeats = reused["cells"].as_array().unwrap().iter().flat_map(|cell| cell["repeats"].as_array().unwrap());
    assert!(repeats.clone().count() >= tried.len() && repeats.clone().all(|repeat| repeat["reused"].is_object()));
    assert_eq!(reused["searches"], summary["searches"]);
    let stricter = bench.call("run s.toml --reuse --set slo.tpot=17.5ms");
    assert_eq!(stricter.code, 0, "{}", stricter.stderr);
    let stricter = bench.latest("slow");
    assert_eq!(search_of(&stricter)["answer"], 2.0, "{:#}", search_of(&stricter));
    let summary = Bench::json(&stricter.join("summary.json"));
    let cells = summary["cells"].as_array().unwrap().iter();
    let is_new = |cell: &&Value| cell["repeats"].as_array().unwrap().iter().any(|repeat| repeat["reused"].is_null());
    let measured: Vec<&Value> = cells.filter(is_new).map(|cell| &cell["axes"]["concurrency"]).collect();
    // The second may take another repeat on a busy machine; what is clear is not measured again.
    assert!(measured.contains(&&Value::from(3)), "{measured:?}");
    assert!(!measured.contains(&&Value::from(1)) && !measured.contains(&&Value::from(4)), "{measured:?}");
}

#[test]
fn a_stopped_search_goes_on_where_it_was() {
    let bench = Bench::new().file("s.toml", USERS);
    let (run, said) = bench.interrupted("run s.toml", Signal::INT);
    assert_eq!(said.code, 130, "{}", said.stderr);
    assert_eq!(search_of(&run)["why"], "it is not at its end: finish the run");
    assert_eq!(Bench::json(&run.join("manifest.json"))["state"], "interrupted");
    let before = written(&run);
    assert!(!before.is_empty());
    let said = bench.call("run results/slow/latest");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let after = written(&run);
    assert!(before.iter().all(|(name, time)| after.get(name) == Some(time)), "{before:?} {after:?}");
    assert!(after.len() > before.len());
    assert_eq!(search_of(&run)["answer"], 4.0, "{:#}", search_of(&run));
    assert_eq!(Bench::json(&run.join("manifest.json"))["state"], "complete");
    assert_eq!(bench.call("run results/slow/latest").code, 2, "nothing is left to do");
    let other = bench.call("run s.toml --set search.tolerance=0.2 --set search.max=3 --resume results/slow/latest");
    assert!(other.code == 2 && other.stderr.contains("fewer"), "{}", other.stderr);
}

#[test]
fn narrow_bounds_are_told_with_what_to_set_and_planned_ones_shown() {
    let bench = Bench::new().file("s.toml", USERS);
    let said = bench.call("plan s.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains(": concurrency from 1 to 32, at most "), "{}", said.stdout);
    let plan: Value = serde_json::from_str(&bench.call("plan s.toml --json").stdout).unwrap();
    assert_eq!(plan["searches"][0]["bounds"], serde_json::json!([1.0, 32.0]));
    assert_eq!(plan["cells"].as_array().unwrap().len(), 0);
    assert!(plan["requests"].as_u64().unwrap() > 300, "{plan}");
    let said = bench.call("run s.toml --set search.max=3");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("the SLOs are met even at concurrency 3: raise `search.max`"), "{}", said.stdout);
    let said = bench.call("run s.toml --set search.min=6 --set search.max=8");
    let search = search_of(&bench.latest("slow"));
    let is_told = said.stdout.contains("missed even at concurrency 6: lower `search.min`");
    assert!(is_told || client_was_slow(&search), "{}", said.stdout);
    assert_eq!(search["answer"], Value::Null);
}

#[test]
fn a_repeat_ends_when_its_figure_is_certain_or_at_its_limit() {
    let bench = Bench::new().file(
        "s.toml",
        r#"
name = "certain"
[endpoints.sim]
api = "simulator"
simulator = { ttft = "10ms", itl = "1ms", slots = 32 }
[matrix]
model = "m"
input_tokens = 20
output_tokens = 3
concurrency = 8
[load]
requests = 20000
stop_when = { metric = "ttft_ms", stat = "p50", rel_ci = 0.2 }
"#,
    );
    let said = bench.call("run s.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let summary = Bench::json(&bench.latest("certain").join("summary.json"));
    assert_eq!(summary["cells"][0]["repeats"][0]["stopped"], "certain");
    let completed = summary["cells"][0]["requests"]["completed"].as_u64().unwrap();
    assert!((150..20_000).contains(&completed), "{completed}");
    assert_eq!(summary["cells"][0]["requests"]["cancelled"], 0, "what was in flight ended by itself");
    assert!(said.stdout.contains("ended") && said.stdout.contains("certain"), "{}", said.stdout);
    let said = bench.call("run s.toml --set load.requests=120 --set load.stop_when.rel_ci=0.001");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let summary = Bench::json(&bench.latest("certain").join("summary.json"));
    assert_eq!(summary["cells"][0]["repeats"][0]["stopped"], "limit");
    assert_eq!(summary["cells"][0]["requests"]["completed"], 120);
    assert!(said.stdout.contains("ended by limit"), "{}", said.stdout);
}

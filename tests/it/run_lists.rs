//! `infersweep runs`, `runs prune` and `fmt`.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::tool::{Bench, SMALL};

fn some_runs() -> Bench {
    let bench = Bench::new()
        .file("small.toml", &SMALL.replace("labels", "tags = [\"nightly\"]\nlabels"))
        .file("other.toml", &SMALL.replace("\"small\"", "\"other\""));
    for file in ["small", "other", "small", "small"] {
        let said = bench.call(&format!("run {file}.toml --only concurrency=1 --only model=a --quiet"));
        assert_eq!(said.code, 0, "{}", said.stderr);
    }
    bench
}

fn listed(bench: &Bench, words: &str) -> Vec<Value> {
    let said = bench.call(&format!("runs --json {words}"));
    assert_eq!(said.code, 0, "{}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn runs_are_listed_and_filtered() {
    let bench = some_runs();
    let table = bench.call("runs").stdout;
    assert!(table.contains("simulator") && table.contains("4 runs, "), "{table}");
    assert_eq!(listed(&bench, "").len(), 4);
    assert_eq!(listed(&bench, "--name other").len(), 1);
    assert_eq!(listed(&bench, "--tag nightly").len(), 3);
    assert_eq!(listed(&bench, "--since 1h results").len(), 4);
    assert_eq!(listed(&bench, "--state interrupted").len(), 0);
    let one = &listed(&bench, "--name small")[0];
    assert_eq!((&one["state"], &one["cells"], &one["complete"]), (&"complete".into(), &2.into(), &2.into()));
    assert!(one["bytes"].as_u64().unwrap() > 1000, "{one}");
    // What does not read is listed too, and said.
    let manifest = bench.latest("other").join("manifest.json");
    fs::write(&manifest, "{\"format_version\": 99}").unwrap();
    assert_eq!(listed(&bench, "--state unreadable").len(), 1);
    assert!(bench.call("runs").stderr.contains("format version 99"));
    for (words, message) in [("runs nowhere", "no directory of results"), ("runs --since soon", "`soon`")] {
        let said = bench.call(words);
        assert!(said.code == 2 && said.stderr.contains(message), "{words}: {}", said.stderr);
    }
}

#[test]
fn old_runs_are_deleted_only_when_it_is_safe() {
    let bench = some_runs();
    let said = bench.call("runs prune --keep 1");
    assert!(said.code == 1 && said.stderr.contains("nothing was deleted"), "nobody was there to ask: {}", said.stderr);
    assert_eq!(listed(&bench, "").len(), 4);
    assert_eq!(bench.call("runs prune").code, 2, "it must be said which");

    // The oldest is needed by the newest, the middle one is being written.
    let small = listed(&bench, "--name small");
    let place = |at: usize| bench.path(small[at]["run"].as_str().unwrap());
    let plan_path = place(0).join("plan.json");
    let mut plan = Bench::json(&plan_path);
    let cell = plan["cells"][0]["cell_id"].as_str().unwrap().to_owned();
    plan["cells"][0]["repeats"][0]["reused_from"] = place(2).file_name().unwrap().to_str().unwrap().into();
    fs::write(&plan_path, plan.to_string()).unwrap();
    let rows = place(0).join(format!("requests/{cell}.0.parquet"));
    let kept = fs::read(&rows).unwrap();
    fs::remove_file(&rows).unwrap();
    let manifest = place(1).join("manifest.json");
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap().replace("\"complete\"", "\"running\"")).unwrap();
    assert_eq!(listed(&bench, "--state killed").len(), 1);
    let lock = fs::File::open(place(1)).unwrap();
    lock.try_lock().unwrap();
    let said = bench.call("runs prune --keep 1 --yes");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("took rows from it") && said.stderr.contains("it goes on"), "{}", said.stderr);
    assert!(said.stderr.contains("no run to delete"), "{}", said.stderr);

    // With rows of its own the newest needs nobody.
    fs::write(&rows, kept).unwrap();
    drop(lock);
    let said = bench.call("runs prune --keep 1 --yes");
    assert!(said.code == 0 && said.stderr.contains("deleted 2 runs"), "{}", said.stderr);
    assert_eq!(listed(&bench, "").len(), 2);
    assert_eq!(bench.call("show results/small/latest").code, 0);
    let said = bench.call("runs prune --older-than 1d --keep 0 --yes");
    assert!(said.stderr.contains("no run to delete"), "{}", said.stderr);
    let said = bench.call("runs prune --keep 0 --yes");
    assert!(said.stderr.contains("deleted 2 runs"), "{}", said.stderr);
    assert!(!bench.path("results/small").exists());
}

#[test]
fn a_run_under_way_is_not_deleted() {
    let slow = SMALL.replace("output_tokens = 6", "output_tokens = 2000");
    let bench = Bench::new().file("slow.toml", &slow);
    let mut child = bench.command("run slow.toml").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..500 {
        if bench.path("results/small/latest/plan.json").is_file() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(listed(&bench, "--state running").len(), 1);
    let said = bench.call("runs prune --keep 0 --yes");
    assert!(said.stderr.contains("it goes on") && said.code == 0, "{}", said.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(listed(&bench, "--state killed").len(), 1);
    assert_eq!(bench.call("runs prune --keep 0 --yes").code, 0);
    assert_eq!(listed(&bench, "").len(), 0);
}

#[test]
fn files_are_formatted_and_mean_the_same() {
    let bench = Bench::new()
        .file("s/a.toml", "# A.\n[load]\nrequests=2\n[matrix]\nmodel='m'\n[endpoints.s]\napi='simulator'\n");
    let plan = bench.call("plan s/a.toml --json").stdout;
    let said = bench.call("fmt s --check");
    assert_eq!((said.code, said.stdout.trim()), (1, "not canonical: s/a.toml"), "{}", said.stderr);
    let said = bench.call("fmt s");
    assert_eq!((said.code, said.stdout.trim()), (0, "formatted: s/a.toml"), "{}", said.stderr);
    let text = fs::read_to_string(bench.path("s/a.toml")).unwrap();
    assert_eq!(text, "[endpoints.s]\napi = 'simulator'\n\n[matrix]\nmodel = 'm'\n\n# A.\n[load]\nrequests = 2\n");
    assert_eq!(bench.call("fmt s --check").code, 0);
    assert_eq!(bench.call("plan s/a.toml --json").stdout, plan);
    let bench = bench.file("bad.toml", "a = [\n");
    let said = bench.call("fmt bad.toml");
    assert!(said.code == 2 && said.stderr.contains("was not touched"), "{}", said.stderr);
}

#[test]
fn every_shipped_scenario_is_in_canonical_form() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let said = Bench::new().call(&format!("fmt --check {}", root.display()));
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

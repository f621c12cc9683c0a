//! Interrupted runs go on where they were, and come to what an uninterrupted one comes to.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use infersweep::record::{RequestRecord, ServerReport, Stamps};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::tool::{Bench, Said, files, rows, said};

/// Three cells, two repeats each, of half a second or so.
const SLOW: &str = r#"
name = "slow"
seed = 5
[endpoints.sim]
api = "simulator"
simulator = { ttft = "5ms", itl = "4ms" }
[matrix]
model = "m"
input_tokens = 30
output_tokens = 20
concurrency = [1, 2, 4]
[load]
requests = 12
repeats = 2
[output]
save_responses = true
"#;

impl Bench {
    /// Starts a run and waits until a repeat is complete and the next one has rows.
    fn start_and_wait(&self, words: &str) -> Child {
        let mut child = self.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let latest = self.path("results/slow/latest");
        let has_rows = |path: &Path| std::fs::read_to_string(path).is_ok_and(|text| text.lines().count() > 2);
        // The journal of a repeat whose file is whole goes a moment later.
        let is_whole =
            |path: &Path| latest.join("requests").join(path.with_extension("parquet").file_name().unwrap()).is_file();
        let partial = latest.join("partial");
        for _ in 0..1000 {
            let done = latest.join("requests");
            let under_way = || files(&partial).iter().any(|path| has_rows(path) && !is_whole(path));
            let whole = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "parquet");
            if done.is_dir() && files(&done).iter().any(whole) && under_way() {
                return child;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        let said = said(&child.wait_with_output().unwrap());
        panic!("no repeat was complete in time: {}", said.stderr);
    }

    pub(crate) fn interrupted(&self, words: &str, how: Signal) -> (PathBuf, Said) {
        let child = self.start_and_wait(words);
        kill_process(Pid::from_child(&child), how).unwrap();
        let said = said(&child.wait_with_output().unwrap());
        (self.latest("slow"), said)
    }
}

/// All of a row that is no time and hangs on no time.
fn facts(mut row: RequestRecord) -> RequestRecord {
    row.stamps = Stamps::default();
    row.attempts.clear();
    row.chunks.clear();
    row.response_id = None;
    row.server = ServerReport::default();
    row
}

fn facts_of(dir: &Path) -> Vec<(String, Vec<RequestRecord>)> {
    let mut paths = files(&dir.join("requests"));
    paths.sort();
    let named = |path: &PathBuf| {
        let mut rows: Vec<RequestRecord> =
            infersweep::store::read_records(path).unwrap().map(|row| facts(row.unwrap())).collect();
        rows.sort_by_key(|row| row.request_index);
        (path.file_name().unwrap().to_string_lossy().into_owned(), rows)
    };
    paths.iter().map(named).collect()
}

/// What was sent: each repeat's messages, by request.
fn prompts_of(dir: &Path) -> Vec<(String, Vec<Value>)> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut paths = files(&dir.join("responses"));
    paths.retain(|path| !name(path).contains('~'));
    paths.sort();
    assert_eq!(paths.len(), 6);
    let messages = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.sort_by_key(|line| line["request_index"].as_u64());
        (name(path), lines.into_iter().map(|mut line| line["messages"].take()).collect())
    };
    paths.iter().map(messages).collect()
}

fn states(dir: &Path) -> Vec<String> {
    let plan = Bench::json(&dir.join("plan.json"));
    let cells = plan["cells"].as_array().unwrap();
    let repeats = cells.iter().flat_map(|cell| cell["repeats"].as_array().unwrap());
    repeats.map(|repeat| repeat["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_interrupted_run_is_finished_in_place_and_comes_to_the_same() {
    let whole = Bench::new().file("slow.toml", SLOW);
    assert_eq!(whole.call("run slow.toml --nonce 7").code, 0);
    for (how, words) in
        [(Signal::INT, "run slow.toml --resume results/slow/latest"), (Signal::KILL, "run results/slow/latest")]
    {
        let bench = Bench::new().file("slow.toml", SLOW);
        let (dir, _) = bench.interrupted("run slow.toml --nonce 7", how);
        let cut_off: Vec<PathBuf> = files(&dir.join("partial"));
        assert_eq!(cut_off.len(), 1);
        let kept_before = states(&dir).iter().filter(|state| *state == "complete").count();
        assert!((1..6).contains(&kept_before));
        let said = bench.call(words);
        assert_eq!(said.code, 0, "{how:?}: {}", said.stderr);
        assert!(said.stderr.contains(&format!("{kept_before} of 6 repeats complete")), "{}", said.stderr);
        assert_eq!(bench.latest("slow"), dir, "in place");
        assert_eq!(std::fs::read_dir(bench.path("results/slow")).unwrap().count(), 2, "and no other run is made");
        assert_eq!(states(&dir), ["complete"; 6]);
        let uninterrupted = whole.latest("slow");
        assert!(facts_of(&dir) == facts_of(&uninterrupted), "{how:?}");
        assert!(prompts_of(&dir) == prompts_of(&uninterrupted), "{how:?}: the same salts in the same prompts");
        let manifest = Bench::json(&dir.join("manifest.json"));
        assert_eq!((&manifest["state"], &manifest["nonce"]), (&"complete".into(), &7.into()));
        assert_eq!(manifest["resumes"].as_array().unwrap().len(), 1);
        // What was cut off keeps its rows, under a name that nobody takes for the repeat's.
        let aside = files(&dir.join("partial"));
        assert!(aside.len() == 1 && aside[0].to_string_lossy().contains("~1.parquet"), "{aside:?}");
        assert!(!rows(&dir.join("partial")).is_empty());
        let summaries = [&dir, &whole.latest("slow")].map(|dir| Bench::json(&dir.join("summary.json")));
        let counts = summaries.map(|summary| {
            let cells: Vec<Value> = summary["cells"].as_array().unwrap().clone();
            cells.iter().map(|cell| (cell["cell_id"].clone(), cell["requests"].clone())).collect::<Vec<_>>()
        });
        assert_eq!(counts[0], counts[1]);
        let again = bench.call(words);
        assert!(again.code == 2 && again.stderr.contains("nothing is left to measure"), "{}", again.stderr);
    }
}

#[test]
fn a_run_that_finds_an_interrupted_one_names_resume() {
    let bench = Bench::new().file("slow.toml", SLOW);
    let (dir, said) = bench.interrupted("run slow.toml", Signal::TERM);
    let name = dir.file_name().unwrap().to_string_lossy().into_owned();
    assert!(
        said.code == 143 && said.stderr.contains(&format!("infersweep run results/slow/{name}")),
        "{}",
        said.stderr
    );
    let other = bench.call("run slow.toml --only concurrency=1 --set load.requests=1");
    assert!(other.code == 0 && !other.stderr.contains("--resume"), "another plan: {}", other.stderr);
    let same = bench.call("run slow.toml");
    let hint = format!("infersweep run slow.toml --resume results/slow/{name}");
    assert!(same.code == 0 && same.stderr.contains(&hint), "{}", same.stderr);
    let done = bench.call("run slow.toml");
    assert!(!done.stderr.contains("--resume"), "the newest run of it is whole: {}", done.stderr);
}

#[test]
fn resume_refuses_what_is_not_the_same_and_says_what_is_other() {
    let bench = Bench::new().file("slow.toml", SLOW).file("other.toml", "name = \"other\"\n[endpoints.sim]\napi = \"simulator\"\n[matrix]\nmodel = \"z\"\nconcurrency = [1, 2]\n[load]\nrequests = 1\n");
    let child = bench.start_and_wait("run slow.toml --only concurrency=1,2");
    let busy = bench.call("run slow.toml --resume results/slow/latest");
    assert!(busy.code == 2 && busy.stderr.contains("in use by process "), "{}", busy.stderr);
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait_with_output().unwrap();
    let before = files(&bench.latest("slow").join("requests"));
    for (words, told) in [
        ("slow.toml --set seed=6", &["seed changed"][..]),
        ("slow.toml --set load.requests=13", &["requests 12 is now 13", "started with: ", "run slow.toml --only"]),
        ("slow.toml --set endpoints.sim.simulator.itl=5ms", &["endpoints.sim.simulator changed"]),
        ("slow.toml --set load.warmup=1", &["load.warmup changed"]),
        ("slow.toml --only concurrency=1,4", &["1 cell more (m_in30_out20_c4", "1 cell fewer (m_in30_out20_c2"]),
        ("other.toml", &["is not the one", "2 cells fewer"]),
    ] {
        let said = bench.call(&format!("run {words} --resume results/slow/latest"));
        assert_eq!(said.code, 2, "{words}: {}", said.stderr);
        assert!(told.iter().all(|told| said.stderr.contains(told)), "{words}: {}", said.stderr);
    }
    assert_eq!(files(&bench.latest("slow").join("requests")), before, "nothing was done");
    let none = bench.call("run slow.toml --resume results/slow");
    assert!(none.code == 2 && none.stderr.contains("is not a run directory"), "{}", none.stderr);
    // What does not change a result does not stop it; more repeats are topped up, and `--only` is remembered.
    let said = bench.call("run slow.toml --set labels.a=b --set load.repeats=3 --resume results/slow/latest");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(states(&bench.latest("slow")), ["complete"; 6]);
}

//! Ctrl-C, SIGTERM and kill -9 in the middle: what is measured is kept.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use infersweep::record::Outcome;
use infersweep::store::{JournalReader, RunDir, StoredRun};
use rustix::process::{Pid, Signal, kill_process};

use crate::tool::{Bench, files, rows, said};

/// Two cells of a second or more each.
const SLOW: &str = r#"
name = "slow"
[endpoints.sim]
api = "simulator"
simulator = { ttft = "5ms", itl = "4ms" }
[matrix]
model = "m"
input_tokens = 30
output_tokens = 20
concurrency = [1, 4]
[load]
requests = 60
"#;

fn start(bench: &Bench) -> Child {
    bench.command("run slow.toml").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until a journal holds a row.
fn wait_for_rows(bench: &Bench) {
    let partial = bench.path("results/slow/latest/partial");
    let has_row = |path: &Path| std::fs::read_to_string(path).is_ok_and(|text| text.lines().count() > 2);
    for _ in 0..500 {
        if partial.is_dir() && files(&partial).iter().any(|path| has_row(path)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no row was journalled");
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn the_first_signal_drains_and_saves() {
    for (kind, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let bench = Bench::new().file("slow.toml", SLOW);
        let child = start(&bench);
        wait_for_rows(&bench);
        signal(&child, kind);
        let said = said(&child.wait_with_output().unwrap());
        assert_eq!(said.code, code, "{}", said.stderr);
        let dir = bench.latest("slow");
        assert_eq!(Bench::json(&dir.join("manifest.json"))["state"], "interrupted");
        let kept = rows(&dir.join("partial"));
        assert!(
            !kept.is_empty() && kept.iter().all(|row| row.outcome == Outcome::Completed),
            "what was in flight ended"
        );
        assert!(said.stderr.contains("interrupted"), "{}", said.stderr);
    }
}

#[test]
fn the_second_signal_cancels_and_still_saves() {
    let bench = Bench::new()
        .file("slow.toml", &SLOW.replace("output_tokens = 20", "output_tokens = 4000").replace("4ms", "1ms"));
    let child = start(&bench);
    std::thread::sleep(Duration::from_millis(1500));
    signal(&child, Signal::INT);
    std::thread::sleep(Duration::from_millis(200));
    signal(&child, Signal::INT);
    let said = said(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 130, "{}", said.stderr);
    let kept = rows(&bench.latest("slow").join("partial"));
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].outcome, Outcome::Cancelled);
    assert!(kept[0].stamps.first_token_ns.is_some() && !kept[0].chunks.is_empty(), "its stamps so far are kept");
}

#[test]
fn kill_nine_loses_at_most_a_second() {
    let bench = Bench::new().file("slow.toml", SLOW);
    let mut child = start(&bench);
    wait_for_rows(&bench);
    child.kill().unwrap();
    child.wait().unwrap();
    let dir = bench.latest("slow");
    let journals = files(&dir.join("partial"));
    let rows_in = |path: &Path| JournalReader::open(path).unwrap().unwrap().count();
    let before: usize = journals.iter().map(|path| rows_in(path)).sum();
    assert!(before > 0);
    let mut stored = StoredRun::open(RunDir::open(&dir).unwrap()).unwrap();
    assert!(!stored.is_running());
    stored.recover().unwrap();
    assert_eq!(rows(&dir.join("partial")).len(), before);
    assert_eq!(bench.call("show results/slow/latest").code, 0);
}

#[test]
fn answers_survive_kill_nine_as_rows_do() {
    let bench = Bench::new().file("slow.toml", &format!("{SLOW}[output]\nsave_responses = true\n"));
    let mut child = start(&bench);
    wait_for_rows(&bench);
    std::thread::sleep(Duration::from_secs(1));
    let rows = files(&bench.path("results/slow/latest/partial"))
        .iter()
        .map(|path| JournalReader::open(path).unwrap().unwrap().count())
        .sum::<usize>();
    child.kill().unwrap();
    child.wait().unwrap();
    let path = &files(&bench.latest("slow").join("responses"))[0];
    let text = std::fs::read_to_string(path).unwrap();
    let whole = text.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count();
    assert!(whole > 0 && whole + 20 >= rows, "{whole} answers, {rows} rows");
}

//! What it takes to hold two runs of a million requests each against one another: seconds and memory.
//!
//! `cargo bench --bench compare [-- REQUESTS]`. Two runs of the tool are taken for their plans, and their rows are replaced by
//! REQUESTS made ones, in three repeats. Then `infersweep compare` as a user calls it: with the summaries that runs leave,
//! and without, when the rows of both have to be gone through. Memory is the process's high-water mark, the least of
//! what the system tells of it while it runs.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on should stop, and prints")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use infersweep::record::{Chunk, RequestRecord};
use infersweep::seed::Seed;
use infersweep::store::{RecordFile, write_records};
use infersweep::time::Clock;
use rand_distr::{Distribution, StandardNormal};

const REPEATS: u64 = 3;
const SCENARIO: &str = r#"
name = "million"
[endpoints.sim]
api = "simulator"
simulator = { ttft = "1ms", itl = "0ms" }
[models.m]
tokenizer = "words"
[matrix]
model = "m"
input_tokens = 20
output_tokens = 4
[load]
requests = 2
repeats = 3
"#;

fn main() {
    let requests: u64 = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let dir = tempfile::tempdir_in(".").unwrap();
    let runs = [(1, 100.0), (2, 105.0)].map(|(seed, ttft_ms)| made(dir.path(), seed, ttft_ms, requests));
    println!("{requests} requests a run, {REPEATS} repeats\n\nfrom          seconds   peak MiB   verdicts");
    for (name, with_summaries) in [("rows", false), ("summaries", true)] {
        for run in runs.iter().filter(|_| !with_summaries) {
            let _ = std::fs::remove_file(run.join("summary.json"));
        }
        let (seconds, peak_mib, said) = measured(&runs);
        println!("{name:12} {seconds:8.2} {peak_mib:10.0}   {said}");
    }
}

/// A run whose rows are made up: the first token after `ttft_ms`, give or take a tenth.
fn made(dir: &Path, seed: u64, ttft_ms: f64, requests: u64) -> PathBuf {
    std::fs::write(dir.join("million.toml"), SCENARIO).unwrap();
    let out = format!("out-{seed}");
    let said = tool().args(["run", "million.toml", "--quiet", "--out", &out]).current_dir(dir).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let run = dir.join(out).join("million/latest").canonicalize().unwrap();
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(run.join("requests")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for (repeat, path) in (0..REPEATS).zip(&paths) {
        let file = RecordFile::open(path).unwrap();
        let (header, origin) = (file.header().clone(), file.origin());
        let row = file.records().unwrap().next().unwrap().unwrap();
        let mut rng = Seed::root(seed).index(repeat).rng();
        let mut sent_ns = origin.monotonic_ns;
        let rows = (0..requests / REPEATS).map(|index| {
            let jitter: f64 = StandardNormal.sample(&mut rng);
            sent_ns += 1_000_000;
            Ok(moved(&row, index, sent_ns, ttft_ms * (0.1 * jitter).exp()))
        });
        write_records(path, &header, origin, rows).unwrap();
    }
    run
}

/// A row sent at another time, with its first token so many milliseconds later.
fn moved(row: &RequestRecord, index: u64, sent_ns: i64, ttft_ms: f64) -> RequestRecord {
    let mut row = row.clone();
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds as nanoseconds")]
    let first_ns = sent_ns + (ttft_ms * 1e6) as i64;
    row.request_index = index;
    row.chunks = (0..4).map(|k| Chunk { at_ns: first_ns + k * 8_000_000, tokens: 1 }).collect();
    let stamps = &mut row.stamps;
    stamps.sent_ns = Some(sent_ns);
    (stamps.first_token_ns, stamps.first_visible_ns) = (Some(first_ns), Some(first_ns));
    (stamps.last_token_ns, stamps.end_ns) = (Some(first_ns + 24_000_000), Some(first_ns + 24_000_000));
    row
}

fn tool() -> Command {
    Command::new(env!("CARGO_BIN_EXE_infersweep"))
}

/// Seconds, peak memory and what was said.
fn measured(runs: &[PathBuf]) -> (f64, f64, String) {
    let clock = Clock::start();
    let begun_ns = clock.now_ns();
    let mut command = tool();
    command.args(["compare", "--json", "--force"]).args(runs).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    // Its answer is read beside, so that it never waits for a reader.
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut stdout, &mut said).unwrap();
        said
    });
    let mut peak_kib = 0.0;
    while child.try_wait().unwrap().is_none() {
        if let Some(kib) = high_water_kib(&status) {
            peak_kib = kib;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds of a bench")]
    let seconds = (clock.now_ns() - begun_ns) as f64 / 1e9;
    let said: serde_json::Value = serde_json::from_str(&reader.join().unwrap()).unwrap();
    let pairs = said["pairs"].as_array().unwrap();
    let count = |verdict: &str| pairs.iter().filter(|pair| pair["verdict"] == verdict).count();
    let counts = ["worse", "better", "same", "unclear"].map(|verdict| format!("{} {verdict}", count(verdict)));
    (seconds, peak_kib / 1024.0, counts.join(", "))
}

fn high_water_kib(status: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

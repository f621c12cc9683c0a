//! What keeping a row costs, and whether the thread that measures feels it.
//!
//! `cargo bench --bench journal [-- SECONDS]`. First processor time and bytes of a row, by its tokens: on the thread that
//! adds it, on the journal's own, and when the journal becomes Parquet. Then how late a timer of 1 000 a second wakes its
//! thread, with a row added each time and without, by turns of SECONDS (5); the rows go to the current directory's disk.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on should stop, and prints")]

mod figures;

use std::path::Path;
use std::process::Command;

use figures::{count, quantile};
use infersweep::record::RequestRecord;
use infersweep::store::{JournalWriter, RecordFile, UnitHeader, compact};
use infersweep::time::{Alarm, Clock};
use rustix::time::{ClockId, clock_gettime};

/// Rows of a measurement of cost.
const ROWS: usize = 20_000;
const TOKENS: [u32; 4] = [1, 16, 128, 1024];
const RATE: i64 = 1000;
const TURNS: usize = 4;

fn main() {
    let seconds: i64 = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(5);
    println!("us of processor time for a row, and bytes of its line\n");
    println!("tokens   add us   journal us   compact us   journal bytes");
    for tokens in TOKENS {
        Cost::of(tokens).print(tokens);
    }
    println!("\nus that a timer of {RATE} a second wakes late, rows of 16 tokens, {TURNS} turns of {seconds} s each\n");
    println!("               p50     p99   p99.9     max");
    let (header, row) = sample(16);
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        without.extend(lateness_us(seconds, || {}));
        let dir = tempfile::tempdir_in(".").unwrap();
        let journal = JournalWriter::spawn(&dir.path().join("a.0.jsonl"), header.clone()).unwrap();
        with.extend(lateness_us(seconds, || add(&journal, &row)));
        journal.finish().unwrap();
    }
    for (name, late) in [("without", without), ("with", with)] {
        let of = |share| quantile(&late, share);
        println!("{name:10} {:7.1} {:7.1} {:7.1} {:7.1}", of(0.5), of(0.99), of(0.999), of(1.0));
    }
}

/// The header and a row of a run of the tool, of so many tokens.
fn sample(tokens: u32) -> (UnitHeader, RequestRecord) {
    let dir = tempfile::tempdir().unwrap();
    let scenario = format!(
        "name = \"one\"\n[endpoints.sim]\napi = \"simulator\"\nsimulator = {{ ttft = \"1ms\", itl = \"0ms\" }}\n\
         [models.m]\ntokenizer = \"words\"\n[matrix]\nmodel = \"m\"\ninput_tokens = 20\noutput_tokens = {tokens}\n\
         [load]\nrequests = 1\nwarmup = 0\n"
    );
    std::fs::write(dir.path().join("one.toml"), scenario).unwrap();
    let mut tool = Command::new(env!("CARGO_BIN_EXE_infersweep"));
    let said = tool.args(["run", "one.toml", "--quiet"]).current_dir(dir.path()).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let mut files = std::fs::read_dir(dir.path().join("results/one/latest/requests")).unwrap();
    let file = RecordFile::open(&files.next().unwrap().unwrap().path()).unwrap();
    (file.header().clone(), file.records().unwrap().next().unwrap().unwrap())
}

fn add(journal: &JournalWriter, row: &RequestRecord) {
    let row = row.clone();
    journal.add(row.chunks.len() * 16, move || row);
}

/// What a row costs.
struct Cost {
    add_us: f64,
    journal_us: f64,
    journal_bytes: f64,
    compact_us: f64,
}

impl Cost {
    fn of(tokens: u32) -> Self {
        let (header, row) = sample(tokens);
        let dir = tempfile::tempdir_in(".").unwrap();
        let (path, target) = (dir.path().join("a.0.jsonl"), dir.path().join("a.0.parquet"));
        // Cloning stands for making a row, which falls on either thread the same with a journal or without.
        let cloned_us =
            spent_us(ClockId::ThreadCPUTime, || (0..ROWS).for_each(|_| drop(std::hint::black_box(row.clone()))));
        let journal = JournalWriter::spawn(&path, header).unwrap();
        let mut add_us = 0.0;
        let all_us = spent_us(ClockId::ProcessCPUTime, || {
            add_us = spent_us(ClockId::ThreadCPUTime, || (0..ROWS).for_each(|_| add(&journal, &row)));
            journal.finish().unwrap();
        });
        let journal_bytes = bytes(&path);
        let compact_us = spent_us(ClockId::ProcessCPUTime, || {
            compact(&path, &target, None).unwrap();
        });
        let each = |all: f64| all / count(ROWS);
        Self {
            add_us: each(add_us - cloned_us),
            journal_us: each(all_us - add_us),
            journal_bytes: each(journal_bytes),
            compact_us: each(compact_us),
        }
    }

    fn print(&self, tokens: u32) {
        println!(
            "{tokens:6}  {:7.2}  {:11.1}  {:11.1}  {:14.0}",
            self.add_us, self.journal_us, self.compact_us, self.journal_bytes
        );
    }
}

/// How late the thread of a runtime wakes, as the one that sends does.
fn lateness_us(seconds: i64, each: impl Fn()) -> Vec<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Clock::start();
        let mut alarm = Alarm::precise(clock).unwrap();
        let begun_ns = clock.now_ns();
        let mut late_us = Vec::new();
        for tick in 1..=seconds * RATE {
            let due_ns = begun_ns + tick * (1_000_000_000 / RATE);
            alarm.reached(due_ns).await;
            late_us.push(micros(clock.now_ns() - due_ns));
            each();
        }
        late_us
    })
}

fn spent_us(clock: ClockId, work: impl FnOnce()) -> f64 {
    let now_ns = || {
        let now = clock_gettime(clock);
        now.tv_sec * 1_000_000_000 + now.tv_nsec
    };
    let before_ns = now_ns();
    work();
    micros(now_ns() - before_ns)
}

fn bytes(path: &Path) -> f64 {
    count(usize::try_from(path.metadata().unwrap().len()).unwrap())
}

#[expect(clippy::cast_precision_loss, reason = "spans of a bench")]
fn micros(ns: i64) -> f64 {
    ns as f64 / 1e3
}

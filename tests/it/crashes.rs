//! The real binary, killed at random moments and resumed until it is through; the server is the witness of what must be
//! there: it stands in a process of its own and knows when it sent the end of each answer.
//!
//! `CRASHES` says how often (6), `CRASHES_KEPT` a directory that the runs are copied to, for other readers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use infersweep::record::RequestRecord;
use infersweep::seed::Seed;
use infersweep::simulator::StampPage;
use infersweep::store::read_records;
use infersweep::time::Clock;
use rand_chacha::rand_core::Rng as _;

use crate::tool::{Bench, Simulated, files, said};

/// All four modes. Probes ask for one token, these for more.
const SCENARIO: &str = r#"
name = "crash"
seed = 11
[endpoints.server]
base_url = "URL"
[models.m]
tokenizer = "words"
[matrix]
model = "m"
mode = ["synthetic", "real_workload", "custom", "chat"]
input_tokens = 20
output_tokens = 10
concurrency = 2
qps = 40
[dataset]
file = "d.jsonl"
[chat]
turns = 2
think_time = "10ms"
[load]
requests = REQUESTS
repeats = REPEATS
warmup = 2
"#;

const ROWS: &str = "{\"prompt\": \"one two three\"}\n{\"prompt\": \"four five\"}\n";

/// Requests and repeats: units of two seconds, whose journals get old; and many short ones, whose ends are often hit.
const SHAPES: [(u32, u32); 2] = [(60, 1), (5, 5)];

/// How old a row must be to be sure: a second. Nanoseconds.
const SURE_NS: i64 = 1_000_000_000;

#[expect(clippy::disallowed_methods, reason = "how much a test does is no part of the tool")]
fn wish(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn whatever_the_moment_of_a_kill_no_old_row_is_lost_none_comes_twice_and_resume_completes() {
    let kills: u64 = wish("CRASHES").map_or(6, |count| count.parse().unwrap());
    let lanes = if kills > 20 { 6 } else { 2 };
    let whole: Vec<_> = SHAPES.iter().map(|shape| Chain::begin(*shape).uninterrupted()).collect();
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let lane = |lane: u64| {
            let whole = &whole;
            scope.spawn(move || crash_until(lane, kills.div_ceil(lanes), whole))
        };
        let threads: Vec<_> = (0..lanes).map(lane).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sum = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>();
    let [killed, runs, sure, in_journals] =
        [sum(|t| t.kills), sum(|t| t.runs), sum(|t| t.sure), sum(|t| t.in_journals)];
    println!("{killed} kills of {runs} runs; {sure} answers older than a second, {in_journals} of them in journals");
    assert!(killed as u64 >= kills && sure > 0);
}

#[derive(Default)]
struct Tally {
    kills: usize,
    runs: usize,
    /// Answers that had to be there, over all kills.
    sure: usize,
    /// Those of them whose repeat was cut off.
    in_journals: usize,
}

/// Row numbers by file, of a run that was left alone.
type Whole = BTreeMap<String, Vec<u64>>;

fn crash_until(lane: u64, kills: u64, whole: &[Whole]) -> Tally {
    let mut tally = Tally::default();
    let mut moments = Seed::root(lane).child("crashes").rng();
    while (tally.kills as u64) < kills {
        let shape = usize::try_from(lane + tally.runs as u64).unwrap() % SHAPES.len();
        let mut chain = Chain::begin(SHAPES[shape]);
        tally.runs += 1;
        loop {
            let begun_ns = Clock::start().now_ns();
            let mut child = chain.start();
            // The last wish is that the run completes.
            let left = (tally.kills as u64) < kills;
            let moment = Duration::from_millis(100 + u64::from(moments.next_u32()) % 2900);
            if left && !ends_within(&mut child, moment) {
                let killed_ns = Clock::start().now_ns();
                child.kill().unwrap();
                child.wait().unwrap();
                tally.kills += 1;
                chain.look(begun_ns..killed_ns - SURE_NS, tally.kills % 2 == 0, &mut tally);
            } else {
                let said = said(&child.wait_with_output().unwrap());
                assert_eq!(said.code, 0, "{}\n{}", said.stdout, said.stderr);
                assert_eq!(&chain.rows_of_complete(), &whole[shape]);
                chain.keep(lane, tally.runs);
                break;
            }
        }
    }
    tally
}

/// One run, from its start over its crashes to its end, and its server.
struct Chain {
    bench: Bench,
    server: Simulated,
    /// Answers that had to be there once.
    sure: BTreeSet<String>,
}

impl Chain {
    fn begin((requests, repeats): (u32, u32)) -> Self {
        let bench = Bench::new().file("d.jsonl", ROWS);
        let server = Simulated::start(&bench, "--ttft 15ms --itl 3ms --batch-slowdown 0");
        let text = SCENARIO
            .replace("URL", &server.url)
            .replace("REQUESTS", &requests.to_string())
            .replace("REPEATS", &repeats.to_string());
        Self { bench: bench.file("crash.toml", &text), server, sure: BTreeSet::new() }
    }

    fn uninterrupted(self) -> Whole {
        let said = self.bench.call("run crash.toml --quiet");
        assert_eq!(said.code, 0, "{}", said.stderr);
        self.rows_of_complete()
    }

    /// The run directory, once there is one.
    fn dir(&self) -> Option<PathBuf> {
        let dirs = std::fs::read_dir(self.bench.path("results/crash")).ok()?;
        let mut dirs: Vec<_> = dirs.map(|entry| entry.unwrap().path()).filter(|path| !path.is_symlink()).collect();
        dirs.retain(|dir| dir.join("manifest.json").is_file());
        assert!(dirs.len() < 2, "{dirs:?}");
        dirs.pop()
    }

    fn start(&self) -> Child {
        let words = match self.dir() {
            Some(dir) => format!("run crash.toml --resume {}", dir.display()),
            None => "run crash.toml".to_owned(),
        };
        self.bench.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Holds what is on disk against what the server knows; `shown`: after a look with the tool, which saves the rows.
    /// An answer is sure that was asked for and sent whole in the time `sure_ns` of the process that was killed.
    fn look(&mut self, sure_ns: Range<i64>, shown: bool, tally: &mut Tally) {
        let Some(dir) = self.dir() else { return };
        let answered = self.stamps().requests.into_iter().filter(|answer| answer.completed && answer.token_events > 1);
        let sure = answered.filter(|answer| {
            answer.received_ns >= sure_ns.start && answer.send_ns.last().is_some_and(|at| *at < sure_ns.end)
        });
        self.sure.extend(sure.map(|answer| answer.id));
        if !shown {
            return;
        }
        let said = self.bench.call(&format!("show {}", dir.display()));
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(files(&dir).iter().all(|path| !is_unfinished(path)), "{:?}", files(&dir));
        let rows = all_rows(&dir);
        tally.sure += self.sure.len();
        let partial: BTreeSet<String> = ids(&rows_below(&dir.join("partial")));
        tally.in_journals += self.sure.intersection(&partial).count();
        self.compare(&rows);
    }

    fn compare(&self, rows: &[RequestRecord]) {
        let ids = ids(rows);
        let answered = rows.iter().filter(|row| row.response_id.is_some()).count();
        assert_eq!(ids.len(), answered, "no row comes twice");
        let lost: Vec<_> = self.sure.difference(&ids).collect();
        assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), self.sure.len());
    }

    fn rows_of_complete(&self) -> Whole {
        let dir = self.dir().unwrap();
        assert_eq!(Bench::json(&dir.join("manifest.json"))["state"], "complete");
        assert!(files(&dir).iter().all(|path| !is_unfinished(path)), "{:?}", files(&dir));
        self.compare(&all_rows(&dir));
        let numbers = |path: PathBuf| {
            let mut numbers: Vec<u64> = read_records(&path).unwrap().map(|row| row.unwrap().request_index).collect();
            numbers.sort_unstable();
            (path.file_name().unwrap().to_string_lossy().into_owned(), numbers)
        };
        files(&dir.join("requests")).into_iter().map(numbers).collect()
    }

    fn stamps(&self) -> StampPage {
        let authority = self.server.url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
        let mut stream = TcpStream::connect(authority).unwrap();
        write!(stream, "GET /simulator/stamps HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Copies the run for other readers, where that is asked for.
    fn keep(&self, lane: u64, run: usize) {
        if let Some(kept) = wish("CRASHES_KEPT") {
            let target = Path::new(&kept).join(format!("{lane}-{run}"));
            let copied = Command::new("cp").arg("-r").arg(self.dir().unwrap()).arg(target).status().unwrap();
            assert!(copied.success());
        }
    }
}

fn ends_within(child: &mut Child, time: Duration) -> bool {
    let clock = Clock::start();
    let until_ns = clock.now_ns() + i64::try_from(time.as_nanos()).unwrap();
    while clock.now_ns() < until_ns {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    false
}

fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    name.starts_with(".writing-") || path.parent().unwrap().ends_with("partial") && name.ends_with(".jsonl")
}

fn ids(rows: &[RequestRecord]) -> BTreeSet<String> {
    rows.iter().filter_map(|row| row.response_id.clone()).collect()
}

fn all_rows(dir: &Path) -> Vec<RequestRecord> {
    ["requests", "partial"].iter().flat_map(|name| rows_below(&dir.join(name))).collect()
}

fn rows_below(dir: &Path) -> Vec<RequestRecord> {
    let paths = if dir.is_dir() { files(dir) } else { Vec::new() };
    let rows = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    rows.flat_map(|path| read_records(path).unwrap().map(Result::unwrap)).collect()
}

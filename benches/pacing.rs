//! How well an open loop keeps to its schedule: whole runs of the tool, client and simulator in one process.
//!
//! `cargo bench --bench pacing [-- SECONDS]`. Each cell lasts SECONDS (5) after a second of warm-up; an answer is one
//! token. Every figure is from the stored rows: send lag is sent minus due; gaps are those between sends. The bare timer
//! is a thread that does nothing but wake at the same times, for as long, just before: what the machine itself is late by.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on should stop, and prints")]

mod figures;

use std::path::Path;
use std::process::Command;

use figures::{count, quantile};
use infersweep::record::{Outcome, Phase, RequestRecord};
use infersweep::store::read_records;
use infersweep::time::Clock;
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_gettime};

const RATES: [u32; 4] = [100, 1000, 2000, 5000];
const PROCESSES: [&str; 4] = ["constant", "uniform", "exponential", "gamma(0.5)"];
/// The rates at which all processes are looked at.
const SPREAD_RATES: [u32; 2] = [100, 1000];

fn main() {
    let seconds: u32 = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(5);
    println!("constant gaps, {seconds} s each; lag in us; no requests are dropped unless it says so\n");
    println!(
        "    qps   requests  lag p50     p99   p99.9      max   delivered/asked  dropped  failed   bare timer p99   p99.9      max"
    );
    for rate in RATES {
        let bare_us = bare_timer(rate, seconds);
        let measured = Measured::of(rate, "constant", seconds);
        let lag = |share: f64| quantile(&measured.lag_us, share);
        println!(
            "{rate:7}  {:9}  {:7.0} {:7.0} {:7.0}  {:7.0}  {:15.5}  {:7}  {:6}   {:14.0} {:7.0}  {:7.0}",
            measured.lag_us.len(),
            lag(0.5),
            lag(0.99),
            lag(0.999),
            lag(1.0),
            measured.delivered(),
            measured.dropped,
            measured.failed,
            quantile(&bare_us, 0.99),
            quantile(&bare_us, 0.999),
            quantile(&bare_us, 1.0),
        );
    }
    for rate in SPREAD_RATES {
        spread(rate, seconds);
    }
}

/// Shows how the gaps between sends are spread, for every process.
fn spread(rate: u32, seconds: u32) {
    println!("\n{rate} a second; K is the Kolmogorov-Smirnov distance of the gaps between sends, times the root of");
    println!(
        "their number (1.63 is passed once in a hundred); dispersion is the variance over the mean of sends in 40 ms\n"
    );
    println!("process      lag p50     p99   p99.9   delivered/asked   K due  K sent   dispersion due    sent");
    for process in PROCESSES {
        let measured = Measured::of(rate, process, seconds);
        let lag = |share: f64| quantile(&measured.lag_us, share);
        println!(
            "{process:12} {:7.0} {:7.0} {:7.0}  {:16.5}  {:>6}  {:>6}  {:15.3} {:7.3}",
            lag(0.5),
            lag(0.99),
            lag(0.999),
            measured.delivered(),
            distance(process, rate, &measured.due_s),
            distance(process, rate, &measured.sent_s),
            dispersion(&measured.due_s),
            dispersion(&measured.sent_s),
        );
    }
}

/// How late a thread is that sleeps until each of these times, microseconds.
fn bare_timer(rate: u32, seconds: u32) -> Vec<f64> {
    let clock = Clock::start();
    let began = clock_gettime(ClockId::Monotonic);
    let began_ns = clock.now_ns();
    let gap_ns = 1_000_000_000 / i64::from(rate);
    let wake = |number: u32| {
        let due_ns = i64::from(number) * gap_ns;
        let all_ns = began.tv_nsec + due_ns;
        let due = Timespec { tv_sec: began.tv_sec + all_ns / 1_000_000_000, tv_nsec: all_ns % 1_000_000_000 };
        clock_nanosleep_absolute(ClockId::Monotonic, &due).unwrap();
        seconds_of(clock.now_ns() - began_ns - due_ns) * 1e6
    };
    (0..rate * seconds).map(wake).collect()
}

/// One cell of one run.
struct Measured {
    lag_us: Vec<f64>,
    /// Seconds, in order.
    due_s: Vec<f64>,
    sent_s: Vec<f64>,
    dropped: usize,
    failed: usize,
}

impl Measured {
    fn of(rate: u32, process: &str, seconds: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let scenario = format!(
            "name = \"pacing\"\nseed = 5\n[endpoints.sim]\napi = \"simulator\"\n\
             simulator = {{ ttft = \"1ms\", prefill_per_token = \"0us\", slots = 1000 }}\n[models.m]\ntokenizer = \"words\"\n\
             [matrix]\nmodel = \"m\"\nmode = \"real_workload\"\ninput_tokens = 16\noutput_tokens = 1\n\
             qps = {rate}\nqps_distribution = \"{process}\"\n[load]\nduration = \"{seconds}s\"\nwarmup = \"1s\"\n"
        );
        std::fs::write(dir.path().join("pacing.toml"), scenario).unwrap();
        let mut tool = Command::new(env!("CARGO_BIN_EXE_infersweep"));
        let said = tool.args(["run", "pacing.toml", "--quiet"]).current_dir(dir.path()).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        Self::from_rows(&rows(&dir.path().join("results/pacing/latest/requests")))
    }

    fn from_rows(rows: &[RequestRecord]) -> Self {
        let mut due_s: Vec<f64> = rows.iter().map(|row| seconds_of(row.stamps.scheduled_ns.unwrap())).collect();
        let mut sent_s: Vec<f64> = rows.iter().filter_map(|row| row.stamps.sent_ns).map(seconds_of).collect();
        let lag = |row: &RequestRecord| Some(seconds_of(row.stamps.sent_ns? - row.stamps.scheduled_ns?) * 1e6);
        let count = |is: fn(&Outcome) -> bool| rows.iter().filter(|row| is(&row.outcome)).count();
        due_s.sort_by(f64::total_cmp);
        sent_s.sort_by(f64::total_cmp);
        Self {
            lag_us: rows.iter().filter_map(lag).collect(),
            due_s,
            sent_s,
            dropped: count(|outcome| *outcome == Outcome::Dropped),
            failed: count(|outcome| matches!(outcome, Outcome::Failed(_))),
        }
    }

    /// The rate of sends over the rate due.
    fn delivered(&self) -> f64 {
        rate(&self.sent_s) / rate(&self.due_s)
    }
}

fn rows(dir: &Path) -> Vec<RequestRecord> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let rows = paths.flat_map(|path| read_records(&path).unwrap().map(Result::unwrap));
    rows.filter(|row| row.phase == Phase::Measure).collect()
}

fn rate(times_s: &[f64]) -> f64 {
    count(times_s.len() - 1) / (times_s[times_s.len() - 1] - times_s[0])
}

/// The greatest distance between the gaps and their distribution, times the root of their number.
fn distance(process: &str, rate: u32, times_s: &[f64]) -> String {
    // All gaps are one there: the distance would only say that none is that to the nanosecond.
    if process == "constant" {
        return "-".to_owned();
    }
    let mut gaps: Vec<f64> = times_s.windows(2).map(|pair| (pair[1] - pair[0]) * f64::from(rate)).collect();
    gaps.sort_by(f64::total_cmp);
    let all = count(gaps.len());
    let of = |(at, gap): (usize, &f64)| {
        let truth = cumulative(process, *gap);
        (truth - count(at) / all).abs().max((count(at + 1) / all - truth).abs())
    };
    format!("{:.2}", gaps.iter().enumerate().map(of).fold(0.0, f64::max) * all.sqrt())
}

/// The share of gaps up to `x` mean gaps.
fn cumulative(process: &str, x: f64) -> f64 {
    match process {
        "uniform" => (x / 2.0).clamp(0.0, 1.0),
        "exponential" => 1.0 - (-x).exp(),
        // Shape 1/2: the square of a normal variable, so the error function; here by its series.
        "gamma(0.5)" => error_function((x / 2.0).max(0.0).sqrt()),
        _ => f64::NAN,
    }
}

fn error_function(x: f64) -> f64 {
    if x > 5.0 {
        return 1.0;
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    sum * (-x * x).exp() * 2.0 / std::f64::consts::PI.sqrt()
}

/// The variance over the mean of how many there are in each 40 ms.
fn dispersion(times_s: &[f64]) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let place = |at: f64| ((at - times_s[0]) / 0.04) as usize;
    let mut counts = vec![0.0; place(times_s[times_s.len() - 1])];
    for at in times_s {
        if let Some(count) = counts.get_mut(place(*at)) {
            *count += 1.0;
        }
    }
    let mean = counts.iter().sum::<f64>() / count(counts.len());
    counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / count(counts.len() - 1) / mean
}

#[expect(clippy::cast_precision_loss, reason = "spans of a bench")]
fn seconds_of(ns: i64) -> f64 {
    ns as f64 / 1e9
}

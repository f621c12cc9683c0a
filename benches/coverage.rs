//! How often the 95 % intervals of `statistics` hold the true value, on processes of which it is known.
//!
//! `cargo bench --bench coverage [-- TRIES]`; the figures of `docs/METHODOLOGY.md` are of 2000 tries. Nothing is timed,
//! so a busy machine changes nothing but how long it takes.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a bench prints, and may stop")]

use infersweep::seed::Seed;
use infersweep::statistics::{Estimate, mean_of, needed, percentile_of};

#[path = "../src/statistics/processes.rs"]
mod processes;
use processes::Process;

const PROCESSES: [Process; 6] = [
    Process::Independent,
    Process::Autoregressive(0.0),
    Process::Autoregressive(0.5),
    Process::Autoregressive(0.9),
    Process::Queue(1, 0.5),
    Process::Queue(4, 0.8),
];
/// Repeats, and samples of each.
const SIZES: [(usize, usize); 8] =
    [(1, 100), (1, 300), (1, 1000), (1, 3000), (1, 10_000), (1, 30_000), (3, 1000), (3, 10_000)];
/// The mean, and percentiles in thousandths.
const FIGURES: [Option<u32>; 4] = [None, Some(500), Some(900), Some(990)];

/// What intervals of one figure did.
#[derive(Default)]
struct Tally {
    tries: f64,
    held: f64,
    effective_n: f64,
    /// Tries in which the figure is sure by the rule of the summary.
    sure: f64,
    held_when_sure: f64,
}

fn main() {
    let tries = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(200);
    println!("{tries} tries; the share of intervals that hold the true value, (effective samples),");
    println!("and of those whose figure has the samples it needs, where that is not all or none\n");
    for process in &PROCESSES {
        println!("{:14} {:>9}  {:>22} {:>22} {:>22} {:>22}", process.name(), "samples", "mean", "p50", "p90", "p99");
        for (repeats, samples) in SIZES {
            let tallies = cover(process, repeats, samples, tries);
            let cells: Vec<String> = tallies.iter().map(shown).collect();
            println!("{:14} {:>9}  {}", "", format!("{repeats} x {samples}"), cells.join(" "));
        }
        println!();
    }
}

fn cover(process: &Process, repeats: usize, samples: usize, tries: u64) -> [Tally; FIGURES.len()] {
    let mut tallies: [Tally; FIGURES.len()] = Default::default();
    let truths = FIGURES.map(|figure| process.truth(figure.map(|permille| f64::from(permille) / 1000.0)));
    let seed = Seed::root(2024).child(&process.name()).index(samples as u64).index(repeats as u64);
    for attempt in 0..tries {
        let mut rng = seed.index(attempt).rng();
        let drawn: Vec<Vec<f64>> = (0..repeats).map(|_| process.draw(&mut rng, samples)).collect();
        let slices: Vec<&[f64]> = drawn.iter().map(Vec::as_slice).collect();
        let mean = mean_of(&slices).expect("there are samples");
        for ((tally, figure), truth) in tallies.iter_mut().zip(FIGURES).zip(truths) {
            let estimate = figure.map_or(Some(mean), |permille| percentile_of(&slices, permille));
            tally.add(&estimate.expect("there are samples"), &mean, figure, truth);
        }
    }
    tallies
}

impl Tally {
    fn add(&mut self, estimate: &Estimate, mean: &Estimate, figure: Option<u32>, truth: f64) {
        let held = f64::from(u8::from(estimate.interval.is_some_and(|interval| interval.has(truth))));
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let needed = figure.map_or(0.0, |permille| needed(permille) as f64);
        self.tries += 1.0;
        self.held += held;
        self.effective_n += estimate.effective_n;
        if estimate.effective_n.min(mean.effective_n) >= needed {
            self.sure += 1.0;
            self.held_when_sure += held;
        }
    }
}

fn shown(tally: &Tally) -> String {
    let percent = |held: f64, of: f64| format!("{:.1}", 100.0 * held / of);
    let some = tally.sure > 0.0 && tally.sure < tally.tries;
    let when_sure = if some { format!(" {}s", percent(tally.held_when_sure, tally.sure)) } else { String::new() };
    let mark = if tally.sure == 0.0 { "~" } else { "" };
    let effective = format!("({:.0})", tally.effective_n / tally.tries);
    format!("{:>22}", format!("{}{mark} {effective}{when_sure}", percent(tally.held, tally.tries)))
}

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::reuse;
use super::terminal::Terminal;
use crate::cpus::{Manner, spawn_aside};
use crate::plan::{Estimate, Plan};
use crate::run::{Gauges, Observer, RunEvent};
use crate::scenario::Scenario;
use crate::time::Clock;
use crate::units::{format_count, format_duration, format_significant};

/// How often the screen is drawn.
const FRAME: Duration = Duration::from_millis(200);

/// Shows how a run goes: a line that moves on a terminal, a line a unit elsewhere.
pub(super) struct Progress {
    terminal: Terminal,
    bar: ProgressBar,
    units: Mutex<usize>,
    /// The run directory, once the first unit comes next.
    dir: Mutex<Option<PathBuf>>,
    /// Seconds that each cell's repeat is expected to take, for the time left.
    expected_s: HashMap<String, f64>,
    shared: Arc<Shared>,
    drawer: Mutex<Option<JoinHandle<()>>>,
}

/// What the drawing thread sees.
struct Shared {
    over: AtomicBool,
    clock: Clock,
    /// What is under way, by number: one unit, or one of each endpoint.
    under_way: Mutex<BTreeMap<usize, UnderWay>>,
    whole: Mutex<Whole>,
}

/// A unit that is measured now.
struct UnderWay {
    gauges: Arc<Gauges>,
    expected_s: f64,
    name: String,
}

/// The run as a whole, in expected seconds.
struct Whole {
    began_ns: i64,
    total_s: f64,
    done_s: f64,
}

impl Progress {
    pub(super) fn start(scenario: &Scenario, plan: &Plan, terminal: Terminal) -> Self {
        let each = |cell| Estimate::of_cell(scenario, cell).seconds / f64::from(scenario.load.repeats);
        let expected_s: HashMap<String, f64> =
            plan.in_full().cells.iter().map(|cell| (cell.id.to_string(), each(cell))).collect();
        let total_s = Estimate::of(scenario, plan).seconds;
        let clock = Clock::start();
        let shown = terminal.interactive && !terminal.quiet;
        let bar = ProgressBar::with_draw_target(
            Some(0),
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        // The template is a constant of ours: a wrong one would show as the default style.
        if let Ok(style) = ProgressStyle::with_template("{prefix:.bold}  {bar:16}  {wide_msg}") {
            bar.set_style(style.progress_chars("━╸─"));
        }
        let whole = Whole { began_ns: clock.now_ns(), total_s, done_s: 0.0 };
        let shared = Arc::new(Shared {
            over: AtomicBool::new(false),
            clock,
            under_way: Mutex::default(),
            whole: Mutex::new(whole),
        });
        let drawer = shown.then_some(()).and_then(|()| {
            let (shared, bar) = (Arc::clone(&shared), bar.clone());
            spawn_aside("progress", Manner::GivesWay, move || shared.draw_until_over(&bar)).ok()
        });
        Self {
            terminal,
            bar,
            units: Mutex::new(0),
            dir: Mutex::new(None),
            expected_s,
            shared,
            drawer: Mutex::new(drawer),
        }
    }

    /// A word between the frames.
    pub(super) fn note(&self, text: &str) {
        self.bar.suspend(|| self.terminal.note(text));
    }

    /// The moving line, to be put aside while another thread speaks.
    pub(super) fn line(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Takes the moving line away.
    pub(super) fn finish(&self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Ok(mut drawer) = self.drawer.lock()
            && let Some(drawer) = drawer.take()
        {
            // A thread that draws has nothing to return.
            drawer.thread().unpark();
            let _ = drawer.join();
        }
        self.bar.finish_and_clear();
    }

    /// The run directory, once the first unit comes next.
    pub(super) fn dir(&self) -> Option<PathBuf> {
        self.dir.lock().map_or(None, |dir| dir.clone())
    }

    /// A search asks for a unit that was not planned.
    fn one_more(&self) {
        if let Ok(mut units) = self.units.lock() {
            *units += 1;
        }
    }

    fn units(&self) -> usize {
        self.units.lock().map_or(0, |units| *units)
    }
}

impl Observer for Progress {
    fn tell(&self, event: RunEvent) {
        match event {
            RunEvent::Started { units, repeats, dir, .. } => {
                if let (Ok(mut known), Ok(mut whole)) = (self.units.lock(), self.shared.whole.lock()) {
                    *known = units;
                    let expected_s = |(cell, count): (&String, &usize)| {
                        self.expected_s.get(cell).copied().unwrap_or(0.0) * ratio(*count as u64, 1)
                    };
                    whole.total_s = repeats.iter().map(expected_s).sum();
                }
                if let Ok(mut known) = self.dir.lock() {
                    *known = Some(dir);
                }
            }
            RunEvent::Reusing { runs, left, units } => {
                self.bar.suspend(|| self.terminal.note(&reuse::told(&runs, &left, units)));
            }
            RunEvent::Warning(text) => self.bar.suspend(|| self.terminal.warning(&text)),
            RunEvent::Probing { endpoint, model } => {
                self.bar.set_prefix("probing");
                self.bar.set_message(format!("{model} at {endpoint}"));
            }
            RunEvent::Probe { reused: None, .. } => self.one_more(),
            RunEvent::Probe { search_id, cell_id, repeat, reused: Some(run) } => {
                self.note(&format!("search {search_id}: {cell_id} repeat {} reused from {run}", repeat + 1));
            }
            RunEvent::Preparing { cell_id } => self.bar.set_message(format!("{cell_id}: making prompts")),
            RunEvent::Hook { cell_id, does } => self.bar.set_message(format!("{cell_id}: {does}")),
            RunEvent::UnitStarted { number, cell_id, repeat, gauges } => {
                let repeat = if repeat > 0 { format!(" repeat {}", repeat + 1) } else { String::new() };
                let name = format!("{:>3} of {}  {cell_id}{repeat}", number + 1, self.units());
                let expected_s = self.expected_s.get(&cell_id).copied().unwrap_or(0.0);
                if let Ok(mut under_way) = self.shared.under_way.lock() {
                    under_way.insert(number, UnderWay { gauges, expected_s, name });
                    self.bar.set_prefix(prefix(&under_way, self.units()));
                }
            }
            RunEvent::LoadEnded { .. } => {}
            RunEvent::UnitFailed { number, failure } => {
                self.shared.over(number);
                let (of, repeat) = (self.units(), failure.repeat + 1);
                let what = if failure.measured { "after" } else { "not measured:" };
                let text =
                    format!("{:>3} of {of}  {} repeat {repeat}: {what} {}", number + 1, failure.cell_id, failure.why);
                self.bar.suspend(|| self.terminal.warning(&text));
            }
            RunEvent::UnitEnded { number, cell_id, completed, failed, .. } => {
                self.shared.over(number);
                if !self.terminal.interactive {
                    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
                    self.terminal.note(&format!(
                        "{:>3} of {}  {cell_id}: {completed} completed{failed}",
                        number + 1,
                        self.units()
                    ));
                }
            }
        }
    }
}

impl Shared {
    fn draw_until_over(&self, bar: &ProgressBar) {
        while !self.over.load(Ordering::Relaxed) {
            if let Ok(under_way) = self.under_way.lock()
                && !under_way.is_empty()
            {
                self.draw(bar, &under_way);
            }
            bar.tick();
            std::thread::park_timeout(FRAME);
        }
    }

    /// Notes that a unit is over.
    fn over(&self, number: usize) {
        if let (Ok(mut under_way), Ok(mut whole)) = (self.under_way.lock(), self.whole.lock()) {
            whole.done_s += under_way.remove(&number).map_or(0.0, |unit| unit.expected_s);
        }
    }

    fn draw(&self, bar: &ProgressBar, under_way: &BTreeMap<usize, UnderWay>) {
        let mut sum = Sum::default();
        for unit in under_way.values() {
            sum.add(unit, self.clock.now_ns());
        }
        if let Some(expected) = sum.expected {
            bar.set_length(expected);
            bar.set_position(sum.ended);
        }
        let mut words = vec![match sum.expected {
            Some(expected) => format!("{} of {expected} requests", sum.ended),
            None => format!("{} requests", sum.ended),
        }];
        words.push(format!("{} in flight", sum.in_flight));
        if sum.tokens_per_s > 0.0 {
            words.push(format!("{} tok/s", format_count(whole(sum.tokens_per_s))));
        }
        if let Some(ttft) = sum.ttft_ms_p50 {
            words.push(format!("TTFT {} ms", format_significant(ttft, 3)));
        }
        if sum.failed > 0 {
            words.push(format!("{} failed", sum.failed));
        }
        if let Some(left) = self.time_left(sum.done_s) {
            words.push(format!("{} left", format_duration(left)));
        }
        bar.set_message(words.join("  "));
    }

    /// By how fast the expected seconds went so far.
    fn time_left(&self, of_unit_s: f64) -> Option<Duration> {
        let whole = self.whole.lock().ok()?;
        let done_s = whole.done_s + of_unit_s;
        let elapsed_s = seconds(self.clock.now_ns() - whole.began_ns);
        let left_s = elapsed_s * (whole.total_s / done_s - 1.0);
        // Too early to say anything sensible.
        (done_s > 0.02 * whole.total_s && left_s.is_finite())
            .then(|| Duration::from_secs(self::whole(left_s.max(0.0).ceil())))
    }
}

/// The numbers of what is under way, added up.
struct Sum {
    ended: u64,
    in_flight: u64,
    failed: u64,
    /// `None` once one is not known.
    expected: Option<u64>,
    tokens_per_s: f64,
    /// Of one unit; of several there is no common median.
    ttft_ms_p50: Option<f64>,
    /// Of the expected seconds.
    done_s: f64,
    units: usize,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            ended: 0,
            in_flight: 0,
            failed: 0,
            expected: Some(0),
            tokens_per_s: 0.0,
            ttft_ms_p50: None,
            done_s: 0.0,
            units: 0,
        }
    }
}

impl Sum {
    fn add(&mut self, unit: &UnderWay, now_ns: i64) {
        let UnderWay { gauges, expected_s, .. } = unit;
        let now = gauges.read();
        let elapsed_s = seconds(now_ns - gauges.began_ns);
        let share = match gauges.expected {
            Some(expected) => ratio(now.ended, expected),
            None if *expected_s > 0.0 => (elapsed_s / expected_s).min(1.0),
            None => 0.0,
        };
        self.expected = self.expected.zip(gauges.expected).map(|(sum, one)| sum + one);
        self.ended += now.ended;
        self.in_flight += now.in_flight;
        self.failed += now.failed;
        if elapsed_s > 0.0 {
            self.tokens_per_s += ratio(now.output_tokens, 1) / elapsed_s;
        }
        self.units += 1;
        self.ttft_ms_p50 = now.ttft_ms_p50.filter(|_| self.units == 1);
        self.done_s += share * expected_s;
    }
}

/// What stands before the bar: the unit, or how many there are.
fn prefix(under_way: &BTreeMap<usize, UnderWay>, units: usize) -> String {
    match under_way.values().next() {
        Some(one) if under_way.len() == 1 => one.name.clone(),
        _ => format!("{} at once of {units}", under_way.len()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "for the eye")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "for the eye")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for the eye; saturates")]
fn whole(value: f64) -> u64 {
    value as u64
}

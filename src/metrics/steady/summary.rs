use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::tally::Tally;
use super::window::{Rule, Unsteady, Window};
use crate::metrics::MetricSummary;
use crate::metrics::cell::seconds_of;

/// The figures of a cell's steady windows alone; beside the raw ones, never instead of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SteadySummary {
    /// How windows were found: `closed_full` or `open_arrivals`.
    pub rule: String,
    /// Why no repeat has a steady window; null when one has. Figures are null then.
    pub reason: Option<String>,
    /// The window of each repeat.
    pub repeats: Vec<SteadyRepeat>,
    /// Completed requests that count: those that began in a window.
    pub requests: u64,
    /// Length of the windows, added up; seconds.
    pub duration_s: Option<f64>,
    /// Completed requests a second, each counted by the part of its life that lies in a window.
    pub request_throughput: Option<f64>,
    /// Output tokens a second, by their stamps.
    pub output_token_throughput: Option<f64>,
    /// Input and output tokens a second.
    pub total_token_throughput: Option<f64>,
    /// Requests in flight, on average.
    pub mean_in_flight: Option<f64>,
    /// Every metric by name, of the requests that count.
    pub metrics: BTreeMap<String, Option<MetricSummary>>,
}

impl SteadySummary {
    /// A metric's figures; `None` when it has no sample.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&MetricSummary> {
        self.metrics.get(name)?.as_ref()
    }

    /// What still changed in the windows, each with the greatest relative change in a repeat.
    #[must_use]
    pub fn drift(&self) -> BTreeMap<&str, f64> {
        let mut greatest: BTreeMap<&str, f64> = BTreeMap::new();
        for (name, change) in self.repeats.iter().filter_map(|repeat| repeat.drift.as_ref()).flatten() {
            let known = greatest.entry(name).or_insert(*change);
            if change.abs() > known.abs() {
                *known = *change;
            }
        }
        greatest
    }
}

/// The steady window of one repeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SteadyRepeat {
    /// From 0.
    pub repeat: u32,
    /// Its beginning, from the start of the measured phase; null without a window.
    pub from_ns: Option<i64>,
    /// Its end, which is not in it.
    pub to_ns: Option<i64>,
    /// Completed requests that count.
    pub requests: u64,
    /// Why there is none, or none that is enough; its requests do not count then.
    pub reason: Option<String>,
    /// Figures that went on changing in it, by name, each with its relative change from beginning to end; null when
    /// there are too few requests to tell.
    pub drift: Option<BTreeMap<String, f64>>,
}

/// What is known of one repeat.
#[derive(Debug, Default)]
pub(in crate::metrics) enum Repeat {
    /// Nobody looked for its window.
    #[default]
    Unknown,
    /// It has none.
    None(Unsteady),
    /// It has one.
    Found(Box<Tally>),
}

impl Repeat {
    /// What a window that was looked for gives.
    pub(in crate::metrics) fn of(window: Result<Window, Unsteady>) -> Self {
        window.map_or_else(Self::None, |window| Self::Found(Box::new(Tally::new(window))))
    }

    /// The tally of a window that is enough.
    pub(in crate::metrics) fn steady(&self) -> Option<&Tally> {
        match self {
            Self::Found(tally) if tally.judge().is_ok() => Some(tally),
            _ => None,
        }
    }

    fn summary(&self, repeat: u32) -> Option<SteadyRepeat> {
        let (window, requests, why, drift) = match self {
            Self::Unknown => return None,
            Self::None(why) => (None, 0, Some(*why), None),
            Self::Found(tally) => {
                let why = tally.judge().err();
                (Some(tally.window), tally.requests, why, tally.drift().filter(|_| why.is_none()))
            }
        };
        Some(SteadyRepeat {
            repeat,
            from_ns: window.map(|window| window.from_ns),
            to_ns: window.map(|window| window.to_ns),
            requests,
            reason: why.map(|why| why.to_string()),
            drift,
        })
    }
}

/// The figures of a cell's repeats together; `None` when nobody looked for windows.
pub(in crate::metrics) fn of_cell(
    rule: Rule,
    repeats: &[(u32, &Repeat)],
    metrics: impl FnOnce() -> BTreeMap<String, Option<MetricSummary>>,
) -> Option<SteadySummary> {
    let windows: Vec<SteadyRepeat> = repeats.iter().filter_map(|(number, repeat)| repeat.summary(*number)).collect();
    let first = windows.first()?;
    let steady = || repeats.iter().filter_map(|(_, repeat)| repeat.steady());
    let reason = if steady().next().is_none() { first.reason.clone() } else { None };
    let seconds = seconds_of(steady().map(|tally| tally.window.length_ns()).sum());
    let duration_s = Some(seconds).filter(|seconds| *seconds > 0.0);
    let rate = |amount: f64| duration_s.map(|seconds| amount / seconds);
    let sum = |of: fn(&Tally) -> Option<f64>| steady().filter_map(of).reduce(|a, b| a + b);
    let (input, output) = (sum(|tally| tally.input), sum(Tally::output));
    Some(SteadySummary {
        rule: rule.name().to_owned(),
        reason,
        requests: steady().map(|tally| tally.requests).sum(),
        duration_s,
        request_throughput: rate(steady().map(|tally| tally.completed).sum()),
        output_token_throughput: output.and_then(rate),
        total_token_throughput: input.zip(output).and_then(|(input, output)| rate(input + output)),
        mean_in_flight: rate(seconds_of(steady().map(|tally| tally.in_flight_ns).sum())),
        metrics: if duration_s.is_some() { metrics() } else { BTreeMap::new() },
        repeats: windows,
    })
}

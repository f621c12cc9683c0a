use std::collections::BTreeMap;

use super::ClientHealth;
use super::cell::seconds_of;
use super::definition::{METRICS, Take};
use super::derive::{derive, every_chunk};
use super::distribution::Distribution;
use super::goodness::Goodness;
use super::steady::{RepeatTally, Rule, WindowFinder};
use super::summary::{MetricSummary, RepeatSummary};
use crate::record::{Outcome, Phase, RequestRecord};
use crate::scenario::Slo;
use crate::time::MonotonicNs;

/// One repeat of a cell while its measured rows come in. Only differences of stamps are used, whatever their zero.
#[derive(Debug, Default)]
pub(super) struct Repeat {
    start_unix_ns: i64,
    start_monotonic_ns: MonotonicNs,
    window: Span,
    due: Span,
    due_count: u64,
    /// Sends of requests that were due.
    sends: Span,
    send_count: u64,
    in_flight_ns: i64,
    /// When the first request of any phase was sent, and its TTFT.
    first: Option<(MonotonicNs, Option<f64>)>,
    finder: Option<WindowFinder>,
    steady: RepeatTally,
    samples: Samples,
    steady_samples: Samples,
    goodness: Goodness,
}

/// First and last of some stamps.
#[derive(Debug, Default, Clone, Copy)]
struct Span {
    first_ns: Option<MonotonicNs>,
    last_ns: Option<MonotonicNs>,
}

impl Span {
    fn begin(&mut self, at_ns: Option<MonotonicNs>) {
        self.first_ns = self.first_ns.into_iter().chain(at_ns).min();
    }

    fn end(&mut self, at_ns: Option<MonotonicNs>) {
        self.last_ns = self.last_ns.into_iter().chain(at_ns).max();
    }

    fn length_ns(self) -> Option<i64> {
        Some(self.last_ns? - self.first_ns?)
    }
}

impl Repeat {
    pub(super) fn set_start(&mut self, unix_ns: i64, monotonic_ns: MonotonicNs) {
        (self.start_unix_ns, self.start_monotonic_ns) = (unix_ns, monotonic_ns);
    }

    /// Takes a row of any phase while the steady window is looked for.
    pub(super) fn add_life(&mut self, record: &RequestRecord, rule: Rule) {
        self.finder.get_or_insert_with(|| WindowFinder::new(rule)).add(record);
    }

    /// Ends the looking for the steady window.
    pub(super) fn close_window(&mut self, rule: Rule) {
        let finder = self.finder.take().unwrap_or_else(|| WindowFinder::new(rule));
        self.steady = RepeatTally::of(finder.window());
    }

    /// Takes a row of any phase for the first time.
    pub(super) fn add(&mut self, record: &RequestRecord, slo: Option<&Slo>) {
        if let RepeatTally::Found(tally) = &mut self.steady {
            tally.add(record);
            if tally.window.counts(record) {
                self.steady_samples.add(record, tally.window.to_ns);
            }
        }
        if let Some(sent_ns) = record.stamps.sent_ns
            && self.first.is_none_or(|(earliest_ns, _)| sent_ns < earliest_ns)
        {
            self.first = Some((sent_ns, derive(record).ttft_ms));
        }
        if record.phase != Phase::Measure {
            return;
        }
        self.goodness.add(record, slo);
        let stamps = &record.stamps;
        self.window.begin(stamps.sent_ns);
        self.window.end(stamps.end_ns);
        self.due.begin(stamps.scheduled_ns);
        self.due.end(stamps.scheduled_ns);
        self.due_count += u64::from(stamps.scheduled_ns.is_some());
        if stamps.scheduled_ns.is_some() {
            self.sends.begin(stamps.sent_ns);
            self.sends.end(stamps.sent_ns);
            self.send_count += u64::from(stamps.sent_ns.is_some());
        }
        if let (Some(sent_ns), Some(end_ns)) = (stamps.sent_ns, stamps.end_ns) {
            self.in_flight_ns += end_ns - sent_ns;
        }
        self.samples.add(record, MonotonicNs::MAX);
    }

    /// Takes a measured row of the first pass once more.
    pub(super) fn add_again(&mut self, record: &RequestRecord) {
        self.samples.add(record, MonotonicNs::MAX);
    }

    /// Ends a pass; whether another one is needed.
    pub(super) fn next_pass(&mut self) -> bool {
        self.samples.next_pass()
    }

    /// Until when the samples of a row of the steady window count; `None` for other rows.
    pub(super) fn steady_until_ns(&self, record: &RequestRecord) -> Option<MonotonicNs> {
        self.steady.steady().filter(|tally| tally.window.counts(record)).map(|tally| tally.window.to_ns)
    }

    pub(super) fn steady(&self) -> &RepeatTally {
        &self.steady
    }

    /// The samples of the steady window, if it is enough of one. They are gone then.
    pub(super) fn take_steady_samples(&mut self) -> Option<Samples> {
        let samples = std::mem::take(&mut self.steady_samples);
        self.steady.steady().map(|_| samples)
    }

    /// Gaps between due times, and the nanoseconds they span.
    pub(super) fn due(&self) -> (u64, i64) {
        (self.due_count.saturating_sub(1), self.due.length_ns().unwrap_or(0))
    }

    /// Gaps between sends of requests that were due, and the nanoseconds that the sends or the due times span,
    /// whichever is longer: fewer sends and late ones both lower the rate.
    pub(super) fn sends(&self) -> (u64, i64) {
        let length_ns = |span: Span| span.length_ns().unwrap_or(0);
        (self.send_count.saturating_sub(1), length_ns(self.sends).max(length_ns(self.due)))
    }

    /// The sum of all requests' times in flight.
    pub(super) fn in_flight_ns(&self) -> i64 {
        self.in_flight_ns
    }

    pub(super) fn goodness(&self) -> &Goodness {
        &self.goodness
    }

    pub(super) fn samples(&self) -> &Samples {
        &self.samples
    }

    pub(super) fn summary(&self, number: u32) -> RepeatSummary {
        RepeatSummary {
            repeat: number,
            start_unix_ns: self.start_unix_ns,
            start_monotonic_ns: self.start_monotonic_ns,
            duration_s: self.window.length_ns().map(seconds_of),
            first_ttft_ms: self.first.and_then(|(_, ttft_ms)| ttft_ms),
            metrics: self.samples.summaries(),
            client: ClientHealth::default(),
            stopped: None,
            reused: None,
        }
    }
}

/// The samples of every metric.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// Those of [`METRICS`], in its order.
    listed: [Distribution; METRICS.len()],
    /// Those of the scenario's `server_metrics`.
    extra: BTreeMap<String, Distribution>,
}

impl Samples {
    /// Takes a row; of its chunks those before `until_ns`.
    pub(super) fn add(&mut self, record: &RequestRecord, until_ns: MonotonicNs) {
        match record.outcome {
            Outcome::Completed => self.add_completed(record, until_ns),
            Outcome::Failed(_) | Outcome::Dropped if record.stamps.scheduled_ns.is_some() => self.add_never(),
            _ => {}
        }
    }

    fn add_completed(&mut self, record: &RequestRecord, until_ns: MonotonicNs) {
        let derived = derive(record);
        let chunks = every_chunk(record, until_ns);
        for (metric, samples) in METRICS.iter().zip(&mut self.listed).filter(|(_, samples)| samples.is_open()) {
            match metric.take {
                Take::One(of) => of(record, &derived).into_iter().for_each(|value| samples.add(value, 1)),
                Take::Many(each) => each(chunks, &mut |value, weight| samples.add(value, weight)),
            }
        }
        for (name, value) in &record.server.extra {
            match self.extra.get_mut(name) {
                Some(samples) => samples.add(*value, 1),
                None => self.extra.entry(name.clone()).or_default().add(*value, 1),
            }
        }
    }

    /// Ends a pass; whether the same rows must be added once more.
    pub(super) fn next_pass(&mut self) -> bool {
        let mut more = false;
        for samples in self.listed.iter_mut().chain(self.extra.values_mut()) {
            more |= samples.next_pass();
        }
        more
    }

    /// A request that was due and never answered.
    fn add_never(&mut self) {
        let censored = METRICS.iter().zip(&mut self.listed).filter(|(metric, _)| metric.censored);
        censored.for_each(|(_, samples)| samples.add_infinite());
    }

    /// All samples of several first passes.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.listed.iter_mut().zip(&other.listed).for_each(|(into, from)| into.add_all(from));
        for (name, from) in &other.extra {
            self.extra.entry(name.clone()).or_default().add_all(from);
        }
    }

    pub(super) fn summaries(&self) -> BTreeMap<String, Option<MetricSummary>> {
        let listed = METRICS.iter().map(|metric| metric.name.to_owned()).zip(&self.listed);
        let extra = self.extra.iter().map(|(name, samples)| (name.clone(), samples));
        listed.chain(extra).map(|(name, samples)| (name, samples.summary())).collect()
    }
}

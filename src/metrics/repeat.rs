use std::collections::BTreeMap;

use super::cell::seconds_of;
use super::definition::{METRICS, Take};
use super::derive::derive;
use super::distribution::Distribution;
use super::summary::{MetricSummary, RepeatSummary};
use crate::record::{Outcome, RequestRecord};
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
    samples: Samples,
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

    /// Takes a measured row.
    pub(super) fn add(&mut self, record: &RequestRecord) {
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
        self.samples.add(record);
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

    pub(super) fn samples(&self) -> &Samples {
        &self.samples
    }

    pub(super) fn summary(&self, number: u32) -> RepeatSummary {
        RepeatSummary {
            repeat: number,
            start_unix_ns: self.start_unix_ns,
            start_monotonic_ns: self.start_monotonic_ns,
            duration_s: self.window.length_ns().map(seconds_of),
            metrics: self.samples.summaries(),
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
    fn add(&mut self, record: &RequestRecord) {
        match record.outcome {
            Outcome::Completed => self.add_completed(record),
            Outcome::Failed(_) | Outcome::Dropped if record.stamps.scheduled_ns.is_some() => self.add_never(),
            _ => {}
        }
    }

    fn add_completed(&mut self, record: &RequestRecord) {
        let derived = derive(record);
        for (metric, samples) in METRICS.iter().zip(&mut self.listed) {
            match metric.take {
                Take::One(of) => of(record, &derived).into_iter().for_each(|value| samples.add(value, 1)),
                Take::Many(each) => each(record, &mut |value, weight| samples.add(value, weight)),
            }
        }
        for (name, value) in &record.server.extra {
            match self.extra.get_mut(name) {
                Some(samples) => samples.add(*value, 1),
                None => self.extra.entry(name.clone()).or_default().add(*value, 1),
            }
        }
    }

    /// A request that was due and never answered.
    fn add_never(&mut self) {
        let censored = METRICS.iter().zip(&mut self.listed).filter(|(metric, _)| metric.censored);
        censored.for_each(|(_, samples)| samples.add_infinite());
    }

    /// All samples of several repeats.
    pub(super) fn pooled<'s>(each: impl Iterator<Item = &'s Self>) -> Self {
        let mut pool = Self::default();
        for samples in each {
            pool.listed.iter_mut().zip(&samples.listed).for_each(|(into, from)| into.add_all(from));
            for (name, from) in &samples.extra {
                pool.extra.entry(name.clone()).or_default().add_all(from);
            }
        }
        pool
    }

    pub(super) fn summaries(&self) -> BTreeMap<String, Option<MetricSummary>> {
        let listed = METRICS.iter().map(|metric| metric.name.to_owned()).zip(&self.listed);
        let extra = self.extra.iter().map(|(name, samples)| (name.clone(), samples));
        listed.chain(extra).map(|(name, samples)| (name, samples.summary())).collect()
    }
}

use super::ClientHealth;
use super::cell::seconds_of;
use super::derive::derive;
use super::goodness::{Goodness, is_good};
use super::rates::Parts;
use super::samples::Samples;
use super::steady::{RepeatTally, Rule, WindowFinder};
use super::summary::RepeatSummary;
use crate::record::{Phase, RequestRecord};
use crate::scenario::Slo;
use crate::time::MonotonicNs;

/// One repeat of a cell while its measured rows come in. Only differences of stamps are used, whatever their zero.
#[derive(Debug)]
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
    /// Of the window, once it is known.
    parts: Option<Parts>,
}

impl Default for Repeat {
    fn default() -> Self {
        Self {
            start_unix_ns: 0,
            start_monotonic_ns: 0,
            window: Span::default(),
            due: Span::default(),
            due_count: 0,
            sends: Span::default(),
            send_count: 0,
            in_flight_ns: 0,
            first: None,
            finder: None,
            steady: RepeatTally::default(),
            samples: Samples::of_repeat(),
            steady_samples: Samples::of_repeat(),
            goodness: Goodness::default(),
            parts: None,
        }
    }
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
        self.goodness.add(record, slo);
        self.samples.add(record, MonotonicNs::MAX);
    }

    /// Takes a measured row of the first pass once more.
    pub(super) fn add_again(&mut self, record: &RequestRecord, slo: Option<&Slo>) {
        self.samples.add(record, MonotonicNs::MAX);
        if let Some(until_ns) = self.steady_until_ns(record) {
            self.steady_samples.add(record, until_ns);
        }
        if let Some(parts) = &mut self.parts {
            parts.add(record, slo.is_some_and(|slo| is_good(record, slo)));
        }
    }

    /// Ends the first pass: what is not steady is forgotten, and the window can be cut into parts.
    pub(super) fn close_first(&mut self) {
        if self.steady.steady().is_none() {
            self.steady_samples = Samples::of_repeat();
        }
        self.parts = self.window.first_ns.zip(self.window.last_ns).and_then(|(from, to)| Parts::new(from, to));
    }

    /// Ends a later pass: all that happened in the window is known.
    pub(super) fn close_later(&mut self) {
        self.parts.iter_mut().for_each(Parts::close);
    }

    /// Ends a pass; whether another one is needed.
    pub(super) fn next_pass(&mut self) -> bool {
        let steady = self.steady_samples.next_pass();
        self.samples.next_pass() | steady
    }

    /// Until when the samples of a row of the steady window count; `None` for other rows.
    pub(super) fn steady_until_ns(&self, record: &RequestRecord) -> Option<MonotonicNs> {
        self.steady.steady().filter(|tally| tally.window.counts(record)).map(|tally| tally.window.to_ns)
    }

    pub(super) fn steady(&self) -> &RepeatTally {
        &self.steady
    }

    /// The samples of the steady window, if it is enough of one.
    pub(super) fn steady_samples(&self) -> Option<&Samples> {
        self.steady.steady().map(|_| &self.steady_samples)
    }

    /// The same, to be told of those of other repeats.
    pub(super) fn steady_samples_mut(&mut self) -> Option<&mut Samples> {
        self.steady.steady()?;
        Some(&mut self.steady_samples)
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

    /// From the first measured start to the last measured end.
    pub(super) fn window(&self) -> Option<(MonotonicNs, MonotonicNs)> {
        self.window.first_ns.zip(self.window.last_ns)
    }

    pub(super) fn samples(&self) -> &Samples {
        &self.samples
    }

    pub(super) fn samples_mut(&mut self) -> &mut Samples {
        &mut self.samples
    }

    pub(super) fn goodness(&self) -> &Goodness {
        &self.goodness
    }

    /// What happened in each part of the window; `None` when rows were gone through only once.
    pub(super) fn parts(&self) -> Option<&Parts> {
        self.parts.as_ref().filter(|parts| parts.is_full())
    }

    pub(super) fn summary(&self, number: u32) -> RepeatSummary {
        RepeatSummary {
            repeat: number,
            start_unix_ns: self.start_unix_ns,
            start_monotonic_ns: self.start_monotonic_ns,
            duration_s: self.window.length_ns().map(seconds_of),
            first_ttft_ms: self.first.and_then(|(_, ttft_ms)| ttft_ms),
            metrics: self.samples.summaries(),
            scraped: None,
            client: ClientHealth::default(),
            stopped: None,
            reused: None,
        }
    }
}

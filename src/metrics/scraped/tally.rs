use std::collections::BTreeMap;

use super::super::cell::seconds_of;
use super::{CounterSummary, GaugeSummary, ScrapeSummary};
use crate::record::{ScrapedColumn, ScrapedSample};
use crate::scenario::MetricKind;
use crate::time::MonotonicNs;

/// Kinds of faults that are told apart.
const MOST_FAULTS: usize = 5;

/// The gauge that tells processes apart.
const PROCESS_START: &str = "process_start_s";

/// Sums up the samples of one repeat, in the order of time; then takes other repeats' in.
#[derive(Debug, Clone, Default)]
pub struct ScrapeTally {
    columns: Vec<ScrapedColumn>,
    /// The first measured start and the last measured end.
    window: Option<(MonotonicNs, MonotonicNs)>,
    summary: ScrapeSummary,
    gauges: BTreeMap<String, Gauge>,
    counters: BTreeMap<String, Counter>,
    process_start_s: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Gauge {
    samples: u32,
    sum: f64,
    min: f64,
    max: f64,
}

/// A counter between two moments.
#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    /// When it was last seen, and its value then.
    last: Option<(MonotonicNs, f64)>,
    /// Since when the increase counts.
    since_ns: Option<MonotonicNs>,
    increase: f64,
    /// Whether it was seen after the window.
    is_done: bool,
    seconds: f64,
    /// Whether it was seen twice.
    has_figures: bool,
}

impl ScrapeTally {
    /// Nothing yet of a repeat whose measured requests lived within `window`, by the stamps of its samples; without a window
    /// there are no figures.
    #[must_use]
    pub fn new(columns: &[ScrapedColumn], window: Option<(MonotonicNs, MonotonicNs)>) -> Self {
        let of_kind = |kind| columns.iter().filter(move |column| column.kind == kind).map(|column| column.name.clone());
        Self {
            gauges: of_kind(MetricKind::Gauge).map(|name| (name, Gauge::default())).collect(),
            counters: of_kind(MetricKind::Counter).map(|name| (name, Counter::default())).collect(),
            columns: columns.to_vec(),
            window,
            ..Self::default()
        }
    }

    /// Takes the next sample.
    pub fn add(&mut self, sample: &ScrapedSample) {
        let summary = &mut self.summary;
        summary.scrapes += 1;
        summary.missed += u64::from(sample.missed);
        #[expect(clippy::cast_precision_loss, reason = "a scrape takes seconds")]
        let scrape_ms = sample.scrape_ns as f64 / 1e6;
        summary.scrape_ms_max = Some(summary.scrape_ms_max.map_or(scrape_ms, |max| max.max(scrape_ms)));
        if let Some(fault) = &sample.fault {
            let is_known = summary.faults.contains_key(fault);
            if is_known || summary.faults.len() < MOST_FAULTS {
                *summary.faults.entry(fault.clone()).or_default() += 1;
            }
        }
        if sample.values.iter().all(Option::is_none) {
            summary.failed += u64::from(sample.fault.is_some());
            return;
        }
        let restarted = self.is_of_another_process(sample);
        self.summary.restarts += u64::from(restarted);
        for (column, value) in self.columns.iter().zip(&sample.values) {
            let Some(value) = *value else { continue };
            match column.kind {
                MetricKind::Gauge => {
                    let is_inside = |(from, to)| (from..=to).contains(&sample.at_ns);
                    if let Some(gauge) =
                        self.gauges.get_mut(&column.name).filter(|_| self.window.is_some_and(is_inside))
                    {
                        gauge.add(value);
                    }
                }
                MetricKind::Counter => {
                    if let (Some(counter), Some(window)) = (self.counters.get_mut(&column.name), self.window) {
                        counter.add(sample.at_ns, value, restarted, window);
                    }
                }
            }
        }
    }

    fn is_of_another_process(&mut self, sample: &ScrapedSample) -> bool {
        let value = |name: &str| {
            let place = self.columns.iter().position(|column| column.name == name)?;
            sample.values.get(place).copied().flatten()
        };
        let start = value(PROCESS_START);
        let is_new = start.zip(self.process_start_s).is_some_and(|(now, before)| now > before);
        let went_back = |(name, counter): (&String, &Counter)| {
            value(name).zip(counter.last).is_some_and(|(now, (_, before))| now < before)
        };
        let restarted = is_new || self.counters.iter().any(went_back);
        self.process_start_s = start.or(self.process_start_s);
        restarted
    }

    /// Takes in the figures of another repeat.
    pub fn merge(&mut self, other: &Self) {
        let (summary, theirs) = (&mut self.summary, &other.summary);
        summary.scrapes += theirs.scrapes;
        summary.failed += theirs.failed;
        summary.missed += theirs.missed;
        summary.restarts += theirs.restarts;
        summary.scrape_ms_max = summary.scrape_ms_max.into_iter().chain(theirs.scrape_ms_max).reduce(f64::max);
        for (fault, count) in &theirs.faults {
            *summary.faults.entry(fault.clone()).or_default() += count;
        }
        for (name, gauge) in &other.gauges {
            self.gauges.entry(name.clone()).or_default().merge(gauge);
        }
        for (name, counter) in &other.counters {
            let into = self.counters.entry(name.clone()).or_default();
            into.increase += counter.increase;
            into.seconds += counter.seconds;
            into.has_figures |= counter.has_figures;
        }
    }

    /// The figures so far.
    #[must_use]
    pub fn summary(&self) -> ScrapeSummary {
        let mut summary = self.summary.clone();
        summary.gauges = self.gauges.iter().map(|(name, gauge)| (name.clone(), gauge.summary())).collect();
        summary.counters = self.counters.iter().map(|(name, counter)| (name.clone(), counter.summary())).collect();
        let increase = |name| summary.counter(name).map(|counter| counter.increase);
        let queries = increase("prefix_cache_queries_total").filter(|queries| *queries > 0.0);
        summary.prefix_cache_hit_share =
            increase("prefix_cache_hits_total").zip(queries).map(|(hits, queries)| hits / queries);
        summary
    }
}

impl Gauge {
    fn add(&mut self, value: f64) {
        self.merge(&Self { samples: 1, sum: value, min: value, max: value });
    }

    fn merge(&mut self, other: &Self) {
        *self = match (self.samples, other.samples) {
            (_, 0) => *self,
            (0, _) => *other,
            _ => Self {
                samples: self.samples + other.samples,
                sum: self.sum + other.sum,
                min: self.min.min(other.min),
                max: self.max.max(other.max),
            },
        };
    }

    fn summary(&self) -> Option<GaugeSummary> {
        let Self { samples, sum, min, max } = *self;
        (samples > 0).then(|| GaugeSummary { samples: samples.into(), mean: sum / f64::from(samples), min, max })
    }
}

impl Counter {
    fn add(&mut self, at_ns: MonotonicNs, value: f64, restarted: bool, window: (MonotonicNs, MonotonicNs)) {
        let (from_ns, to_ns) = window;
        let before = self.last.replace((at_ns, value));
        if self.is_done {
            return;
        }
        if at_ns <= from_ns || before.is_none() {
            (self.since_ns, self.increase) = (Some(at_ns), 0.0);
        } else if let (Some((_, before)), Some(since_ns)) = (before, self.since_ns) {
            self.increase += if restarted { value } else { value - before };
            self.seconds = seconds_of(at_ns - since_ns);
            self.has_figures = true;
        }
        self.is_done = at_ns >= to_ns;
    }

    fn summary(&self) -> Option<CounterSummary> {
        let per_s = (self.seconds > 0.0).then(|| self.increase / self.seconds);
        self.has_figures.then_some(CounterSummary { increase: self.increase, seconds: self.seconds, per_s })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const S: i64 = 1_000_000_000;

    fn columns() -> Vec<ScrapedColumn> {
        let column = |name: &str| ScrapedColumn { name: name.to_owned(), kind: MetricKind::of_name(name) };
        ["requests_waiting", PROCESS_START, "prefix_cache_queries_total", "prefix_cache_hits_total"]
            .map(column)
            .to_vec()
    }

    fn sample(at_s: i64, values: [Option<f64>; 4]) -> ScrapedSample {
        ScrapedSample { at_ns: at_s * S, scrape_ns: 3_000_000, missed: 0, fault: None, values: values.to_vec() }
    }

    fn tally(window: (i64, i64), samples: &[ScrapedSample]) -> ScrapeTally {
        let mut tally = ScrapeTally::new(&columns(), Some((window.0 * S, window.1 * S)));
        for sample in samples {
            tally.add(sample);
        }
        tally
    }

    #[test]
    fn gauges_are_of_the_window_and_counters_span_it() {
        let at = |at_s, waiting, queries, hits| sample(at_s, [Some(waiting), None, Some(queries), Some(hits)]);
        let samples = [
            at(-4, 90.0, 10.0, 1.0),
            at(-1, 80.0, 30.0, 5.0),
            at(1, 2.0, 40.0, 5.0),
            at(3, 6.0, 90.0, 50.0),
            at(5, 70.0, 130.0, 80.0),
            at(7, 0.0, 999.0, 99.0),
        ];
        let summary = tally((0, 4), &samples).summary();
        assert_eq!(
            summary.gauge("requests_waiting"),
            Some(&GaugeSummary { samples: 2, mean: 4.0, min: 2.0, max: 6.0 })
        );
        let queries = summary.counter("prefix_cache_queries_total").unwrap();
        assert_eq!(*queries, CounterSummary { increase: 100.0, seconds: 6.0, per_s: Some(100.0 / 6.0) });
        assert_eq!(summary.prefix_cache_hit_share, Some(0.75));
        assert_eq!((summary.scrapes, summary.restarts, summary.scrape_ms_max), (6, 0, Some(3.0)));
        assert_eq!(summary.gauges[PROCESS_START], None);
    }

    #[test]
    fn a_restart_is_seen_by_counters_or_by_the_process_and_loses_nothing_that_was_seen() {
        let at = |at_s, start, queries| sample(at_s, [None, start, Some(queries), None]);
        let back =
            tally((0, 9), &[at(-1, None, 100.0), at(2, None, 130.0), at(4, None, 20.0), at(10, None, 50.0)]).summary();
        assert_eq!((back.counter("prefix_cache_queries_total").unwrap().increase, back.restarts), (80.0, 1));
        let new =
            tally((0, 9), &[at(-1, Some(5.0), 100.0), at(2, Some(5.0), 130.0), at(10, Some(6.0), 140.0)]).summary();
        assert_eq!((new.counter("prefix_cache_queries_total").unwrap().increase, new.restarts), (170.0, 1));
    }

    #[test]
    fn pages_that_fail_are_counted_and_told() {
        let failed = |fault: &str| ScrapedSample {
            fault: Some(fault.to_owned()),
            values: Vec::new(),
            missed: 2,
            ..sample(1, [None; 4])
        };
        let mut samples: Vec<_> = (0..9).map(|number| failed(&format!("f{number}"))).collect();
        samples.extend([failed("f0"), sample(2, [Some(1.0), None, None, None])]);
        let summary = tally((0, 4), &samples).summary();
        assert_eq!((summary.scrapes, summary.failed, summary.missed), (11, 10, 20));
        assert_eq!((summary.faults.len(), summary.faults["f0"]), (MOST_FAULTS, 2));
        assert_eq!(summary.gauge("requests_waiting").unwrap().samples, 1);
        assert_eq!(summary.counters["prefix_cache_queries_total"], None);
        assert_eq!(ScrapeTally::new(&columns(), None).summary().gauge("requests_waiting"), None);
    }

    #[test]
    fn repeats_are_taken_together() {
        let at = |at_s, waiting, queries| sample(at_s, [Some(waiting), None, Some(queries), None]);
        let mut all = tally((0, 2), &[at(-1, 9.0, 0.0), at(1, 1.0, 5.0), at(3, 9.0, 10.0)]);
        all.merge(&tally((0, 2), &[at(-1, 9.0, 7.0), at(1, 5.0, 8.0), at(2, 9.0, 17.0)]));
        let summary = all.summary();
        assert_eq!(
            summary.gauge("requests_waiting"),
            Some(&GaugeSummary { samples: 3, mean: 5.0, min: 1.0, max: 9.0 })
        );
        let queries = CounterSummary { increase: 20.0, seconds: 7.0, per_s: Some(20.0 / 7.0) };
        assert_eq!(summary.counter("prefix_cache_queries_total"), Some(&queries));
        assert_eq!(summary.scrapes, 6);
    }

    proptest! {
        #[test]
        fn increases_add_up_to_the_last_value_whatever_the_scrapes(steps in vec(0_u32..100, 2..40), to in 1_i64..60) {
            let mut value = 7.0;
            let mut samples = Vec::new();
            for (at, step) in steps.iter().enumerate() {
                value += f64::from(*step);
                samples.push(sample(i64::try_from(at).unwrap(), [None, None, Some(value), None]));
            }
            let summary = tally((0, to), &samples).summary();
            let end = usize::try_from(to).unwrap().min(samples.len() - 1);
            let expected = samples[end].values[2].unwrap() - samples[0].values[2].unwrap();
            prop_assert_eq!(summary.counter("prefix_cache_queries_total").map(|counter| counter.increase), Some(expected));
            prop_assert_eq!(summary.restarts, 0);
        }
    }
}

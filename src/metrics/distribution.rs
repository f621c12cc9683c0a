use std::collections::BTreeMap;

use super::exact_sum::ExactSum;
use super::gather::Gather;
use super::key::key;
use super::lookup::Lookup;
use super::quantile::{PERCENTILES, Ranked, percentile, ranks};
use super::range::Range;
use super::summary::MetricSummary;
use crate::units::as_float;

/// Up to so many different samples are kept; what has more is counted first and looked up in later passes.
const KEPT: usize = 1 << 15;
/// Of a range that holds a percentile, up to so many.
const KEPT_IN_RANGE: usize = 1 << 12;

/// The samples of one metric: their figures are exact, and memory does not grow with their number.
///
/// Where the different samples of a pass grow many, the same samples must be added again, as often as
/// [`next_pass`](Self::next_pass) says so: each pass knows better where the percentiles lie.
#[derive(Debug, Clone)]
pub(super) struct Distribution {
    count: u64,
    infinite: u64,
    extremes: Option<(f64, f64)>,
    sum: ExactSum,
    /// Squared distances from the mean, once the mean is known.
    spread: ExactSum,
    mean: Option<f64>,
    /// In ascending order; one of all numbers in the first pass.
    ranges: Vec<Range>,
    /// Values by rank.
    found: BTreeMap<u64, f64>,
    state: State,
    /// Most different samples that are kept of a range with a percentile.
    kept_in_range: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Every sample is new.
    First,
    /// Samples are only looked up.
    Again,
    /// All is known.
    Done,
}

impl Default for Distribution {
    fn default() -> Self {
        Self::keeping(KEPT, KEPT_IN_RANGE)
    }
}

impl Distribution {
    fn keeping(kept: usize, kept_in_range: usize) -> Self {
        Self {
            count: 0,
            infinite: 0,
            extremes: None,
            sum: ExactSum::default(),
            spread: ExactSum::default(),
            mean: None,
            ranges: vec![Range::all(kept)],
            found: BTreeMap::new(),
            state: State::First,
            kept_in_range,
        }
    }

    /// Takes a sample that counts `weight` times. What is no number is no sample: a server's report may hold anything.
    pub(super) fn add(&mut self, value: f64, weight: u64) {
        if !value.is_finite() || weight == 0 {
            return;
        }
        match self.state {
            State::First => {
                self.count += weight;
                let (least, greatest) = self.extremes.unwrap_or((value, value));
                self.extremes = Some((least.min(value), greatest.max(value)));
                self.sum.add_times(value, as_float(weight));
                self.ranges[0].add(value, weight);
            }
            State::Again => {
                if let Some(mean) = self.mean {
                    self.spread.add_times((value - mean) * (value - mean), as_float(weight));
                }
                let at = key(value);
                let after = self.ranges.partition_point(|range| range.begins_by(at));
                if let Some(range) = after.checked_sub(1).and_then(|at| self.ranges.get_mut(at)) {
                    range.add(value, weight);
                }
            }
            State::Done => {}
        }
    }

    /// Takes a sample that never came: later than any other.
    pub(super) fn add_infinite(&mut self) {
        self.infinite += u64::from(self.state == State::First);
    }

    /// Takes all samples that another one got in its first pass, in this one's first pass.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.count += other.count;
        self.infinite += other.infinite;
        let (mine, theirs) = (self.extremes, other.extremes);
        self.extremes = mine.zip(theirs).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1))).or(mine).or(theirs);
        self.sum.add_all(other.sum);
        self.ranges[0].merge(&other.ranges[0]);
    }

    /// Ends a pass; whether the same samples must be added once more.
    pub(super) fn next_pass(&mut self) -> bool {
        match self.state {
            State::Done => return false,
            State::First if self.ranges[0].gathered().is_some() => {
                self.state = State::Done;
                return false;
            }
            State::First => {
                self.mean = Some(self.mean());
                self.state = State::Again;
            }
            // A later pass over the same samples would count their distances again.
            State::Again => self.mean = None,
        }
        let ranks = ranks(self.count, self.count + self.infinite);
        let ranges = std::mem::take(&mut self.ranges);
        let found = &mut self.found;
        self.ranges = ranges.iter().flat_map(|range| range.narrow(&ranks, self.kept_in_range, found)).collect();
        if self.ranges.is_empty() && self.mean.is_none() {
            self.state = State::Done;
        }
        self.state == State::Again
    }

    /// Where the samples of the first pass lie, before it is ended; `None` of fewer than two or when none came.
    pub(super) fn lookup(&self) -> Option<Lookup> {
        let extremes = self.extremes.filter(|_| self.count + self.infinite > 1)?;
        Some(Lookup::new(self.ranges.first()?.bins().into_iter(), extremes, self.infinite))
    }

    /// Whether there are samples that an interval can be made from.
    pub(super) fn has_samples(&self) -> bool {
        self.extremes.is_some() && self.count + self.infinite > 1
    }

    /// Whether samples that are added make a difference.
    pub(super) fn is_open(&self) -> bool {
        self.state != State::Done
    }

    fn mean(&self) -> f64 {
        let (least, greatest) = self.extremes.unwrap_or_default();
        // Rounding must not carry the mean of equal samples past them.
        (self.sum.value() / as_float(self.count)).clamp(least, greatest)
    }

    /// All figures of the metric; `None` without a sample that came.
    pub(super) fn summary(&self) -> Option<MetricSummary> {
        let (min, max) = self.extremes?;
        let all_came = self.infinite == 0;
        let mean = self.mean();
        let count = self.count + self.infinite;
        let kept = self.ranges.first().and_then(Range::gathered).filter(|_| self.state != State::Again);
        let (spread, ranked) = match kept.map(Gather::ascending) {
            Some(samples) => {
                let mut spread = ExactSum::default();
                for (value, weight) in &samples {
                    spread.add_times((value - mean) * (value - mean), as_float(*weight));
                }
                (spread, Some(Ranked::new(samples, self.infinite)))
            }
            None => (self.spread, None),
        };
        let known = ranked.is_some() || self.state == State::Done;
        let stddev = (self.count > 1 && known).then(|| (spread.value() / as_float(self.count - 1)).sqrt());
        let at = |name: &str| {
            let permille = PERCENTILES.iter().find(|percentile| percentile.name == name)?.permille;
            match &ranked {
                Some(ranked) => ranked.percentile(permille),
                None => percentile(count, permille, |rank| self.found.get(&rank).copied()),
            }
        };
        let summary = MetricSummary {
            count,
            mean: Some(mean).filter(|mean| all_came && mean.is_finite()),
            stddev: stddev.filter(|stddev| all_came && stddev.is_finite()),
            min: Some(min),
            p5: at("p5"),
            p25: at("p25"),
            p50: at("p50"),
            p75: at("p75"),
            p90: at("p90"),
            p95: at("p95"),
            p99: at("p99"),
            p99_9: at("p99_9"),
            max: Some(max).filter(|_| all_came),
            needed: PERCENTILES.iter().map(|percentile| (percentile.name.to_owned(), percentile.needed)).collect(),
            ci95: None,
            effective_n: BTreeMap::new(),
            degrees_of_freedom: BTreeMap::new(),
            null_reasons: BTreeMap::new(),
        };
        Some(if all_came { summary } else { summary.with_nulls_censored() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All passes; how many there were, and the figures.
    fn passes(mut of: Distribution, samples: &[(f64, u64)], infinite: u64) -> (usize, Option<MetricSummary>) {
        let mut passes = 0;
        loop {
            for (value, weight) in samples {
                of.add(*value, *weight);
            }
            (0..infinite).for_each(|_| of.add_infinite());
            passes += 1;
            assert!(passes < 10);
            if !of.next_pass() {
                return (passes, of.summary());
            }
        }
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => 0.0..1e3_f64,
            2 => (0..8_u32).prop_map(f64::from),
            2 => (0..100_u32).prop_map(|k| f64::from(k).mul_add(f64::EPSILON, 1.0)),
            1 => any::<f64>(),
            1 => Just(f64::MAX),
            1 => Just(f64::MIN_POSITIVE),
            1 => Just(-0.0),
        ]
    }

    fn same_percentiles(one: &MetricSummary, other: &MetricSummary) -> bool {
        let bits = |summary: &MetricSummary, word: &str| summary.figure(word).map(f64::to_bits);
        let exact = ["min", "max"].into_iter().chain(PERCENTILES.map(|percentile| percentile.name));
        one.count == other.count && exact.into_iter().all(|word| bits(one, word) == bits(other, word))
    }

    fn near(one: Option<f64>, other: Option<f64>) -> bool {
        match (one, other) {
            (Some(one), Some(other)) => (one - other).abs() <= 1e-12 * other.abs(),
            (one, other) => one == other,
        }
    }

    proptest! {
        #[test]
        fn what_is_looked_up_in_passes_is_what_sorting_gives(
            samples in prop::collection::vec((value(), 1..4_u64), 1..400),
            infinite in prop_oneof![Just(0), 0..50_u64], kept in 1..40_usize, in_range in 1..10_usize,
        ) {
            let (once, sorted) = passes(Distribution::keeping(1 << 20, 1), &samples, infinite);
            let (_, looked_up) = passes(Distribution::keeping(kept, in_range), &samples, infinite);
            prop_assert_eq!(once, 1);
            prop_assert_eq!(sorted.is_some(), looked_up.is_some());
            if let (Some(sorted), Some(looked_up)) = (sorted, looked_up) {
                prop_assert!(same_percentiles(&sorted, &looked_up), "{sorted:?}\n{looked_up:?}");
                prop_assert!(near(looked_up.mean, sorted.mean) && near(looked_up.stddev, sorted.stddev));
                prop_assert_eq!(sorted.null_reasons, looked_up.null_reasons);
            }
        }

        #[test]
        fn parts_that_are_put_together_are_the_whole(
            parts in prop::collection::vec(prop::collection::vec((value(), 1..4_u64), 0..100), 1..4),
            kept in 1..200_usize,
        ) {
            let mut whole = Distribution::keeping(kept, 4);
            for part in &parts {
                let mut of_part = Distribution::keeping(kept, 4);
                for (value, weight) in part {
                    of_part.add(*value, *weight);
                }
                whole.add_all(&of_part);
            }
            let all: Vec<(f64, u64)> = parts.concat();
            while whole.next_pass() {
                for (value, weight) in &all {
                    whole.add(*value, *weight);
                }
            }
            let (_, sorted) = passes(Distribution::keeping(1 << 20, 1), &all, 0);
            prop_assert_eq!(sorted.is_some(), whole.summary().is_some());
            if let (Some(sorted), Some(whole)) = (sorted, whole.summary()) {
                prop_assert!(same_percentiles(&sorted, &whole), "{sorted:?}\n{whole:?}");
                prop_assert!(near(whole.mean, sorted.mean) && near(whole.stddev, sorted.stddev));
            }
        }
    }

    #[test]
    fn many_close_samples_take_three_passes_and_little_memory() {
        // A million of 8 ms within a thousandth, as inter-token latencies are.
        let spread = |k: u64| u32::try_from(k * 7919 % 999_983).unwrap();
        let samples: Vec<(f64, u64)> = (0..1_000_000).map(|k| (8.0 + f64::from(spread(k)) * 1e-8, 1)).collect();
        let (count, summary) = passes(Distribution::default(), &samples, 0);
        let (_, sorted) = passes(Distribution::keeping(1 << 24, 1), &samples, 0);
        assert!(same_percentiles(&summary.unwrap(), &sorted.unwrap()));
        assert!(count <= 3, "{count}");
    }
}

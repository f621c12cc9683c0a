use std::collections::BTreeMap;

use super::quantile::{PERCENTILES, Ranked};
use super::summary::MetricSummary;

/// From this many samples on, equal ones are folded; and again each time their number has doubled.
const FOLD_FROM: usize = 1 << 16;

/// The samples of one metric, exact.
///
/// A sample that counts once is a number; one that counts more often has its weight beside it. Equal samples are
/// folded as they grow many, so that memory follows the number of different values: stamps are whole nanoseconds, and
/// inter-token latencies repeat.
#[derive(Debug, Clone, Default)]
pub(super) struct Distribution {
    once: Vec<f64>,
    weighted: Vec<(f64, u64)>,
    infinite: u64,
    fold_at: usize,
}

impl Distribution {
    /// Takes a sample that counts `weight` times. What is no number is no sample: a server's report may hold anything.
    pub(super) fn add(&mut self, value: f64, weight: u64) {
        match weight {
            _ if !value.is_finite() => return,
            0 => return,
            1 => self.once.push(value),
            _ => self.weighted.push((value, weight)),
        }
        if self.once.len() + self.weighted.len() >= self.fold_at.max(FOLD_FROM) {
            let folded = self.ascending();
            self.fold_at = 2 * folded.len();
            (self.once, self.weighted) = (Vec::new(), Vec::new());
            for (value, weight) in folded {
                if weight == 1 { self.once.push(value) } else { self.weighted.push((value, weight)) }
            }
        }
    }

    /// Takes a sample that never came: later than any other.
    pub(super) fn add_infinite(&mut self) {
        self.infinite += 1;
    }

    /// Takes all samples of another one.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.once.extend(&other.once);
        self.weighted.extend(&other.weighted);
        self.infinite += other.infinite;
    }

    /// The finite samples in ascending order, equal ones as one.
    fn ascending(&self) -> Vec<(f64, u64)> {
        let mut all: Vec<(f64, u64)> =
            self.once.iter().map(|value| (*value, 1)).chain(self.weighted.iter().copied()).collect();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        all.dedup_by(|next, kept| {
            let same = next.0.to_bits() == kept.0.to_bits();
            kept.1 += if same { next.1 } else { 0 };
            same
        });
        all
    }

    /// All figures of the metric; `None` without a sample that came.
    ///
    /// Sums run in ascending order, so that the order of arrival changes no digit.
    pub(super) fn summary(&self) -> Option<MetricSummary> {
        let samples = self.ascending();
        let (min, max) = (samples.first()?.0, samples.last()?.0);
        let finite: u64 = samples.iter().map(|(_, weight)| weight).sum();
        let all_came = self.infinite == 0;
        // Rounding must not carry the mean of equal samples past them.
        let mean = (sum(&samples, |value| value) / as_float(finite)).clamp(min, max);
        let spread = sum(&samples, |value| (value - mean) * (value - mean));
        let stddev = (finite > 1).then(|| (spread / as_float(finite - 1)).sqrt());
        let ranked = Ranked::new(samples, self.infinite);
        let at = |name: &str| {
            let percentile = PERCENTILES.iter().find(|percentile| percentile.name == name)?;
            ranked.percentile(percentile.permille)
        };
        let summary = MetricSummary {
            count: finite + self.infinite,
            mean: Some(mean).filter(|_| all_came),
            stddev: stddev.filter(|_| all_came),
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
            null_reasons: BTreeMap::new(),
        };
        Some(if all_came { summary } else { summary.with_nulls_censored() })
    }
}

fn sum(samples: &[(f64, u64)], of: impl Fn(f64) -> f64) -> f64 {
    samples.iter().map(|(value, weight)| of(*value) * as_float(*weight)).sum()
}

#[expect(clippy::cast_precision_loss, reason = "sample counts are far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

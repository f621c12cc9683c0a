use std::collections::BTreeMap;

use super::quantile::{PERCENTILES, weighted_quantile};
use super::summary::MetricSummary;

/// The samples of one metric, each with how often it counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Distribution {
    samples: Vec<(f64, u64)>,
}

impl Distribution {
    pub(super) fn add(&mut self, value: f64, weight: u64) {
        self.samples.push((value, weight));
    }

    /// All figures of the metric; `None` without a sample.
    pub(super) fn summary(&self) -> Option<MetricSummary> {
        let mut sorted = self.samples.clone();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let count: u64 = sorted.iter().map(|(_, weight)| weight).sum();
        let (min, max) = (sorted.first()?.0, sorted.last()?.0);
        let mean = sum(&sorted, |value| value) / as_float(count);
        let spread = sum(&sorted, |value| (value - mean) * (value - mean));
        let percentiles: BTreeMap<String, f64> = PERCENTILES
            .iter()
            .filter_map(|p| Some((p.name.to_owned(), weighted_quantile(&sorted, count, p.share)?)))
            .collect();
        Some(MetricSummary::new(
            count,
            mean,
            (count > 1).then(|| (spread / as_float(count - 1)).sqrt()),
            min,
            max,
            &percentiles,
        ))
    }
}

fn sum(samples: &[(f64, u64)], of: impl Fn(f64) -> f64) -> f64 {
    samples.iter().map(|(value, weight)| of(*value) * as_float(*weight)).sum()
}

#[expect(clippy::cast_precision_loss, reason = "sample counts are far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

use super::quantile::{PERCENTILES, weighted_quantile};
use super::summary::MetricSummary;

/// The samples of one metric, each with how often it counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Distribution {
    samples: Vec<(f64, u64)>,
}

impl Distribution {
    /// Takes samples; what is no finite number (a server may say anything) is none.
    pub(super) fn extend(&mut self, samples: impl IntoIterator<Item = (f64, u64)>) {
        self.samples.extend(samples.into_iter().filter(|(value, weight)| value.is_finite() && *weight > 0));
    }

    /// Takes over the samples of another.
    pub(super) fn append(&mut self, mut other: Self) {
        self.samples.append(&mut other.samples);
    }

    /// All figures of the metric; `None` without a sample. Sorts the samples.
    pub(super) fn summary(&mut self) -> Option<MetricSummary> {
        let samples = &mut self.samples;
        samples.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let count: u64 = samples.iter().map(|(_, weight)| weight).sum();
        let (min, max) = (samples.first()?.0, samples.last()?.0);
        let mean = sum(samples, |value| value) / as_float(count);
        let spread = sum(samples, |value| (value - mean) * (value - mean));
        let at = |share: f64| weighted_quantile(samples, count, share).unwrap_or(max);
        let [p5, p25, p50, p75, p90, p95, p99, p99_9] = PERCENTILES.map(|percentile| at(percentile.share));
        Some(MetricSummary {
            count,
            mean,
            stddev: (count > 1).then(|| (spread / as_float(count - 1)).sqrt()),
            min,
            p5,
            p25,
            p50,
            p75,
            p90,
            p95,
            p99,
            p99_9,
            max,
            needed: PERCENTILES.iter().map(|percentile| (percentile.name.to_owned(), percentile.needed)).collect(),
            ci95: None,
        })
    }
}

fn sum(samples: &[(f64, u64)], of: impl Fn(f64) -> f64) -> f64 {
    samples.iter().map(|(value, weight)| of(*value) * as_float(*weight)).sum()
}

#[expect(clippy::cast_precision_loss, reason = "sample counts are far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

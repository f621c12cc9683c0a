use hdrhistogram::Histogram;

/// The greatest value that is told apart: three hours, in microseconds.
const LONGEST_US: u64 = 3 * 3600 * 1_000_000;

/// A distribution that is read while it grows: to three significant digits, in constant memory.
#[derive(Debug)]
pub struct LiveDistribution {
    /// Microseconds; `None` if it could not be made.
    histogram: Option<Histogram<u64>>,
}

impl LiveDistribution {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { histogram: Histogram::new_with_bounds(1, LONGEST_US, 3).ok() }
    }

    /// Takes a value in milliseconds; negative ones and no numbers count as 0, more than three hours as three.
    pub fn record(&mut self, ms: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let us = (ms * 1000.0).round() as u64;
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record(us);
        }
    }

    /// The value, in milliseconds, below which a share of them lies; `None` without any.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let histogram = self.histogram.as_ref().filter(|histogram| !histogram.is_empty())?;
        #[expect(clippy::cast_precision_loss, reason = "for the eye")]
        Some(histogram.value_at_quantile(share) as f64 / 1000.0)
    }
}

impl Default for LiveDistribution {
    fn default() -> Self {
        Self::new()
    }
}

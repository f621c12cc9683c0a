use hdrhistogram::Histogram;

/// The greatest value that quantiles tell apart, in microseconds: three hours. A saturating histogram does not grow.
const LONGEST_US: u64 = 3 * 3600 * 1_000_000;

/// A distribution that is read while it grows, in constant memory: quantiles to three significant digits, extremes exact.
#[derive(Debug)]
pub struct LiveDistribution {
    /// Microseconds; `None` if it could not be made.
    histogram: Option<Histogram<u64>>,
    /// Least and greatest, milliseconds.
    extremes: Option<(f64, f64)>,
}

impl LiveDistribution {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { histogram: Histogram::new_with_max(LONGEST_US, 3).ok(), extremes: None }
    }

    /// Takes a value in milliseconds; what is negative or no number counts as 0.
    pub fn record(&mut self, ms: f64) {
        let ms = ms.max(0.0);
        let (least, greatest) = self.extremes.unwrap_or((ms, ms));
        self.extremes = Some((least.min(ms), greatest.max(ms)));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let us = (ms * 1000.0).round() as u64;
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record(us);
        }
    }

    /// The least value, milliseconds, exact; `None` without any.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        self.extremes.map(|(least, _)| least)
    }

    /// The greatest value, milliseconds, exact; `None` without any.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.extremes.map(|(_, greatest)| greatest)
    }

    /// The value, in milliseconds, below which a share of them lies; `None` without any.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let histogram = self.histogram.as_ref().filter(|histogram| !histogram.is_empty())?;
        let (least, greatest) = self.extremes?;
        #[expect(clippy::cast_precision_loss, reason = "for the eye")]
        let ms = histogram.value_at_quantile(share) as f64 / 1000.0;
        // A bucket's upper bound may lie beyond what was ever recorded.
        Some(ms.clamp(least, greatest))
    }
}

impl Default for LiveDistribution {
    fn default() -> Self {
        Self::new()
    }
}

use super::law::{normal_quantile, t_quantile, t_share_below};

/// The level of every interval that is stored: 95 %.
pub const LEVEL: f64 = 0.95;

/// Two bounds between which the true value lies with the probability `level`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower bound, in the figure's unit; negative infinity when nothing bounds it.
    pub low: f64,
    /// The upper bound; infinity when it falls on a request that never came.
    pub high: f64,
    /// The share of such intervals that hold the true value: 0.95.
    pub level: f64,
}

impl Interval {
    /// Whether a value lies in it, bounds included.
    #[must_use]
    pub fn has(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Half its width over a value: `rel_ci`. Infinite for the value 0.
    #[must_use]
    pub fn relative_half_width(&self, value: f64) -> f64 {
        (self.high - self.low) / 2.0 / value.abs()
    }
}

/// A figure and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The figure, in its unit.
    pub value: f64,
    /// Its 95 % interval; `None` when there are too few samples to tell.
    pub interval: Option<Interval>,
    /// The standard deviation of the figure, were it measured anew: half the interval over Student's quantile. Infinite
    /// where the interval has no upper bound, 0 without one.
    pub standard_error: f64,
    /// Of Student's t that belongs to the standard error; may be infinite.
    pub degrees_of_freedom: f64,
    /// How many independent samples would tell as much; at most `n`. What differs between repeats is not in it.
    pub effective_n: f64,
    /// Samples.
    pub n: u64,
    /// Repeats they are from. With one, what differs from run to run is not in the interval.
    pub repeats: u32,
}

impl Estimate {
    /// One that was stored: the standard error follows from the interval. `counts` are samples, and what they are worth.
    #[must_use]
    pub fn stored(value: f64, interval: Interval, degrees: f64, counts: (u64, f64), repeats: u32) -> Self {
        Self {
            value,
            interval: Some(interval),
            standard_error: (interval.high - interval.low) / 2.0 / two_sided(interval.level, degrees),
            degrees_of_freedom: degrees,
            effective_n: counts.1,
            n: counts.0,
            repeats,
        }
    }

    /// The interval of another level than [`LEVEL`], by scaling the stored one as Student's t does.
    #[must_use]
    pub fn interval_at(&self, level: f64) -> Option<Interval> {
        let stored = self.interval?;
        let scale = self.quantile(level) / self.quantile(stored.level);
        let (below, above) = ((self.value - stored.low) * scale, (stored.high - self.value) * scale);
        Some(Interval { low: self.value - below, high: self.value + above, level })
    }

    /// How likely a figure as great as this one, or greater, is when the true value is `limit`: a one-sided p-value.
    /// `None` without an interval.
    #[must_use]
    pub fn p_above(&self, limit: f64) -> Option<f64> {
        self.interval?;
        let distance = self.value - limit;
        if self.standard_error == 0.0 {
            return Some(if distance > 0.0 { 0.0 } else { 1.0 });
        }
        Some(1.0 - t_share_below(distance / self.standard_error, self.degrees_of_freedom))
    }

    /// The same for a figure as small as this one, or smaller.
    #[must_use]
    pub fn p_below(&self, limit: f64) -> Option<f64> {
        let mirrored = Self { value: -self.value, ..*self };
        mirrored.p_above(-limit)
    }

    fn quantile(&self, level: f64) -> f64 {
        two_sided(level, self.degrees_of_freedom)
    }
}

/// How many standard errors an interval of a level reaches to either side.
pub(super) fn two_sided(level: f64, degrees: f64) -> f64 {
    let share = f64::midpoint(1.0, level);
    if degrees.is_finite() { t_quantile(share, degrees) } else { normal_quantile(share) }
}

use super::LEVEL;
use super::estimate::{Estimate, Interval, two_sided};

/// How a figure differs between two sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The second less the first, in the figure's unit.
    pub difference: Estimate,
    /// The natural logarithm of the second over the first; `None` unless both are above 0.
    pub log_ratio: Option<Estimate>,
}

impl Change {
    /// The relative change, 0.05 for 5 % more.
    #[must_use]
    pub fn relative(&self) -> Option<f64> {
        self.log_ratio.map(|log| log.value.exp_m1())
    }

    /// The interval of the relative change.
    #[must_use]
    pub fn relative_interval(&self, level: f64) -> Option<Interval> {
        let log = self.log_ratio?.interval_at(level)?;
        Some(Interval { low: log.low.exp_m1(), high: log.high.exp_m1(), level })
    }
}

/// The change from one side to another, measured apart: Welch's interval of the difference, and by the delta method
/// that of the logarithm of the ratio. `None` when either side has no interval.
///
/// What differs from run to run is in it only when both sides have repeats (`repeats` is the lesser of the two).
#[must_use]
pub fn change(from: &Estimate, to: &Estimate) -> Option<Change> {
    from.interval.and(to.interval)?;
    let difference = joined(to.value - from.value, [(from, from.standard_error), (to, to.standard_error)]);
    let log_ratio = (from.value > 0.0 && to.value > 0.0).then(|| {
        let relative = |side: &Estimate| side.standard_error / side.value;
        joined((to.value / from.value).ln(), [(from, relative(from)), (to, relative(to))])
    });
    Some(Change { difference, log_ratio })
}

/// An estimate whose variance is the sum of two, with Welch and Satterthwaite's degrees of freedom.
fn joined(value: f64, sides: [(&Estimate, f64); 2]) -> Estimate {
    let variance: f64 = sides.iter().map(|(_, error)| error * error).sum();
    let doubt: f64 = sides.iter().map(|(side, error)| error.powi(4) / side.degrees_of_freedom).sum();
    let degrees = if doubt > 0.0 && variance.is_finite() { variance * variance / doubt } else { f64::INFINITY };
    let standard_error = variance.sqrt();
    let reach = two_sided(LEVEL, degrees) * standard_error;
    let [(from, _), (to, _)] = sides;
    Estimate {
        value,
        interval: Some(Interval { low: value - reach, high: value + reach, level: LEVEL }),
        standard_error,
        degrees_of_freedom: degrees,
        effective_n: from.effective_n.min(to.effective_n),
        n: from.n.min(to.n),
        repeats: from.repeats.min(to.repeats),
    }
}

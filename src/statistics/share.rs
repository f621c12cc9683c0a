use super::LEVEL;
use super::estimate::{Estimate, Interval, two_sided};
use super::hierarchy::{Part, Together};

/// Wilson's interval (1927) of a rate of which `share` was seen in `n` independent trials; `None` without a trial.
/// `n` need not be whole: trials that hang together count by their effective number.
#[must_use]
pub fn wilson(share: f64, n: f64, level: f64) -> Option<Interval> {
    if !(n > 0.0 && (0.0..=1.0).contains(&share)) {
        return None;
    }
    let z = two_sided(level, f64::INFINITY);
    let over = z * z / n;
    let middle = (share + over / 2.0) / (1.0 + over);
    let reach = z / (1.0 + over) * (share * (1.0 - share) / n + over / (4.0 * n)).sqrt();
    // Rounding must not take the bound of a share of 0 or 1 off it.
    let low = if share <= 0.0 { 0.0 } else { (middle - reach).max(0.0) };
    let high = if share >= 1.0 { 1.0 } else { (middle + reach).min(1.0) };
    Some(Interval { low, high, level })
}

/// A share over all repeats with Wilson's interval at its effective size, what differs between repeats included;
/// `None` without a part.
#[must_use]
pub fn share(parts: &[Part]) -> Option<Estimate> {
    let all = Together::of(parts)?;
    let lowered = if all.total.variance > 0.0 { all.within.variance / all.total.variance } else { 1.0 };
    let effective = all.effective_n * lowered * all.total.doubt();
    let interval = wilson(all.value.clamp(0.0, 1.0), effective, LEVEL)?;
    Some(all.estimate(all.value, (interval.low, interval.high), all.total.degrees))
}

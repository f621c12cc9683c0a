use super::as_float;
use super::estimate::{Estimate, Interval, LEVEL, two_sided};
use super::law::beta_quantile;
use super::needed::needed;

/// What one repeat says of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// The figure of this repeat.
    pub value: f64,
    /// Its samples, which are its weight.
    pub count: f64,
    /// The variance of the figure by what varies within the repeat.
    pub variance: f64,
    /// Of Student's t that belongs to the variance.
    pub degrees_of_freedom: f64,
    /// Independent samples that would tell as much.
    pub effective_n: f64,
}

/// One repeat for [`percentile`].
pub struct RepeatQuantiles<'q> {
    /// Which share of the repeat's samples lies at or below the value of the percentile over all repeats.
    pub at_or_below: Part,
    /// The repeat's sample at a share of its own list; infinite where that never came.
    pub value_at: &'q dyn Fn(f64) -> f64,
}

/// Parts put together: variances within and over repeats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Together {
    pub(super) value: f64,
    pub(super) count: f64,
    /// Of the figure, by what varies within repeats.
    pub(super) within: Spread,
    /// The same with what differs between repeats.
    pub(super) total: Spread,
    /// Of all repeats, by what varies within them.
    pub(super) effective_n: f64,
    repeats: usize,
}

/// A variance and how well it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) variance: f64,
    pub(super) degrees: f64,
}

impl Spread {
    /// How far an interval reaches to either side.
    fn reach(self) -> f64 {
        two_sided(LEVEL, self.degrees) * self.variance.sqrt()
    }

    /// By which an effective size is lowered because the variance behind it is not known for sure.
    pub(super) fn doubt(self) -> f64 {
        (two_sided(LEVEL, f64::INFINITY) / two_sided(LEVEL, self.degrees)).powi(2)
    }
}

impl Together {
    /// `None` without a part.
    ///
    /// Were repeats alike, their figures would differ as much as the variances within say. What they differ beyond
    /// that is the variance between them; its degrees of freedom are those of so many repeats, and Satterthwaite's
    /// rule joins the two. With one repeat what is between them is unknown, and left out.
    pub(super) fn of(parts: &[Part]) -> Option<Self> {
        let count: f64 = parts.iter().map(|part| part.count).sum();
        if parts.is_empty() || count <= 0.0 {
            return None;
        }
        let weighted = || parts.iter().map(|part| (part.count / count, part));
        let value: f64 = weighted().map(|(weight, part)| weight * part.value).sum();
        let within = Spread::within(weighted().map(|(weight, part)| (weight * weight * part.variance, part)));
        let repeats = as_float(parts.len() as u64);
        let squares: f64 = weighted().map(|(weight, part)| (weight * (part.value - value)).powi(2)).sum();
        let over = if parts.len() > 1 { squares * repeats / (repeats - 1.0) } else { 0.0 };
        let total = if over > within.variance {
            let between = (over - within.variance) / over;
            let doubt = between * between / (repeats - 1.0) + (1.0 - between).powi(2) / within.degrees;
            Spread { variance: over, degrees: 1.0 / doubt }
        } else {
            within
        };
        let effective_n = parts.iter().map(|part| part.effective_n).sum();
        Some(Self { value, count, within, total, effective_n, repeats: parts.len() })
    }

    /// How much further what differs between repeats makes an interval reach, in quadrature.
    fn extra(&self) -> f64 {
        (self.total.reach().powi(2) - self.within.reach().powi(2)).max(0.0)
    }

    /// The estimate with an interval that `degrees` belong to.
    pub(super) fn estimate(&self, value: f64, (low, high): (f64, f64), degrees: f64) -> Estimate {
        let interval = (!low.is_nan() && !high.is_nan()).then_some(Interval { low, high, level: LEVEL });
        Estimate {
            value,
            interval,
            standard_error: interval.map_or(0.0, |_| (high - low) / 2.0 / two_sided(LEVEL, degrees)),
            degrees_of_freedom: degrees,
            effective_n: self.effective_n,
            n: whole(self.count),
            repeats: u32::try_from(self.repeats).unwrap_or(u32::MAX),
        }
    }
}

impl Spread {
    fn within<'p>(variances: impl Iterator<Item = (f64, &'p Part)>) -> Self {
        let (variance, doubt) = variances.fold((0.0, 0.0), |(sum, doubt), (variance, part)| {
            (sum + variance, doubt + variance * variance / part.degrees_of_freedom)
        });
        Self { variance, degrees: if doubt > 0.0 { variance * variance / doubt } else { f64::INFINITY } }
    }
}

/// The mean over all samples of all repeats, with Student's interval; `None` without a part.
#[must_use]
pub fn mean(parts: &[Part]) -> Option<Estimate> {
    let all = Together::of(parts)?;
    let reach = all.total.reach();
    Some(all.estimate(all.value, (all.value - reach, all.value + reach), all.total.degrees))
}

/// The interval of a percentile over all repeats, whose `value`, and the value at any other share of the whole list
/// (`value_at`), are known from the samples. `None` without a repeat.
///
/// The bounds are samples: those at the shares that bound the percentile's own share, by the binomial law at the
/// effective size (Woodruff 1952 for the principle, Korn and Graubard 1998 for the size; Jeffreys' bounds, see Brown,
/// Cai and `DasGupta` 2001). What differs between repeats makes it wider, in quadrature, where each has enough samples
/// for a percentile of its own; else it lowers the effective size.
#[must_use]
pub fn percentile(
    permille: u32,
    value: f64,
    value_at: &dyn Fn(f64) -> f64,
    repeats: &[RepeatQuantiles],
) -> Option<Estimate> {
    let share = f64::from(permille.min(1000)) / 1000.0;
    let shares: Vec<Part> = repeats.iter().map(|repeat| repeat.at_or_below).collect();
    let all = Together::of(&shares)?;
    let enough = as_float(needed(permille));
    if shares.len() > 1 && shares.iter().all(|part| part.effective_n >= enough) {
        let own: Vec<Part> = repeats.iter().map(|repeat| own_percentile(share, repeat)).collect();
        if let Some(own) = Together::of(&own).filter(|own| own.within.variance.is_finite()) {
            let (low, high) = bounds(share, all.effective_n * all.within.doubt(), all.count, value_at);
            let extra = own.extra();
            let reach = |to: f64| ((to - value).powi(2) + extra).sqrt();
            return Some(all.estimate(value, (value - reach(low), value + reach(high)), own.total.degrees));
        }
    }
    let lowered = if all.total.variance > 0.0 { all.within.variance / all.total.variance } else { 1.0 };
    let effective = all.effective_n * lowered * all.total.doubt();
    Some(all.estimate(value, bounds(share, effective, all.count, value_at), all.total.degrees))
}

/// A repeat's own percentile, with the variance that its own bounds tell.
fn own_percentile(share: f64, repeat: &RepeatQuantiles) -> Part {
    let part = repeat.at_or_below;
    let (low, high) = bounds(share, part.effective_n, part.count, repeat.value_at);
    let deviation = (high - low) / 2.0 / two_sided(LEVEL, f64::INFINITY);
    Part { value: (repeat.value_at)(share), variance: deviation * deviation, ..part }
}

/// The values at the shares that bound a percentile of so many samples, worth so many independent ones.
fn bounds(share: f64, effective: f64, count: f64, value_at: &dyn Fn(f64) -> f64) -> (f64, f64) {
    let (below, above) = (share.mul_add(effective, 0.5), (1.0 - share).mul_add(effective, 0.5));
    let value = |at: f64| {
        // The k-th of n samples stands for the share (k - 1/2) / n, and is at (k - 1) / (n - 1) of the list.
        let place = beta_quantile(at, below, above).mul_add(count, -0.5) / (count - 1.0).max(1.0);
        if place.is_nan() { f64::NAN } else { value_at(place.clamp(0.0, 1.0)) }
    };
    (value(f64::midpoint(0.0, 1.0 - LEVEL)), value(f64::midpoint(LEVEL, 1.0)))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count that was summed up as a float")]
fn whole(count: f64) -> u64 {
    count.round() as u64
}

use crate::units::as_float;

/// Where the samples of a first pass lie: any quantile, before the rows are gone through again. Exact where samples are
/// kept; else as exact as the bins they are counted in, a part in some two thousand of the value, and even within.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookup {
    /// Ascending: bounds of some samples, and how many there are up to and with them.
    upto: Vec<(f64, f64, u64)>,
    /// Samples, with those that never came and stand last.
    count: u64,
}

impl Lookup {
    /// Of ascending (lower bound, upper bound, samples) and so many infinite samples after them; no bound goes past the
    /// extremes.
    pub(super) fn new(
        bins: impl Iterator<Item = (f64, f64, u64)>,
        (least, greatest): (f64, f64),
        infinite: u64,
    ) -> Self {
        let mut seen = 0;
        let within = bins.map(|(low, high, count)| {
            seen += count;
            (low.clamp(least, greatest), high.clamp(least, greatest), seen)
        });
        let upto: Vec<_> = within.collect();
        Self { upto, count: seen + infinite }
    }

    /// The value at a share of the list, by linear interpolation (type 7); infinite where it never came, NaN without
    /// samples.
    pub(super) fn at(&self, share: f64) -> f64 {
        let Some(last) = self.count.checked_sub(1) else { return f64::NAN };
        let rank = (share * as_float(last)).clamp(0.0, as_float(last));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the list")]
        let below = rank.floor() as u64;
        let (low, rest) = (self.nth(below), rank - rank.floor());
        if rest == 0.0 {
            return low;
        }
        let high = self.nth((below + 1).min(last));
        // Between a sample and one that never came there is nothing.
        if high.is_infinite() { high } else { (high - low).mul_add(rest, low) }
    }

    fn nth(&self, index: u64) -> f64 {
        let at = self.upto.partition_point(|(_, _, upto)| *upto <= index);
        let Some((low, high, upto)) = self.upto.get(at).copied() else { return f64::INFINITY };
        let before = at.checked_sub(1).and_then(|at| self.upto.get(at)).map_or(0, |(_, _, upto)| *upto);
        let share = (as_float(index - before) + 0.5) / as_float(upto - before);
        (high - low).mul_add(share, low)
    }
}

/// A percentile of the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentile {
    /// Its word: `p99`.
    pub name: &'static str,
    /// Its share in thousandths, so that ranks are exact: 990.
    pub permille: u64,
    /// The samples it needs: the least n at which, at 99 %, two of them lie beyond it. See `docs/METHODOLOGY.md`.
    pub needed: u64,
}

/// The percentiles of every summary. `needed` is checked against its rule by a test.
pub const PERCENTILES: [Percentile; 8] = [
    percentile("p5", 50, 130),
    percentile("p25", 250, 24),
    percentile("p50", 500, 11),
    percentile("p75", 750, 24),
    percentile("p90", 900, 64),
    percentile("p95", 950, 130),
    percentile("p99", 990, 662),
    percentile("p99_9", 999, 6636),
];

const fn percentile(name: &'static str, permille: u64, needed: u64) -> Percentile {
    Percentile { name, permille, needed }
}

/// The least n with 1 - p^n - n (1-p) p^(n-1) >= 0.99: at 99 %, two samples lie beyond the percentile.
///
/// Below it the value hangs on one sample of the tail or on none. Percentiles below the median count from the other end.
#[cfg(test)]
pub(super) fn needed(permille: u64) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
    let p = permille.max(1000 - permille) as f64 / 1000.0;
    let enough = |n: f64| 1.0 - p.powf(n) - n * (1.0 - p) * p.powf(n - 1.0) >= 0.99;
    (2..10_000_u32).find(|n| enough(f64::from(*n))).map_or(0, u64::from)
}

/// Samples in ascending order, each with how often it counts; asked for the value at a rank.
#[derive(Debug)]
pub(super) struct Ranked {
    /// Value, and how many samples there are up to and with it.
    upto: Vec<(f64, u64)>,
    /// Samples, with those that are infinite and stand last.
    count: u64,
}

impl Ranked {
    /// Of ascending (value, weight) pairs and so many infinite samples after them.
    pub(super) fn new(mut ascending: Vec<(f64, u64)>, infinite: u64) -> Self {
        let mut seen = 0;
        for (_, weight) in &mut ascending {
            seen += *weight;
            *weight = seen;
        }
        Self { upto: ascending, count: seen + infinite }
    }

    /// The percentile by linear interpolation (type 7), of the list in which each value stands as often as it counts.
    ///
    /// `None` where it falls on, or is drawn towards, an infinite sample, and without samples.
    pub(super) fn percentile(&self, permille: u64) -> Option<f64> {
        let (below, rest) = rank(self.count, permille)?;
        let low = self.nth(below)?;
        if rest == 0 {
            return Some(low);
        }
        #[expect(clippy::cast_precision_loss, reason = "below a thousand")]
        let share = rest as f64 / 1000.0;
        Some((self.nth(below + 1)? - low).mul_add(share, low))
    }

    fn nth(&self, index: u64) -> Option<f64> {
        self.upto.get(self.upto.partition_point(|(_, upto)| *upto <= index)).map(|(value, _)| *value)
    }
}

/// (n - 1) p as a whole index and the thousandths above it; exact.
fn rank(count: u64, permille: u64) -> Option<(u64, u128)> {
    let rank = u128::from(count.checked_sub(1)?) * u128::from(permille);
    Some((u64::try_from(rank / 1000).ok()?, rank % 1000))
}

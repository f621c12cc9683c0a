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
    entry("p5", 50, 130),
    entry("p25", 250, 24),
    entry("p50", 500, 11),
    entry("p75", 750, 24),
    entry("p90", 900, 64),
    entry("p95", 950, 130),
    entry("p99", 990, 662),
    entry("p99_9", 999, 6636),
];

const fn entry(name: &'static str, permille: u64, needed: u64) -> Percentile {
    Percentile { name, permille, needed }
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

    /// The percentile of the list in which each value stands as often as it counts.
    pub(super) fn percentile(&self, permille: u64) -> Option<f64> {
        percentile(self.count, permille, |rank| self.nth(rank))
    }

    fn nth(&self, index: u64) -> Option<f64> {
        self.upto.get(self.upto.partition_point(|(_, upto)| *upto <= index)).map(|(value, _)| *value)
    }
}

/// The percentile by linear interpolation (type 7) of so many samples, which `nth` has by rank.
///
/// `None` where it falls on, or is drawn towards, a sample that `nth` does not have: an infinite one; and without samples.
pub(super) fn percentile(count: u64, permille: u64, nth: impl Fn(u64) -> Option<f64>) -> Option<f64> {
    let (below, rest) = rank(count, permille)?;
    let low = nth(below)?;
    if rest == 0 {
        return Some(low);
    }
    #[expect(clippy::cast_precision_loss, reason = "below a thousand")]
    let share = rest as f64 / 1000.0;
    Some((nth(below + 1)? - low).mul_add(share, low))
}

/// The ranks of finite samples that the percentiles hang on, in ascending order: `finite` of `count` samples are.
pub(super) fn ranks(finite: u64, count: u64) -> Vec<u64> {
    let both = |(below, rest): (u64, u128)| [Some(below), (rest > 0).then_some(below + 1)];
    let of = |percentile: &Percentile| rank(count, percentile.permille).map(both);
    let mut ranks: Vec<u64> = PERCENTILES.iter().filter_map(of).flatten().flatten().collect();
    ranks.retain(|rank| *rank < finite);
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}

/// (n - 1) p as a whole index and the thousandths above it; exact.
fn rank(count: u64, permille: u64) -> Option<(u64, u128)> {
    let rank = u128::from(count.checked_sub(1)?) * u128::from(permille);
    Some((u64::try_from(rank / 1000).ok()?, rank % 1000))
}

/// A percentile of the summary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentile {
    /// Its word: `p99`.
    pub name: &'static str,
    /// Its share, between 0 and 1.
    pub share: f64,
    /// How many samples it needs: `docs/METHODOLOGY.md` has the rule.
    pub needed: u64,
}

/// The percentiles of every summary. `needed` is checked against its rule by a test.
pub const PERCENTILES: [Percentile; 8] = [
    Percentile { name: "p5", share: 0.05, needed: 130 },
    Percentile { name: "p25", share: 0.25, needed: 24 },
    Percentile { name: "p50", share: 0.5, needed: 11 },
    Percentile { name: "p75", share: 0.75, needed: 24 },
    Percentile { name: "p90", share: 0.9, needed: 64 },
    Percentile { name: "p95", share: 0.95, needed: 130 },
    Percentile { name: "p99", share: 0.99, needed: 662 },
    Percentile { name: "p99_9", share: 0.999, needed: 6636 },
];

/// The least count at which, at 99 %, two samples lie beyond the percentile: 1 - p^n - n (1-p) p^(n-1) >= 0.99.
///
/// Below it the value hangs on one or no sample of the tail. Percentiles below the median count from the other end.
#[cfg(test)]
pub(super) fn needed(share: f64) -> u64 {
    let p = share.max(1.0 - share);
    let enough = |n: f64| 1.0 - p.powf(n) - n * (1.0 - p) * p.powf(n - 1.0) >= 0.99;
    (2..100_000).find(|n: &u32| enough(f64::from(*n))).map_or(0, u64::from)
}

/// The percentile of weighted samples in ascending order, by linear interpolation (type 7).
///
/// Equals the percentile of the list in which each value stands `weight` times.
pub(super) fn weighted_quantile(samples: &[(f64, u64)], total: u64, share: f64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "sample counts are far below 2^52")]
    let rank = total.checked_sub(1)? as f64 * share;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank is between 0 and the count")]
    let below = rank.floor() as u64;
    let low = nth(samples, below)?;
    let high = nth(samples, (below + 1).min(total - 1))?;
    Some(low + (high - low) * (rank - rank.floor()))
}

/// The `index`-th value, counting each `weight` times.
fn nth(samples: &[(f64, u64)], index: u64) -> Option<f64> {
    let mut seen = 0;
    samples.iter().find_map(|(value, weight)| {
        seen += weight;
        (seen > index).then_some(*value)
    })
}

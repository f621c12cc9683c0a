/// The samples that a percentile needs: the least n with 1 - p^n - n (1-p) p^(n-1) >= 0.99, at which, at 99 %, two of
/// n independent samples lie beyond it. Percentiles below the median count from the other end.
///
/// Below it the value hangs on one sample of the tail or on none. Samples that hang together count by their effective
/// number. `permille` is the percentile in thousandths, 990 for p99; 0 and 1000 need more than there can be.
#[must_use]
pub fn needed(permille: u32) -> u64 {
    let thousandths = permille.clamp(0, 1000).max(1000 - permille.min(1000));
    if thousandths == 1000 {
        return u64::MAX;
    }
    let p = f64::from(thousandths) / 1000.0;
    let enough = |n: u32| {
        let n = f64::from(n);
        1.0 - p.powf(n) - n * (1.0 - p) * p.powf(n - 1.0) >= 0.99
    };
    (2..10_000).find(|n| enough(*n)).map_or(u64::MAX, u64::from)
}

//! Counts and quantiles for benches.

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}

/// The smallest value that at least `share` of the others do not exceed.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank is between 0 and the count")]
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(count(sorted.len() - 1) * share).ceil() as usize]
}

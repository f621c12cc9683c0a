use super::batches::{Batches, mean_parts, share_parts};
use super::estimate::Estimate;
use super::hierarchy::{RepeatQuantiles, mean, percentile};

/// The mean of samples that are at hand, those of each repeat in the order of time. `None` with fewer than two finite
/// ones, and when one is infinite.
#[must_use]
pub fn mean_of(repeats: &[&[f64]]) -> Option<Estimate> {
    let repeats: Vec<&[f64]> = with_samples(repeats);
    if repeats.concat().iter().any(|value| !value.is_finite()) {
        return None;
    }
    let batches: Vec<_> = repeats.iter().map(|samples| batched(samples, |value| value)).collect();
    let variances: Vec<f64> = repeats.iter().map(|samples| variance(samples)).collect();
    mean(&mean_parts(&batches.iter().collect::<Vec<_>>(), 0, &variances))
}

/// A percentile (in thousandths, type 7) of samples that are at hand, those of each repeat in the order of time.
///
/// A request that never came is an infinite sample. `None` where the percentile falls on one, and with fewer than two
/// samples.
#[must_use]
pub fn percentile_of(repeats: &[&[f64]], permille: u32) -> Option<Estimate> {
    let repeats: Vec<&[f64]> = with_samples(repeats);
    let sorted: Vec<Vec<f64>> = repeats.iter().map(|samples| ascending(samples.to_vec())).collect();
    let all = ascending(sorted.concat());
    let value = at(&all, f64::from(permille) / 1000.0);
    if !value.is_finite() {
        return None;
    }
    let below = |samples: &&[f64]| batched(samples, |sample| f64::from(u8::from(sample <= value)));
    let batches: Vec<_> = repeats.iter().map(below).collect();
    let lookups: Vec<_> = sorted.iter().map(|samples| move |share: f64| at(samples, share)).collect();
    let parts = share_parts(&batches.iter().collect::<Vec<_>>(), 0);
    let quantiles = parts.into_iter().zip(&lookups);
    let quantiles: Vec<RepeatQuantiles> =
        quantiles.map(|(at_or_below, value_at)| RepeatQuantiles { at_or_below, value_at }).collect();
    percentile(permille, value, &|share| at(&all, share), &quantiles)
}

fn with_samples<'s>(repeats: &[&'s [f64]]) -> Vec<&'s [f64]> {
    repeats.iter().copied().filter(|samples| !samples.is_empty()).collect()
}

fn batched(samples: &[f64], of: impl Fn(f64) -> f64) -> Batches<1> {
    let mut batches = Batches::default();
    for sample in samples {
        batches.add(1.0, [of(*sample)]);
    }
    batches
}

fn ascending(mut samples: Vec<f64>) -> Vec<f64> {
    samples.sort_unstable_by(f64::total_cmp);
    samples
}

/// The value at a share of an ascending list, by linear interpolation; NaN of an empty one.
fn at(ascending: &[f64], share: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return f64::NAN };
    #[expect(clippy::cast_precision_loss, reason = "lists are far shorter than 2^52")]
    let rank = share * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the list")]
    let below = (rank.floor() as usize).min(last);
    let low = ascending[below];
    let rest = rank - rank.floor();
    match ascending.get(below + 1).filter(|_| rest > 0.0) {
        // Between a sample and one that never came there is nothing.
        Some(next) if next.is_infinite() => *next,
        Some(next) => (next - low).mul_add(rest, low),
        None => low,
    }
}

/// Sample variance, 0 of fewer than two.
fn variance(samples: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "lists are far shorter than 2^52")]
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let squares: f64 = samples.iter().map(|value| (value - mean) * (value - mean)).sum();
    if n > 1.0 { squares / (n - 1.0) } else { 0.0 }
}

use super::slices::SLICES;

/// Requests that a slice needs for its TTFT to be compared.
const REQUESTS: u32 = 4;
/// How sure a trend must be: chance alone exceeds this z in one of a thousand runs.
const SURE_Z: f64 = 3.29;
/// The least change over the window that is worth a word.
const LEAST_CHANGE: f64 = 0.10;

/// How a figure went over a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Trend {
    /// There are too few requests to tell.
    TooFew,
    /// Up and down at most.
    Settled,
    /// Its relative change from the beginning to the end.
    Changes(f64),
}

/// The TTFT of the requests that began in each slice: their number, and the sum of their logarithms.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Latencies([(u32, f64); SLICES]);

impl Latencies {
    pub(super) fn add(&mut self, slice: usize, ms: f64) {
        if ms > 0.0 {
            let (count, sum) = &mut self.0[slice];
            *count += 1;
            *sum += ms.ln();
        }
    }

    /// How they went over the window.
    pub(super) fn trend(&self) -> Trend {
        Trend::of(self.0.iter().map(|(count, sum)| (*count >= REQUESTS).then(|| sum / f64::from(*count))))
    }
}

/// How a rate went over the window.
pub(super) fn trend_of_rate(slices: &[f64; SLICES]) -> Trend {
    Trend::of(slices.iter().map(|amount| (*amount > 0.0).then(|| amount.ln())))
}

impl Trend {
    /// Of logarithms, slice by slice; where one has none there are too few to tell.
    fn of(logarithms: impl Iterator<Item = Option<f64>>) -> Self {
        match logarithms.collect::<Option<Vec<f64>>>() {
            None => Self::TooFew,
            Some(values) => trend(&values).map_or(Self::Settled, Self::Changes),
        }
    }
}

/// The relative change from the first to the last of some logarithms, when they rise or fall beyond doubt and it is
/// worth a word.
///
/// The test is Mann and Kendall's, by rank, so that one odd slice does not decide; the change is Theil and Sen's median
/// slope. Long slices make neighbours nearly independent, which the test takes them to be.
fn trend(values: &[f64]) -> Option<f64> {
    let pairs = || (0..values.len()).flat_map(|later| (0..later).map(move |earlier| (earlier, later)));
    let score: f64 = pairs()
        .map(|(earlier, later)| match values[later].total_cmp(&values[earlier]) {
            std::cmp::Ordering::Less => -1.0,
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => 1.0,
        })
        .sum();
    let n = small(values.len());
    let deviation = (n * (n - 1.0) * 2.0_f64.mul_add(n, 5.0) / 18.0).sqrt();
    let mut slopes: Vec<f64> =
        pairs().map(|(earlier, later)| (values[later] - values[earlier]) / small(later - earlier)).collect();
    slopes.sort_unstable_by(f64::total_cmp);
    let change = (slopes.get(slopes.len() / 2)? * (n - 1.0)).exp_m1();
    ((score.abs() - 1.0) / deviation > SURE_Z && change.abs() >= LEAST_CHANGE).then_some(change)
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
fn small(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use rand_distr::{Distribution as _, Normal};

    use super::*;
    use crate::seed::Seed;

    /// Sixteen slices of 40 values that hang together (each takes 0.8 of its predecessor's deviation), with a trend.
    fn of_correlated(seed: u64, noise: f64, change: f64) -> Option<f64> {
        let mut rng = Seed::root(seed).rng();
        let noise = Normal::new(0.0, noise).unwrap();
        let (mut slices, mut deviation) = (Latencies::default(), 0.0);
        for at in 0..SLICES * 40 {
            deviation = 0.8 * deviation + 0.6 * noise.sample(&mut rng);
            let so_far = small(at) / small(SLICES * 40);
            slices.add(at / 40, 100.0 * (deviation + so_far * change.ln_1p()).exp());
        }
        match slices.trend() {
            Trend::TooFew => panic!("40 in each"),
            Trend::Settled => None,
            Trend::Changes(change) => Some(change),
        }
    }

    #[test]
    fn what_only_fluctuates_is_left_in_peace() {
        let told = (0..2000).filter(|seed| of_correlated(*seed, 0.3, 0.0).is_some()).count();
        assert!(told <= 2000 / 200, "{told} of 2000");
        assert!(
            (0..500).filter(|seed| of_correlated(*seed, 0.1, 0.05).is_some()).count() <= 10,
            "too little for a word"
        );
    }

    #[test]
    fn what_grows_by_half_is_told_with_its_amount() {
        let changes: Vec<f64> = (0..500).filter_map(|seed| of_correlated(seed, 0.1, 0.5)).collect();
        assert!(changes.len() > 450, "{} of 500", changes.len());
        let mean = changes.iter().sum::<f64>() / small(changes.len());
        assert!((0.4..0.6).contains(&mean), "{mean}");
        assert!((0..500).filter_map(|seed| of_correlated(seed, 0.1, -0.5)).all(|change| change < 0.0));
    }

    #[test]
    fn too_few_to_tell_is_no_answer() {
        let mut slices = Latencies::default();
        (0..SLICES).for_each(|slice| (0..3).for_each(|_| slices.add(slice, 10.0)));
        assert_eq!(slices.trend(), Trend::TooFew);
        (0..SLICES).for_each(|slice| slices.add(slice, 10.0));
        assert_eq!(slices.trend(), Trend::Settled);
        assert_eq!(trend_of_rate(&[0.0; SLICES]), Trend::TooFew);
        assert_eq!(trend_of_rate(&[5.0; SLICES]), Trend::Settled);
    }
}

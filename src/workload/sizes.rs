use rand::RngExt;
use rand::distr::Distribution as _;
use rand_distr::{LogNormal, Normal};

use crate::seed::Seed;
use crate::units::SizeSpec;

/// The size of one request, at least 1; always the same from the same seed.
pub(super) fn draw(size: &SizeSpec, seed: Seed) -> u64 {
    let mut rng = seed.rng();
    match size {
        SizeSpec::Fixed(count) => *count,
        // What no distribution can be made of is refused where it is read.
        SizeSpec::Normal { mean, sd } => whole(Normal::new(*mean, *sd).map_or(*mean, |normal| normal.sample(&mut rng))),
        SizeSpec::LogNormal { mean, sd } => {
            whole(LogNormal::from_mean_cv(*mean, sd / mean).map_or(*mean, |normal| normal.sample(&mut rng)))
        }
        SizeSpec::Uniform { low, high } => rng.random_range(*low..=*high),
        SizeSpec::Empirical(file) => match file.sizes() {
            [] => 1,
            sizes => sizes[rng.random_range(0..sizes.len())],
        },
    }
}

/// The nearest count, cut at 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1; saturates")]
fn whole(value: f64) -> u64 {
    value.round().max(1.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SizeFile;

    const DRAWS: u64 = 20_000;

    fn draws(size: &SizeSpec) -> Vec<u64> {
        (0..DRAWS).map(|index| draw(size, Seed::root(5).index(index))).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn mean_and_sd(sizes: &[u64]) -> (f64, f64) {
        let count = sizes.len() as f64;
        let mean = sizes.iter().map(|size| *size as f64).sum::<f64>() / count;
        let variance = sizes.iter().map(|size| (*size as f64 - mean).powi(2)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }

    #[test]
    fn draws_have_the_mean_and_the_deviation_that_are_asked_for() {
        for (text, mean, sd) in [
            ("250", 250.0, 0.0),
            ("normal(1000,200)", 1000.0, 200.0),
            ("normal(40,0)", 40.0, 0.0),
            ("lognormal(1000,400)", 1000.0, 400.0),
            ("lognormal(300,0)", 300.0, 0.0),
            ("uniform(50,500)", 275.0, 130.2),
        ] {
            let sizes = draws(&text.parse().unwrap());
            let (got_mean, got_sd) = mean_and_sd(&sizes);
            assert!((got_mean - mean).abs() < 0.01 * mean, "{text}: mean {got_mean}");
            assert!((got_sd - sd).abs() <= 0.03 * sd, "{text}: sd {got_sd}");
        }
    }

    #[test]
    fn the_logarithm_of_a_lognormal_is_normal() {
        let mut sizes = draws(&"lognormal(10000,8000)".parse().unwrap());
        sizes.sort_unstable();
        let median = sizes[sizes.len() / 2];
        // mean / sqrt(1 + (sd / mean)^2)
        assert!(median.abs_diff(7809) < 150, "{median}");
    }

    #[test]
    fn draws_are_cut_at_one_and_keep_to_their_limits() {
        let least = |text: &str| draws(&text.parse().unwrap()).into_iter().min().unwrap();
        assert_eq!((least("normal(2,5)"), least("lognormal(2,9)"), least("uniform(3,4)")), (1, 1, 3));
        assert_eq!(draws(&"uniform(3,4)".parse().unwrap()).into_iter().max(), Some(4));
    }

    #[test]
    fn every_entry_of_a_file_is_as_likely_as_the_others() {
        let file = SizeFile::read("s".into(), "10\n20\n20\n40\n").unwrap();
        let sizes = draws(&SizeSpec::Empirical(file));
        for (size, share) in [(10, DRAWS / 4), (20, DRAWS / 2), (40, DRAWS / 4)] {
            let count = sizes.iter().filter(|drawn| **drawn == size).count() as u64;
            assert!(count.abs_diff(share) < DRAWS / 40, "{size}: {count}");
        }
    }
}

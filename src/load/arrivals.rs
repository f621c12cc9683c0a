use rand_distr::{Distribution, Exp1, Gamma, StandardUniform};

use crate::seed::{Rng, Seed};
use crate::units::{ArrivalDistribution, Qps};

/// When sessions of an open loop are due: a renewal process, the same for the same seed on any number of threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArrivalProcess {
    /// Arrivals a second.
    pub rate: Qps,
    /// How the gaps between them, whose mean is 1/rate, are spread.
    pub distribution: ArrivalDistribution,
    /// Of the gaps: processes of one seed differ in rate only by their scale.
    pub seed: Seed,
}

impl ArrivalProcess {
    /// The offsets of a phase's arrivals from its first one, nanoseconds: 0, then each a gap after the one before.
    ///
    /// They are sums of exact gaps, so nothing that happens to one arrival moves another.
    #[must_use]
    pub fn offsets(&self, phase: &str) -> Offsets {
        let gap_ns = match self.rate {
            Qps::Rate(rate) => 1e9 / rate,
            Qps::Infinite => 0.0,
        };
        Offsets { gap_ns, distribution: self.distribution, rng: self.seed.child(phase).rng(), sum: 0.0, count: 0 }
    }
}

/// Offsets of arrivals, nanoseconds, never falling. Endless.
#[derive(Debug, Clone)]
pub struct Offsets {
    gap_ns: f64,
    distribution: ArrivalDistribution,
    rng: Rng,
    /// Of the gaps so far, in units of their mean: rounding to nanoseconds does not add up.
    sum: f64,
    count: u64,
}

impl Offsets {
    /// A gap of mean 1.
    fn gap(&mut self) -> f64 {
        match self.distribution {
            ArrivalDistribution::Constant => 1.0,
            ArrivalDistribution::Uniform => 2.0 * Distribution::<f64>::sample(&StandardUniform, &mut self.rng),
            ArrivalDistribution::Exponential => Exp1.sample(&mut self.rng),
            // The language lets shapes above 0 through only; anything else is spread like a Poisson process.
            ArrivalDistribution::Gamma(shape) => match Gamma::new(shape, 1.0 / shape) {
                Ok(gamma) => gamma.sample(&mut self.rng),
                Err(_) => Exp1.sample(&mut self.rng),
            },
        }
    }
}

impl Iterator for Offsets {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        if self.count > 0 {
            self.sum += self.gap();
        }
        self.count += 1;
        #[expect(clippy::cast_possible_truncation, reason = "an offset saturates at 292 years")]
        let offset = (self.sum * self.gap_ns).round() as i64;
        Some(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::PI;

    const ALL: [ArrivalDistribution; 5] = [
        ArrivalDistribution::Constant,
        ArrivalDistribution::Uniform,
        ArrivalDistribution::Exponential,
        ArrivalDistribution::Gamma(0.25),
        ArrivalDistribution::Gamma(4.0),
    ];

    fn process(rate: f64, distribution: ArrivalDistribution, seed: u64) -> ArrivalProcess {
        ArrivalProcess { rate: Qps::Rate(rate), distribution, seed: Seed::root(seed) }
    }

    #[expect(clippy::cast_precision_loss, reason = "gaps of a test")]
    fn gaps(process: ArrivalProcess, count: usize) -> Vec<f64> {
        let offsets: Vec<i64> = process.offsets("measure").take(count + 1).collect();
        offsets.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e9).collect()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap())
    }

    /// The share of a Kolmogorov distribution above `distance` for `count` samples: the p-value of a KS test.
    fn kolmogorov_p_value(distance: f64, count: f64) -> f64 {
        // Asymptotic series in its quickly converging form; see Marsaglia, Tsang and Wang (2003), equation 2.
        let x = distance * (count.sqrt() + 0.12 + 0.11 / count.sqrt());
        if x < 0.2 {
            return 1.0;
        }
        let terms = (1..100).map(|k| (-(2.0 * f64::from(k) - 1.0).powi(2) * PI * PI / (8.0 * x * x)).exp());
        (1.0 - (2.0 * PI).sqrt() / x * terms.sum::<f64>()).clamp(0.0, 1.0)
    }

    /// Largest distance between the samples' distribution and `cdf`.
    fn ks_distance(samples: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = f64::from(u32::try_from(sorted.len()).unwrap());
        sorted.iter().zip(0_u32..).fold(0.0, |worst: f64, (value, at)| {
            let (below, above) = (f64::from(at) / count, f64::from(at + 1) / count);
            worst.max((cdf(*value) - below).abs()).max((above - cdf(*value)).abs())
        })
    }

    #[test]
    fn the_gaps_follow_their_distribution() {
        type Cdf = fn(f64) -> f64;
        let cdfs: [(ArrivalDistribution, Cdf); 3] = [
            (ArrivalDistribution::Uniform, |gap| (gap * 50.0).clamp(0.0, 1.0)),
            (ArrivalDistribution::Exponential, |gap| 1.0 - (-gap * 100.0).exp()),
            // Erlang of shape 2: what a gamma of shape 2 is.
            (ArrivalDistribution::Gamma(2.0), |gap| 1.0 - (-gap * 200.0).exp() * (1.0 + gap * 200.0)),
        ];
        for (distribution, cdf) in cdfs {
            let p: Vec<f64> = (0..20)
                .map(|seed| {
                    kolmogorov_p_value(ks_distance(&gaps(process(100.0, distribution, seed), 2000), cdf), 2000.0)
                })
                .collect();
            assert!(p.iter().filter(|p| **p < 0.01).count() <= 2, "{distribution}: {p:?}");
        }
        let wrong = ks_distance(&gaps(process(100.0, ArrivalDistribution::Gamma(0.5), 1), 2000), |gap| {
            1.0 - (-gap * 100.0).exp()
        });
        assert!(kolmogorov_p_value(wrong, 2000.0) < 1e-6, "the test tells distributions apart");
    }

    #[test]
    fn counts_are_as_dispersed_as_the_process_is_bursty() {
        for (distribution, low, high) in [
            (ArrivalDistribution::Constant, 0.0, 0.02),
            (ArrivalDistribution::Exponential, 0.8, 1.2),
            (ArrivalDistribution::Gamma(0.25), 2.8, 5.0),
            (ArrivalDistribution::Gamma(4.0), 0.15, 0.4),
        ] {
            let offsets = process(100.0, distribution, 3).offsets("measure");
            // Arrivals in windows of one second, which hold a hundred each.
            let mut counts = vec![0.0_f64; 400];
            for offset in offsets.take_while(|offset| *offset < 400_000_000_000) {
                counts[usize::try_from(offset / 1_000_000_000).unwrap()] += 1.0;
            }
            let average = mean(&counts);
            let variance = mean(&counts.iter().map(|count| (count - average).powi(2)).collect::<Vec<_>>());
            assert!((low..=high).contains(&(variance / average)), "{distribution}: {}", variance / average);
        }
    }

    #[test]
    fn constant_arrivals_do_not_drift_and_all_at_once_is_at_once() {
        let thirds: Vec<i64> =
            process(3.0, ArrivalDistribution::Constant, 0).offsets("measure").step_by(3000).take(3).collect();
        assert_eq!(thirds, [0, 1_000_000_000_000, 2_000_000_000_000]);
        let at_once = ArrivalProcess { rate: Qps::Infinite, ..process(1.0, ArrivalDistribution::Exponential, 0) };
        assert!(at_once.offsets("measure").take(100).all(|offset| offset == 0));
    }

    proptest! {
        #[test]
        fn offsets_never_fall_keep_their_mean_and_only_scale_with_the_rate(
            seed: u64, rate in 0.1_f64..5000.0, kind in 0_usize..5,
        ) {
            let process = process(rate, ALL[kind], seed);
            let offsets: Vec<i64> = process.offsets("measure").take(4001).collect();
            prop_assert!(offsets.is_sorted() && offsets[0] == 0);
            let rescaled = mean(&gaps(process, 4000)) * rate;
            prop_assert!((rescaled - 1.0).abs() < 0.2, "{}", rescaled);
            let double = ArrivalProcess { rate: Qps::Rate(rate * 2.0), ..process };
            let halves = double.offsets("measure").take(4001);
            prop_assert!(halves.zip(&offsets).all(|(half, whole)| (2 * half - whole).abs() <= 2));
            prop_assert!(ALL[kind] == ArrivalDistribution::Constant
                || process.offsets("warmup").nth(9) != process.offsets("measure").nth(9));
        }
    }
}

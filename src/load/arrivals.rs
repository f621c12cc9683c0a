use rand::RngExt;
use rand_distr::{Distribution, Exp1, Gamma};

use crate::record::Phase;
use crate::seed::{Rng, Seed};
use crate::units::{ArrivalDistribution, Qps};

/// How requests are spread over time: the gaps between them, drawn from a seed.
///
/// The offsets of a phase hang on the distribution and the seed alone. A rate only stretches them, so every rate has
/// the same pattern; nothing hangs on what is sent, on when it was sent or on who asks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArrivalProcess {
    /// The distribution of the gaps, of mean 1/rate.
    pub distribution: ArrivalDistribution,
    /// What the gaps are drawn from; each phase has a child of its own.
    pub seed: Seed,
}

impl ArrivalProcess {
    /// When the requests of a phase are due: nanoseconds since its start, ascending, without end.
    ///
    /// The first is due at 0. All are when the rate is infinite.
    #[must_use]
    pub fn offsets(&self, rate: Qps, phase: Phase) -> Offsets {
        let rng = self.seed.child(phase.as_str()).rng();
        let gaps = match self.distribution {
            ArrivalDistribution::Constant => Gaps::Constant,
            ArrivalDistribution::Uniform => Gaps::Uniform(rng),
            ArrivalDistribution::Exponential => Gaps::Exponential(rng),
            // What is no shape, no scenario has; its limit is the constant gap.
            ArrivalDistribution::Gamma(shape) => match Gamma::new(shape, 1.0 / shape) {
                Ok(gamma) => Gaps::Gamma(gamma, rng),
                Err(_) => Gaps::Constant,
            },
        };
        let mean_ns = match rate {
            Qps::Rate(rate) => 1e9 / rate,
            Qps::Infinite => 0.0,
        };
        Offsets { gaps, mean_ns, next: 0.0 }
    }
}

/// The offsets of one phase. Sums of gaps, so that what is late does not push back what follows.
#[derive(Debug, Clone)]
pub struct Offsets {
    gaps: Gaps,
    mean_ns: f64,
    /// In mean gaps: whole numbers where all gaps are alike, so that nothing adds up.
    next: f64,
}

#[derive(Debug, Clone)]
enum Gaps {
    Constant,
    Uniform(Rng),
    Exponential(Rng),
    Gamma(Gamma<f64>, Rng),
}

impl Gaps {
    /// The next gap, in mean gaps.
    fn draw(&mut self) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Uniform(rng) => 2.0 * rng.random::<f64>(),
            Self::Exponential(rng) => Exp1.sample(rng),
            Self::Gamma(gamma, rng) => gamma.sample(rng),
        }
    }
}

impl Iterator for Offsets {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let due = self.next;
        self.next += self.gaps.draw();
        #[expect(clippy::cast_possible_truncation, reason = "saturates after 292 years")]
        Some((due * self.mean_ns).round() as i64)
    }
}

//! What prefills and steps cost in time.

use std::time::Duration;

use rand::RngExt;
use rand_distr::{Distribution, LogNormal};

use super::options::{Decoding, SimulatorOptions};
use crate::seed::{Rng, Seed};
use crate::time::duration_ns;

/// The durations of one model's prefills and steps, in nanoseconds.
#[derive(Debug)]
pub(super) struct Costs {
    ttft: Duration,
    prefill_per_token: Duration,
    itl: Duration,
    batch_slowdown: f64,
    switch: Duration,
    speed: f64,
    /// A factor of mean 1, or none where nothing varies.
    jitter: Option<LogNormal<f64>>,
    decoding: Decoding,
    seed: Seed,
    phases: Seed,
    steps: Rng,
}

impl Costs {
    /// The costs of a model that is `faster` times as fast as `options` say.
    pub(super) fn new(options: &SimulatorOptions, faster: f64, seed: Seed) -> Self {
        let varies = options.jitter.is_finite() && options.jitter > 0.0;
        Self {
            ttft: options.ttft,
            prefill_per_token: options.prefill_per_token,
            itl: options.itl,
            batch_slowdown: options.batch_slowdown.max(0.0),
            switch: options.switch,
            speed: if faster.is_finite() && faster > 0.0 { faster } else { 1.0 },
            jitter: if varies { LogNormal::from_mean_cv(1.0, options.jitter).ok() } else { None },
            decoding: options.decoding,
            seed: seed.child("prefill"),
            phases: seed.child("phases"),
            steps: seed.child("steps").rng(),
        }
    }

    /// The length of request `number`'s prefill: the same whatever else is being served.
    pub(super) fn prefill_ns(&self, number: u64, prompt_tokens: u64) -> i64 {
        let tokens = u32::try_from(prompt_tokens).unwrap_or(u32::MAX);
        let plain = self.ttft.saturating_add(self.prefill_per_token.saturating_mul(tokens));
        let factor = self.jitter.map_or(1.0, |jitter| jitter.sample(&mut self.seed.index(number).rng()));
        scaled_ns(plain, factor / self.speed)
    }

    /// How long another model takes to be ready.
    pub(super) fn switch_ns(&self) -> i64 {
        duration_ns(self.switch)
    }

    /// How requests come to their tokens.
    pub(super) fn decoding(&self) -> Decoding {
        self.decoding
    }

    /// How much later than its prefill request `number`'s first token leaves, so that streams do not stay together.
    pub(super) fn phase_ns(&self, number: u64) -> i64 {
        match self.decoding {
            Decoding::Batch => 0,
            Decoding::Apart => scaled_ns(self.itl, self.phases.index(number).rng().random::<f64>() / self.speed),
        }
    }

    /// The length of the next step, with `batch` sequences in it.
    pub(super) fn step_ns(&mut self, batch: usize) -> i64 {
        let others = f64::from(u32::try_from(batch.saturating_sub(1)).unwrap_or(u32::MAX));
        let factor = self.jitter.map_or(1.0, |jitter| jitter.sample(&mut self.steps));
        scaled_ns(self.itl, (1.0 + self.batch_slowdown * others) * factor / self.speed)
    }
}

fn scaled_ns(duration: Duration, factor: f64) -> i64 {
    duration_ns(Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(jitter: f64, speed: f64) -> Costs {
        let options = SimulatorOptions { jitter, ..SimulatorOptions::default() };
        Costs::new(&options, speed, Seed::root(1))
    }

    #[test]
    fn durations_follow_prompt_batch_and_speed() {
        for (speed, prompt, prefill_ns, batch, step_ns) in [
            (1.0, 0, 40_000_000, 1, 8_000_000),
            (1.0, 1000, 60_000_000, 16, 10_400_000),
            (2.0, 1000, 30_000_000, 2, 4_080_000),
            (f64::NAN, 0, 40_000_000, 0, 8_000_000),
        ] {
            assert_eq!(costs(0.0, speed).prefill_ns(0, prompt), prefill_ns);
            assert_eq!(costs(0.0, speed).step_ns(batch), step_ns);
        }
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of milliseconds are exact in f64")]
    fn jitter_has_the_mean_and_spread_that_were_asked_for() {
        let mut costs = costs(0.1, 1.0);
        let steps: Vec<f64> = (0..20_000).map(|_| costs.step_ns(1) as f64 / 8e6).collect();
        let mean = steps.iter().sum::<f64>() / 20_000.0;
        let sd = (steps.iter().map(|step| (step - mean).powi(2)).sum::<f64>() / 20_000.0).sqrt();
        assert!((mean - 1.0).abs() < 0.005, "mean {mean}");
        assert!((sd - 0.1).abs() < 0.005, "sd {sd}");
    }

    #[test]
    fn a_prefill_is_the_same_in_any_order() {
        let (forwards, backwards) = (costs(0.3, 1.0), costs(0.3, 1.0));
        let first: Vec<i64> = (0..5).map(|number| forwards.prefill_ns(number, 9)).collect();
        let mut second: Vec<i64> = (0..5).rev().map(|number| backwards.prefill_ns(number, 9)).collect();
        second.reverse();
        assert_eq!(first, second);
        assert_ne!(first[0], first[1]);
    }
}

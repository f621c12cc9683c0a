//! The processes against what they claim to be: rates, distributions, and that nothing but the seed decides.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::seed::Seed;
use crate::units::{ArrivalDistribution, Qps};

const SEEDS: std::ops::Range<u64> = 0..20;
const DISTRIBUTIONS: [ArrivalDistribution; 6] = [
    ArrivalDistribution::Constant,
    ArrivalDistribution::Uniform,
    ArrivalDistribution::Exponential,
    ArrivalDistribution::Gamma(0.25),
    ArrivalDistribution::Gamma(1.0),
    ArrivalDistribution::Gamma(4.0),
];

fn offsets(distribution: ArrivalDistribution, seed: u64, rate: f64, count: usize) -> Vec<i64> {
    let process = ArrivalProcess { distribution, seed: Seed::root(seed) };
    process.offsets(Qps::Rate(rate), Phase::Measure).take(count).collect()
}

/// Gaps in mean gaps.
#[expect(clippy::cast_precision_loss, reason = "offsets of a test")]
fn gaps(offsets: &[i64], rate: f64) -> Vec<f64> {
    offsets.windows(2).map(|pair| (pair[1] - pair[0]) as f64 * rate / 1e9).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a test")]
fn float(count: usize) -> f64 {
    count as f64
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / float(values.len());
    let spread: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, spread / float(values.len() - 1))
}

/// The share of gaps up to `x` mean gaps, where the mean is 1.
fn cumulative(distribution: ArrivalDistribution, x: f64) -> f64 {
    match distribution {
        ArrivalDistribution::Constant => f64::from(u8::from(x >= 1.0)),
        ArrivalDistribution::Uniform => (x / 2.0).clamp(0.0, 1.0),
        ArrivalDistribution::Exponential => 1.0 - (-x).exp(),
        ArrivalDistribution::Gamma(shape) => lower_gamma(shape, shape * x),
    }
}

/// The regularised lower incomplete gamma function, by its series: terms x^n / (s (s+1) ... (s+n)).
fn lower_gamma(shape: f64, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0 / shape, 1.0 / shape);
    let mut n = 0.0;
    while term > 1e-16 * sum {
        n += 1.0;
        term *= x / (shape + n);
        sum += term;
    }
    // The shapes of these tests: the gamma function of 1/4, of 1 and of 4.
    let gamma = [(0.25, 3.625_609_908_221_908), (1.0, 1.0), (4.0, 6.0)];
    let gamma = gamma.into_iter().find(|(of, _)| (of - shape).abs() < 1e-12).unwrap().1;
    if x > 0.0 { (sum * x.powf(shape) * (-x).exp() / gamma).min(1.0) } else { 0.0 }
}

/// The greatest distance between what was drawn and the distribution.
fn kolmogorov_smirnov(distribution: ArrivalDistribution, mut drawn: Vec<f64>) -> f64 {
    drawn.sort_by(f64::total_cmp);
    let count = float(drawn.len());
    let distance = |(at, x): (usize, &f64)| {
        let truth = cumulative(distribution, *x);
        (truth - float(at) / count).abs().max((float(at + 1) / count - truth).abs())
    };
    drawn.iter().enumerate().map(distance).fold(0.0, f64::max)
}

/// The variance over the mean of how many are due in each window of so many mean gaps.
fn dispersion(offsets: &[i64], rate: f64, window: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let place = |offset: &i64| (*offset as f64 * rate / 1e9 / window) as usize;
    let mut counts = vec![0.0; place(offsets.last().unwrap())];
    for offset in offsets {
        // The last window is cut short and left out.
        if let Some(count) = counts.get_mut(place(offset)) {
            *count += 1.0;
        }
    }
    let (mean, variance) = mean_and_variance(&counts);
    variance / mean
}

#[test]
fn gaps_have_the_distribution_asked_for() {
    const COUNT: usize = 5000;
    for distribution in DISTRIBUTIONS.into_iter().filter(|kind| *kind != ArrivalDistribution::Constant) {
        let distances: Vec<f64> = SEEDS
            .map(|seed| kolmogorov_smirnov(distribution, gaps(&offsets(distribution, seed, 50.0, COUNT + 1), 50.0)))
            .map(|distance| distance * float(COUNT).sqrt())
            .collect();
        // 1.63 is passed once in a hundred, 1.95 once in a thousand; the seeds are fixed.
        assert!(distances.iter().filter(|distance| **distance > 1.63).count() <= 1, "{distribution:?}: {distances:?}");
        assert!(distances.iter().all(|distance| *distance < 1.95), "{distribution:?}: {distances:?}");
        // And the test can tell them apart: the same gaps against their neighbour are far off.
        let other = ArrivalDistribution::Gamma(if distribution == ArrivalDistribution::Gamma(4.0) { 1.0 } else { 4.0 });
        let wrong = kolmogorov_smirnov(other, gaps(&offsets(distribution, 0, 50.0, COUNT + 1), 50.0));
        assert!(wrong * float(COUNT).sqrt() > 5.0, "{distribution:?} passes for {other:?}: {wrong}");
    }
}

#[test]
fn a_constant_pace_does_not_drift() {
    let day = offsets(ArrivalDistribution::Constant, 0, 300.0, 300 * 3600 + 1);
    assert_eq!(day.last(), Some(&(3600 * 1_000_000_000)), "after an hour, to the nanosecond");
    assert!(day.windows(2).all(|pair| (3_333_333..=3_333_334).contains(&(pair[1] - pair[0]))));
}

#[test]
fn a_poisson_process_is_as_dispersed_as_it_should_be() {
    for (distribution, expected) in [
        (ArrivalDistribution::Constant, 0.0),
        (ArrivalDistribution::Exponential, 1.0),
        (ArrivalDistribution::Gamma(1.0), 1.0),
        // Over long windows the dispersion is the gaps' variance over the square of their mean: 1/shape, and 1/3.
        (ArrivalDistribution::Uniform, 1.0 / 3.0),
        (ArrivalDistribution::Gamma(0.25), 4.0),
        (ArrivalDistribution::Gamma(4.0), 0.25),
    ] {
        let each: Vec<f64> =
            SEEDS.map(|seed| dispersion(&offsets(distribution, seed, 200.0, 40_000), 200.0, 40.0)).collect();
        let (mean, _) = mean_and_variance(&each);
        assert!((mean - expected).abs() <= 0.06 * expected + 0.01, "{distribution:?}: {mean} of {expected}: {each:?}");
    }
}

#[test]
fn any_split_over_any_threads_gives_the_same_schedule() {
    for distribution in DISTRIBUTIONS {
        let process = ArrivalProcess { distribution, seed: Seed::root(3) };
        let rule = StopRule { sessions: Some(400), duration: None };
        let schedule = Schedule::new(process, Qps::Rate(70.0), Warmup::Sessions(30), rule);
        let whole: Vec<Due> = schedule.clone().collect();
        for split in [2, 3, 7] {
            let threads: Vec<_> = (0..split)
                .map(|rank| {
                    let mine = schedule.clone();
                    std::thread::spawn(move || mine.skip(rank).step_by(split).collect::<Vec<Due>>())
                })
                .collect();
            let mut parts: Vec<Due> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
            parts.sort_by_key(|due| (due.phase == Phase::Measure, due.index));
            assert_eq!(parts, whole, "{distribution:?}");
        }
    }
}

fn any_distribution() -> impl Strategy<Value = ArrivalDistribution> {
    prop_oneof![
        Just(ArrivalDistribution::Constant),
        Just(ArrivalDistribution::Uniform),
        Just(ArrivalDistribution::Exponential),
        (0.05..20.0_f64).prop_map(ArrivalDistribution::Gamma),
    ]
}

fn any_warmup() -> impl Strategy<Value = Warmup> {
    prop_oneof![
        (0..50_u64).prop_map(Warmup::Sessions),
        (0..2000_u64).prop_map(|ms| Warmup::Time(Duration::from_millis(ms))),
    ]
}

proptest! {
    #[test]
    fn offsets_start_at_zero_and_ascend_at_the_rate(
        distribution in any_distribution(), seed: u64, rate in 0.01..10_000.0_f64,
    ) {
        const COUNT: usize = 4000;
        let offsets = offsets(distribution, seed, rate, COUNT + 1);
        prop_assert_eq!(offsets[0], 0);
        prop_assert!(offsets.is_sorted());
        let (mean, _) = mean_and_variance(&gaps(&offsets, rate));
        let variance = match distribution {
            ArrivalDistribution::Constant => 0.0,
            ArrivalDistribution::Uniform => 1.0 / 3.0,
            ArrivalDistribution::Exponential => 1.0,
            ArrivalDistribution::Gamma(shape) => 1.0 / shape,
        };
        // Six deviations: skewed gaps pass five now and then.
        let allowed = 6.0 * (variance / float(COUNT)).sqrt() + 1e-6;
        prop_assert!((mean - 1.0).abs() <= allowed, "{} of {:?}", mean, distribution);
    }

    #[test]
    fn a_rate_only_stretches_the_pattern(distribution in any_distribution(), seed: u64, rate in 0.1..1000.0_f64) {
        let (one, twice) = (offsets(distribution, seed, rate, 200), offsets(distribution, seed, 2.0 * rate, 200));
        prop_assert!(one.iter().zip(&twice).all(|(one, twice)| (one - 2 * twice).abs() <= 2));
    }

    #[test]
    fn the_measured_schedule_is_the_same_whatever_the_warm_up(
        distribution in any_distribution(), seed: u64, warmup in any_warmup(),
        sessions in 1..100_u64, ms in proptest::option::of(1..3000_u64),
    ) {
        let process = ArrivalProcess { distribution, seed: Seed::root(seed) };
        let rule = StopRule { sessions: Some(sessions), duration: ms.map(Duration::from_millis) };
        let of = |warmup| Schedule::new(process, Qps::Rate(40.0), warmup, rule);
        let schedule: Vec<Due> = of(warmup).collect();
        prop_assert!(schedule.is_sorted_by_key(|due| due.offset_ns));
        let (warm, measured): (Vec<Due>, Vec<Due>) = schedule.iter().partition(|due| due.phase == Phase::Warmup);
        prop_assert!(schedule.iter().take(warm.len()).eq(&warm), "warm-up comes first");
        match warmup {
            Warmup::Sessions(count) => prop_assert_eq!(warm.len() as u64, count),
            Warmup::Time(time) => prop_assert!(warm.iter().all(|due| due.offset_ns < crate::time::duration_ns(time))),
        }
        // The first is due when the warm-up's next one would have been.
        let from_ns = measured[0].offset_ns;
        let next = process.offsets(Qps::Rate(40.0), Phase::Warmup).nth(warm.len());
        prop_assert_eq!(Some(from_ns), next);
        let bare: Vec<i64> = of(Warmup::Sessions(0)).map(|due| due.offset_ns).collect();
        prop_assert_eq!(measured.iter().map(|due| due.offset_ns - from_ns).collect::<Vec<_>>(), bare);
        prop_assert!(measured.iter().enumerate().all(|(at, due)| due.index == at as u64));
    }
}

use proptest::prelude::*;

use super::law::{beta_quantile, normal_quantile, t_quantile, t_share_below};
use super::processes::Process;
use super::*;
use crate::seed::Seed;

fn near(one: f64, other: f64, digits: f64) -> bool {
    (one - other).abs() <= digits * other.abs().max(1.0)
}

#[test]
fn quantiles_are_those_of_the_tables() {
    assert!(near(normal_quantile(0.975), 1.959_963_984_540, 1e-10));
    for (degrees, expected) in
        [(1.0, 12.706_204_736), (2.0, 4.302_652_730), (4.0, 2.776_445_105), (30.0, 2.042_272_456)]
    {
        assert!(near(t_quantile(0.975, degrees), expected, 1e-8), "{degrees}");
        assert!(near(t_share_below(expected, degrees), 0.975, 1e-8), "{degrees}");
    }
    // Clopper and Pearson's upper bound of 0 in 10: 1 - 0.025^(1/10).
    assert!(near(beta_quantile(0.975, 1.0, 10.0), 1.0 - 0.025_f64.powf(0.1), 1e-10));
}

#[test]
fn wilsons_interval_is_that_of_the_literature() {
    // Newcombe (1998), table I, method 3.
    for (seen, of, low, high) in [
        (81.0, 263.0, 0.2553, 0.3662),
        (15.0, 148.0, 0.0624, 0.1605),
        (0.0, 20.0, 0.0, 0.1611),
        (1.0, 29.0, 0.0061, 0.1718),
    ] {
        let interval = wilson(seen / of, of, LEVEL).unwrap();
        assert!(
            (interval.low - low).abs() < 6e-5 && (interval.high - high).abs() < 6e-5,
            "{seen} of {of}: {interval:?}"
        );
    }
    assert_eq!(wilson(0.5, 0.0, LEVEL), None);
    assert_eq!(wilson(1.5, 10.0, LEVEL), None);
}

#[test]
fn a_percentile_needs_two_samples_beyond_it() {
    for (permille, count) in [(50, 130), (250, 24), (500, 11), (900, 64), (950, 130), (990, 662), (999, 6636)] {
        assert_eq!(needed(permille), count, "{permille}");
    }
    assert_eq!(needed(1000), u64::MAX);
}

#[test]
fn the_interval_of_independent_samples_is_students() {
    // Two series by turns, which have no correlation at any lag worth a model: the interval is the textbook's.
    let samples = [4.9, 5.1, 5.0, 4.8, 5.3, 4.7];
    let estimate = mean_of(&[&samples]).unwrap();
    assert!(near(estimate.value, 29.8 / 6.0, 1e-12));
    let squares: f64 = samples.iter().map(|x| (x - estimate.value) * (x - estimate.value)).sum();
    let error = (squares / 5.0 / 6.0).sqrt();
    let interval = estimate.interval.unwrap();
    assert!(near(interval.high - estimate.value, t_quantile(0.975, 5.0) * error, 1e-6), "{estimate:?}");
    assert!(near(estimate.standard_error, error, 1e-6) && near(estimate.effective_n, 6.0, 1e-9));
}

fn autoregressive(seed: Seed, phi: f64, n: usize) -> Vec<f64> {
    Process::Autoregressive(phi).draw(&mut seed.rng(), n)
}

#[test]
fn the_effective_size_is_what_the_correlation_leaves() {
    // (1 - phi) / (1 + phi) of the samples of an AR(1) process tell as much of its mean.
    for (phi, expected) in [(0.0, 1.0), (0.5, 1.0 / 3.0), (0.9, 1.0 / 19.0)] {
        let inflation =
            |seed| 20_000.0 / mean_of(&[&autoregressive(Seed::root(seed), phi, 20_000)]).unwrap().effective_n;
        let mean = (0..20).map(inflation).sum::<f64>() / 20.0;
        assert!((0.85..1.15).contains(&(mean * expected)), "{phi}: {mean}");
    }
}

/// How often the intervals of the mean, p50 and p90 hold the truth.
fn coverage(process: &Process, samples: usize, tries: u64) -> [f64; 3] {
    let figures = [None, Some(500), Some(900)];
    let truths = figures.map(|figure: Option<u32>| process.truth(figure.map(|permille| f64::from(permille) / 1000.0)));
    let mut held = [0.0; 3];
    for attempt in 0..tries {
        let drawn = process.draw(&mut Seed::root(attempt).child(&process.name()).rng(), samples);
        for ((held, figure), truth) in held.iter_mut().zip(figures).zip(truths) {
            let estimate = figure.map_or_else(|| mean_of(&[&drawn]), |permille| percentile_of(&[&drawn], permille));
            *held += f64::from(u8::from(estimate.unwrap().interval.unwrap().has(truth)));
        }
    }
    held.map(|held| held / f64::from(u32::try_from(tries).unwrap()))
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    // 95 % within what chance does in 300 tries (three standard deviations); benches/coverage.rs has many more.
    for (process, samples) in [
        (Process::Independent, 100),
        (Process::Autoregressive(0.5), 500),
        (Process::Autoregressive(0.9), 3000),
        (Process::Queue(1, 0.5), 10_000),
    ] {
        for share in coverage(&process, samples, 300) {
            assert!((0.912..=0.988).contains(&share), "{}: {share}", process.name());
        }
    }
}

#[test]
fn the_true_figures_of_a_queue_are_those_of_the_books() {
    // Times in an M/M/1 system are exponential of rate 1 - load.
    let single = Process::Queue(1, 0.5);
    assert!(near(single.truth(None), 2.0, 1e-12) && near(single.truth(Some(0.9)), 2.0 * 10.0_f64.ln(), 1e-9));
    // Erlang's C of 4 servers at 3.2 Erlang is 0.5964.
    assert!(near(Process::Queue(4, 0.8).truth(None), 1.0 + 0.5964 / 0.8, 1e-4));
    let drawn = Process::Queue(4, 0.8).draw(&mut Seed::root(1).rng(), 400_000);
    let mean = mean_of(&[&drawn]).unwrap();
    assert!((mean.value - Process::Queue(4, 0.8).truth(None)).abs() < 4.0 * mean.standard_error, "{mean:?}");
}

#[test]
fn repeats_that_differ_are_not_put_end_to_end() {
    let repeat = |seed: u64, shift: f64| {
        autoregressive(Seed::root(seed), 0.0, 400).into_iter().map(|x| 100.0 + shift + x).collect::<Vec<f64>>()
    };
    let (a, b, c) = (repeat(1, -3.0), repeat(2, 0.0), repeat(3, 3.0));
    let alike = repeat(4, 0.0);
    for of in [mean_of as fn(&[&[f64]]) -> Option<Estimate>, |repeats| percentile_of(repeats, 500)] {
        let width = |estimate: &Estimate| estimate.interval.map(|i| i.high - i.low).unwrap();
        let (apart, end_to_end) =
            (of(&[&a, &b, &c]).unwrap(), of(&[&[a.clone(), b.clone(), c.clone()].concat()]).unwrap());
        // Student's t with two degrees of freedom times 3 / sqrt(3), to either side.
        assert!(near(width(&apart) / 2.0, 4.30 * 3.0 / 3.0_f64.sqrt(), 0.06), "{apart:?}");
        assert!(apart.repeats == 3 && apart.degrees_of_freedom < 2.2, "{apart:?}");
        assert!(near(apart.value, end_to_end.value, 1e-9));
        let together = of(&[&alike, &alike]).unwrap();
        assert!(together.degrees_of_freedom > 100.0 && width(&together) < 0.3, "{together:?}");
    }
}

#[test]
fn a_request_that_never_came_leaves_no_upper_bound() {
    let mut samples: Vec<f64> = (0..100_u32).map(|k| f64::from(k * 37 % 100)).collect();
    samples.iter_mut().filter(|x| **x >= 97.0).for_each(|x| *x = f64::INFINITY);
    let median = percentile_of(&[&samples], 500).unwrap();
    assert!(median.interval.unwrap().high.is_finite());
    let near_the_end = percentile_of(&[&samples], 950).unwrap();
    assert!(near_the_end.interval.unwrap().high.is_infinite());
    assert!(near_the_end.interval.unwrap().low < 94.05);
    assert_eq!(near_the_end.p_above(0.0), Some(0.5), "nothing is certain of it");
    assert_eq!(percentile_of(&[&samples], 990), None);
    assert_eq!(mean_of(&[&samples]), None);
}

#[test]
fn a_change_has_welchs_interval() {
    let side = |value: f64, standard_error: f64, degrees_of_freedom: f64| {
        let reach = t_quantile(0.975, degrees_of_freedom) * standard_error;
        let interval = Some(Interval { low: value - reach, high: value + reach, level: LEVEL });
        Estimate { value, interval, standard_error, degrees_of_freedom, effective_n: 9.0, n: 9, repeats: 3 }
    };
    let (a, b) = (side(100.0, 3.0, 2.0), side(110.0, 4.0, 8.0));
    let change = change(&a, &b).unwrap();
    assert!(near(change.difference.standard_error, 5.0, 1e-12));
    assert!(near(change.difference.degrees_of_freedom, 625.0 / (81.0 / 2.0 + 256.0 / 8.0), 1e-9));
    assert!(near(change.relative().unwrap(), 0.1, 1e-12));
    let interval = change.relative_interval(LEVEL).unwrap();
    assert!(interval.has(0.1) && interval.has(0.0) && interval.low < -0.01 && interval.high > 0.2, "{interval:?}");
    let p = change.difference.p_above(0.0).unwrap();
    assert!(near(p, 1.0 - t_share_below(2.0, change.difference.degrees_of_freedom), 1e-12));
    assert!(near(change.difference.p_below(0.0).unwrap(), 1.0 - p, 1e-9));
    let none = Estimate { interval: None, ..a };
    assert_eq!(super::change(&none, &b), None);
    assert_eq!(super::change(&side(0.0, 1.0, 5.0), &b).unwrap().log_ratio, None);
}

#[test]
fn an_interval_of_another_level_is_students_too() {
    let estimate = mean_of(&[&[1.0, 2.0, 3.0, 4.0, 6.0]]).unwrap();
    let wide = estimate.interval_at(0.99).unwrap();
    let error = estimate.standard_error;
    assert!(near(wide.high - estimate.value, t_quantile(0.995, estimate.degrees_of_freedom) * error, 1e-9));
    // A limit at the bound of a two-sided interval of 95 % has a one-sided p-value of 2.5 %.
    let low = estimate.interval.unwrap().low;
    assert!(near(estimate.p_above(low).unwrap(), 0.025, 1e-7));
}

proptest! {
    #[test]
    fn an_interval_holds_its_figure_and_turns_with_the_unit(
        samples in prop::collection::vec(prop::collection::vec(0.0..1e3_f64, 2..300), 1..4),
        scale in 0.1..10.0_f64, permille in 50..999_u32,
    ) {
        let slices: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
        let scaled: Vec<Vec<f64>> = samples.iter().map(|repeat| repeat.iter().map(|x| x * scale).collect()).collect();
        let scaled: Vec<&[f64]> = scaled.iter().map(Vec::as_slice).collect();
        let n: usize = samples.iter().map(Vec::len).sum();
        for (plain, scaled) in [(mean_of(&slices), mean_of(&scaled)), (percentile_of(&slices, permille), percentile_of(&scaled, permille))] {
            let (plain, scaled) = (plain.unwrap(), scaled.unwrap());
            let (interval, of_scaled) = (plain.interval.unwrap(), scaled.interval.unwrap());
            prop_assert!(interval.low <= plain.value + 1e-9 && plain.value <= interval.high + 1e-9, "{plain:?}");
            prop_assert!(plain.effective_n > 0.0 && plain.effective_n <= f64::from(u32::try_from(plain.n).unwrap()) + 1e-9);
            prop_assert_eq!((plain.n, plain.repeats), (n as u64, u32::try_from(samples.len()).unwrap()));
            prop_assert!(near(of_scaled.low, interval.low * scale, 1e-6) && near(of_scaled.high, interval.high * scale, 1e-6));
        }
    }

    #[test]
    fn batches_hold_all_that_was_added(rows in prop::collection::vec((0..9_u32, 0.0..1e3_f64), 0..2000)) {
        let mut batches = Batches::<2>::default();
        for (count, sum) in &rows {
            batches.add(f64::from(*count), [*sum, 1.0]);
        }
        let with_samples = || rows.iter().filter(|(count, _)| *count > 0);
        let count: u32 = with_samples().map(|(count, _)| count).sum();
        prop_assert!(near(batches.count(), f64::from(count), 1e-12));
        let sum: f64 = with_samples().map(|(_, sum)| sum).sum();
        match batches.ratio(0) {
            Some(ratio) => prop_assert!(near(ratio, sum / f64::from(count), 1e-9)),
            None => prop_assert_eq!(count, 0),
        }
    }

    #[test]
    fn wilson_is_a_part_of_what_can_be_and_narrows(share in 0.0..=1.0_f64, n in 1.0..1e6_f64) {
        let interval = wilson(share, n, LEVEL).unwrap();
        prop_assert!(0.0 <= interval.low && interval.low <= share && share <= interval.high && interval.high <= 1.0);
        let more = wilson(share, 4.0 * n, LEVEL).unwrap();
        prop_assert!(more.high - more.low < interval.high - interval.low);
    }
}

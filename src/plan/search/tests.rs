//! Ladders of levels, and searches whose verdicts are known.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::scenario::SearchAxis;

fn search(axis: SearchAxis, min: f64, max: f64) -> Search {
    Search { axis, min, max, tolerance: 0.05, repeats: 3 }
}

/// Seeks until the end; `verdict` judges a level at its so-manieth measurement.
fn end(
    search: &Search,
    levels: &[f64],
    verdict: impl Fn(f64, u32) -> (Standing, bool),
) -> (Finding, BTreeMap<usize, Evidence>) {
    let mut known: BTreeMap<usize, Evidence> = BTreeMap::new();
    for _ in 0..10_000 {
        match seek(search, levels, &known) {
            Step::Done(finding) => return (finding, known),
            Step::Probe(at) => {
                let repeats = known.get(&at).map_or(1, |evidence| evidence.repeats + 1);
                let (standing, meets) = verdict(levels[at], repeats);
                known.insert(at, Evidence { standing, meets, repeats, client_limited: false });
            }
        }
    }
    panic!("no end of {search:?}: {known:?}");
}

/// Clear everywhere.
fn sharp(capacity: f64) -> impl Fn(f64, u32) -> (Standing, bool) {
    move |level, _| if level <= capacity { (Standing::Met, true) } else { (Standing::Missed, false) }
}

#[test]
fn a_ladder_rises_in_steps_of_half_the_tolerance_and_of_one_at_least() {
    let rates = levels(&search(SearchAxis::Qps, 0.5, 40.0));
    assert_eq!((rates[0], rates[rates.len() - 1]), (0.5, 40.0));
    assert!(rates.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(rates.windows(3).all(|three| three[2] / three[0] <= 1.05), "{rates:?}");
    let counts = levels(&search(SearchAxis::Concurrency, 1.0, 300.0));
    assert!(counts.iter().all(|count| count.fract().abs() < 1e-9));
    assert_eq!(counts[..42], (1..=42).map(f64::from).collect::<Vec<_>>());
    assert!(counts.windows(2).all(|pair| pair[1] - pair[0] <= (pair[0] * 0.025 + 1.0)), "{counts:?}");
    assert_eq!(levels(&search(SearchAxis::Concurrency, 3.0, 4.0)), [3.0, 4.0]);
}

#[test]
fn a_clear_search_doubles_halves_and_ends() {
    let search = search(SearchAxis::Concurrency, 1.0, 256.0);
    let levels = levels(&search);
    let (finding, known) = end(&search, &levels, sharp(11.0));
    let tried: Vec<f64> = known.keys().map(|at| levels[*at]).collect();
    assert_eq!(tried, [1.0, 2.0, 4.0, 8.0, 10.0, 11.0, 12.0, 16.0]);
    let at = |level: f64| levels.iter().position(|known| *known >= level);
    assert_eq!(finding, Finding { answer: at(11.0), met: at(11.0), missed: at(12.0), unresolved: None });
}

#[test]
fn bounds_that_are_too_narrow_are_told() {
    let search = search(SearchAxis::Qps, 4.0, 16.0);
    let levels = levels(&search);
    let (above, known) = end(&search, &levels, sharp(100.0));
    assert_eq!((above.unresolved, above.answer), (Some(Unresolved::AboveMax), Some(levels.len() - 1)));
    assert_eq!(known.len(), 3);
    let (below, _) = end(&search, &levels, sharp(1.0));
    assert_eq!((below.unresolved, below.answer, below.missed), (Some(Unresolved::BelowMin), None, Some(0)));
}

#[test]
fn what_stays_unclear_is_measured_so_often_and_told() {
    let search = search(SearchAxis::Qps, 1.0, 64.0);
    let levels = levels(&search);
    let foggy = |level: f64, _| match level {
        low if low < 15.0 => (Standing::Met, true),
        high if high > 25.0 => (Standing::Missed, false),
        level => (Standing::Unclear, level < 20.0),
    };
    let (finding, known) = end(&search, &levels, foggy);
    assert_eq!(finding.unresolved, Some(Unresolved::Noise));
    let answer = levels[finding.answer.unwrap()];
    assert!((19.0..20.0).contains(&answer), "{answer}");
    assert_eq!(known.values().map(|evidence| evidence.repeats).max(), Some(3));
    // The same, where the third measurement clears it.
    let lifts = |level: f64, repeats| if repeats < 3 { foggy(level, 1) } else { sharp(20.0)(level, 1) };
    let (finding, _) = end(&search, &levels, lifts);
    assert_eq!(finding.unresolved, None);
    let answer = levels[finding.answer.unwrap()];
    assert!((19.0..=20.0).contains(&answer), "{answer}");
}

#[test]
fn an_unlucky_first_look_is_put_right() {
    let search = search(SearchAxis::Qps, 1.0, 64.0);
    let levels = levels(&search);
    // Half of what the server can do looks bad at first, without being clear.
    let unlucky = |level: f64, repeats| {
        if (8.0..30.0).contains(&level) && repeats == 1 { (Standing::Unclear, false) } else { sharp(30.0)(level, 1) }
    };
    let (finding, _) = end(&search, &levels, unlucky);
    let answer = levels[finding.answer.unwrap()];
    assert!((28.5..=30.0).contains(&answer) && finding.unresolved.is_none(), "{answer}: {finding:?}");
}

#[test]
fn a_slow_client_and_a_server_that_changes_are_told() {
    let search = search(SearchAxis::Concurrency, 1.0, 64.0);
    let levels = levels(&search);
    let (_, mut known) = end(&search, &levels, sharp(11.0));
    let missed = levels.iter().position(|level| *level >= 12.0).unwrap();
    known.get_mut(&missed).unwrap().client_limited = true;
    let Step::Done(finding) = seek(&search, &levels, &known) else { panic!("it was at its end") };
    assert_eq!(finding.unresolved, Some(Unresolved::Client));
    known.get_mut(&missed).unwrap().client_limited = false;
    let evidence = Evidence { standing: Standing::Met, meets: true, repeats: 1, client_limited: false };
    known.insert(levels.len() - 1, evidence);
    let Step::Done(finding) = seek(&search, &levels, &known) else { panic!("it was at its end") };
    assert_eq!(finding.unresolved, Some(Unresolved::Contradiction));
}

proptest! {
    /// Whatever the verdicts are, it comes to an end; where they are sharp, to the right one.
    #[test]
    fn every_search_ends(
        capacity in 0.1f64..200.0, fog in 0.0f64..0.3, seed: u64, max in 2.0f64..150.0, repeats in 1u32..4,
        axis in prop_oneof![Just(SearchAxis::Concurrency), Just(SearchAxis::Qps)],
    ) {
        let search = Search { repeats, ..search(axis, 1.0, max.floor().max(2.0)) };
        let levels = levels(&search);
        let noise = |level: f64, repeats: u32| level.to_bits().wrapping_mul(seed | 1).rotate_left(17 + repeats).is_multiple_of(2);
        let verdict = |level: f64, repeats| {
            if (level / capacity - 1.0).abs() < fog { (Standing::Unclear, noise(level, repeats)) } else { sharp(capacity)(level, 1) }
        };
        let (finding, known) = end(&search, &levels, verdict);
        prop_assert!(known.values().all(|evidence| evidence.repeats <= repeats));
        if let (Some(answer), None) = (finding.answer, finding.unresolved) {
            let (met, missed) = (levels[finding.met.unwrap()], levels[finding.missed.unwrap()]);
            prop_assert!(met <= capacity * (1.0 + fog) && missed >= capacity * (1.0 - fog));
            prop_assert!(met >= levels[answer] * 0.95 && missed <= (levels[answer] * 1.05).max(levels[answer + 1]));
        }
        let (sharp_finding, known) = end(&search, &levels, sharp(capacity));
        let highest = levels.iter().rposition(|level| *level <= capacity);
        match sharp_finding.unresolved {
            None => {
                let (answer, missed) = (levels[sharp_finding.answer.unwrap()], levels[sharp_finding.missed.unwrap()]);
                prop_assert!(answer <= capacity && capacity < missed);
                prop_assert!(missed <= (answer * 1.05).max(levels[sharp_finding.answer.unwrap() + 1]));
            }
            Some(Unresolved::AboveMax) => prop_assert_eq!(highest, Some(levels.len() - 1)),
            Some(Unresolved::BelowMin) => prop_assert_eq!(highest, None),
            Some(other) => prop_assert!(false, "{:?}", other),
        }
        prop_assert!(known.len() <= 16, "{} loads", known.len());
    }
}

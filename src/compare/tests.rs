//! Verdicts on generated rows: what was planted is found, and what is alike stays quiet.

use rand_distr::{Distribution, StandardNormal};

use super::samples::{cell, side};
use super::side::{Side, SideCell};
use super::{Check, Comparison, Outcome, RegressionGate, Rules, Verdict, compare, judge_regressions};
use crate::metrics::{CellAccumulator, Figure};
use crate::record::samples::completed;
use crate::record::{Chunk, RequestRecord, Stamps, TokenCounts};
use crate::seed::Seed;

const REPEATS: u32 = 3;
const REQUESTS: u64 = 100;
/// How much one request's time says of the next one's.
const HANGS_TOGETHER: f64 = 0.3;
/// Standard deviation of a request's time, and of what differs from repeat to repeat, as shares.
const JITTER: f64 = 0.05;
const BETWEEN: f64 = 0.002;

#[expect(clippy::cast_possible_truncation, reason = "milliseconds as nanoseconds")]
fn ns(ms: f64) -> i64 {
    (ms * 1e6).round() as i64
}

/// A cell as a run leaves it: requests one after the other, the first token after `ttft_ms` or so.
fn measured(seed: Seed, ttft_ms: f64, requests: u64) -> SideCell {
    let axes = cell("c", &[("model", "m"), ("concurrency", "1")]).summary.axes;
    let mut rows: Vec<Vec<RequestRecord>> = Vec::new();
    for repeat in 0..REPEATS {
        let mut rng = seed.index(u64::from(repeat)).rng();
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let of_repeat = normal().mul_add(BETWEEN, 1.0);
        let (mut last, mut sent_ns) = (normal(), 0);
        let row = |_| {
            last = HANGS_TOGETHER.mul_add(last, (1.0 - HANGS_TOGETHER * HANGS_TOGETHER).sqrt() * normal());
            let first_ns = sent_ns + ns(ttft_ms * of_repeat * (JITTER * last).exp());
            let last_ns = first_ns + ns(8.0 * (JITTER * normal()).exp());
            let chunks = [first_ns, last_ns].map(|at_ns| Chunk { at_ns, tokens: 1 }).to_vec();
            let end_ns = Some(last_ns);
            let stamps = Stamps {
                sent_ns: Some(sent_ns),
                first_token_ns: Some(first_ns),
                first_visible_ns: Some(first_ns),
                last_token_ns: end_ns,
                end_ns,
                ..Stamps::default()
            };
            sent_ns = last_ns;
            let tokens = TokenCounts { output_server: Some(2), ..TokenCounts::default() };
            RequestRecord { stamps, chunks, tokens, ..completed() }
        };
        rows.push((0..requests).map(row).collect());
    }
    let mut cell = CellAccumulator::new("c", axes, None);
    while cell.next_pass().is_some() {
        for (repeat, rows) in (0..).zip(&rows) {
            for row in rows {
                cell.add(repeat, row);
            }
        }
    }
    SideCell { summary: cell.finish(), planned: None }
}

fn run(name: &str, seed: u64, ttft_ms: f64) -> Side {
    side(name, vec![measured(Seed::root(seed), ttft_ms, REQUESTS)])
}

fn worse(comparison: &Comparison) -> Vec<String> {
    let worse = comparison.changes().filter(|(_, change)| change.verdict == Verdict::Worse);
    worse.map(|(_, change)| change.figure.title()).collect()
}

#[test]
fn a_regression_of_five_per_cent_is_found_and_two_alike_stay_quiet() {
    let (mut found, mut alarms) = (0, Vec::new());
    for seed in 0..100 {
        let [a, alike, slower] = [(0, 100.0), (1, 100.0), (2, 105.0)].map(|(k, ttft)| run("r", 3 * seed + k, ttft));
        let found_here = worse(&compare(&a, &[slower], &Rules::default())[0]);
        found += u32::from(found_here.iter().any(|title| title.starts_with("ttft_ms")));
        alarms.extend(Some(worse(&compare(&a, &[alike], &Rules::default())[0])).filter(|worse| !worse.is_empty()));
    }
    assert!(found >= 95, "found in {found} of 100");
    assert!(alarms.len() <= 5, "{} of 100 alarms: {alarms:?}", alarms.len());
}

#[test]
fn the_same_rows_are_the_same_in_every_figure_that_has_the_samples_it_needs() {
    let (a, b) = (run("a", 1, 100.0), run("b", 1, 100.0));
    let comparison = compare(&a, &[b], &Rules::default()).remove(0);
    let ttft: Vec<(String, Verdict)> = comparison
        .changes()
        .filter(|(_, change)| change.figure.name() == "ttft_ms")
        .map(|(_, change)| (change.figure.title(), change.verdict))
        .collect();
    let expected = [("ttft_ms mean", Verdict::Same), ("ttft_ms p50", Verdict::Same), ("ttft_ms p99", Verdict::Unclear)];
    assert_eq!(ttft, expected.map(|(title, verdict)| (title.to_owned(), verdict)));
    assert_eq!(comparison.count(Verdict::Worse) + comparison.count(Verdict::Better), 0);
}

#[test]
fn a_change_has_its_sign_and_its_interval_and_every_side_is_in_one_family() {
    let a = run("a", 1, 100.0);
    let others = [run("b", 2, 120.0), run("c", 3, 80.0)];
    let figures: Vec<Figure> = vec!["ttft_ms p50".parse().unwrap()];
    let comparisons = compare(&a, &others, &Rules { figures, ..Rules::default() });
    let changes: Vec<_> = comparisons.iter().map(|comparison| comparison.changes().next().unwrap().1.clone()).collect();
    assert_eq!(comparisons.iter().map(|one| one.family).collect::<Vec<_>>(), [2, 2]);
    assert_eq!([changes[0].verdict, changes[1].verdict], [Verdict::Worse, Verdict::Better]);
    for (change, near) in changes.iter().zip([0.2, -0.2]) {
        let (value, [low, high]) = (change.change.unwrap(), change.ci95.unwrap());
        assert!((value - near).abs() < 0.04 && low < value && value < high, "{change:?}");
        assert!(low * high > 0.0 && change.p_adjusted.unwrap() < 1e-6, "{change:?}");
    }
}

#[test]
fn too_few_samples_are_no_verdict_but_a_point_gate_still_judges() {
    let cells = |seed, ttft| vec![measured(Seed::root(seed), ttft, 3)];
    let (a, b) = (side("a", cells(1, 100.0)), side("b", cells(2, 300.0)));
    let gates: Vec<RegressionGate> =
        ["ttft_ms p50 +5%", "ttft_ms p50 +5% interval", "ttft_ms p50 worse", "ttft_ms p50 -5%"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
    let comparisons = compare(&a, &[b], &Rules::default());
    let checks: Vec<Check> = judge_regressions(&gates, &comparisons);
    let outcomes: Vec<Outcome> = checks.iter().map(|check| check.outcome).collect();
    assert_eq!(outcomes, [Outcome::Missed, Outcome::Unclear, Outcome::Unclear, Outcome::Kept], "{checks:?}");
    assert!(checks[1].says.contains("needs 11 samples"), "{checks:?}");
}

#[test]
fn gates_are_read_with_a_sign_and_a_figure() {
    for (text, why) in [
        ("", "it is empty"),
        ("ttft_ms p95 5%", "`5%` does not say how far the figure may change"),
        ("ttft_ms p95 +5", "`+5` does not say how far the figure may change"),
        ("+5%", "it names no figure"),
        ("ttft p95 +5%", "`ttft p95` is no figure: did you mean `ttft_ms`?"),
        ("goodput +5ms", "goodput is not in milliseconds"),
        ("input_tokens_server p50 worse", "input_tokens_server p50 has no good side"),
    ] {
        assert_eq!(text.parse::<RegressionGate>().unwrap_err().why, why, "{text}");
    }
    for text in [
        "worse",
        "ttft_ms p95 +5%",
        "ttft_ms worse",
        "error_rate +0%",
        "e2e_ms p50 +1.5s interval",
        "goodput -3% point",
    ] {
        assert_eq!(text.parse::<RegressionGate>().map(|gate| gate.to_string()), Ok(text.to_owned()));
    }
}

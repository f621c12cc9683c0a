use super::check::{Check, Outcome};
use super::side::word;
use super::verdict::Interval;
use crate::metrics::{CellSummary, Figure};
use crate::scenario::{Bound, Gate, Judge, parse_axis_value};
use crate::units::format_significant;

/// Holds a scenario's gates against the cells that they apply to. A gate that applies to none is unclear: nothing is
/// guarded.
#[must_use]
pub fn judge_gates(gates: &[Gate], cells: &[CellSummary]) -> Vec<Check> {
    let mut checks = Vec::new();
    for gate in gates {
        let figure = Figure::of_metric(&gate.metric, &gate.stat);
        let words = words(gate, &figure);
        let mut of_gate: Vec<Check> =
            cells.iter().filter(|cell| applies(gate, cell)).map(|cell| check(gate, &figure, &words, cell)).collect();
        if of_gate.is_empty() {
            let says = "no cell with a complete repeat has what `where` asks for".to_owned();
            of_gate.push(Check { gate: words, cell_id: None, outcome: Outcome::Unclear, says });
        }
        checks.append(&mut of_gate);
    }
    checks
}

/// The gate as a sentence: `ttft_ms p95 <= 800 ms where concurrency = 16`.
fn words(gate: &Gate, figure: &Figure) -> String {
    let limit = match gate.bound {
        Bound::Max(max) => format!("<= {}", shown(max, figure.unit())),
        Bound::Min(min) => format!(">= {}", shown(min, figure.unit())),
    };
    let only = gate.only.iter().map(|(axis, values)| {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        format!("{axis} = {}", values.join(" or "))
    });
    let only = only.collect::<Vec<_>>().join(", ");
    let by = if gate.judge == Judge::Interval { ", by interval" } else { "" };
    let only = if only.is_empty() { only } else { format!(" where {only}") };
    format!("{} {limit}{only}{by}", figure.title())
}

/// A number with its unit.
pub(super) fn shown(value: f64, unit: &str) -> String {
    if value.is_infinite() {
        return "later than any".to_owned();
    }
    format!("{} {unit}", format_significant(value, 4)).trim_end().to_owned()
}

fn applies(gate: &Gate, cell: &CellSummary) -> bool {
    gate.only.iter().all(|(axis, wanted)| {
        let value = cell.axes.get(axis.as_str()).and_then(|value| parse_axis_value(axis, &word(value)).ok());
        value.is_some_and(|value| wanted.contains(&value))
    })
}

fn check(gate: &Gate, figure: &Figure, words: &str, cell: &CellSummary) -> Check {
    let (outcome, says) = outcome(gate, figure, cell);
    Check { gate: words.to_owned(), cell_id: Some(cell.cell_id.clone()), outcome, says }
}

fn outcome(gate: &Gate, figure: &Figure, cell: &CellSummary) -> (Outcome, String) {
    let Some(metric) = cell.metric(&gate.metric) else {
        return (Outcome::Unclear, format!("no completed request has {}", gate.metric));
    };
    let unit = figure.unit();
    // A figure that hangs on requests that never came lies beyond every time.
    let censored = metric.null_reasons.get(&gate.stat).is_some_and(|why| why == "censored");
    let value = figure.of(cell).or_else(|| censored.then_some(f64::INFINITY));
    let Some(value) = value else { return (Outcome::Unclear, format!("{} has no value", figure.title())) };
    let interval = metric.ci95.as_ref().and_then(|ci95| ci95.get(&gate.stat));
    // What nothing bounds reaches beyond every limit.
    let interval = interval.map(|[low, high]| [low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY)]);
    let few = if figure.is_sure(cell) { "" } else { ", by fewer samples than it needs" };
    let seen = match interval {
        Some([low, high]) if gate.judge == Judge::Interval && !censored => {
            format!("{} [{}, {}]{few}", shown(value, unit), format_significant(low, 4), format_significant(high, 4))
        }
        _ => format!("{}{few}", shown(value, unit)),
    };
    match (gate.judge, interval) {
        (Judge::Point, _) => told(beyond(gate.bound, [value, value]), gate.bound, seen, unit),
        (Judge::Interval, _) if censored => told(beyond(gate.bound, [value, value]), gate.bound, seen, unit),
        (Judge::Interval, Some(interval)) => told(beyond(gate.bound, interval), gate.bound, seen, unit),
        (Judge::Interval, None) => (Outcome::Unclear, format!("{seen}: too few samples for an interval")),
    }
}

fn told(outcome: Outcome, bound: Bound, seen: String, unit: &str) -> (Outcome, String) {
    let limit = match bound {
        Bound::Max(limit) | Bound::Min(limit) => shown(limit, unit),
    };
    let says = match (outcome, bound) {
        (Outcome::Kept, _) => seen,
        (Outcome::Missed, Bound::Max(_)) => format!("{seen}, above {limit}"),
        (Outcome::Missed, Bound::Min(_)) => format!("{seen}, below {limit}"),
        (Outcome::Unclear, _) => format!("{seen}: the interval holds the limit of {limit}"),
    };
    (outcome, says)
}

/// Where an interval lies; a point is one without length.
fn beyond(bound: Bound, [low, high]: Interval) -> Outcome {
    let (inside, outside) = match bound {
        Bound::Max(max) => (high <= max, low > max),
        Bound::Min(min) => (low >= min, high < min),
    };
    match (inside, outside) {
        (true, _) => Outcome::Kept,
        (_, true) => Outcome::Missed,
        _ => Outcome::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::compare::samples::{cell, with_metric};
    use crate::metrics::MetricSummary;
    use crate::scenario::AxisName;

    fn gate(bound: Bound, judge: Judge) -> Gate {
        Gate { metric: "ttft_ms".into(), stat: "p95".into(), bound, only: BTreeMap::new(), judge }
    }

    fn summary(p95: Option<f64>, ci: Option<Interval>, count: u64) -> MetricSummary {
        MetricSummary {
            count,
            p95,
            needed: BTreeMap::from([("p95".to_owned(), 130)]),
            ci95: ci.map(|ci| BTreeMap::from([("p95".to_owned(), ci.map(Some))])),
            null_reasons: if p95.is_none() {
                BTreeMap::from([("p95".to_owned(), "censored".to_owned())])
            } else {
                BTreeMap::new()
            },
            ..MetricSummary::default()
        }
    }

    fn judged(bound: Bound, judge: Judge, metric: MetricSummary) -> (Outcome, String) {
        let cell = with_metric(cell("c", &[("concurrency", "16")]), "ttft_ms", metric);
        let mut checks = judge_gates(&[gate(bound, judge)], &[cell.summary]);
        let check = checks.pop().unwrap();
        assert!(checks.is_empty());
        (check.outcome, check.says)
    }

    #[test]
    fn a_point_is_kept_or_missed_and_an_interval_may_be_unclear() {
        use Outcome::{Kept, Missed, Unclear};
        let some = |low, high| summary(Some(850.0), Some([low, high]), 200);
        for (bound, judge, metric, expected, says) in [
            (Bound::Max(800.0), Judge::Point, some(780.0, 900.0), Missed, "850 ms, above 800 ms"),
            (Bound::Max(850.0), Judge::Point, some(780.0, 900.0), Kept, "850 ms"),
            (Bound::Min(900.0), Judge::Point, some(780.0, 900.0), Missed, "850 ms, below 900 ms"),
            (
                Bound::Max(800.0),
                Judge::Interval,
                some(780.0, 900.0),
                Unclear,
                "850 ms [780, 900]: the interval holds the limit of 800 ms",
            ),
            (Bound::Max(800.0), Judge::Interval, some(810.0, 900.0), Missed, "850 ms [810, 900], above 800 ms"),
            (Bound::Max(900.0), Judge::Interval, some(810.0, 900.0), Kept, "850 ms [810, 900]"),
            (
                Bound::Min(800.0),
                Judge::Interval,
                some(780.0, 900.0),
                Unclear,
                "850 ms [780, 900]: the interval holds the limit of 800 ms",
            ),
            (
                Bound::Max(800.0),
                Judge::Interval,
                summary(Some(850.0), None, 200),
                Unclear,
                "850 ms: too few samples for an interval",
            ),
            (
                Bound::Max(900.0),
                Judge::Point,
                summary(Some(850.0), None, 20),
                Kept,
                "850 ms, by fewer samples than it needs",
            ),
            (Bound::Max(800.0), Judge::Point, summary(None, None, 200), Missed, "later than any, above 800 ms"),
            (Bound::Max(800.0), Judge::Interval, summary(None, None, 200), Missed, "later than any, above 800 ms"),
        ] {
            assert_eq!(judged(bound, judge, metric), (expected, says.to_owned()));
        }
    }

    #[test]
    fn a_gate_applies_where_it_says_and_one_that_guards_nothing_says_so() {
        let cells = [("1", "small"), ("16", "small"), ("16", "500x500")].map(|(concurrency, size)| {
            let cell = cell(&format!("{concurrency} {size}"), &[("concurrency", concurrency), ("image_size", size)]);
            with_metric(cell, "ttft_ms", summary(Some(1.0), None, 200)).summary
        });
        let only = |axis: AxisName, texts: &[&str]| {
            let values = texts.iter().map(|text| parse_axis_value(&axis, text).unwrap()).collect();
            Gate { only: BTreeMap::from([(axis, values)]), ..gate(Bound::Max(2.0), Judge::Point) }
        };
        let ids = |gate: Gate| -> Vec<String> {
            judge_gates(&[gate], &cells).into_iter().map(|check| check.cell_id.unwrap_or(check.says)).collect()
        };
        assert_eq!(ids(only(AxisName::Concurrency, &["16", "32"])), ["16 small", "16 500x500"]);
        assert_eq!(ids(only(AxisName::ImageSize, &["small"])), ["1 small", "16 small", "16 500x500"]);
        let none = judge_gates(&[only(AxisName::Concurrency, &["4"])], &cells);
        assert_eq!(
            (none[0].outcome, none[0].gate.as_str()),
            (Outcome::Unclear, "ttft_ms p95 <= 2 ms where concurrency = 4")
        );
        assert_eq!(
            judge_gates(&[Gate { metric: "itl_ms".into(), ..gate(Bound::Max(2.0), Judge::Point) }], &cells[..1])[0]
                .says,
            "no completed request has itl_ms"
        );
    }
}

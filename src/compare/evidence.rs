use super::change::{Seen, Weighed};
use crate::metrics::{CellSummary, Figure, Interval, MetricSummary, RepeatSummary};
use crate::statistics::{self, Estimate, LEVEL, Part, change, mean, share};

/// Weighs what a figure changed between two cells.
pub(super) fn weigh(figure: &Figure, a: &CellSummary, b: &CellSummary) -> Seen {
    let sides = estimate(figure, a).and_then(|of_a| Ok((of_a, estimate(figure, b)?)));
    let (of_a, of_b) = match sides {
        Ok(sides) => sides,
        Err(why) => return Seen::Nothing(why),
    };
    let Some(change) = change(&of_a, &of_b) else { return Seen::Nothing(FEW.to_owned()) };
    let (up, down) = (change.difference.p_above(0.0), change.difference.p_below(0.0));
    match (up.zip(down), finite(&change.difference)) {
        (Some((up, down)), Some(interval)) => Seen::Weighed(Weighed {
            a: of_a.value,
            b: of_b.value,
            interval,
            relative: change.relative_interval(LEVEL).map(|interval| [interval.low, interval.high]),
            p: (2.0 * up.min(down)).min(1.0),
        }),
        _ => Seen::Nothing(FEW.to_owned()),
    }
}

const FEW: &str = "too few samples";

/// The bounds of an estimate, when both are numbers.
fn finite(estimate: &Estimate) -> Option<Interval> {
    let interval = estimate.interval?;
    let bounds = [interval.low, interval.high];
    bounds.iter().all(|bound| bound.is_finite()).then_some(bounds)
}

/// A figure with its interval; why there is none, when there is none.
fn estimate(figure: &Figure, cell: &CellSummary) -> Result<Estimate, String> {
    let Some(stat) = figure.stat() else { return whole(figure, cell) };
    let Some(metric) = cell.metric(figure.name()) else { return Err("a side has no sample".to_owned()) };
    if metric.figure(stat).is_none() {
        let censored = metric.null_reasons.get(stat).is_some_and(|why| why == "censored");
        return Err(if censored { "it falls on requests that never came" } else { "a side has no value" }.to_owned());
    }
    if let Some(needed) = metric.needed.get(stat).filter(|needed| metric.count < **needed) {
        return Err(format!("needs {needed} samples"));
    }
    let estimate = stored(metric, stat, cell.repeats.len()).ok_or_else(|| format!("{stat} has no interval"))?;
    if finite(&estimate).is_some() { Ok(estimate) } else { Err(FEW.to_owned()) }
}

/// A figure with its interval as it was stored.
fn stored(metric: &MetricSummary, stat: &str, repeats: usize) -> Option<Estimate> {
    let [low, high] = *metric.ci95.as_ref()?.get(stat)?;
    Some(Estimate {
        value: metric.figure(stat)?,
        interval: Some(statistics::Interval { low, high, level: LEVEL }),
        standard_error: (high - low) / 2.0 / 1.959_964,
        degrees_of_freedom: f64::INFINITY,
        effective_n: as_float(metric.count),
        n: metric.count,
        repeats: u32::try_from(repeats).unwrap_or(u32::MAX),
    })
}

/// A figure of the cell as a whole.
fn whole(figure: &Figure, cell: &CellSummary) -> Result<Estimate, String> {
    match figure.name() {
        "error_rate" => error_rate(cell).ok_or_else(|| "a side has no request that ended".to_owned()),
        "request_throughput" => of_repeats(cell, requests),
        "output_token_throughput" => of_repeats(cell, |repeat| tokens(repeat, &["output_tokens_server"])),
        "total_token_throughput" => {
            of_repeats(cell, |repeat| tokens(repeat, &["input_tokens_server", "output_tokens_server"]))
        }
        other => Err(format!("{other} has no interval")),
    }
}

/// Failed requests among those that ended by themselves.
fn error_rate(cell: &CellSummary) -> Option<Estimate> {
    let value = cell.error_rate?;
    let count = as_float(cell.requests.completed + cell.requests.failed);
    let variance = value * (1.0 - value) / count;
    share(&[Part { value, count, variance, degrees_of_freedom: f64::INFINITY, effective_n: count }])
}

/// A rate by how it differs between repeats, each of which has one value: what varies within is not known.
fn of_repeats(cell: &CellSummary, per_second: impl Fn(&RepeatSummary) -> Option<f64>) -> Result<Estimate, String> {
    let part = |repeat: &RepeatSummary| {
        let seconds = repeat.duration_s.filter(|seconds| *seconds > 0.0)?;
        let value = per_second(repeat)? / seconds;
        Some(Part { value, count: seconds, variance: 0.0, degrees_of_freedom: f64::INFINITY, effective_n: 1.0 })
    };
    let parts: Option<Vec<Part>> = cell.repeats.iter().map(part).collect();
    match parts {
        Some(parts) if parts.len() > 1 => mean(&parts).ok_or_else(|| FEW.to_owned()),
        Some(_) => Err("one repeat does not say how much it differs".to_owned()),
        None => Err("a repeat has no rate".to_owned()),
    }
}

/// Completed requests of a repeat.
fn requests(repeat: &RepeatSummary) -> Option<f64> {
    Some(as_float(repeat.metrics.get("e2e_ms")?.as_ref()?.count))
}

/// Tokens of a repeat, by the server's counts; `None` where it did not count every request's.
fn tokens(repeat: &RepeatSummary, counts: &[&str]) -> Option<f64> {
    let completed = repeat.metrics.get("e2e_ms")?.as_ref()?.count;
    let each = counts.iter().map(|name| {
        let metric = repeat.metrics.get(*name)?.as_ref().filter(|metric| metric.count == completed)?;
        Some(metric.mean? * as_float(metric.count))
    });
    each.sum()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

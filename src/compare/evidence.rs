use super::change::{Seen, Weighed};
use super::verdict::Interval;
use crate::metrics::{CellSummary, Figure};
use crate::statistics::{self, Estimate, LEVEL, change};

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
    if let Some(needed) = metric.needed.get(stat).filter(|_| !metric.is_sure(stat)) {
        return Err(format!("needs {needed} samples"));
    }
    let estimate = metric.estimate(stat, repeats(cell)).ok_or_else(|| format!("{stat} has no interval"))?;
    if finite(&estimate).is_some() { Ok(estimate) } else { Err(FEW.to_owned()) }
}

/// A figure of the cell as a whole, by its own interval.
fn whole(figure: &Figure, cell: &CellSummary) -> Result<Estimate, String> {
    let value = figure.of(cell).ok_or_else(|| "a side has no value".to_owned())?;
    let stored = cell.ci95.as_ref().and_then(|ci95| ci95.get(figure.name()));
    let Some([Some(low), Some(high)]) = stored.copied() else {
        return Err(format!("{} has no interval", figure.name()));
    };
    let requests = cell.requests.completed + cell.requests.failed;
    let interval = statistics::Interval { low, high, level: LEVEL };
    let degrees = cell.degrees_of_freedom.get(figure.name()).copied().unwrap_or(f64::INFINITY);
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let counts = (requests, requests as f64);
    Ok(Estimate::stored(value, interval, degrees, counts, repeats(cell)))
}

fn repeats(cell: &CellSummary) -> u32 {
    u32::try_from(cell.repeats.len()).unwrap_or(u32::MAX)
}

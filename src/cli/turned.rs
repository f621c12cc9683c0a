use super::args::Turn;
use super::exit::Failure;
use crate::metrics::{CellSummary, Figure, UnknownFigure};
use crate::plan::Plan;
use crate::report::{self, ComparisonTable};
use crate::scenario::{AxisName, Scenario};
use crate::text::{nearest, one_of};

/// The figures that a turned table is to show.
fn figures(turn: &Turn) -> Result<Vec<Figure>, Failure> {
    if turn.metric.is_empty() {
        return Ok(Figure::usual());
    }
    let figure =
        |text: &String| text.parse().map_err(|error: UnknownFigure| Failure::usage(&error).help(error.known.clone()));
    turn.metric.iter().map(figure).collect()
}

/// Refuses an axis and figures that no table can have, before anything is sent.
pub(super) fn check<'p>(turn: &Turn, plans: impl IntoIterator<Item = (&'p Scenario, &'p Plan)>) -> Result<(), Failure> {
    let Some(axis) = &turn.pivot else { return Ok(()) };
    figures(turn)?;
    let cells: Vec<_> = plans.into_iter().flat_map(|(_, plan)| plan.in_full().cells).collect();
    let mut known: Vec<AxisName> =
        cells.iter().flat_map(|cell| cell.axes.iter().map(|(name, _)| name.clone())).collect();
    known.sort();
    known.dedup();
    let words: Vec<&str> = known.iter().map(AxisName::as_str).chain(["scenario"]).collect();
    if words.contains(&axis.as_str()) {
        return Ok(());
    }
    Err(no_axis(axis, &words))
}

/// The turned table, when one is asked for.
pub(super) fn table(turn: &Turn, name: &str, cells: &[CellSummary]) -> Result<Option<ComparisonTable>, Failure> {
    let Some(axis) = &turn.pivot else { return Ok(None) };
    if cells.is_empty() {
        return Ok(None);
    }
    match report::pivot(name, cells, axis, &figures(turn)?) {
        Some(table) => Ok(Some(table)),
        None => {
            let words: Vec<&str> = cells.iter().flat_map(|cell| cell.axes.keys()).map(String::as_str).collect();
            Err(no_axis(axis, &words))
        }
    }
}

fn no_axis(axis: &str, words: &[&str]) -> Failure {
    let mut words = words.to_vec();
    words.sort_unstable();
    words.dedup();
    let failure = Failure::usage(format!("no cell has an axis `{axis}`"));
    match nearest(axis, words.iter().copied()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help(format!("the axes are {}", one_of(words))),
    }
}

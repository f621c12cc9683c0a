use std::path::Path;

use super::args;
use super::exit::Failure;
use super::terminal::Terminal;
use crate::plan::{CellState, Plan};
use crate::run::{CellOutlook, Reuse, Reused};
use crate::scenario::Scenario;
use crate::text::plural;
use crate::time::unix_ns;
use crate::units::format_age;

/// So many runs, and so many reasons, are named.
const MOST_NAMED: usize = 3;

/// The earlier runs of a scenario, where `--reuse` asks for them.
pub(super) fn earlier(
    args: &args::Reuse,
    scenario: &Scenario,
    out: &Path,
    terminal: &Terminal,
) -> Result<Option<Reuse>, Failure> {
    let Some(args::MaxAge(max_age)) = args.reuse else { return Ok(None) };
    let reuse = Reuse::read(out, &scenario.name, max_age).map_err(Failure::failed)?;
    for (_, error) in reuse.unreadable() {
        terminal.warning(&format!("{error}; nothing is taken from that run"));
    }
    Ok(Some(reuse))
}

/// What becomes of each cell as far as files tell.
pub(super) fn states(reuse: &Reuse, scenario: &Scenario, plan: &Plan) -> Vec<CellState> {
    reuse.look_up(scenario, plan, None, unix_ns()).iter().map(CellOutlook::state).collect()
}

/// What is reused and why the rest is not, a line each:
/// `12 of 16 repeats reused: 8 from 20261124T093000Z-4f2a (2h old), 4 from ...`.
pub(super) fn told(runs: &[Reused], left: &[(String, usize)], units: usize) -> String {
    let reused: usize = runs.iter().map(|run| run.units).sum();
    let from = |run: &Reused| format!("{} from {} ({} old)", run.units, run.run, format_age(run.oldest_s));
    let others = |rest: &[Reused]| {
        let units: usize = rest.iter().map(|run| run.units).sum();
        format!("{units} from {}", plural(rest.len(), "other run", "other runs"))
    };
    let mut text = format!("{reused} of {} reused", plural(units, "repeat", "repeats"));
    if reused > 0 {
        text = format!("{text}: {}", first_of(runs, from, others));
    }
    if !left.is_empty() {
        let because = |(why, units): &(String, usize)| format!("{units} ({why})");
        let others = |rest: &[(String, usize)]| {
            let units: usize = rest.iter().map(|(_, units)| units).sum();
            format!("{units} for {}", plural(rest.len(), "other reason", "other reasons"))
        };
        text = format!("{text}\nto measure: {}", first_of(left, because, others));
    }
    text
}

/// The first of a list, each in words, and the others in one.
fn first_of<T>(list: &[T], each: impl Fn(&T) -> String, others: impl Fn(&[T]) -> String) -> String {
    let mut words: Vec<String> = list.iter().take(MOST_NAMED).map(each).collect();
    if let Some(rest) = list.get(MOST_NAMED..).filter(|rest| !rest.is_empty()) {
        words.push(others(rest));
    }
    words.join(", ")
}

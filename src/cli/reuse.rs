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

/// So many runs are named.
const MOST_RUNS: usize = 3;

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

/// `12 of 16 repeats reused: 8 from 20261124T093000Z-4f2a (2h old), 4 from ...`
pub(super) fn told(runs: &[Reused], units: usize) -> String {
    let reused: usize = runs.iter().map(|run| run.units).sum();
    if reused == 0 {
        return format!("nothing to reuse: {} to measure", plural(units, "repeat is", "repeats are"));
    }
    let from = |run: &Reused| format!("{} from {} ({} old)", run.units, run.run, format_age(run.oldest_s));
    let mut from: Vec<String> = runs.iter().take(MOST_RUNS).map(from).collect();
    let rest = runs.get(MOST_RUNS..).unwrap_or_default();
    if !rest.is_empty() {
        let units: usize = rest.iter().map(|run| run.units).sum();
        from.push(format!("{units} from {}", plural(rest.len(), "other run", "other runs")));
    }
    format!("{reused} of {} reused: {}", plural(units, "repeat", "repeats"), from.join(", "))
}

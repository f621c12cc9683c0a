use std::collections::BTreeMap;

use super::figures::column;
use super::grid::{Cell, Column, Emphasis};
use crate::metrics::{CellSummary, ReusedRepeat};
use crate::text::plural;
use crate::units::format_age;

/// So many runs are named.
const MOST_RUNS: usize = 3;

fn reused(cell: &CellSummary) -> impl Iterator<Item = &ReusedRepeat> {
    cell.repeats.iter().filter_map(|repeat| repeat.reused.as_ref())
}

/// How old what was taken over was by then; `None` when nothing was.
pub(super) fn reused_column(cells: &[CellSummary]) -> Option<Column> {
    cells.iter().any(|cell| reused(cell).next().is_some()).then(|| Column {
        expendable: 11,
        ..column("reused", cells, |cell| {
            let (count, all) = (reused(cell).count(), cell.repeats.len());
            let age = reused(cell).map(|repeat| repeat.age_s).fold(0.0, f64::max);
            let text = match count {
                0 => "-".to_owned(),
                count if count < all => format!("{count} of {all}, {} old", format_age(age)),
                _ => format!("{} old", format_age(age)),
            };
            Cell { emphasis: Emphasis::Dim, ..Cell::plain(text) }
        })
    })
}

/// Which runs measured what this one did not.
pub(super) fn reused_note(cells: &[CellSummary]) -> Option<String> {
    let mut runs: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for repeat in cells.iter().flat_map(reused) {
        let run = runs.entry(&repeat.from).or_default();
        *run = (run.0 + 1, run.1.max(repeat.age_s));
    }
    let count: usize = runs.values().map(|(count, _)| count).sum();
    let all = cells.iter().map(|cell| cell.repeats.len()).sum();
    // Names begin with the date: the newest first.
    let named = runs.iter().rev().take(MOST_RUNS).map(|(run, (_, age))| format!("{run} ({} old)", format_age(*age)));
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match runs.len().saturating_sub(MOST_RUNS) {
        0 => String::new(),
        more => format!(" and {}", plural(more, "other run", "other runs")),
    };
    (count > 0).then(|| {
        format!("{count} of {} reused, not measured by this run: from {named}{more}", plural(all, "repeat", "repeats"))
    })
}

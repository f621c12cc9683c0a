use super::comparison::ComparisonTable;
use super::grid::{Cell, Column, Emphasis, Grid};
use crate::compare::{Check, Outcome, Tally};

/// What gates say, as a table; `None` without a gate.
#[must_use]
pub fn check_table(checks: &[Check]) -> Option<ComparisonTable> {
    if checks.is_empty() {
        return None;
    }
    let column = |name: &str, of: &dyn Fn(&Check) -> Cell| Column {
        group: String::new(),
        name: name.to_owned(),
        cells: checks.iter().map(of).collect(),
        right: false,
        expendable: 0,
    };
    let columns = vec![
        column("gate", &|check| Cell::plain(check.gate.as_str())),
        column("cell", &|check| Cell::plain(check.cell_id.as_deref().unwrap_or("-"))),
        column("outcome", &outcome),
        column("seen", &|check| Cell::plain(check.says.as_str())),
    ];
    Some(ComparisonTable {
        title: format!("gates: {}", Tally::of(checks).words()),
        grid: Grid { columns, breaks: Vec::new() },
        facts: Vec::new(),
        legend: Some(Vec::new()),
    })
}

fn outcome(check: &Check) -> Cell {
    let (mark, emphasis) = match check.outcome {
        Outcome::Kept => ('✓', Emphasis::Plain),
        Outcome::Missed => ('✗', Emphasis::Bad),
        Outcome::Unclear => ('?', Emphasis::Worst),
    };
    Cell { text: format!("{mark} {}", check.outcome.as_str()), mark: None, emphasis }
}

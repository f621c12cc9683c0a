use std::collections::BTreeSet;

use serde_json::Value;

use super::axes::{SCENARIO, axis_names, shown, value};
use super::comparison::{ComparisonTable, axis_column, breaks, in_title, varies, words};
use super::digits::decimals;
use super::grid::{Cell, Column, Grid};
use super::marks::{BEST, Standing, UNSURE, WORST, ranks};
use super::unverified::unverified_note;
use crate::metrics::{CellSummary, Figure, Verdict};

/// The cells with the values of `axis` side by side, below them the figures; `None` when no cell has the axis.
///
/// Scenarios are told apart only where the other axes do not do it.
#[must_use]
pub fn pivot(name: &str, cells: &[CellSummary], axis: &str, figures: &[Figure]) -> Option<ComparisonTable> {
    let axes = axis_names(cells);
    if !axes.iter().any(|known| known == axis) {
        return None;
    }
    let others = || axes.iter().map(String::as_str).filter(|known| *known != axis);
    let mut by: Vec<&str> = others().filter(|known| varies(cells, known)).collect();
    let without: Vec<&str> = by.iter().copied().filter(|known| *known != SCENARIO).collect();
    let apart: BTreeSet<String> =
        cells.iter().map(|cell| format!("{}\u{0}{}", key(cell, &without), value(cell, axis))).collect();
    let merged = without.len() < by.len() && apart.len() == cells.len();
    if merged {
        by = without;
    }
    let mut rows: Vec<&CellSummary> = Vec::new();
    for cell in cells {
        if !rows.iter().any(|row| key(row, &by) == key(cell, &by)) {
            rows.push(cell);
        }
    }
    let mut values: Vec<&Value> = Vec::new();
    for cell in cells {
        if !values.contains(&value(cell, axis)) {
            values.push(value(cell, axis));
        }
    }
    let firsts: Vec<CellSummary> = rows.iter().map(|row| (*row).clone()).collect();
    let mut columns: Vec<Column> = by.iter().map(|known| axis_column(&firsts, known)).collect();
    let breaks = breaks(&columns);
    if columns.is_empty() {
        columns.push(words("", vec![Cell::plain(if rows.len() > 1 { "" } else { name })]));
    }
    let at = |row: &CellSummary, side: &Value| {
        cells.iter().find(|cell| key(cell, &by) == key(row, &by) && value(cell, axis) == side)
    };
    for figure in figures {
        let table: Vec<Vec<Option<&CellSummary>>> =
            rows.iter().map(|row| values.iter().map(|side| at(row, side)).collect()).collect();
        columns.extend(figure_columns(figure, &table, &values));
    }
    let grid = Grid { columns, breaks };
    let mut same: Vec<String> =
        others().filter(|known| !varies(cells, known)).filter_map(|known| in_title(cells, known)).collect();
    same.insert(0, format!("{name} by {axis}"));
    let mut facts: Vec<String> = unverified_note(cells, |cell| cell.cell_id.clone()).into_iter().collect();
    let mixed = |row: &&CellSummary| {
        let mut of_row = cells.iter().filter(|cell| key(cell, &by) == key(row, &by)).map(|cell| value(cell, SCENARIO));
        let first = of_row.next();
        of_row.any(|scenario| Some(scenario) != first)
    };
    if merged && axis != SCENARIO && rows.iter().any(mixed) {
        facts.push("the values of a row may come from different scenarios".to_owned());
    }
    let legend = Some(legend(&grid));
    Some(ComparisonTable { title: same.join(" · "), grid, facts, legend })
}

/// What a row stands for.
fn key(cell: &CellSummary, by: &[&str]) -> String {
    by.iter().map(|axis| value(cell, axis).to_string()).collect::<Vec<_>>().join("\u{0}")
}

/// The columns of one figure: one a value of the turned axis, best and worst of each row marked.
fn figure_columns(figure: &Figure, table: &[Vec<Option<&CellSummary>>], sides: &[&Value]) -> Vec<Column> {
    let flat: Vec<Option<f64>> = table.iter().flatten().map(|cell| cell.and_then(|cell| figure.of(cell))).collect();
    let places = decimals(flat.iter().flatten().copied());
    let standings: Vec<Option<Standing>> = table
        .iter()
        .flatten()
        .zip(&flat)
        .map(|(cell, number)| {
            let shown = format!("{:.places$}", (*number)?).parse().ok()?;
            let cell = (*cell)?;
            // A figure that is the client's ranks no server.
            let servers = cell.client.verdict != Some(Verdict::Limited);
            Some(Standing { shown, sure: figure.is_sure(cell) && servers })
        })
        .collect();
    let groups: Vec<Vec<usize>> =
        (0..table.len()).map(|row| (row * sides.len()..(row + 1) * sides.len()).collect()).collect();
    let ranks = ranks(&standings, &groups, figure.better());
    let column = |(side, name): (usize, &&Value)| Column {
        group: figure.title(),
        name: shown(name),
        cells: (0..table.len())
            .map(|row| {
                let at = row * sides.len() + side;
                match flat[at] {
                    Some(number) => super::figures::marked(
                        format!("{number:.places$}"),
                        table[row][side].is_none_or(|cell| figure.is_sure(cell)),
                        ranks[at],
                    ),
                    None => Cell::plain("-"),
                }
            })
            .collect(),
        right: true,
        expendable: 0,
    };
    sides.iter().enumerate().map(column).collect()
}

/// What the marks mean here.
fn legend(grid: &Grid) -> Vec<String> {
    let has = |mark: char| grid.columns.iter().flat_map(|column| &column.cells).any(|cell| cell.mark == Some(mark));
    let mut lines = Vec::new();
    if has(BEST) {
        lines.push(format!(
            "{BEST} best{} of a row",
            if has(WORST) { format!(", {WORST} worst") } else { String::new() }
        ));
    }
    if has(UNSURE) {
        lines.push(format!("{UNSURE} too few samples to rely on"));
    }
    lines
}

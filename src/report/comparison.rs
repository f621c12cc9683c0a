use std::collections::BTreeMap;

use console::{measure_text_width, truncate_str};
use serde_json::Value;

use super::axes::{SCENARIO, axis_names, shown, value};
use super::changes::{self, Earlier, Past, pasts};
use super::clients::client_column;
use super::figures::{FIGURES, error_columns, figure_columns};
use super::grid::{Cell, Column, Grid};
use super::marks::rivals;
use super::notes::{facts, legend, name as note_name};
use super::reused::reused_column;
use super::search::search_markdown;
use super::servers::server_tables;
use super::steady::{has_steady_state, in_steady_state};
use super::stopped::stopped_column;
use super::unverified::unverified_note;
use crate::metrics::{CellSummary, SearchSummary};

/// The comparison table: one row a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonTable {
    pub(super) title: String,
    pub(super) grid: Grid,
    /// What a reader must know of the cells besides their numbers.
    pub(super) facts: Vec<String>,
    /// What the marks mean, where it is not what they usually do.
    pub(super) legend: Option<Vec<String>>,
}

/// The comparison of a run's cells. Axes that vary are columns, the others stand in the title.
#[must_use]
pub fn comparison(name: &str, cells: &[CellSummary]) -> ComparisonTable {
    plain(name, cells, &[])
}

/// The same, with the change of the main figures against earlier results of the same cells. Without a single one the
/// comparison stands alone.
#[must_use]
pub fn comparison_since(name: &str, cells: &[CellSummary], earlier: &Earlier) -> ComparisonTable {
    let pasts = pasts(cells, earlier);
    let is_first = pasts.iter().all(|past| matches!(past, Past::New));
    plain(name, cells, if is_first { &[] } else { &pasts })
}

fn plain(name: &str, cells: &[CellSummary], pasts: &[Past<'_>]) -> ComparisonTable {
    let mut columns = figure_columns(&FIGURES, cells, &rivals(cells), pasts);
    columns.extend(error_columns(cells));
    columns.extend(client_column(cells));
    columns.extend(stopped_column(cells));
    columns.extend(reused_column(cells));
    table(name, cells, columns, |cells, varying| {
        changes::legend(pasts).into_iter().chain(facts(cells, varying)).collect()
    })
}

/// A table of one row a cell: what varies, then these columns. `notes` are told of cells by what varies.
pub(super) fn table(
    name: &str,
    cells: &[CellSummary],
    figures: Vec<Column>,
    notes: impl FnOnce(&[CellSummary], &[&str]) -> Vec<String>,
) -> ComparisonTable {
    let axes = axis_names(cells);
    let (varying, constant): (Vec<&str>, Vec<&str>) =
        axes.iter().map(String::as_str).partition(|axis| varies(cells, axis));
    let same: Vec<String> = constant.iter().filter_map(|axis| in_title(cells, axis)).collect();
    let mut columns: Vec<Column> = varying.iter().map(|axis| axis_column(cells, axis)).collect();
    let breaks = breaks(&columns);
    if columns.is_empty() {
        let names = cells.iter().map(|cell| Cell::plain(cell.cell_id.as_str())).collect();
        columns.push(words("cell", names));
    }
    columns.extend(figures);
    let title = if same.is_empty() { name.to_owned() } else { format!("{name} · {}", same.join(" · ")) };
    let unverified = unverified_note(cells, |cell| note_name(cell, &varying));
    let facts = unverified.into_iter().chain(notes(cells, &varying)).collect();
    ComparisonTable { title, facts, grid: Grid { columns, breaks }, legend: None }
}

/// The comparison by the figures of steady windows alone.
#[must_use]
pub fn steady_comparison(name: &str, cells: &[CellSummary]) -> ComparisonTable {
    comparison(&format!("{name} · steady state"), &in_steady_state(cells))
}

/// The comparison as Markdown, and below it what searches came to, that of the steady windows and what servers say, where
/// there is any.
#[must_use]
pub fn comparison_markdown(name: &str, cells: &[CellSummary], searches: &[SearchSummary]) -> String {
    let first = [comparison(name, cells).markdown()].into_iter().chain(searches.iter().map(search_markdown));
    let mut tables = Vec::new();
    if has_steady_state(cells) {
        tables.push(steady_comparison(name, cells));
    }
    tables.extend(server_tables(name, cells));
    first.chain(tables.iter().map(ComparisonTable::markdown)).collect::<Vec<_>>().join("\n")
}

impl ComparisonTable {
    /// For a terminal of so many columns; the least important columns give way, and no line is wider.
    #[must_use]
    pub fn terminal(&self, width: usize, coloured: bool) -> String {
        let mut grid = self.grid.clone();
        let dropped = grid.fit(width);
        let mut notes = self.legend.clone().unwrap_or_else(|| legend(&grid));
        notes.extend(self.facts.iter().cloned());
        if !dropped.is_empty() {
            notes.push(format!("no room for {} (summary.csv has all)", dropped.join(", ")));
        }
        let mut lines = self.drawn(&grid, width, coloured);
        lines.push(String::new());
        lines.extend(notes.iter().flat_map(|note| wrap(note, width)));
        lines.join("\n").trim_end().to_owned()
    }

    /// The same without the notes below it: for a reader who has seen them.
    #[must_use]
    pub fn brief(&self, width: usize, coloured: bool) -> String {
        let mut grid = self.grid.clone();
        grid.fit(width);
        self.drawn(&grid, width, coloured).join("\n")
    }

    fn drawn(&self, grid: &Grid, width: usize, coloured: bool) -> Vec<String> {
        let mut lines = wrap(&self.title, width);
        lines.push(String::new());
        lines.extend(grid.terminal(width, coloured));
        lines
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let marks = self.legend.clone().unwrap_or_else(|| legend(&self.grid));
        let notes: Vec<String> = marks.iter().chain(&self.facts).map(|note| format!("- {note}\n")).collect();
        let table = self.grid.markdown().join("\n");
        let text = format!("**{}**\n\n{table}\n\n{}", self.title, notes.concat());
        text.trim_end().to_owned() + "\n"
    }
}

/// Breaks a line at spaces; what follows is set in. A word that is wider than a line is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| measure_text_width(line));
        if line > 0 && line + 1 + measure_text_width(word) > width {
            lines.push(format!("  {word}"));
        } else if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.iter().map(|line| truncate_str(line, width, "…").into_owned()).collect()
}

/// Whether an axis tells cells apart. An endpoint that hangs on the model alone says nothing new.
pub(super) fn varies(cells: &[CellSummary], axis: &str) -> bool {
    if axis == "endpoint" {
        let mut of_model = BTreeMap::new();
        return cells.iter().any(|cell| {
            let endpoint = value(cell, axis);
            *of_model.entry(value(cell, "model").to_string()).or_insert(endpoint) != endpoint
        });
    }
    // No picture, and a mode without pictures, are one.
    let idle = Value::from("na");
    let seen = |cell| match value(cell, axis) {
        Value::Null if axis == "image_size" => &idle,
        other => other,
    };
    cells.windows(2).any(|pair| seen(&pair[0]) != seen(&pair[1]))
}

/// An axis that is the same everywhere, unless it says nothing.
pub(super) fn in_title(cells: &[CellSummary], axis: &str) -> Option<String> {
    let first = value(cells.first()?, axis);
    let same = cells.iter().all(|cell| value(cell, axis) == first);
    let idle = axis == "image_size" && (first == "na" || first.is_null());
    (same && !idle).then(|| format!("{axis} = {}", shown(first)))
}

pub(super) fn axis_column(cells: &[CellSummary], axis: &str) -> Column {
    let head = match axis {
        "input_tokens" => "in",
        "output_tokens" => "out",
        "concurrency" => "conc",
        other => other,
    };
    let number = |cell: &CellSummary| matches!(value(cell, axis), Value::Number(_) | Value::Null);
    let texts = cells.iter().map(|cell| Cell::plain(shown(value(cell, axis)))).collect();
    Column { right: cells.iter().all(number), ..words(head, texts) }
}

pub(super) fn words(name: &str, cells: Vec<Cell>) -> Column {
    Column { group: String::new(), name: name.to_owned(), cells, right: false, expendable: 0 }
}

/// Where the first axis takes its next value, when all its values stand in blocks of several rows.
pub(super) fn breaks(axes: &[Column]) -> Vec<usize> {
    let [first, _, ..] = axes else { return Vec::new() };
    let starts: Vec<usize> = (1..first.cells.len()).filter(|row| first.cells[*row] != first.cells[row - 1]).collect();
    let edges: Vec<usize> = [0].into_iter().chain(starts.iter().copied()).chain([first.cells.len()]).collect();
    let mut blocks = edges.windows(2).map(|pair| pair[1] - pair[0] > 1);
    // One scenario of a campaign has nothing to do with the next, be it of a single cell.
    let apart = if first.name == SCENARIO { blocks.any(|several| several) } else { blocks.all(|several| several) };
    if apart { starts } else { Vec::new() }
}

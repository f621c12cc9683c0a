use super::words;
use crate::compare::{Change, ComparedCell, Comparison, Verdict};
use crate::report::axes::shown;
use crate::report::comparison::ComparisonTable;
use crate::report::grid::{Cell, Column, Emphasis, Grid};
use crate::scenario::AxisName;

/// A comparison as a table: a row a figure, its cells one below the other.
pub type VerdictTable = ComparisonTable;

/// A figure of a cell in the table.
type Row<'c> = (&'c ComparedCell, &'c Change);

/// The table of a comparison: its main figures and those that changed, or `all`.
#[must_use]
pub fn verdict_table(comparison: &Comparison, all: bool) -> VerdictTable {
    let rows: Vec<Row<'_>> =
        comparison.changes().filter(|(_, change)| all || Comparison::is_worth_a_row(change)).collect();
    let (varying, constant) = axes(comparison);
    let mut columns: Vec<Column> = varying.iter().map(|axis| axis_column(axis, &rows)).collect();
    columns.extend(figure_columns(&rows));
    let starts = (1..rows.len()).filter(|row| !same_cell(rows[*row], rows[*row - 1]));
    let grid = Grid { columns, breaks: starts.collect() };
    let mut title = vec![words::title(comparison)];
    title.extend(constant);
    let hidden = comparison.changes().count() - rows.len();
    let mut facts = vec![words::tally(comparison)];
    if hidden > 0 {
        facts[0] += &format!(
            "; {} that did not change {} not shown (--all shows them)",
            hidden,
            if hidden == 1 { "is" } else { "are" }
        );
    }
    facts.extend(words::notes(comparison));
    ComparisonTable { title: title.join(" · "), grid, facts, legend: Some(Vec::new()) }
}

fn same_cell(one: Row<'_>, other: Row<'_>) -> bool {
    std::ptr::eq(one.0, other.0)
}

/// The axes that tell the compared cells apart, and the others as `axis = value`.
fn axes(comparison: &Comparison) -> (Vec<String>, Vec<String>) {
    let mut names: Vec<AxisName> =
        comparison.cells.iter().flat_map(|cell| cell.axes.keys()).map(|axis| AxisName::from_word(axis)).collect();
    names.sort();
    names.dedup();
    let (mut varying, mut constant) = (Vec::new(), Vec::new());
    for name in names {
        let axis = name.as_str();
        let mut values = comparison.cells.iter().map(|cell| cell.axes.get(axis));
        let first = values.next().flatten();
        match first {
            Some(first) if values.all(|value| value == Some(first)) => {
                if first != "na" {
                    constant.push(format!("{axis} = {}", shown(first)));
                }
            }
            _ => varying.push(axis.to_owned()),
        }
    }
    (varying, constant)
}

/// The values of an axis, each cell's in its first row.
fn axis_column(axis: &str, rows: &[Row<'_>]) -> Column {
    let cells = rows.iter().enumerate().map(|(at, row)| {
        let again = at > 0 && same_cell(*row, rows[at - 1]);
        let value = row.0.axes.get(axis).map_or_else(|| "-".to_owned(), shown);
        Cell::plain(if again { String::new() } else { value })
    });
    Column {
        right: rows.iter().all(|(cell, _)| cell.axes.get(axis).is_none_or(serde_json::Value::is_number)),
        ..words_of(axis, 0, cells)
    }
}

fn words_of(name: &str, expendable: u8, cells: impl Iterator<Item = Cell>) -> Column {
    Column { group: String::new(), name: name.to_owned(), cells: cells.collect(), right: false, expendable }
}

fn figure_columns(rows: &[Row<'_>]) -> Vec<Column> {
    let of = |each: fn(&Change) -> String| rows.iter().map(move |(_, change)| Cell::plain(each(change)));
    let numbers = |name: &str, expendable, cells: Vec<Cell>| Column {
        right: true,
        ..words_of(name, expendable, cells.into_iter())
    };
    vec![
        words_of("metric", 0, of(|change| change.figure.name().to_owned())),
        words_of("stat", 0, of(|change| change.figure.stat().unwrap_or_default().to_owned())),
        numbers("A", 2, of(|change| words::values(change)[0].clone()).collect()),
        numbers("B", 2, of(|change| words::values(change)[1].clone()).collect()),
        numbers("change", 0, rows.iter().map(|(_, change)| changed(change)).collect()),
        numbers("95 % interval", 1, of(words::interval).collect()),
        words_of("verdict", 0, rows.iter().map(|(_, change)| verdict(change))),
        words_of("why", 3, of(|change| change.why.clone().unwrap_or_default())),
    ]
    .into_iter()
    .filter(|column| column.cells.iter().any(|cell| !cell.text.is_empty()))
    .collect()
}

fn changed(change: &Change) -> Cell {
    let emphasis = emphasis(change.verdict);
    Cell { text: words::change(change), mark: (!change.sure).then_some('~'), emphasis }
}

fn verdict(change: &Change) -> Cell {
    let text = format!("{} {}", words::mark(change.verdict), change.verdict.as_str());
    Cell { text, mark: None, emphasis: emphasis(change.verdict) }
}

fn emphasis(verdict: Verdict) -> Emphasis {
    match verdict {
        Verdict::Better => Emphasis::Best,
        Verdict::Worse => Emphasis::Bad,
        Verdict::Same => Emphasis::Plain,
        Verdict::Unclear => Emphasis::Dim,
    }
}

use std::collections::BTreeSet;

use serde_json::Value;

use super::axes::{SCENARIO, axis_names, shown, value};
use super::comparison::{ComparisonTable, axis_column, breaks, in_title, varies, words};
use super::digits::decimals;
use super::grid::{Cell, Column, Grid};
use super::marks::{BEST, Standing, UNSURE, WORST, ranks};
use super::unverified::unverified_note;
use crate::metrics::{Better, CellSummary, METRICS, MetricSummary, Verdict};
use crate::text::{nearest, one_of};

/// A figure of a cell by name: a metric and its statistic, or a figure of the cell as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PivotFigure {
    name: String,
    stat: Option<String>,
    better: Better,
}

/// Why a text names no figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no figure{}", nearest.as_ref().map(|word| format!(": did you mean `{word}`?")).unwrap_or_default())]
pub struct UnknownFigure {
    /// What was written.
    pub text: String,
    /// The nearest word.
    pub nearest: Option<String>,
    /// What may be written, for help.
    pub known: String,
}

type OfCell = fn(&CellSummary) -> Option<f64>;

/// Figures of a cell that belong to no metric.
const OF_CELL: [(&str, Better, OfCell); 7] = [
    ("request_throughput", Better::Higher, |cell| cell.request_throughput),
    ("output_token_throughput", Better::Higher, |cell| cell.output_token_throughput),
    ("total_token_throughput", Better::Higher, |cell| cell.total_token_throughput),
    ("goodput", Better::Higher, |cell| cell.goodput),
    ("error_rate", Better::Lower, |cell| cell.error_rate),
    ("mean_in_flight", Better::Neither, |cell| cell.mean_in_flight),
    ("cost_usd", Better::Lower, |cell| cell.cost_usd),
];

impl PivotFigure {
    /// What a turned table shows unless it is told.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        ["ttft_ms p50", "itl_ms p50", "output_token_throughput"].iter().filter_map(|text| text.parse().ok()).collect()
    }

    fn of(&self, cell: &CellSummary) -> Option<f64> {
        match &self.stat {
            Some(stat) => cell.metric(&self.name)?.figure(stat),
            None => OF_CELL.iter().find(|(name, ..)| *name == self.name).and_then(|(_, _, of)| of(cell)),
        }
    }

    fn is_sure(&self, cell: &CellSummary) -> bool {
        let Some(stat) = &self.stat else { return true };
        cell.metric(&self.name).is_none_or(|summary| summary.is_sure(stat))
    }

    fn title(&self) -> String {
        self.stat.as_ref().map_or_else(|| self.name.clone(), |stat| format!("{} {stat}", self.name))
    }
}

impl std::str::FromStr for PivotFigure {
    type Err = UnknownFigure;

    /// A metric and a statistic behind a space, the median unless given; or a figure of the cell.
    fn from_str(text: &str) -> Result<Self, UnknownFigure> {
        let (name, stat) = match text.trim().split_once([' ', ':', '.']) {
            Some((name, stat)) => (name, Some(stat.trim())),
            None => (text.trim(), None),
        };
        if let (Some((_, better, _)), None) = (OF_CELL.iter().find(|(known, ..)| *known == name), stat) {
            return Ok(Self { name: name.to_owned(), stat: None, better: *better });
        }
        let known = METRICS.iter().find(|metric| metric.name == name).map(|metric| metric.better);
        // The columns of a scenario's `server_metrics` are its own.
        let better = known.or_else(|| name.starts_with("server_").then_some(Better::Neither));
        let stat = stat.unwrap_or("p50");
        match better {
            Some(better) if MetricSummary::FIGURES.contains(&stat) => {
                Ok(Self { name: name.to_owned(), stat: Some(stat.to_owned()), better })
            }
            Some(_) => Err(unknown(text, nearest(stat, MetricSummary::FIGURES).map(|near| format!("{name} {near}")))),
            None => {
                let names = OF_CELL.iter().map(|(known, ..)| *known).chain(METRICS.iter().map(|metric| metric.name));
                Err(unknown(text, nearest(name, names).map(str::to_owned)))
            }
        }
    }
}

fn unknown(text: &str, nearest: Option<String>) -> UnknownFigure {
    let known = format!(
        "a figure is {}, or a metric and a statistic, as \"ttft_ms p50\": {}; {}",
        one_of(OF_CELL.iter().map(|(name, ..)| *name)),
        METRICS.iter().map(|metric| metric.name).collect::<Vec<_>>().join(", "),
        MetricSummary::FIGURES.join(", ")
    );
    UnknownFigure { text: text.to_owned(), nearest, known }
}

/// The cells with the values of `axis` side by side, below them the figures; `None` when no cell has the axis.
///
/// Scenarios are told apart only where the other axes do not do it.
#[must_use]
pub fn pivot(name: &str, cells: &[CellSummary], axis: &str, figures: &[PivotFigure]) -> Option<ComparisonTable> {
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
fn figure_columns(figure: &PivotFigure, table: &[Vec<Option<&CellSummary>>], sides: &[&Value]) -> Vec<Column> {
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
    let ranks = ranks(&standings, &groups, figure.better);
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

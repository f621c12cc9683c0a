use serde_json::Value;

use super::grid::{Cell, Column, Emphasis, Grid};
use super::marks::{BEST, Rank, UNSURE, WORST, ranks, rivals};
use super::notes::notes;
use crate::metrics::{Better, CellSummary};
use crate::units::format_significant;

/// The comparison table: one row a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonTable {
    title: String,
    grid: Grid,
    notes: Vec<String>,
}

/// A figure of the table: where it comes from and how it is headed.
struct Figure {
    group: &'static str,
    name: &'static str,
    better: Better,
    expendable: u8,
    source: Source,
}

enum Source {
    /// A statistic of a metric; times change to seconds together with the whole group.
    Metric(&'static str, &'static str),
    /// A figure of the cell.
    Cell(fn(&CellSummary) -> Option<f64>),
}

const FIGURES: [Figure; 11] = [
    figure("TTFT", "p50", Better::Lower, 0, Source::Metric("ttft_ms", "p50")),
    figure("TTFT", "p99", Better::Lower, 2, Source::Metric("ttft_ms", "p99")),
    figure("ITL", "p50", Better::Lower, 3, Source::Metric("itl_ms", "p50")),
    figure("ITL", "p99", Better::Lower, 6, Source::Metric("itl_ms", "p99")),
    figure("TPOT", "p50", Better::Lower, 5, Source::Metric("tpot_ms", "p50")),
    figure("TPOT", "p99", Better::Lower, 8, Source::Metric("tpot_ms", "p99")),
    figure("E2E", "p50", Better::Lower, 1, Source::Metric("e2e_ms", "p50")),
    figure("E2E", "p99", Better::Lower, 4, Source::Metric("e2e_ms", "p99")),
    figure("tokens/s", "each", Better::Higher, 7, Source::Metric("output_tokens_per_s", "p50")),
    figure("tokens/s", "total", Better::Higher, 0, Source::Cell(|cell| cell.output_token_throughput)),
    figure("", "req/s", Better::Higher, 9, Source::Cell(|cell| cell.request_throughput)),
];

const fn figure(group: &'static str, name: &'static str, better: Better, expendable: u8, source: Source) -> Figure {
    Figure { group, name, better, expendable, source }
}

/// The comparison of a run's cells. Axes that vary are columns, the others stand in the title.
#[must_use]
pub fn comparison(name: &str, cells: &[CellSummary]) -> ComparisonTable {
    let axes = axes(cells);
    let (varying, constant): (Vec<&String>, Vec<&String>) = axes.iter().partition(|axis| varies(cells, axis));
    let same: Vec<String> = constant.iter().filter_map(|axis| in_title(cells, axis)).collect();
    let mut columns: Vec<Column> = varying.iter().map(|axis| axis_column(cells, axis)).collect();
    if columns.is_empty() {
        columns.push(Column {
            group: String::new(),
            name: "cell".to_owned(),
            cells: cells.iter().map(|cell| Cell::plain(cell.cell_id.as_str())).collect(),
            right: false,
            expendable: 0,
        });
    }
    let groups = rivals(cells);
    columns.extend(FIGURES.iter().filter_map(|figure| figure_column(cells, figure, &groups)));
    columns.push(error_column(cells));
    let title = if same.is_empty() { name.to_owned() } else { format!("{name} · {}", same.join(" · ")) };
    let grid = Grid { columns };
    ComparisonTable { title, notes: notes(cells, &grid), grid }
}

impl ComparisonTable {
    /// For a terminal of so many columns; the least important columns give way.
    #[must_use]
    pub fn terminal(&self, width: usize, coloured: bool) -> String {
        let mut grid = self.grid.clone();
        let dropped = grid.fit(width);
        let mut lines = wrap(&self.title, width);
        lines.push(String::new());
        lines.extend(grid.terminal(coloured));
        lines.push(String::new());
        for note in &self.notes {
            lines.extend(wrap(note, width));
        }
        if !dropped.is_empty() {
            lines.extend(wrap(
                &format!("for want of room not shown: {} (all of it is in summary.csv)", dropped.join(", ")),
                width,
            ));
        }
        lines.join("\n").trim_end().to_owned()
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let notes: Vec<String> = self.notes.iter().map(|note| format!("- {note}")).collect();
        format!("**{}**\n\n{}\n\n{}\n", self.title, self.grid.markdown().join("\n"), notes.join("\n"))
            .trim_end()
            .to_owned()
            + "\n"
    }
}

/// Breaks a line at spaces.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| console::measure_text_width(line));
        if line > 0 && line + 1 + console::measure_text_width(word) > width {
            lines.push(format!("  {word}"));
        } else if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Every axis of the cells, in the language's order, `vars` by name.
fn axes(cells: &[CellSummary]) -> Vec<String> {
    let mut names: Vec<crate::scenario::AxisName> = Vec::new();
    for axis in cells.iter().flat_map(|cell| cell.axes.keys()) {
        let name = crate::scenario::AxisName::from_word(axis);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.sort();
    names.iter().map(|name| name.as_str().to_owned()).collect()
}

fn value<'c>(cell: &'c CellSummary, axis: &str) -> &'c Value {
    cell.axes.get(axis).unwrap_or(&Value::Null)
}

/// Whether an axis tells cells apart. An endpoint that hangs on the model alone says nothing new.
fn varies(cells: &[CellSummary], axis: &str) -> bool {
    if axis == "endpoint" {
        let same_model = |a: &CellSummary, b: &CellSummary| value(a, "model") == value(b, "model");
        return cells.iter().any(|a| cells.iter().any(|b| same_model(a, b) && value(a, axis) != value(b, axis)));
    }
    cells.windows(2).any(|pair| value(&pair[0], axis) != value(&pair[1], axis))
}

/// An axis that is the same everywhere, unless it says nothing.
fn in_title(cells: &[CellSummary], axis: &str) -> Option<String> {
    let first = value(cells.first()?, axis);
    let same = cells.iter().all(|cell| value(cell, axis) == first);
    let idle = axis == "image_size" && first == "na";
    (same && !idle).then(|| format!("{axis} = {}", shown(first)))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn axis_column(cells: &[CellSummary], axis: &str) -> Column {
    let head = match axis {
        "input_tokens" => "in",
        "output_tokens" => "out",
        "concurrency" => "conc",
        other => other,
    };
    Column {
        group: String::new(),
        name: head.to_owned(),
        cells: cells.iter().map(|cell| Cell::plain(shown(value(cell, axis)))).collect(),
        right: cells.iter().all(|cell| value(cell, axis).is_number() || value(cell, axis).is_null()),
        expendable: 0,
    }
}

/// A figure's column; `None` when no cell has it.
fn figure_column(cells: &[CellSummary], figure: &Figure, groups: &[Vec<usize>]) -> Option<Column> {
    let values: Vec<Option<f64>> = cells.iter().map(|cell| figure.of(cell)).collect();
    if values.iter().all(Option::is_none) {
        return None;
    }
    let (scale, unit) = figure.scale(cells);
    let ranks = ranks(&values, groups, figure.better);
    let texts = values.iter().zip(cells).zip(ranks).map(|((value, cell), rank)| {
        let Some(value) = value else { return Cell::plain("-  ") };
        let unsure = figure.is_unsure(cell);
        let mark = match rank {
            Some(Rank::Best) => BEST,
            Some(Rank::Worst) => WORST,
            None => ' ',
        };
        let doubt = if unsure { UNSURE } else { ' ' };
        let emphasis = match rank {
            _ if unsure => Emphasis::Dim,
            Some(Rank::Best) => Emphasis::Best,
            Some(Rank::Worst) => Emphasis::Worst,
            None => Emphasis::Plain,
        };
        Cell { text: format!("{}{doubt}{mark}", digits(value * scale)), emphasis }
    });
    Some(Column {
        group: heading(figure.group, unit),
        name: format!("{}  ", figure.name),
        cells: texts.collect(),
        right: true,
        expendable: figure.expendable,
    })
}

/// A group's heading, over the digits and not over the marks beside them.
fn heading(group: &str, unit: &str) -> String {
    let words = format!("{group} {unit}");
    if words.trim().is_empty() { String::new() } else { format!("{}  ", words.trim()) }
}

impl Figure {
    fn of(&self, cell: &CellSummary) -> Option<f64> {
        match self.source {
            Source::Metric(metric, stat) => {
                let summary = cell.metrics.get(metric)?;
                summary.figures().into_iter().find(|(name, _)| *name == stat)?.1
            }
            Source::Cell(of) => of(cell),
        }
    }

    fn is_unsure(&self, cell: &CellSummary) -> bool {
        match self.source {
            Source::Metric(metric, stat) => cell.metrics.get(metric).is_some_and(|summary| !summary.is_sure(stat)),
            Source::Cell(_) => false,
        }
    }

    /// What times are multiplied with, and the unit that makes: seconds when the group's greatest is ten of them.
    fn scale(&self, cells: &[CellSummary]) -> (f64, &'static str) {
        let Source::Metric(metric, _) = self.source else { return (1.0, "") };
        if !metric.ends_with("_ms") {
            return (1.0, "");
        }
        let greatest =
            cells.iter().filter_map(|cell| cell.metrics.get(metric)).map(|summary| summary.p99).fold(0.0, f64::max);
        if greatest >= 10_000.0 { (1e-3, "s") } else { (1.0, "ms") }
    }
}

/// Three significant digits, but whole numbers from 100 on; decimals are kept, so that columns align.
fn digits(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 || v == 0.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format_significant(value, 3),
    }
}

fn error_column(cells: &[CellSummary]) -> Column {
    let text = |cell: &CellSummary| {
        let (completed, failed) = (cell.requests.completed, cell.requests.failed);
        let cancelled = cell.requests.cancelled + cell.requests.dropped;
        match (completed, failed) {
            (0, 0) if cancelled == 0 => Cell::plain("-"),
            (0, failed) if failed > 0 => Cell { text: "all failed".to_owned(), emphasis: Emphasis::Bad },
            (_, 0) if cancelled == 0 => Cell::plain("-"),
            (_, 0) => Cell { text: format!("{cancelled} cut"), emphasis: Emphasis::Worst },
            (_, failed) => {
                let share = cell.error_rate.unwrap_or(0.0) * 100.0;
                Cell { text: format!("{failed} ({share:.1} %)"), emphasis: Emphasis::Bad }
            }
        }
    };
    Column {
        group: String::new(),
        name: "errors".to_owned(),
        cells: cells.iter().map(text).collect(),
        right: true,
        expendable: 0,
    }
}

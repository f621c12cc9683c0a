use console::{style, truncate_str};

use super::axes::RowAxes;
use super::digits::decimals;
use super::grid::{Cell, Column, Emphasis, Grid};
use super::marks::{BEST, Rank, UNSURE, WORST, ranks, rivals};
use super::notes::notes;
use super::wrap::wrap;
use crate::metrics::{Better, CellSummary};

/// The comparison table: one row a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonTable {
    title: String,
    grid: Grid,
    cells: Vec<CellSummary>,
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

/// The columns, and the order in which they give way: the highest number first, 0 never.
const FIGURES: [Figure; 11] = [
    figure("TTFT", "p50", Better::Lower, 0, Source::Metric("ttft_ms", "p50")),
    figure("TTFT", "p99", Better::Lower, 2, Source::Metric("ttft_ms", "p99")),
    figure("ITL", "p50", Better::Lower, 3, Source::Metric("itl_ms", "p50")),
    figure("ITL", "p99", Better::Lower, 8, Source::Metric("itl_ms", "p99")),
    figure("TPOT", "p50", Better::Lower, 7, Source::Metric("tpot_ms", "p50")),
    figure("TPOT", "p99", Better::Lower, 9, Source::Metric("tpot_ms", "p99")),
    figure("E2E", "p50", Better::Lower, 1, Source::Metric("e2e_ms", "p50")),
    figure("E2E", "p99", Better::Lower, 5, Source::Metric("e2e_ms", "p99")),
    figure("tokens/s", "each p50", Better::Higher, 6, Source::Metric("output_tokens_per_s", "p50")),
    figure("tokens/s", "total", Better::Higher, 0, Source::Cell(|cell| cell.output_token_throughput)),
    figure("", "req/s", Better::Higher, 4, Source::Cell(|cell| cell.request_throughput)),
];

const fn figure(group: &'static str, name: &'static str, better: Better, expendable: u8, source: Source) -> Figure {
    Figure { group, name, better, expendable, source }
}

/// The comparison of a run's cells. Axes that vary are columns, the others stand in the title.
#[must_use]
pub fn comparison(name: &str, cells: &[CellSummary]) -> ComparisonTable {
    let axes = RowAxes::of(cells.iter().map(|cell| &cell.axes));
    let mut columns = axes.columns(0);
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
    let title: Vec<String> = std::iter::once(name.to_owned()).chain(axes.constants()).collect();
    ComparisonTable { title: title.join(" · "), grid: Grid { columns }, cells: cells.to_vec() }
}

impl ComparisonTable {
    /// For a terminal of so many columns; the least important columns give way.
    #[must_use]
    pub fn terminal(&self, width: usize, coloured: bool) -> String {
        let mut grid = self.grid.clone();
        let dropped = grid.fit(width);
        let title = wrap(&self.title, width).into_iter();
        let mut lines: Vec<String> = title.map(|line| style(line).force_styling(coloured).bold().to_string()).collect();
        lines.push(String::new());
        // A terminal too narrow for the columns that never go shows their left part.
        lines.extend(grid.terminal(coloured).iter().map(|line| truncate_str(line, width, "…").into_owned()));
        lines.push(String::new());
        let mut notes = notes(&self.cells, &grid);
        if !dropped.is_empty() {
            notes.push(format!("for want of room not shown: {} (all of it is in summary.csv)", dropped.join(", ")));
        }
        lines.extend(notes.iter().flat_map(|note| wrap(note, width)));
        lines.join("\n").trim_end().to_owned()
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let notes: Vec<String> = notes(&self.cells, &self.grid).iter().map(|note| format!("- {note}")).collect();
        let table = self.grid.markdown().join("\n");
        format!("**{}**\n\n{table}\n\n{}", self.title, notes.join("\n")).trim_end().to_owned() + "\n"
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
    let decimals = decimals(values.iter().flatten().map(|value| value * scale));
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
        Cell { text: format!("{:.decimals$}{doubt}{mark}", value * scale), emphasis }
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

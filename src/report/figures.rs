use super::changes::{self, Past};
use super::digits::decimals;
use super::grid::{Cell, Column, Emphasis};
use super::marks::{BEST, Rank, Standing, UNSURE, WORST, ranks};
use super::steady;
use crate::metrics::{Better, CellSummary, Verdict};
use crate::scenario::{KNOWN_METRICS, Merge};

/// A figure of the table: where it comes from and how it is headed.
pub(super) struct Figure<'f> {
    group: &'f str,
    name: &'f str,
    better: Better,
    /// Higher goes first when room is short; 0 never goes.
    expendable: u8,
    source: Source<'f>,
    /// Whether a table that is held against earlier results shows its change.
    changes: bool,
}

pub(super) enum Source<'f> {
    /// A statistic of a metric; times change to seconds together with the whole group.
    Metric(&'f str, &'f str),
    /// A figure of the cell.
    Cell(fn(&CellSummary) -> Option<f64>),
    /// A figure of a metric on the server's Prometheus page.
    Scraped(&'f str, &'f str),
    /// Tokens a second in steady state, where they differ from the raw ones.
    Steady,
}

use Better::{Higher, Lower, Neither};
use Source::Metric;

/// In the order of the table.
pub(super) const FIGURES: [Figure<'static>; 20] = [
    figure("sends/s", "due", Neither, 6, Source::Cell(|cell| cell.offered_rate)),
    figure("sends/s", "sent", Neither, 2, Source::Cell(|cell| cell.sent_rate)),
    figure("TTFT", "p50", Lower, 0, Metric("ttft_ms", "p50")).with_change(),
    figure("TTFT", "p99", Lower, 3, Metric("ttft_ms", "p99")),
    figure("TTFT", "server", Neither, 11, Metric("server_ttft_ms", "p50")),
    figure("ITL", "p50", Lower, 4, Metric("itl_ms", "p50")).with_change(),
    figure("ITL", "p99", Lower, 7, Metric("itl_ms", "p99")),
    figure("TPOT", "p50", Lower, 6, Metric("tpot_ms", "p50")),
    figure("TPOT", "p99", Lower, 9, Metric("tpot_ms", "p99")),
    figure("E2E", "p50", Lower, 2, Metric("e2e_ms", "p50")).with_change(),
    figure("E2E", "p99", Lower, 5, Metric("e2e_ms", "p99")),
    figure("E2E", "server", Neither, 12, Metric("server_e2e_ms", "p50")),
    figure("tokens/s", "each", Higher, 8, Metric("output_tokens_per_s", "p50")),
    figure("tokens/s", "server", Neither, 13, Metric("server_output_tokens_per_s", "p50")),
    figure("tokens/s", "total", Higher, 1, Source::Cell(|cell| cell.output_token_throughput)).with_change(),
    figure("tokens/s", "steady", Higher, 1, Source::Steady),
    figure("", "req/s", Higher, 10, Source::Cell(|cell| cell.request_throughput)),
    figure("server", "running", Neither, 14, Source::Scraped("requests_running", "mean")),
    figure("server", "waiting", Neither, 5, Source::Scraped("requests_waiting", "mean")),
    figure("server", "KV %", Neither, 14, Source::Scraped("kv_cache_usage", "mean")),
];

pub(super) const fn figure<'f>(
    group: &'f str,
    name: &'f str,
    better: Better,
    expendable: u8,
    source: Source<'f>,
) -> Figure<'f> {
    Figure { group, name, better, expendable, source, changes: false }
}

/// From this many milliseconds on a group is in seconds.
const SECONDS_FROM_MS: f64 = 10_000.0;

/// The columns of all figures that some cell has; `groups` are the cells that are ranked against one another, `pasts`
/// what each was before, where that is to be shown.
pub(super) fn figure_columns(
    figures: &[Figure<'_>],
    cells: &[CellSummary],
    groups: &[Vec<usize>],
    pasts: &[Past<'_>],
) -> Vec<Column> {
    let (mut columns, mut words) = (Vec::new(), true);
    for figure in figures {
        let Some(column) = figure.column(figures, cells, groups) else { continue };
        let change = (figure.changes && !pasts.is_empty()).then(|| figure.change(&column, cells, pasts, words));
        // Once is enough to say that a cell is as it was.
        words &= change.is_none();
        columns.push(column);
        columns.extend(change);
    }
    columns
}

/// Whether no request of a cell that had any was answered.
pub(super) fn is_dead(cell: &CellSummary) -> bool {
    cell.requests.completed == 0 && cell.requests.failed > 0
}

impl Figure<'_> {
    const fn with_change(self) -> Self {
        Self { changes: true, ..self }
    }

    /// The change of the figure in each cell, beside its `column`; with or without `words` where there is none.
    fn change(&self, column: &Column, cells: &[CellSummary], pasts: &[Past<'_>], words: bool) -> Column {
        let change = |(cell, past): (&CellSummary, &Past<'_>)| match past {
            Past::Measured(earlier) => {
                let sure = self.is_sure(cell) && self.is_sure(earlier);
                changes::change(self.of(earlier), self.of(cell), self.better, sure)
            }
            other => changes::word(*other).filter(|_| words).unwrap_or_default(),
        };
        let cells = cells.iter().zip(pasts).map(change).collect();
        Column { name: "change".to_owned(), cells, ..column.clone() }
    }

    /// The column; `None` when no cell has the figure.
    fn column(&self, all: &[Figure<'_>], cells: &[CellSummary], groups: &[Vec<usize>]) -> Option<Column> {
        if matches!(self.source, Source::Steady) && !steady::throughput_differs(cells) {
            return None;
        }
        let (scale, unit) = self.scale(all, cells);
        let values: Vec<Option<f64>> = cells.iter().map(|cell| self.of(cell).map(|value| value * scale)).collect();
        if values.iter().all(Option::is_none) {
            return None;
        }
        let places = decimals(values.iter().flatten().copied());
        let texts: Vec<Option<String>> =
            values.iter().map(|value| value.map(|value| format!("{value:.places$}"))).collect();
        let sure: Vec<bool> = cells.iter().map(|cell| self.is_sure(cell)).collect();
        // A figure that is the client's ranks no server.
        let servers = cells.iter().map(|cell| cell.client.verdict != Some(Verdict::Limited));
        let standings: Vec<Option<Standing>> = texts
            .iter()
            .zip(sure.iter().zip(servers))
            .map(|(text, (sure, servers))| {
                Some(Standing { shown: text.as_ref()?.parse().ok()?, sure: *sure && servers })
            })
            .collect();
        let ranks = ranks(&standings, groups, self.better);
        let drawn = texts.into_iter().zip(sure).zip(ranks).map(|((text, sure), rank)| match text {
            Some(text) => marked(text, sure, rank),
            None => Cell { emphasis: Emphasis::Dim, ..Cell::plain("-") },
        });
        Some(Column {
            group: format!("{} {unit}", self.group).trim().to_owned(),
            name: self.name.to_owned(),
            cells: drawn.collect(),
            right: true,
            expendable: self.expendable,
        })
    }

    fn of(&self, cell: &CellSummary) -> Option<f64> {
        match self.source {
            Source::Metric(metric, stat) => cell.metric(metric)?.figure(stat),
            // A rate of nothing would only be a zero among rates.
            Source::Cell(of) => of(cell).filter(|_| !is_dead(cell)),
            Source::Scraped(metric, word) => cell.scraped.as_ref()?.figure(metric, word),
            Source::Steady => steady::throughput(cell).filter(|_| !is_dead(cell)),
        }
    }

    fn is_sure(&self, cell: &CellSummary) -> bool {
        match self.source {
            Source::Metric(metric, stat) => cell.metric(metric).is_none_or(|summary| summary.is_sure(stat)),
            Source::Cell(_) | Source::Scraped(..) | Source::Steady => true,
        }
    }

    /// What times are multiplied with, and the unit that makes; the same for every figure of a group.
    fn scale(&self, all: &[Figure<'_>], cells: &[CellSummary]) -> (f64, &'static str) {
        let metric = match self.source {
            Source::Metric(metric, _) => metric,
            Source::Scraped(metric, _) if is_share(metric) => return (100.0, ""),
            Source::Scraped(..) | Source::Cell(_) | Source::Steady => return (1.0, ""),
        };
        if !metric.ends_with("_ms") {
            return (1.0, "");
        }
        let of_group = all.iter().filter(|other| other.group == self.group).filter_map(|other| match other.source {
            Source::Metric(metric, _) => Some(metric),
            Source::Cell(_) | Source::Scraped(..) | Source::Steady => None,
        });
        let greatest_of = |metric| cells.iter().filter_map(move |cell| cell.metric(metric)?.p99);
        let greatest = of_group.flat_map(greatest_of).fold(0.0, f64::max);
        if greatest >= SECONDS_FROM_MS { (1e-3, "s") } else { (1.0, "ms") }
    }
}

/// Whether a metric of a server's page is a share, which tables have in percent.
fn is_share(metric: &str) -> bool {
    KNOWN_METRICS.iter().any(|known| known.name == metric && known.merge == Merge::Mean)
}

/// A figure's text with the mark that it earns.
pub(super) fn marked(text: String, sure: bool, rank: Option<Rank>) -> Cell {
    let (mark, emphasis) = match rank {
        _ if !sure => (Some(UNSURE), Emphasis::Dim),
        Some(Rank::Best) => (Some(BEST), Emphasis::Best),
        Some(Rank::Worst) => (Some(WORST), Emphasis::Worst),
        None => (None, Emphasis::Plain),
    };
    Cell { text, mark, emphasis }
}

type CountOf = fn(&CellSummary) -> u64;

/// How many requests were not answered: failed ones always, others in columns of their own where there are any.
pub(super) fn error_columns(cells: &[CellSummary]) -> Vec<Column> {
    let errors = column("errors", cells, |cell| {
        let share = cell.error_rate.unwrap_or(0.0) * 100.0;
        match cell.requests.failed {
            0 => Cell { emphasis: Emphasis::Dim, ..Cell::plain("-") },
            _ if is_dead(cell) => Cell::bad("all failed"),
            failed if share < 0.05 => Cell::bad(format!("{failed} (<0.1 %)")),
            failed => Cell::bad(format!("{failed} ({share:.1} %)")),
        }
    });
    let others: [(&str, CountOf); 2] =
        [("cancelled", |cell| cell.requests.cancelled), ("dropped", |cell| cell.requests.dropped)];
    let others = others.into_iter().filter(|(_, of)| cells.iter().any(|cell| of(cell) > 0)).map(|(name, of)| {
        column(name, cells, |cell| match of(cell) {
            0 => Cell { emphasis: Emphasis::Dim, ..Cell::plain("-") },
            count => Cell::bad(count.to_string()),
        })
    });
    std::iter::once(errors).chain(others).collect()
}

pub(super) fn column(name: &str, cells: &[CellSummary], of: impl Fn(&CellSummary) -> Cell) -> Column {
    Column {
        group: String::new(),
        name: name.to_owned(),
        cells: cells.iter().map(of).collect(),
        right: true,
        expendable: 0,
    }
}

use serde::Serialize;
use serde_json::{Map, Value};

use crate::compare::{Change, Check, ComparedCell, Comparison, Interval, Objection, Tally, Verdict};

/// Comparisons for machines: `infersweep compare --json`.
#[derive(Serialize)]
struct View<'c> {
    pairs: Vec<PairView<'c>>,
    comparisons: Vec<ComparisonView<'c>>,
    gates: &'c [Check],
    gate_counts: Tally,
}

/// A figure of a cell on both sides. A change is a share of A's figure; its interval too.
#[derive(Serialize)]
struct PairView<'c> {
    run_a: &'c str,
    run_b: &'c str,
    cell_id: &'c str,
    b_cell_id: &'c str,
    metric: &'c str,
    stat: Option<&'c str>,
    unit: &'c str,
    a: Option<f64>,
    b: Option<f64>,
    change: Option<f64>,
    ci95: Option<Interval>,
    difference: Option<f64>,
    difference_ci95: Option<Interval>,
    p_adjusted: Option<f64>,
    verdict: Verdict,
    enough_samples: bool,
    why: Option<&'c str>,
}

/// One side against another, besides its figures.
#[derive(Serialize)]
struct ComparisonView<'c> {
    run_a: &'c str,
    run_b: &'c str,
    apart: &'c [String],
    margin_share: f64,
    margin_ms: f64,
    family: usize,
    cells: Vec<CellView<'c>>,
    only_a: &'c [String],
    only_b: &'c [String],
    refused: &'c [Objection],
    notes: &'c [Objection],
}

#[derive(Serialize)]
struct CellView<'c> {
    cell_id: &'c str,
    b_cell_id: &'c str,
    axes: &'c Map<String, Value>,
    repeats: [usize; 2],
    between_runs_known: bool,
}

/// Comparisons and what gates say of them, as JSON.
pub fn verdicts_json(comparisons: &[Comparison], checks: &[Check]) -> serde_json::Result<String> {
    let pairs = comparisons.iter().flat_map(pairs).collect();
    let view = View {
        pairs,
        comparisons: comparisons.iter().map(view).collect(),
        gates: checks,
        gate_counts: Tally::of(checks),
    };
    serde_json::to_string_pretty(&view)
}

fn pairs(comparison: &Comparison) -> Vec<PairView<'_>> {
    comparison.changes().map(|(cell, change)| pair(comparison, cell, change)).collect()
}

fn pair<'c>(comparison: &'c Comparison, cell: &'c ComparedCell, change: &'c Change) -> PairView<'c> {
    PairView {
        run_a: &comparison.a,
        run_b: &comparison.b,
        cell_id: &cell.cell_id,
        b_cell_id: &cell.b_cell_id,
        metric: change.figure.name(),
        stat: change.figure.stat(),
        unit: change.figure.unit(),
        a: change.a,
        b: change.b,
        change: change.change,
        ci95: change.ci95,
        difference: change.difference,
        difference_ci95: change.difference_ci95,
        p_adjusted: change.p_adjusted,
        verdict: change.verdict,
        enough_samples: change.sure,
        why: change.why.as_deref(),
    }
}

fn view(comparison: &Comparison) -> ComparisonView<'_> {
    let cells = comparison.cells.iter().map(|cell| CellView {
        cell_id: &cell.cell_id,
        b_cell_id: &cell.b_cell_id,
        axes: &cell.axes,
        repeats: cell.repeats,
        between_runs_known: !cell.is_between_unknown(),
    });
    ComparisonView {
        run_a: &comparison.a,
        run_b: &comparison.b,
        apart: &comparison.apart,
        margin_share: comparison.margin.share,
        margin_ms: comparison.margin.ms,
        family: comparison.family,
        cells: cells.collect(),
        only_a: &comparison.only_a,
        only_b: &comparison.only_b,
        refused: &comparison.refused,
        notes: &comparison.notes,
    }
}

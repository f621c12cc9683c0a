use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Estimate, Plan, SearchPlan};
use crate::scenario::{Scenario, SearchAxis};

/// A plan for machines: `infersweep plan --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanView {
    /// One entry a cell, in order.
    pub cells: Vec<CellView>,
    /// One entry a search: what it may measure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub searches: Vec<SearchView>,
    /// Requests of all cells and repeats, warm-up included; of searches as many as their entries say.
    pub requests: u64,
    /// Input tokens of all of them.
    pub input_tokens: u64,
    /// Output tokens of all of them.
    pub output_tokens: u64,
    /// Seconds, estimated.
    pub estimated_s: f64,
    /// Dollars; null where a model has no price.
    pub cost_usd: Option<f64>,
    /// The commands that run round every repeat of a cell, by key; only with `--allow-hooks`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hooks: BTreeMap<&'static str, String>,
}

/// One cell of a [`PlanView`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellView {
    /// Its id.
    pub cell_id: String,
    /// Its values.
    pub axes: Map<String, Value>,
    /// Measured requests of one repeat; null when only the duration ends it.
    pub requests: Option<u64>,
    /// How often it is measured.
    pub repeats: u32,
    /// The incremental key.
    pub digest: String,
    /// What will be done: `run` when a repeat of it is measured, `reuse` when none is.
    pub state: &'static str,
    /// How many of its repeats are measured.
    pub to_run: u32,
    /// Why, when earlier runs were looked at.
    pub why: Option<String>,
}

/// One search of a [`PlanView`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchView {
    /// Its id.
    pub search_id: String,
    /// What its cells have in common.
    pub axes: Map<String, Value>,
    /// The load that is searched for.
    pub axis: SearchAxis,
    /// The lowest and the highest load that may be tried.
    pub bounds: [f64; 2],
    /// Every load that may be tried, ascending.
    pub levels: Vec<f64>,
    /// Cells that are measured at most, when every verdict is clear at once.
    pub cells: usize,
    /// Repeats of a cell at most, where its verdict is unclear.
    pub repeats: u32,
    /// Requests of these cells, once each.
    pub requests: u64,
    /// Seconds that they take, estimated.
    pub estimated_s: f64,
}

impl SearchView {
    fn of(scenario: &Scenario, plan: &SearchPlan) -> Self {
        let estimate = Estimate::of_search(scenario, plan);
        Self {
            search_id: plan.id.clone(),
            axes: plan.axes.to_json(),
            axis: plan.search.axis,
            bounds: plan.bounds(),
            levels: plan.levels.clone(),
            cells: plan.dearest().len(),
            repeats: plan.search.repeats,
            requests: estimate.requests,
            estimated_s: estimate.seconds,
        }
    }
}

/// What becomes of a cell when earlier runs are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellState {
    /// How many of its repeats are measured; the others are taken over.
    pub left: u32,
    /// Why; of a cell that is taken over whole, where it comes from.
    pub why: String,
}

impl PlanView {
    /// The view of a plan; `states` are those of its cells, when earlier runs were looked at. Totals are of what is
    /// measured.
    #[must_use]
    pub fn of(scenario: &Scenario, plan: &Plan, states: Option<&[CellState]>) -> Self {
        let repeats = scenario.load.repeats;
        let left = |at: usize| states.and_then(|states| states.get(at)).map_or(repeats, |state| state.left);
        let estimate = Estimate::of_repeats(scenario, plan, left);
        let cells = plan.cells.iter().enumerate().map(|(at, cell)| CellView {
            cell_id: cell.id.to_string(),
            axes: cell.axes.to_json(),
            requests: cell.requests,
            repeats,
            digest: cell.digest.0.clone(),
            state: if left(at) == 0 { "reuse" } else { "run" },
            to_run: left(at),
            why: states.and_then(|states| states.get(at)).map(|state| state.why.clone()),
        });
        Self {
            cells: cells.collect(),
            searches: plan.searches.iter().map(|search| SearchView::of(scenario, search)).collect(),
            requests: estimate.requests,
            input_tokens: estimate.input_tokens,
            output_tokens: estimate.output_tokens,
            estimated_s: estimate.seconds,
            cost_usd: estimate.cost_usd,
            hooks: (scenario.load.hooks.commands())
                .map(|(name, command)| (name, scenario.secrets.redact(command)))
                .collect(),
        }
    }
}

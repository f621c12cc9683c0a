use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Estimate, Plan};
use crate::scenario::Scenario;

/// A plan for machines: `infersweep plan --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanView {
    /// One entry a cell, in order.
    pub cells: Vec<CellView>,
    /// Requests of all cells and repeats, warm-up included.
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
    /// What will be done: `run`.
    pub state: &'static str,
    /// Why.
    pub why: Option<String>,
}

impl PlanView {
    /// The view of a plan.
    #[must_use]
    pub fn of(scenario: &Scenario, plan: &Plan) -> Self {
        let estimate = Estimate::of(scenario, plan);
        let cells = plan.cells.iter().map(|cell| CellView {
            cell_id: cell.id.to_string(),
            axes: cell.axes.to_json(),
            requests: cell.requests,
            repeats: scenario.load.repeats,
            digest: cell.digest.0.clone(),
            state: "run",
            why: None,
        });
        Self {
            cells: cells.collect(),
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

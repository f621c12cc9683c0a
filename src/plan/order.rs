use rand::seq::SliceRandom;

use super::{Plan, Unit};
use crate::scenario::{CellOrder, Scenario};
use crate::seed::Seed;

/// The (cell, repeat) pairs in the order they are measured.
#[must_use]
pub fn units(scenario: &Scenario, plan: &Plan) -> Vec<Unit> {
    let load = &scenario.load;
    let cells = 0..plan.cells.len();
    let mut units: Vec<Unit> = match load.order {
        CellOrder::Sequential => {
            cells.flat_map(|cell| (0..load.repeats).map(move |repeat| Unit { cell, repeat })).collect()
        }
        CellOrder::Interleaved | CellOrder::Shuffled => {
            (0..load.repeats).flat_map(|repeat| cells.clone().map(move |cell| Unit { cell, repeat })).collect()
        }
    };
    if load.order == CellOrder::Shuffled {
        units.shuffle(&mut Seed::root(scenario.seed).child("order").rng());
    }
    if load.group_by_model {
        let model = |unit: &Unit| plan.cells[unit.cell].axes.model();
        let mut models: Vec<&str> = Vec::new();
        for unit in &units {
            if !models.contains(&model(unit)) {
                models.push(model(unit));
            }
        }
        // Stable, so that the order within a model stays.
        let place = |unit: &Unit| models.iter().position(|name| *name == model(unit));
        units.sort_by_key(place);
    }
    units
}

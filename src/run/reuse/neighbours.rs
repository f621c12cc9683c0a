use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::plan::Plan;
use crate::store::{PlanFile, PlannedCell};

/// The cells of an earlier plan that the present one has no longer, found by all of their axes but one: an edited value
/// makes another cell of a cell.
pub(super) struct Neighbours<'p> {
    by_others: HashMap<String, &'p PlannedCell>,
}

impl<'p> Neighbours<'p> {
    pub(super) fn new(earlier: &'p PlanFile, plan: &Plan) -> Self {
        let present: HashSet<&str> = plan.cells.iter().map(|cell| cell.id.as_str()).collect();
        let mut by_others = HashMap::new();
        for cell in earlier.cells.iter().filter(|cell| !present.contains(cell.cell_id.as_str())) {
            for axis in cell.axes.keys() {
                by_others.entry(others(&cell.axes, axis)).or_insert(cell);
            }
        }
        Self { by_others }
    }

    /// `input_tokens 1000 is now 1100`, where a cell that is gone differs from this one in one axis alone.
    pub(super) fn edited_axis(&self, axes: &Map<String, Value>) -> Option<String> {
        axes.iter().find_map(|(axis, value)| {
            let before = self.by_others.get(&others(axes, axis))?.axes.get(axis)?;
            Some(format!("{axis} {} is now {}", shown(before), shown(value)))
        })
    }
}

/// An axis's name and all of the others with their values.
fn others(axes: &Map<String, Value>, left_out: &str) -> String {
    let mut text = left_out.to_owned();
    for (axis, value) in axes.iter().filter(|(axis, _)| *axis != left_out) {
        text.push('\n');
        text.push_str(axis);
        text.push('=');
        text.push_str(&value.to_string());
    }
    text
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

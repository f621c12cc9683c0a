use serde_json::Value;

use crate::metrics::CellSummary;
use crate::scenario::AxisName;

/// The axis that tells apart the cells of a campaign's scenarios.
pub(super) const SCENARIO: &str = "scenario";

/// Every axis of the cells, in the language's order, `vars` by name; a campaign's scenarios come first.
pub(super) fn axis_names(cells: &[CellSummary]) -> Vec<String> {
    let mut names: Vec<AxisName> =
        cells.iter().flat_map(|cell| cell.axes.keys()).map(|axis| AxisName::from_word(axis)).collect();
    names.sort();
    names.dedup();
    let mut names: Vec<String> = names.iter().map(|name| name.as_str().to_owned()).collect();
    names.sort_by_key(|name| name != SCENARIO);
    names
}

/// A cell's value; null where the axis does not apply.
pub(super) fn value<'c>(cell: &'c CellSummary, axis: &str) -> &'c Value {
    cell.axes.get(axis).unwrap_or(&Value::Null)
}

/// A value for the eye.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        // As it stands in the scenario: 2 and not 2.0.
        Value::Number(number) => {
            number.as_f64().filter(|_| number.is_f64()).map_or_else(|| number.to_string(), |f| f.to_string())
        }
        other => other.to_string(),
    }
}

//! Cells for the tests of this module.

use serde_json::{Map, Value};

use super::side::{Planned, Side, SideCell};
use crate::metrics::{CellAccumulator, MetricSummary};

/// A cell of these axes, without a figure.
pub(super) fn cell(id: &str, axes: &[(&str, &str)]) -> SideCell {
    let axes: Map<String, Value> = axes
        .iter()
        .map(|(axis, value)| {
            let number = value.parse::<u64>().map(Value::from);
            ((*axis).to_owned(), number.unwrap_or_else(|_| Value::from(*value)))
        })
        .collect();
    SideCell { summary: CellAccumulator::new(id, axes, None).finish(), planned: None }
}

pub(super) fn planned(cell: SideCell, digest: &str) -> SideCell {
    SideCell { planned: Some(Planned { digest: digest.to_owned(), parts: None, requests: Some(8) }), ..cell }
}

pub(super) fn with_metric(mut cell: SideCell, name: &str, metric: MetricSummary) -> SideCell {
    cell.summary.metrics.insert(name.to_owned(), Some(metric));
    cell
}

pub(super) fn side(name: &str, cells: Vec<SideCell>) -> Side {
    Side { name: name.to_owned(), lock: None, cells }
}

use std::collections::BTreeSet;

use serde_json::Value;

use crate::metrics::{CellSummary, Summary};
use crate::plan::DigestParts;
use crate::store::StoredRun;

/// One of the things that are compared: a run, or what of it has one value of an axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Side {
    /// What it is called: a run's name, or `model = llama70b`.
    pub name: String,
    /// SHA-256 of the suite's lock, in hex; `None` where there was none.
    pub lock: Option<String>,
    /// Its cells that have a complete repeat.
    pub cells: Vec<SideCell>,
}

/// A cell of a side.
#[derive(Debug, Clone, PartialEq)]
pub struct SideCell {
    /// Its figures.
    pub summary: CellSummary,
    /// What its plan says of it; `None` when the figures came without one.
    pub planned: Option<Planned>,
}

/// What a plan says of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The incremental key.
    pub digest: String,
    /// What that is made of, besides axes and requests.
    pub parts: Option<DigestParts>,
    /// Measured requests of one repeat; `None` when only the duration ends it.
    pub requests: Option<u64>,
}

impl Side {
    /// A stored run with its figures.
    #[must_use]
    pub fn of_run(name: impl Into<String>, run: &StoredRun, summary: Summary) -> Self {
        let planned = |id: &str| {
            let cell = run.plan.cells.iter().find(|cell| cell.cell_id.as_str() == id)?;
            let parts = run.plan.parts_of(cell).cloned();
            Some(Planned { digest: cell.digest.0.clone(), parts, requests: cell.requests })
        };
        let cells = summary.cells.into_iter().map(|summary| SideCell { planned: planned(&summary.cell_id), summary });
        let lock = run.manifest.provenance.lock.as_ref().map(|lock| lock.sha256.clone());
        Self { name: name.into(), lock, cells: cells.collect() }
    }

    /// Figures that came without a plan.
    #[must_use]
    pub fn of_cells(name: impl Into<String>, cells: Vec<CellSummary>) -> Self {
        let cells = cells.into_iter().map(|summary| SideCell { summary, planned: None });
        Self { name: name.into(), lock: None, cells: cells.collect() }
    }

    /// The words of every axis of its cells.
    #[must_use]
    pub fn axes(&self) -> BTreeSet<&str> {
        self.cells.iter().flat_map(|cell| cell.summary.axes.keys()).map(String::as_str).collect()
    }

    /// Splits it by the values of an axis, in the order in which they come; a cell without the axis is in none.
    #[must_use]
    pub fn split(&self, axis: &str) -> Vec<Self> {
        let mut sides: Vec<(&Value, Self)> = Vec::new();
        for cell in &self.cells {
            let Some(value) = cell.summary.axes.get(axis) else { continue };
            let at = sides.iter().position(|(known, _)| *known == value).unwrap_or_else(|| {
                let name = format!("{axis} = {}", word(value));
                sides.push((value, Self { name, lock: self.lock.clone(), cells: Vec::new() }));
                sides.len() - 1
            });
            sides[at].1.cells.push(cell.clone());
        }
        sides.into_iter().map(|(_, side)| side).collect()
    }
}

/// An axis value as it stands in a scenario.
pub(super) fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

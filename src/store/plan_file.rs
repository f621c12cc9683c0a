use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::json_file::{FORMAT_VERSION, read_json, write_json};
use super::{RunDir, StoreError, UnitId};
use crate::plan::{Cell, CellDigest, CellId, DigestParts, Plan};
use crate::scenario::{Search, StopReason};

/// The cells of a run and how far each repeat got: `plan.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    /// Version of the run directory's files.
    pub format_version: u64,
    /// What digests are made of, so that a later plan can tell what has changed; shared by cells.
    #[serde(default)]
    pub parts: Vec<DigestParts>,
    /// The searches, in the order of the scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searches: Vec<PlannedSearch>,
    /// The cells, in the order of the scenario; then those that searches came to try, as they did.
    pub cells: Vec<PlannedCell>,
}

/// A search of `plan.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedSearch {
    /// Its name.
    pub search_id: String,
    /// What its cells have in common.
    pub axes: serde_json::Map<String, serde_json::Value>,
    /// What the scenario says of it.
    #[serde(flatten)]
    pub search: Search,
    /// Every load that may be tried, ascending.
    pub levels: Vec<f64>,
    /// The good share that is asked for.
    pub attainment: f64,
    /// Why it could not go on, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

/// Which load of which search a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Probe {
    /// An index into [`PlanFile::searches`].
    pub search: usize,
    /// An index into [`PlannedSearch::levels`].
    pub level: usize,
}

/// A cell of `plan.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedCell {
    /// Its name.
    pub cell_id: CellId,
    /// Its values by axis.
    pub axes: serde_json::Map<String, serde_json::Value>,
    /// Measured requests of one repeat; `None` when only the duration ends it.
    pub requests: Option<u64>,
    /// The incremental key.
    pub digest: CellDigest,
    /// What the digest is made of besides axes and requests: an index into [`PlanFile::parts`].
    #[serde(default)]
    pub parts: Option<usize>,
    /// Which load of which search it is; `None` for a cell of the matrix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Whether its server's certificate is not checked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
    /// Its repeats, from 0.
    pub repeats: Vec<PlannedRepeat>,
}

impl PlannedCell {
    fn pending(cell: &Cell, parts: usize, repeats: Vec<PlannedRepeat>) -> Self {
        Self {
            cell_id: cell.id.clone(),
            axes: cell.axes.to_json(),
            requests: cell.requests,
            digest: cell.digest.clone(),
            parts: Some(parts),
            probe: None,
            unverified: cell.unverified,
            repeats,
        }
    }

    /// How many of its repeats are complete.
    #[must_use]
    pub fn complete(&self) -> usize {
        self.repeats.iter().filter(|repeat| repeat.state == RepeatState::Complete).count()
    }
}

/// A repeat of `plan.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedRepeat {
    /// From 0.
    pub repeat: u32,
    /// How far it got.
    pub state: RepeatState,
    /// When it was complete, nanoseconds since the Unix epoch.
    #[serde(default)]
    pub end_unix_ns: Option<i64>,
    /// Which server answered: the fingerprint of its identity in the manifest.
    #[serde(default)]
    pub server: Option<String>,
    /// The run directory, by name, in which it was measured; `None` for this one.
    #[serde(default)]
    pub reused_from: Option<String>,
    /// How old it was when it was taken over, seconds.
    #[serde(default)]
    pub age_s: Option<f64>,
    /// Why it ended, where `load.stop_when` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<StopReason>,
    /// What a reader must know of it besides its rows: why it failed, or what did not go as asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl PlannedRepeat {
    /// A repeat that is not begun.
    #[must_use]
    pub fn pending(repeat: u32) -> Self {
        let state = RepeatState::Pending;
        Self {
            repeat,
            state,
            end_unix_ns: None,
            server: None,
            reused_from: None,
            age_s: None,
            stopped: None,
            notes: Vec::new(),
        }
    }
}

/// How far a repeat got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatState {
    /// Not begun.
    Pending,
    /// Under way.
    Running,
    /// Its rows are in `requests/`.
    Complete,
    /// Cut off; its rows are in `partial/`.
    Interrupted,
    /// Not measured: what had to come before failed; `notes` say why.
    Failed,
}

impl PlanFile {
    /// The file's name in a run directory.
    pub const FILE: &str = "plan.json";

    /// The cells of a plan with `repeats` repeats each, none begun. Its searches have no cell yet.
    pub fn of(plan: &Plan, repeats: u32) -> Self {
        let mut shared: Vec<&Arc<DigestParts>> = Vec::new();
        let mut cells = Vec::with_capacity(plan.cells.len());
        for cell in &plan.cells {
            let parts = shared.iter().position(|known| Arc::ptr_eq(known, &cell.parts)).unwrap_or_else(|| {
                shared.push(&cell.parts);
                shared.len() - 1
            });
            cells.push(PlannedCell::pending(cell, parts, (0..repeats).map(PlannedRepeat::pending).collect()));
        }
        let parts = shared.into_iter().map(|parts| DigestParts::clone(parts)).collect();
        Self { format_version: FORMAT_VERSION, parts, searches: Vec::new(), cells }
    }

    /// Adds a cell that a search came to try, without a repeat; returns its place.
    pub fn add_probe(&mut self, cell: &Cell, probe: Probe) -> usize {
        let parts = self.parts.iter().position(|known| *known == *cell.parts).unwrap_or_else(|| {
            self.parts.push(DigestParts::clone(&cell.parts));
            self.parts.len() - 1
        });
        self.cells.push(PlannedCell { probe: Some(probe), ..PlannedCell::pending(cell, parts, Vec::new()) });
        self.cells.len() - 1
    }

    /// Reads the plan of a run.
    pub fn read(run: &RunDir) -> Result<Self, StoreError> {
        read_json(&run.file(Self::FILE))
    }

    /// Writes it, atomically.
    pub fn write(&self, run: &RunDir) -> Result<(), StoreError> {
        write_json(&run.file(Self::FILE), self)
    }

    /// How many repeats are complete.
    #[must_use]
    pub fn complete(&self) -> usize {
        self.cells.iter().map(PlannedCell::complete).sum()
    }

    /// What a cell's digest is made of, where that was kept.
    pub fn parts_of(&self, cell: &PlannedCell) -> Option<&DigestParts> {
        self.parts.get(cell.parts?)
    }

    /// The cell called `id`.
    pub fn cell(&self, id: &CellId) -> Option<&PlannedCell> {
        self.cells.iter().find(|cell| cell.cell_id == *id)
    }

    /// A repeat, to note how far it got; [`StoreError::NotPlanned`] when there is none such.
    pub fn repeat_mut(&mut self, unit: &UnitId) -> Result<&mut PlannedRepeat, StoreError> {
        self.cells
            .iter_mut()
            .find(|cell| cell.cell_id == unit.cell)
            .and_then(|cell| cell.repeats.iter_mut().find(|repeat| repeat.repeat == unit.repeat))
            .ok_or_else(|| StoreError::NotPlanned { unit: unit.to_string() })
    }

    /// Notes how far a repeat got.
    pub fn set_state(&mut self, unit: &UnitId, state: RepeatState) -> Result<(), StoreError> {
        self.repeat_mut(unit)?.state = state;
        Ok(())
    }

    /// Every repeat with its name, cell by cell.
    pub fn repeats(&self) -> impl Iterator<Item = (UnitId, &PlannedRepeat)> {
        self.cells.iter().flat_map(|cell| {
            cell.repeats.iter().map(|repeat| (UnitId::new(cell.cell_id.clone(), repeat.repeat), repeat))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Axes, AxisName, AxisValue};

    fn plan() -> Plan {
        let cell = |name: &str, concurrency| Cell {
            id: CellId::new(name),
            axes: Axes::from_iter([(AxisName::Concurrency, AxisValue::Concurrency(concurrency))]),
            requests: Some(8),
            row_tokens: None,
            unverified: false,
            parts: Arc::default(),
            digest: CellDigest("d".into()),
        };
        Plan { cells: vec![cell("a", 1), cell("b", 2)], ..Plan::default() }
    }

    #[test]
    fn a_plan_file_has_the_shape_of_the_contract() {
        let one = Plan { cells: vec![plan().cells.remove(0)], ..Plan::default() };
        assert_eq!(
            serde_json::to_value(PlanFile::of(&one, 1)).unwrap(),
            serde_json::json!({"format_version": 1, "parts": [{}], "cells": [{"cell_id": "a", "axes": {"concurrency": 1},
                "requests": 8, "digest": "d", "parts": 0, "repeats": [{"repeat": 0, "state": "pending",
                "end_unix_ns": null, "server": null, "reused_from": null, "age_s": null}]}]})
        );
    }

    #[test]
    fn states_are_noted_and_kept() {
        let out = tempfile::tempdir().unwrap();
        let run = RunDir::create(out.path(), "p", 0, 0).unwrap();
        let mut file = PlanFile::of(&plan(), 2);
        let unit = UnitId::new(CellId::new("b"), 1);
        file.set_state(&unit, RepeatState::Complete).unwrap();
        file.write(&run).unwrap();
        let read = PlanFile::read(&run).unwrap();
        assert_eq!(read, file);
        let states: Vec<_> = read.repeats().map(|(unit, repeat)| (unit.to_string(), repeat.state)).collect();
        assert_eq!(states[2..], [("b.0".into(), RepeatState::Pending), ("b.1".into(), RepeatState::Complete)]);
        let missing = file.set_state(&UnitId::new(CellId::new("b"), 2), RepeatState::Running);
        assert_eq!(missing.unwrap_err().to_string(), "the plan has no repeat b.2");
    }
}

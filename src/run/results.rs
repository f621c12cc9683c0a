use std::collections::BTreeMap;

use super::error::RunError;
use crate::metrics::{CellAccumulator, CellSummary, Summary};
use crate::plan::{Cell, Plan, Unit};
use crate::scenario::Scenario;
use crate::store::{Manifest, PlanFile, RecordFile, RepeatState, RunDir, RunState, UnitId};
use crate::time::unix_ns;

/// Views of the summaries that a run writes besides `summary.json`: made above this floor, handed down.
pub trait Views {
    /// The comparison table in Markdown.
    fn comparison_markdown(&self, name: &str, cells: &[CellSummary]) -> String;
    /// The summaries as CSV.
    fn summary_csv(&self, cells: &[CellSummary]) -> String;
}

/// The run directory's files that change as the run goes on.
pub(super) struct Results<'r> {
    pub(super) dir: &'r RunDir,
    pub(super) manifest: Manifest,
    scenario: &'r Scenario,
    plan: &'r Plan,
    plan_file: PlanFile,
    views: &'r dyn Views,
    cells: BTreeMap<usize, CellSummary>,
}

impl<'r> Results<'r> {
    /// Writes the manifest and the plan for the first time.
    pub(super) fn begin(
        dir: &'r RunDir,
        manifest: Manifest,
        scenario: &'r Scenario,
        plan: &'r Plan,
        views: &'r dyn Views,
    ) -> Result<Self, RunError> {
        let plan_file = PlanFile::of(plan, scenario.load.repeats);
        manifest.write(dir)?;
        plan_file.write(dir)?;
        let results = Self { dir, manifest, scenario, plan, plan_file, views, cells: BTreeMap::new() };
        results.save()?;
        Ok(results)
    }

    /// Notes how far a unit is.
    pub(super) fn set_state(&mut self, unit: Unit, state: RepeatState) -> Result<(), RunError> {
        let id = UnitId { cell: self.plan.cells[unit.cell].id.clone(), repeat: unit.repeat };
        self.plan_file.set_state(&id, state)?;
        self.plan_file.write(self.dir)?;
        Ok(())
    }

    /// Sums a cell up anew from the rows of its complete repeats, and saves all summaries.
    pub(super) fn summarise(&mut self, cell: usize) -> Result<&CellSummary, RunError> {
        let summary = self.summary_of(&self.plan.cells[cell])?;
        self.cells.insert(cell, summary);
        self.save()?;
        self.cells.get(&cell).ok_or_else(|| RunError::Internal("a summary was lost".to_owned()))
    }

    fn summary_of(&self, cell: &Cell) -> Result<CellSummary, RunError> {
        let price = self.scenario.models.get(cell.axes.model()).and_then(|model| model.price);
        let mut accumulator = CellAccumulator::new(cell.id.as_str(), cell.axes.to_json(), price);
        for repeat in 0..self.scenario.load.repeats {
            let path = self.dir.requests_path(&UnitId { cell: cell.id.clone(), repeat });
            if !path.is_file() {
                continue;
            }
            let file = RecordFile::open(&path)?;
            let origin = file.origin();
            accumulator.set_repeat(repeat, origin.unix_ns, origin.monotonic_ns);
            if let Some(facts) = file.client() {
                accumulator.set_client(repeat, facts.clone());
            }
            for record in file.records()? {
                accumulator.add(repeat, &record?);
            }
        }
        Ok(accumulator.finish())
    }

    /// The summaries so far, in the order of the plan.
    pub(super) fn summary(&self) -> Summary {
        Summary::new(self.scenario.labels.clone(), self.cells.values().cloned().collect())
    }

    fn save(&self) -> Result<(), RunError> {
        let summary = self.summary();
        let json = serde_json::to_vec_pretty(&summary).map_err(|error| RunError::Internal(error.to_string()))?;
        self.dir.write("summary.json", &json)?;
        self.dir.write("summary.csv", self.views.summary_csv(&summary.cells).as_bytes())?;
        let table = self.views.comparison_markdown(&self.scenario.name, &summary.cells);
        self.dir.write("comparison.md", table.as_bytes())?;
        Ok(())
    }

    /// Notes the end of the run.
    pub(super) fn conclude(&mut self, state: RunState) -> Result<(), RunError> {
        self.manifest.finish(state, unix_ns());
        self.manifest.write(self.dir)?;
        Ok(())
    }
}

use std::path::PathBuf;

use super::error::RunError;
use super::thrift::Thrift;
use crate::metrics::{CellAccumulator, CellSummary, Summary, summary_json};
use crate::plan::{Cell, Plan, Unit};
use crate::scenario::Scenario;
use crate::store::{
    Manifest, PlanFile, RecordFile, RepeatState, RunDir, RunState, ServerChange, ServerIdentity, UnitId,
};
use crate::time::{Clock, unix_ns};

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
    clock: Clock,
    /// The summaries so far, in the order of the plan, and each one's place in it.
    cells: Vec<CellSummary>,
    places: Vec<usize>,
    summary_saves: Thrift,
    plan_saves: Thrift,
}

impl<'r> Results<'r> {
    /// Writes the manifest and the plan for the first time.
    pub(super) fn begin(
        dir: &'r RunDir,
        manifest: Manifest,
        scenario: &'r Scenario,
        plan: &'r Plan,
        views: &'r dyn Views,
        clock: Clock,
    ) -> Result<Self, RunError> {
        let plan_file = PlanFile::of(plan, scenario.load.repeats);
        manifest.write(dir)?;
        let mut results = Self {
            dir,
            manifest,
            scenario,
            plan,
            plan_file,
            views,
            clock,
            cells: Vec::new(),
            places: Vec::new(),
            summary_saves: Thrift::default(),
            plan_saves: Thrift::default(),
        };
        results.save_plan()?;
        results.save_summary()?;
        Ok(results)
    }

    /// Notes how far a unit is.
    pub(super) fn set_state(&mut self, unit: Unit, state: RepeatState) -> Result<(), RunError> {
        self.plan_file.set_state(&self.id_of(unit), state)?;
        if self.plan_saves.is_due(self.clock.now_ns()) {
            self.save_plan()?;
        }
        Ok(())
    }

    /// Notes that a unit begins: what was noted of it before belongs to an earlier try.
    pub(super) fn begin_unit(&mut self, unit: Unit) -> Result<(), RunError> {
        self.plan_file.repeat_mut(&self.id_of(unit))?.notes.clear();
        self.set_state(unit, RepeatState::Running)
    }

    /// Adds what a reader must know of a unit besides its rows; saved with its next state.
    pub(super) fn note(&mut self, unit: Unit, notes: Vec<String>) -> Result<(), RunError> {
        self.plan_file.repeat_mut(&self.id_of(unit))?.notes.extend(notes);
        Ok(())
    }

    /// Notes that another server answers from a unit on.
    pub(super) fn server_changed(
        &mut self,
        unit: Unit,
        endpoint: &str,
        server: ServerIdentity,
    ) -> Result<(), RunError> {
        let UnitId { cell, repeat } = self.id_of(unit);
        let change = ServerChange { cell_id: cell.to_string(), repeat, endpoint: endpoint.to_owned(), server };
        self.manifest.server_changes.push(change);
        Ok(self.manifest.write(self.dir)?)
    }

    fn id_of(&self, unit: Unit) -> UnitId {
        UnitId { cell: self.plan.cells[unit.cell].id.clone(), repeat: unit.repeat }
    }

    /// Sums a cell up anew from the rows of its complete repeats, and saves all summaries.
    pub(super) fn summarise(&mut self, cell: usize) -> Result<&CellSummary, RunError> {
        let summary = self.summary_of(&self.plan.cells[cell])?;
        let at = match self.places.binary_search(&cell) {
            Ok(at) => {
                self.cells[at] = summary;
                at
            }
            Err(at) => {
                self.places.insert(at, cell);
                self.cells.insert(at, summary);
                at
            }
        };
        if self.summary_saves.is_due(self.clock.now_ns()) {
            self.save_summary()?;
        }
        Ok(&self.cells[at])
    }

    fn summary_of(&self, cell: &Cell) -> Result<CellSummary, RunError> {
        let price = self.scenario.models.get(cell.axes.model()).and_then(|model| model.price);
        let mut accumulator = CellAccumulator::new(cell.id.as_str(), cell.axes.to_json(), price);
        let repeats: Vec<(u32, PathBuf)> = (0..self.scenario.load.repeats)
            .map(|repeat| (repeat, self.dir.requests_path(&UnitId { cell: cell.id.clone(), repeat })))
            .filter(|(_, path)| path.is_file())
            .collect();
        while let Some(pass) = accumulator.next_pass() {
            for (repeat, path) in &repeats {
                let file = RecordFile::open(path)?;
                let origin = file.origin();
                accumulator.set_repeat(*repeat, origin.unix_ns, origin.monotonic_ns);
                if let Some(facts) = file.client() {
                    accumulator.set_client(*repeat, facts.clone());
                }
                for record in file.records_for(pass)? {
                    accumulator.add(*repeat, &record?);
                }
            }
        }
        Ok(CellSummary { notes: self.notes_of(cell), ..accumulator.finish() })
    }

    /// The notes of a cell's repeats, each once.
    fn notes_of(&self, cell: &Cell) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        let repeats = self.plan_file.cell(&cell.id).into_iter().flat_map(|cell| &cell.repeats);
        for note in repeats.flat_map(|repeat| &repeat.notes) {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        notes
    }

    /// The summaries so far, in the order of the plan.
    pub(super) fn into_summary(self) -> Summary {
        Summary::new(self.scenario.labels.clone(), self.cells)
    }

    fn save_summary(&mut self) -> Result<(), RunError> {
        let begun_ns = self.clock.now_ns();
        let json = summary_json(&self.scenario.labels, &self.cells);
        self.dir.write("summary.json", &json.map_err(|error| RunError::Internal(error.to_string()))?)?;
        self.dir.write("summary.csv", self.views.summary_csv(&self.cells).as_bytes())?;
        let table = self.views.comparison_markdown(&self.scenario.name, &self.cells);
        self.dir.write("comparison.md", table.as_bytes())?;
        self.summary_saves.saved(begun_ns, self.clock.now_ns());
        Ok(())
    }

    fn save_plan(&mut self) -> Result<(), RunError> {
        let begun_ns = self.clock.now_ns();
        self.plan_file.write(self.dir)?;
        self.plan_saves.saved(begun_ns, self.clock.now_ns());
        Ok(())
    }

    /// Saves what was not saved yet and notes the end of the run.
    pub(super) fn conclude(&mut self, state: RunState) -> Result<(), RunError> {
        self.save_plan()?;
        self.save_summary()?;
        self.manifest.finish(state, unix_ns());
        self.manifest.write(self.dir)?;
        Ok(())
    }
}

use std::collections::BTreeMap;

use super::error::RunError;
use super::summaries::{CellFiles, RepeatFiles, say_what_is_planned};
use super::thrift::Thrift;
use crate::metrics::{CellSummary, SearchSummary, Summary, note_switching, summary_json};
use crate::plan::{Plan, Unit};
use crate::scenario::{Scenario, StopReason};
use crate::store::{
    Manifest, PlanFile, PlannedRepeat, RepeatState, Reserve, RunDir, RunState, ServerChange, ServerIdentity, UnitId,
};
use crate::time::{Clock, unix_ns};

/// Views of the summaries that a run writes besides `summary.json`: made above this floor, handed down.
pub trait Views {
    /// The comparison table in Markdown, and what searches came to.
    fn comparison_markdown(&self, name: &str, cells: &[CellSummary], searches: &[SearchSummary]) -> String;
    /// The summaries as CSV.
    fn summary_csv(&self, cells: &[CellSummary]) -> String;
    /// What the scenario's gates say as JUnit XML; `None` where that is not asked for.
    fn junit(&self, scenario: &Scenario, cells: &[CellSummary]) -> Option<String>;
}

/// The run directory's files that change as the run goes on.
pub(super) struct Results<'r> {
    pub(super) dir: &'r RunDir,
    pub(super) manifest: Manifest,
    scenario: &'r Scenario,
    /// The scenario's, and the cells that searches came to try.
    pub(super) plan: Plan,
    pub(super) plan_file: PlanFile,
    views: &'r dyn Views,
    clock: Clock,
    /// Who answers now, by endpoint.
    servers: BTreeMap<String, ServerIdentity>,
    /// The summaries so far, in the order of [`Place`].
    pub(super) cells: Vec<CellSummary>,
    pub(super) places: Vec<Place>,
    summary_saves: Thrift,
    plan_saves: Thrift,
    reserve: Reserve,
}

/// The place of a cell's summary among the others: cells of the matrix in the order of the plan, then each search's by
/// load; and its place in the plan.
pub(super) type Place = (usize, usize, usize);

/// Space held for the end of a run besides what the plan and the manifest take.
const LAST_WORDS: usize = 64 << 10;

impl<'r> Results<'r> {
    /// Writes the plan and the manifest, and sums up what is complete already; then the run is one.
    pub(super) fn begin(
        dir: &'r RunDir,
        manifest: Manifest,
        scenario: &'r Scenario,
        plan: Plan,
        plan_file: PlanFile,
        views: &'r dyn Views,
        clock: Clock,
    ) -> Result<Self, RunError> {
        plan_file.write(dir)?;
        let size = dir.file(PlanFile::FILE).metadata().map_or(0, |plan| plan.len());
        // The new plan stands beside the old one for a moment.
        let reserve = Reserve::take(dir, LAST_WORDS + 2 * usize::try_from(size).unwrap_or(0))?;
        let mut results = Self {
            servers: manifest.servers.clone(),
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
            reserve,
        };
        results.sum_up_complete()?;
        results.save_summary()?;
        results.manifest.write(dir)?;
        if results.manifest.resumes.is_empty() {
            dir.announce()?;
        }
        Ok(results)
    }

    /// Notes how far a unit is.
    pub(super) fn set_state(&mut self, unit: Unit, state: RepeatState) -> Result<(), RunError> {
        let cell = &self.plan.cells[unit.cell];
        let server = self.servers.get(cell.axes.endpoint()).map(ServerIdentity::fingerprint);
        if let Some(repeat) = self.planned(unit) {
            repeat.state = state;
            if state == RepeatState::Complete {
                repeat.end_unix_ns = Some(unix_ns());
                repeat.server = server;
            }
        }
        if self.plan_saves.is_due(self.clock.now_ns()) {
            self.save_plan()?;
        }
        Ok(())
    }

    /// Notes that a unit begins: what was noted of it before belongs to an earlier try.
    pub(super) fn begin_unit(&mut self, unit: Unit) -> Result<(), RunError> {
        self.dir.set_aside(&self.id_of(unit))?;
        if let Some(repeat) = self.planned(unit) {
            repeat.notes.clear();
        }
        self.set_state(unit, RepeatState::Running)
    }

    /// Adds what a reader must know of a unit besides its rows; saved with its next state.
    pub(super) fn note(&mut self, unit: Unit, notes: Vec<String>) {
        if let Some(repeat) = self.planned(unit) {
            repeat.notes.extend(notes);
        }
    }

    /// Notes why a unit ended, where the scenario has a rule for that; saved with its next state.
    pub(super) fn ended(&mut self, unit: Unit, reason: Option<StopReason>) {
        if let Some(repeat) = self.planned(unit) {
            repeat.stopped = reason;
        }
    }

    pub(super) fn planned(&mut self, unit: Unit) -> Option<&mut PlannedRepeat> {
        let cell = self.plan_file.cells.get_mut(unit.cell)?;
        cell.repeats.iter_mut().find(|repeat| repeat.repeat == unit.repeat)
    }

    /// Notes that another server answers from a unit on.
    pub(super) fn server_changed(
        &mut self,
        unit: Unit,
        endpoint: &str,
        server: ServerIdentity,
    ) -> Result<(), RunError> {
        let UnitId { cell, repeat } = self.id_of(unit);
        if self.servers.get(endpoint) == Some(&server) {
            return Ok(());
        }
        self.servers.insert(endpoint.to_owned(), server.clone());
        let change = ServerChange { cell_id: cell.to_string(), repeat, endpoint: endpoint.to_owned(), server };
        self.manifest.server_changes.push(change);
        Ok(self.manifest.write(self.dir)?)
    }

    pub(super) fn id_of(&self, unit: Unit) -> UnitId {
        UnitId { cell: self.plan.cells[unit.cell].id.clone(), repeat: unit.repeat }
    }

    /// Sums a cell up anew from the rows of its complete repeats, and saves all summaries.
    pub(super) fn summarise(&mut self, cell: usize) -> Result<&CellSummary, RunError> {
        let at = self.sum_up(cell)?;
        if self.summary_saves.is_due(self.clock.now_ns()) {
            self.save_summary()?;
        }
        Ok(&self.cells[at])
    }

    /// Sums up every cell of which a repeat is complete.
    fn sum_up_complete(&mut self) -> Result<(), RunError> {
        let complete = |repeat: &PlannedRepeat| repeat.state == RepeatState::Complete;
        for cell in 0..self.plan.cells.len() {
            if self.plan_file.cells.get(cell).is_some_and(|cell| cell.repeats.iter().any(complete)) {
                self.sum_up(cell)?;
            }
        }
        Ok(())
    }

    /// Puts a cell's summary in its place, which is returned.
    fn sum_up(&mut self, cell: usize) -> Result<usize, RunError> {
        let mut summary = self.summary_of(cell)?;
        if let Some(planned) = self.plan_file.cells.get(cell) {
            say_what_is_planned(&mut summary, planned);
        }
        let place = match self.plan_file.cells.get(cell).and_then(|cell| cell.probe) {
            Some(probe) => (1 + probe.search, probe.level, cell),
            None => (0, cell, cell),
        };
        Ok(match self.places.binary_search(&place) {
            Ok(at) => {
                self.cells[at] = summary;
                at
            }
            Err(at) => {
                self.places.insert(at, place);
                self.cells.insert(at, summary);
                at
            }
        })
    }

    fn summary_of(&self, at: usize) -> Result<CellSummary, RunError> {
        let cell = &self.plan.cells[at];
        let planned = self.plan_file.cells.get(at).map_or(&[][..], |planned| &planned.repeats);
        let price = self.scenario.models.get(cell.axes.model()).and_then(|model| model.price);
        let repeats = planned
            .iter()
            .map(|planned| RepeatFiles::of(self.dir, &UnitId { cell: cell.id.clone(), repeat: planned.repeat }))
            .filter(|files| files.rows.is_file())
            .collect();
        Ok(CellFiles { id: &cell.id, axes: cell.axes.to_json(), price, slo: self.scenario.slo, repeats }.sum_up()?)
    }

    /// The summaries so far, in the order of the plan.
    pub(super) fn into_summary(self) -> Summary {
        let searches = self.searches();
        Summary { searches, ..Summary::new(self.scenario.labels.clone(), self.cells) }
    }

    fn save_summary(&mut self) -> Result<(), RunError> {
        let begun_ns = self.clock.now_ns();
        note_switching(&mut self.cells);
        let searches = self.searches();
        let json = summary_json(&self.scenario.labels, &self.cells, &searches);
        self.dir.write("summary.json", &json.map_err(|error| RunError::Internal(error.to_string()))?)?;
        self.dir.write("summary.csv", self.views.summary_csv(&self.cells).as_bytes())?;
        let table = self.views.comparison_markdown(&self.scenario.name, &self.cells, &searches);
        self.dir.write("comparison.md", table.as_bytes())?;
        if let Some(junit) = self.views.junit(self.scenario, &self.cells) {
            self.dir.write("junit.xml", junit.as_bytes())?;
        }
        self.summary_saves.saved(begun_ns, self.clock.now_ns());
        Ok(())
    }

    pub(super) fn save_plan(&mut self) -> Result<(), RunError> {
        let begun_ns = self.clock.now_ns();
        self.plan_file.write(self.dir)?;
        self.plan_saves.saved(begun_ns, self.clock.now_ns());
        Ok(())
    }

    /// Saves what was not saved yet and notes the end of the run.
    pub(super) fn conclude(&mut self, state: RunState) -> Result<(), RunError> {
        self.reserve.release();
        self.manifest.finish(state, unix_ns());
        if state != RunState::Complete {
            // First, since a full disk may take no more than that.
            self.manifest.write(self.dir)?;
        }
        self.save_plan()?;
        self.save_summary()?;
        self.manifest.write(self.dir)?;
        Ok(())
    }
}

use std::collections::BTreeMap;

use super::outcome::{judged, search_summaries};
use crate::metrics::{CellSummary, SearchSummary};
use crate::plan::{Cell, Evidence, Plan, Unit};
use crate::run::agenda::verify;
use crate::run::error::RunError;
use crate::run::results::Results;
use crate::run::resume::Resumption;
use crate::run::reuse::Source;
use crate::scenario::Scenario;
use crate::store::{PlanFile, PlannedRepeat, PlannedSearch, Probe, RepeatState, StoreError};

/// Notes the searches of a plan in its file, and the cells that they came to try before the run was interrupted.
pub(in crate::run) fn note_searches(
    scenario: &Scenario,
    plan: &mut Plan,
    file: &mut PlanFile,
    resume: Option<&Resumption>,
) {
    let attainment = scenario.slo.map_or(1.0, |slo| slo.attainment);
    file.searches = plan
        .searches
        .iter()
        .map(|search| PlannedSearch {
            search_id: search.id.clone(),
            axes: search.axes.to_json(),
            search: search.search,
            levels: search.levels.clone(),
            attainment,
            given_up: None,
        })
        .collect();
    for stored in resume.iter().flat_map(|resumption| resumption.cells()) {
        let found = plan.searches.iter().enumerate().find_map(|(at, search)| {
            let level = search.ladder.iter().position(|cell| cell.id == stored.cell_id)?;
            Some((Probe { search: at, level }, search.ladder[level].clone()))
        });
        if let (Some(_), Some((probe, cell))) = (stored.probe, found) {
            let at = file.add_probe(&cell, probe);
            file.cells[at].repeats.clone_from(&stored.repeats);
            plan.cells.push(cell);
        }
    }
}

impl Results<'_> {
    /// Notes that a search goes on.
    pub(super) fn take_up(&mut self, search: usize) {
        self.give_up(search, None);
    }

    /// Notes why a search cannot go on, if something failed.
    pub(super) fn give_up(&mut self, search: usize, why: Option<String>) {
        if let Some(search) = self.plan_file.searches.get_mut(search) {
            search.given_up = why;
        }
    }

    /// What is known of the loads of a search, by their place in its ladder.
    pub(super) fn evidence(&self, search: usize) -> BTreeMap<usize, Evidence> {
        let Some(planned) = self.plan_file.searches.get(search) else { return BTreeMap::new() };
        let cells = self.plan_file.cells.iter().enumerate();
        let known = cells.filter_map(|(at, cell)| {
            let probe = cell.probe.filter(|probe| probe.search == search)?;
            Some((probe.level, judged(planned, self.summary_at(at)?).0))
        });
        known.collect()
    }

    /// The next repeat of a load that is not complete. Its cell is added when it is the first, and the repeat.
    pub(super) fn next_repeat(&mut self, probe: Probe, cell: &Cell) -> Unit {
        let known = self.plan_file.cells.iter().position(|known| known.probe == Some(probe));
        let at = known.unwrap_or_else(|| {
            self.plan.cells.push(cell.clone());
            self.plan_file.add_probe(cell, probe)
        });
        let repeats = &mut self.plan_file.cells[at].repeats;
        let next = repeats.iter().find(|repeat| repeat.state != RepeatState::Complete).map(|repeat| repeat.repeat);
        let repeat = next.unwrap_or_else(|| {
            let repeat = u32::try_from(repeats.len()).unwrap_or(u32::MAX);
            repeats.push(PlannedRepeat::pending(repeat));
            repeat
        });
        Unit { cell: at, repeat }
    }

    /// Takes a repeat over from an earlier run; the inner error says that its file is not what its plan says.
    pub(super) fn take_over(&mut self, unit: Unit, source: &Source) -> Result<Result<(), StoreError>, RunError> {
        let id = self.id_of(unit);
        if let Err(error) = verify(&id, source) {
            return Ok(Err(error));
        }
        self.dir.take_over(&id, &source.dir)?;
        if let Some(repeat) = self.planned(unit) {
            *repeat = source.as_planned();
        }
        self.save_plan()?;
        self.summarise(unit.cell)?;
        Ok(Ok(()))
    }

    fn summary_at(&self, cell: usize) -> Option<&CellSummary> {
        let at = self.places.iter().position(|place| place.2 == cell)?;
        self.cells.get(at)
    }

    /// What the searches came to so far.
    pub(in crate::run) fn searches(&self) -> Vec<SearchSummary> {
        search_summaries(&self.plan_file, &self.cells)
    }
}

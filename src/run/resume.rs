use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::changes::{changes, first_of};
use crate::plan::{Cell, CellId, Plan};
use crate::scenario::Scenario;
use crate::store::{Manifest, PlannedCell, PlannedRepeat, RepeatState, RunDir, RunState, StoreError, StoredRun};
use crate::text::plural;

/// So many changes are named.
const MOST_NAMED: usize = 4;

/// Why a run cannot be taken up again; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// It cannot be read, or another process writes it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing is left to do.
    #[error("{} is complete: nothing is left to measure", path.display())]
    Complete {
        /// The run directory.
        path: PathBuf,
    },
    /// Its rows and new ones would not belong together.
    #[error("the scenario is not the one that {} was measured with: {}", path.display(), first_of(changes, MOST_NAMED))]
    Changed {
        /// The run directory.
        path: PathBuf,
        /// What is other now, in words.
        changes: Vec<String>,
        /// How the run was started, as far as it is known.
        command: Option<String>,
    },
}

/// An interrupted run that is taken up again: its lock is held, and what a killed process left is saved.
#[derive(Debug, Clone)]
pub struct Resumption {
    run: StoredRun,
}

impl Resumption {
    /// Opens a run directory, or what a `latest` points at, to go on in it.
    ///
    /// # Errors
    /// When it is no run, is written by another process, or cannot be read.
    pub fn open(path: &Path) -> Result<Self, ResumeError> {
        let mut run = StoredRun::open(RunDir::open(path)?.locked()?)?;
        run.recover()?;
        Ok(Self { run })
    }

    /// The run directory.
    #[must_use]
    pub fn dir(&self) -> &RunDir {
        &self.run.dir
    }

    /// Its manifest, as it was left.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.run.manifest
    }

    /// The cells of its plan, as it was left.
    #[must_use]
    pub fn cells(&self) -> &[PlannedCell] {
        &self.run.plan.cells
    }

    /// Repeats of its plan: a scenario that asks for fewer by now does not take any away.
    #[must_use]
    pub fn repeats(&self) -> u32 {
        // A search measures a load as often as it takes.
        let plain = self.cells().iter().filter(|cell| cell.probe.is_none());
        let counts = plain.map(|cell| cell.repeats.len());
        counts.max().and_then(|most| u32::try_from(most).ok()).unwrap_or(1)
    }

    /// Whether `plan` is what the run was measured with, and something of it is left.
    ///
    /// # Errors
    /// [`ResumeError::Changed`] says what is other; [`ResumeError::Complete`] that nothing is left.
    pub fn check(&self, scenario: &Scenario, plan: &Plan) -> Result<(), ResumeError> {
        let path = self.run.dir.path().to_owned();
        let changes = self.changes(scenario, plan);
        if !changes.is_empty() {
            let command = self.run.manifest.command.as_ref().map(|words| words.join(" "));
            return Err(ResumeError::Changed { path, changes, command });
        }
        let wanted = scenario.load.repeats.max(self.repeats()) as usize * plan.cells.len();
        let plain = self.cells().iter().filter(|cell| cell.probe.is_none());
        let complete: usize = plain.map(PlannedCell::complete).sum();
        if self.run.manifest.state == RunState::Complete && complete >= wanted {
            return Err(ResumeError::Complete { path });
        }
        Ok(())
    }

    /// Repeats that are complete.
    #[must_use]
    pub fn complete(&self) -> usize {
        self.run.plan.complete()
    }

    /// How many repeats of each cell of `plan` are left to measure.
    #[must_use]
    pub fn left(&self, scenario: &Scenario, plan: &Plan) -> Vec<u32> {
        let repeats = scenario.load.repeats.max(self.repeats());
        let is_complete = |repeat: &&PlannedRepeat| repeat.state == RepeatState::Complete;
        let complete = |cell: &PlannedCell| cell.repeats.iter().filter(is_complete).map(|_| 1).sum::<u32>();
        let stored: HashMap<&CellId, u32> = self.cells().iter().map(|cell| (&cell.cell_id, complete(cell))).collect();
        plan.cells.iter().map(|cell| repeats.saturating_sub(stored.get(&cell.id).copied().unwrap_or(0))).collect()
    }

    fn changes(&self, scenario: &Scenario, plan: &Plan) -> Vec<String> {
        let stored: HashMap<&CellId, &PlannedCell> = self.cells().iter().map(|cell| (&cell.cell_id, cell)).collect();
        let mut new: Vec<&str> = Vec::new();
        let mut counted: BTreeMap<String, usize> = BTreeMap::new();
        let is_probe = |cell: &&Cell| stored.contains_key(&cell.id);
        let probes = plan.searches.iter().flat_map(|search| &search.ladder).filter(is_probe);
        for cell in plan.cells.iter().chain(probes) {
            match stored.get(&cell.id) {
                None => new.push(cell.id.as_str()),
                Some(known) if known.digest != cell.digest => {
                    for change in changes(scenario, cell, known, &self.run.plan) {
                        *counted.entry(change).or_default() += 1;
                    }
                }
                Some(_) => {}
            }
        }
        let may_be = plan.searches.iter().flat_map(|search| &search.ladder);
        let planned: HashSet<&CellId> = plan.cells.iter().chain(may_be).map(|cell| &cell.id).collect();
        let gone: Vec<&str> = self
            .cells()
            .iter()
            .map(|cell| &cell.cell_id)
            .filter(|id| !planned.contains(id))
            .map(CellId::as_str)
            .collect();
        let mut told: Vec<String> = counted
            .into_iter()
            .map(|(change, count)| if count < plan.cells.len() { format!("{change} ({count} cells)") } else { change })
            .collect();
        for (ids, word) in [(new, "more"), (gone, "fewer")] {
            if let Some(first) = ids.first() {
                let example = if ids.len() > 1 { format!("{first}, ...") } else { (*first).to_owned() };
                told.push(format!("{} {word} ({example})", plural(ids.len(), "cell", "cells")));
            }
        }
        told
    }
}

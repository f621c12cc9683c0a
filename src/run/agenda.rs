use std::collections::HashMap;

use super::resume::Resumption;
use crate::plan::{CellId, Plan, Unit};
use crate::store::{PlanFile, PlannedRepeat, RepeatState};

/// What is to be done with each repeat of each cell of a plan.
pub(super) struct Agenda {
    /// By cell, then by repeat.
    fates: Vec<Vec<Fate>>,
}

/// What is to be done with a unit.
pub(super) enum Fate {
    /// It is measured.
    Measure,
    /// Its rows are in the run directory already.
    Keep(PlannedRepeat),
}

impl Agenda {
    /// Everything is measured.
    pub(super) fn everything(plan: &Plan, repeats: u32) -> Self {
        let each = |_| (0..repeats).map(|_| Fate::Measure).collect();
        Self { fates: plan.cells.iter().map(each).collect() }
    }

    /// What an interrupted run has not.
    pub(super) fn rest_of(resumption: &Resumption, plan: &Plan, repeats: u32) -> Self {
        let stored: HashMap<&CellId, &[PlannedRepeat]> =
            resumption.cells().iter().map(|cell| (&cell.cell_id, cell.repeats.as_slice())).collect();
        let fate = |id: &CellId, repeat: u32| {
            let known = stored.get(id).and_then(|repeats| repeats.iter().find(|known| known.repeat == repeat));
            match known {
                Some(known) if known.state == RepeatState::Complete => Fate::Keep(known.clone()),
                _ => Fate::Measure,
            }
        };
        let each = |id| (0..repeats).map(|repeat| fate(id, repeat)).collect();
        Self { fates: plan.cells.iter().map(|cell| each(&cell.id)).collect() }
    }

    fn of(&self, unit: Unit) -> Option<&Fate> {
        self.fates.get(unit.cell)?.get(usize::try_from(unit.repeat).ok()?)
    }

    /// Whether a unit is measured.
    pub(super) fn measures(&self, unit: Unit) -> bool {
        matches!(self.of(unit), Some(Fate::Measure))
    }

    /// Units that are not measured.
    pub(super) fn kept(&self) -> usize {
        self.fates.iter().flatten().filter(|fate| matches!(fate, Fate::Keep(_))).count()
    }

    /// The cells of which something is measured.
    pub(super) fn of_measured(&self, plan: &Plan) -> Plan {
        let measured = |fates: &[Fate]| fates.iter().any(|fate| matches!(fate, Fate::Measure));
        let cells = plan.cells.iter().zip(&self.fates).filter(|(_, fates)| measured(fates));
        Plan { cells: cells.map(|(cell, _)| cell.clone()).collect(), warnings: Vec::new() }
    }

    /// How many repeats of each cell are measured, by cell; those of which none is are left out.
    pub(super) fn counts(&self, plan: &Plan) -> HashMap<String, usize> {
        let count = |fates: &[Fate]| fates.iter().filter(|fate| matches!(fate, Fate::Measure)).count();
        let counts = plan.cells.iter().zip(&self.fates).map(|(cell, fates)| (cell.id.to_string(), count(fates)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// The plan as the run directory holds it before the first unit is measured.
    pub(super) fn plan_file(&self, plan: &Plan, repeats: u32) -> PlanFile {
        let mut file = PlanFile::of(plan, repeats);
        for (cell, fates) in file.cells.iter_mut().zip(&self.fates) {
            for (repeat, fate) in cell.repeats.iter_mut().zip(fates) {
                if let Fate::Keep(known) = fate {
                    repeat.clone_from(known);
                }
            }
        }
        file
    }
}

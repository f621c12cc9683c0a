use std::collections::{BTreeMap, HashMap};

use super::error::RunError;
use super::event::{Observer, Reused, RunEvent};
use super::resume::Resumption;
use super::reuse::{CellOutlook, Outlook, Source};
use crate::plan::{Cell, CellId, Plan, Unit};
use crate::store::{PlanFile, PlannedRepeat, RecordFile, RepeatState, RunDir, StoreError, UnitId};

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
    /// An earlier run has its rows.
    Reuse(Source),
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

    /// What no earlier run has. A repeat whose file is not what its plan says is measured, and told.
    pub(super) fn without(outlooks: Vec<CellOutlook>, plan: &Plan, observer: &dyn Observer) -> Self {
        let fate = |(repeat, outlook): (u32, Outlook), id: &CellId| match outlook {
            Outlook::Run { .. } => Fate::Measure,
            Outlook::Reuse(source) => match verify(&UnitId::new(id.clone(), repeat), &source) {
                Ok(()) => Fate::Reuse(source),
                Err(error) => {
                    observer.tell(RunEvent::Warning(format!("{error}; it is measured anew")));
                    Fate::Measure
                }
            },
        };
        let each = |(cell, outlook): (&Cell, CellOutlook)| {
            (0..).zip(outlook.repeats).map(|outlook| fate(outlook, &cell.id)).collect()
        };
        Self { fates: plan.cells.iter().zip(outlooks).map(each).collect() }
    }

    /// Puts the rows of what is reused into the run directory.
    pub(super) fn take_over(&self, plan: &Plan, dir: &RunDir) -> Result<(), RunError> {
        for (cell, fates) in plan.cells.iter().zip(&self.fates) {
            for (repeat, fate) in (0..).zip(fates) {
                if let Fate::Reuse(source) = fate {
                    dir.take_over(&UnitId::new(cell.id.clone(), repeat), &source.dir)?;
                }
            }
        }
        Ok(())
    }

    /// What is reused, by the run in which it was measured, the newest first.
    pub(super) fn reused(&self) -> Vec<Reused> {
        let mut by_run: BTreeMap<&str, Reused> = BTreeMap::new();
        for fate in self.fates.iter().flatten() {
            let Fate::Reuse(source) = fate else { continue };
            let reused = by_run.entry(source.measured_in.as_str()).or_insert_with(|| Reused {
                run: source.measured_in.clone(),
                units: 0,
                oldest_s: 0.0,
            });
            reused.units += 1;
            reused.oldest_s = reused.oldest_s.max(source.age_s);
        }
        by_run.into_values().rev().collect()
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
        self.fates.iter().flatten().filter(|fate| !matches!(fate, Fate::Measure)).count()
    }

    /// The cells of which something is measured, and those of which a search may measure something.
    pub(super) fn of_measured(&self, plan: &Plan) -> Plan {
        let measured = |fates: &[Fate]| fates.iter().any(|fate| matches!(fate, Fate::Measure));
        let cells = plan.cells.iter().zip(&self.fates).filter(|(_, fates)| measured(fates));
        Plan { cells: cells.map(|(cell, _)| cell.clone()).collect(), ..plan.clone() }.in_full()
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
                match fate {
                    Fate::Measure => {}
                    Fate::Keep(known) => repeat.clone_from(known),
                    Fate::Reuse(source) => *repeat = source.as_planned(),
                }
            }
        }
        file
    }
}

/// Whether a file of rows is whole and the unit's own.
pub(super) fn verify(unit: &UnitId, source: &Source) -> Result<(), StoreError> {
    let path = source.dir.requests_path(unit);
    let file = RecordFile::open(&path)?;
    let header = file.header();
    if header.cell_id == unit.cell && header.repeat == unit.repeat {
        return Ok(());
    }
    Err(StoreError::Unreadable { path, why: format!("it holds the rows of {}.{}", header.cell_id, header.repeat) })
}

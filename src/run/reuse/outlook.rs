use std::collections::BTreeMap;

use crate::plan::CellState;
use crate::store::{PlannedRepeat, RunDir};
use crate::units::format_age;

/// A repeat that an earlier run has.
#[derive(Debug, Clone)]
pub struct Source {
    /// The run directory that holds its rows.
    pub dir: RunDir,
    /// What its plan says of it.
    pub planned: PlannedRepeat,
    /// The run directory, by name, in which it was measured.
    pub measured_in: String,
    /// How old it is, seconds.
    pub age_s: f64,
}

impl Source {
    /// What the plan of the run that takes it over says of it.
    pub(in crate::run) fn as_planned(&self) -> PlannedRepeat {
        let (from, age_s) = (self.measured_in.clone(), self.age_s);
        PlannedRepeat { reused_from: Some(from), age_s: Some(age_s), ..self.planned.clone() }
    }
}

/// What becomes of one repeat of one cell.
#[derive(Debug, Clone)]
pub enum Outlook {
    /// It is measured.
    Run {
        /// Why no earlier run's is taken: `prompts/x.yaml changed`.
        why: String,
    },
    /// It is taken over.
    Reuse(Source),
}

/// What becomes of the repeats of one cell, in their order.
#[derive(Debug, Clone)]
pub struct CellOutlook {
    /// Each repeat's.
    pub repeats: Vec<Outlook>,
}

impl CellOutlook {
    /// How many repeats are measured, and why; of a cell that is taken over whole, where it comes from.
    #[must_use]
    pub fn state(&self) -> CellState {
        let mut left = 0;
        let (mut reason, mut sources) = (None, Vec::new());
        for outlook in &self.repeats {
            match outlook {
                Outlook::Run { why } => {
                    left += 1;
                    reason.get_or_insert(why);
                }
                Outlook::Reuse(source) => sources.push(source),
            }
        }
        let why = match (reason, sources.as_slice()) {
            (Some(why), []) => why.clone(),
            (Some(why), some) => format!("{why}; {} of {} reused", some.len(), self.repeats.len()),
            (None, sources) => origin(sources),
        };
        CellState { left, why }
    }
}

/// Why units are measured, each with how many, most first.
pub(in crate::run) fn reasons(outlooks: &[CellOutlook]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for outlook in outlooks.iter().flat_map(|cell| &cell.repeats) {
        if let Outlook::Run { why } = outlook {
            *counts.entry(why).or_default() += 1;
        }
    }
    let mut reasons: Vec<(String, usize)> = counts.into_iter().map(|(why, count)| (why.to_owned(), count)).collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    reasons
}

/// `from 20261124T093000Z-4f2a, 2h old`; of several, the oldest one's age.
fn origin(sources: &[&Source]) -> String {
    let Some(oldest) = sources.iter().max_by(|one, other| one.age_s.total_cmp(&other.age_s)) else {
        return String::new();
    };
    let others = sources.iter().filter(|source| source.measured_in != oldest.measured_in).count();
    let more = if others > 0 { format!(" and {others} from later ones") } else { String::new() };
    format!("from {}, {} old{more}", oldest.measured_in, format_age(oldest.age_s))
}

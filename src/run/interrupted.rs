use std::path::{Path, PathBuf};

use crate::plan::{Plan, digest_of};
use crate::scenario::Scenario;
use crate::store::{EarlierRun, PlanFile, RepeatState, earlier_runs};

/// An earlier run of a plan that ended before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterruptedRun {
    /// Its directory, below that of all results as it was given.
    pub path: PathBuf,
    /// How many repeats are complete, of how many; `None` when its plan cannot be read.
    pub complete: Option<(usize, usize)>,
}

/// The newest interrupted run under `out` of just this plan, unless it has been finished by a later one.
///
/// What cannot be read is no such run.
#[must_use]
pub fn interrupted_run(out: &Path, scenario: &Scenario, plan: &Plan) -> Option<InterruptedRun> {
    let digest = digest_of(plan);
    let earlier = earlier_runs(out, &scenario.name).ok()?;
    let newest = earlier.runs.into_iter().find(|run| run.manifest.scenario_digest == digest)?;
    newest
        .is_interrupted()
        .then(|| InterruptedRun { path: out.join(&scenario.name).join(newest.name()), complete: progress(&newest) })
}

fn progress(run: &EarlierRun) -> Option<(usize, usize)> {
    let plan = PlanFile::read(&run.dir).ok()?;
    let complete = plan.repeats().filter(|(_, repeat)| repeat.state == RepeatState::Complete).count();
    Some((complete, plan.repeats().count()))
}

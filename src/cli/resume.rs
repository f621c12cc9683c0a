use std::path::Path;

use super::campaign;
use super::exit::Failure;
use super::terminal::Terminal;
use crate::plan::Plan;
use crate::run::{ResumeError, Resumption, interrupted_run};
use crate::scenario::Scenario;
use crate::store::earlier_runs;
use crate::text::plural;

/// Whether a path is a run directory rather than one of scenarios.
pub(super) fn is_run(path: &Path) -> bool {
    path.join("manifest.json").is_file()
}

/// Opens an interrupted run to go on with.
pub(super) fn open(path: &Path) -> Result<Resumption, Failure> {
    campaign::refuse_as_scenario(path)?;
    Resumption::open(path).map_err(|error| failure(&error))
}

/// Sees whether the scenario is the run's own, and says what is left.
pub(super) fn accept(
    resumption: &Resumption,
    scenario: &Scenario,
    plan: &Plan,
    terminal: &Terminal,
) -> Result<(), Failure> {
    resumption.check(scenario, plan).map_err(|error| failure(&error))?;
    let repeats = scenario.load.repeats.max(resumption.repeats()) as usize * plan.cells.len();
    let (path, complete) = (resumption.dir().path().display(), resumption.complete());
    // How many a search takes is not known before.
    let so_far = match plan.searches.len() {
        0 => format!("{complete} of {}", plural(repeats, "repeat", "repeats")),
        _ => plural(complete, "repeat", "repeats"),
    };
    terminal.note(&format!("resuming {path}: {so_far} complete"));
    Ok(())
}

/// Opens the last run of a scenario, which has to be interrupted.
pub(super) fn open_last(scenario: &Scenario, out: &Path) -> Result<Resumption, Failure> {
    let earlier = earlier_runs(out, &scenario.name).map_err(Failure::failed)?;
    match earlier.runs.first() {
        Some(run) => open(run.dir.path()),
        None => {
            let place = out.join(&scenario.name);
            Err(Failure::usage(format!("there is no run in {} to resume", place.display()))
                .help("without --resume the scenario is measured; --out DIR names another directory of results"))
        }
    }
}

/// Whether something is left of a run of this scenario.
pub(super) fn is_left(resumption: &Resumption, scenario: &Scenario, plan: &Plan) -> Result<bool, Failure> {
    match resumption.check(scenario, plan) {
        Ok(()) => Ok(true),
        Err(ResumeError::Complete { .. }) => Ok(false),
        Err(error) => Err(failure(&error)),
    }
}

/// Says that an earlier run of the same scenario was interrupted, if one was.
pub(super) fn tell_of_interrupted(
    scenario: &Scenario,
    plan: &Plan,
    out: &Path,
    file: Option<&Path>,
    terminal: &Terminal,
) {
    if let Some(run) = interrupted_run(out, scenario, plan) {
        let so_far = match run.complete {
            Some((complete, repeats)) => format!(" at {complete} of {}", plural(repeats, "repeat", "repeats")),
            None => String::new(),
        };
        let file = file.map(|file| format!(" {} --resume", file.display())).unwrap_or_default();
        terminal.note(&format!(
            "an earlier run of this scenario was interrupted{so_far}; this to finish it:\n  infersweep run{file} {}",
            run.path.display(),
        ));
    }
}

fn failure(error: &ResumeError) -> Failure {
    match error {
        ResumeError::Complete { path } => Failure::usage(error)
            .help(format!("to measure it all anew: infersweep run {}", path.join("scenario.toml").display())),
        ResumeError::Changed { command, .. } => {
            let failure =
                Failure::usage(error).help("without --resume it is measured anew; --reuse takes what did not change");
            match command {
                Some(command) => failure.help(format!("the run was started with: {command}")),
                None => failure,
            }
        }
        ResumeError::Store(_) => Failure::usage(error),
    }
}

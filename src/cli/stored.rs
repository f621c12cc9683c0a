use std::path::Path;

use super::env::Env;
use super::exit::Failure;
use super::remote;
use super::session::Drawn;
use super::terminal::Terminal;
use crate::metrics::Summary;
use crate::run::{save_summary, sum_up_stored};
use crate::scenario::{ReadOptions, Scenario, Unset, read};
use crate::store::{Manifest, PlanFile, RemoteAddress, RunDir, RunState, StoreError, StoredRun};
use crate::text::plural;

/// A stored run as it is shown.
pub(super) struct Opened {
    pub(super) run: StoredRun,
    pub(super) summary: Summary,
    /// Whether some of its files cannot be read.
    pub(super) damaged: bool,
}

/// Opens a stored run for a look: puts in order what a killed process left, sums up anew what was not summed up yet,
/// and says in which state the run is.
pub(super) fn open(path: &Path, env: &Env, terminal: &Terminal) -> Result<Opened, Failure> {
    let dir = RunDir::open(path).map_err(|error| not_opened(&error))?;
    let mut run = StoredRun::open(dir).map_err(|error| unreadable(&error))?;
    terminal.note(&format!("{} · started {} · {}", run.manifest.name, run.manifest.start, run.dir.path().display()));
    let going_on = run.is_running();
    let (put_in_order, mut damaged) = if going_on { (false, false) } else { put_in_order(&mut run, terminal) };
    if going_on {
        let process = run.manifest.pid.map_or(String::new(), |pid| format!(" in process {pid}"));
        terminal.warning(&format!("this run goes on{process}: what follows is what it has saved so far"));
    } else if run.manifest.state != RunState::Complete {
        let (complete, all) = (run.complete.len(), run.plan.repeats().count());
        terminal.warning(&format!(
            "this run was interrupted: what follows is what was complete by then, {complete} of {}; this to finish it:\n  \
             infersweep run {}",
            plural(all, "repeat", "repeats"),
            path.display()
        ));
    }
    for error in run.check_files() {
        damaged = true;
        terminal.warning(&format!("{error}; its figures are left out where they are not saved yet"));
    }
    let saved = run.summary();
    let summary = match saved {
        Err(StoreError::Newer { .. }) => saved.map_err(|error| unreadable(&error))?,
        Ok(summary) if run.manifest.state == RunState::Complete || (!put_in_order && says_all(&summary, &run)) => {
            summary
        }
        Ok(summary) if going_on => summary,
        stale => {
            if let Err(error) = stale {
                terminal.warning(&format!("{error}; summed up anew from the rows"));
            }
            sum_up(&run, env, terminal)
        }
    };
    Ok(Opened { run, summary, damaged })
}

/// Opens a run in object storage for a look at what it has saved.
pub(super) fn open_remote(address: &RemoteAddress, env: &Env, terminal: &Terminal) -> Result<Opened, Failure> {
    let copy = remote::download(address, env)?;
    let dir = RunDir::open(copy.path()).map_err(|error| not_opened(&error))?;
    let run = StoredRun::open(dir).map_err(|error| unreadable(&error))?;
    terminal.note(&format!("{} · started {} · {address}", run.manifest.name, run.manifest.start));
    if run.manifest.state != RunState::Complete {
        terminal.warning("this run goes on, or was interrupted: what follows is what it has stored so far");
    }
    let summary = run.summary().map_err(|error| unreadable(&error))?;
    Ok(Opened { run, summary, damaged: false })
}

/// Whether summaries were saved after the last repeat was complete.
fn says_all(summary: &Summary, run: &StoredRun) -> bool {
    summary.cells.iter().map(|cell| cell.repeats.len()).sum::<usize>() == run.complete.len()
}

/// Returns whether anything had to be done, and whether a journal was damaged.
fn put_in_order(run: &mut StoredRun, terminal: &Terminal) -> (bool, bool) {
    let killed = run.manifest.state == RunState::Running;
    let before = run.journals.len();
    let recovery = match run.recover() {
        Ok(recovery) => recovery,
        Err(error) => {
            let left = plural(before, "journal waits", "journals wait");
            terminal.warning(&format!("what this run left cannot be put in order, {left} in partial/: {error}"));
            return (true, false);
        }
    };
    if killed {
        terminal.warning("the process of this run was killed");
    }
    if recovery.rows > 0 {
        terminal.warning(&format!(
            "{} of {} that were cut off are saved in partial/; they do not count",
            plural(usize::try_from(recovery.rows).unwrap_or(usize::MAX), "row", "rows"),
            plural(recovery.saved.len(), "repeat", "repeats"),
        ));
    }
    for damage in &recovery.damaged {
        terminal.warning(&format!("{} is a damaged journal, kept as it is: {}", damage.path.display(), damage.why));
    }
    (recovery.changed, !recovery.damaged.is_empty())
}

/// Sums up a run from its rows and saves that where it can be saved.
pub(super) fn sum_up(run: &StoredRun, env: &Env, terminal: &Terminal) -> Summary {
    let scenario = frozen(&run.dir, env);
    let price = |label: &str| scenario.as_ref()?.models.get(label)?.price;
    let (summary, errors) = sum_up_stored(run, price, scenario.as_ref().and_then(|scenario| scenario.slo));
    for error in errors {
        terminal.warning(&format!("a cell is left out: {error}"));
    }
    if let Err(error) = save_summary(&run.dir, &run.manifest.name, &summary, &Drawn) {
        terminal.warning(&format!("the summary is shown but not saved: {error}"));
    }
    summary
}

/// The frozen scenario, for prices and objectives; `None` when it cannot be read.
fn frozen(dir: &RunDir, env: &Env) -> Option<Scenario> {
    let options = ReadOptions { variables: &env.variables, unset: Unset::Keep, set: &[], profile: None };
    read(&dir.file("scenario.toml"), &options).scenario
}

fn not_opened(error: &StoreError) -> Failure {
    let failure = Failure::usage(error);
    match error {
        StoreError::NotARun { path } if path.join("scenario.toml").exists() || path.join("plan.json").exists() => {
            failure.help("a run that ends before its first request leaves none; nothing was measured")
        }
        _ => failure,
    }
}

/// A run that is there and cannot be read, with what to do.
pub(super) fn unreadable(error: &StoreError) -> Failure {
    let failure = Failure::failed(error);
    match error {
        StoreError::Newer { .. } => {
            failure.help("read it with the version that wrote it, or a newer one; nothing was changed")
        }
        _ => failure.help(format!(
            "a run is read by {} and {}; rows of complete repeats are plain Parquet in requests/; nothing was changed",
            Manifest::FILE,
            PlanFile::FILE
        )),
    }
}

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::run_dir::point_latest_at;
use super::{ListedRun, ListedState, Manifest, RunDir, StoreError};

/// Which runs may go: those that meet every condition that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PruneRule {
    /// They are not among so many newest of their scenario.
    pub keep: Option<usize>,
    /// They started before, nanoseconds since the Unix epoch.
    pub before_ns: Option<i64>,
}

/// What is to become of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pruned {
    /// It goes.
    Goes,
    /// It stays: the rule keeps it, or it was not asked about.
    Stays,
    /// The rule would let it go, and it stays: why.
    Spared(String),
}

/// What becomes of each of `runs` (all there are, the newest first) when those that `asked` says may go.
///
/// A run that goes on stays, and so does one that a run which stays needs.
pub fn choose_to_prune(runs: &[ListedRun], rule: PruneRule, asked: impl Fn(&ListedRun) -> bool) -> Vec<Pruned> {
    let newer = |at: usize| runs[..at].iter().filter(|other| other.parent() == runs[at].parent()).count();
    let start = |run: &ListedRun| run.manifest.as_ref().map_or(i64::MIN, |manifest| manifest.start_unix_ns);
    let mut fates: Vec<Pruned> = (0..runs.len())
        .map(|at| {
            let run = &runs[at];
            let old = rule.before_ns.is_none_or(|before| start(run) < before);
            let many = rule.keep.is_none_or(|keep| newer(at) >= keep);
            match run.state {
                _ if !(asked(run) && old && many) => Pruned::Stays,
                ListedState::Running => Pruned::Spared("it goes on".to_owned()),
                _ => Pruned::Goes,
            }
        })
        .collect();
    // What a spared run needs is spared too, and so on.
    loop {
        let needed: BTreeSet<(&PathBuf, String)> = runs
            .iter()
            .zip(&fates)
            .filter(|(_, fate)| **fate != Pruned::Goes)
            .flat_map(|(run, _)| run.sources.iter().map(|source| (source, run.name())))
            .collect();
        let found = runs.iter().enumerate().find_map(|(at, run)| {
            let real = run.path.canonicalize().unwrap_or_else(|_| run.path.clone());
            let by = needed.iter().find(|(source, _)| **source == real)?;
            (fates[at] == Pruned::Goes).then(|| (at, by.1.clone()))
        });
        match found {
            Some((at, by)) => fates[at] = Pruned::Spared(format!("{by} took rows from it")),
            None => return fates,
        }
    }
}

/// Deletes a run. [`StoreError::InUse`] when a process writes it; `latest` points at the newest that is left.
pub fn remove_run(path: &Path) -> Result<(), StoreError> {
    let held = RunDir::open(path)?.locked()?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(StoreError::NotARun { path: path.to_owned() });
    };
    // Out of sight at once: a run that is half gone would look like one.
    let going = parent.join(format!(".pruning-{}", name.to_string_lossy()));
    fs::rename(path, &going).map_err(StoreError::io("remove", path))?;
    let latest = parent.join("latest");
    if fs::read_link(&latest).is_ok_and(|target| target.as_os_str() == name) {
        match newest(parent) {
            Some(left) => point_latest_at(parent, &left)?,
            None => ignore_missing(fs::remove_file(&latest)).map_err(StoreError::io("remove", &latest))?,
        }
    }
    fs::remove_dir_all(&going).map_err(StoreError::io("remove", &going))?;
    drop(held);
    // One that still holds something stays.
    let _ = fs::remove_dir(parent);
    Ok(())
}

/// The newest run of a scenario, by its name.
fn newest(parent: &Path) -> Option<String> {
    let entries = fs::read_dir(parent).ok()?;
    let runs = entries.flatten().filter(|entry| entry.path().join(Manifest::FILE).is_file());
    let names = runs.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with('.') && name != "latest").max()
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, start: i64, state: ListedState, sources: &[&str]) -> ListedRun {
        ListedRun {
            path: PathBuf::from(name),
            manifest: Ok(Manifest { start_unix_ns: start, ..Manifest::default() }),
            state,
            cells: 0,
            units: 0,
            complete: 0,
            bytes: 0,
            sources: sources.iter().map(PathBuf::from).collect(),
        }
    }

    fn fates(runs: &[ListedRun], rule: PruneRule) -> String {
        let letter = |fate: Pruned| match fate {
            Pruned::Goes => 'g',
            Pruned::Stays => '-',
            Pruned::Spared(_) => 's',
        };
        choose_to_prune(runs, rule, |_| true).into_iter().map(letter).collect()
    }

    #[test]
    fn the_newest_of_each_scenario_stay_and_what_is_needed() {
        use ListedState::{Complete, Interrupted, Running};
        let runs = [
            run("b/9", 9, Complete, &[]),
            run("a/8", 8, Complete, &["a/2"]),
            run("a/7", 7, Interrupted, &["a/3"]),
            run("a/6", 6, Running, &["b/1"]),
            run("a/3", 3, Complete, &[]),
            run("a/2", 2, Complete, &["b/4"]),
            run("b/4", 2, Complete, &[]),
            run("b/1", 1, Complete, &[]),
        ];
        let keep = |keep| PruneRule { keep: Some(keep), before_ns: None };
        assert_eq!(fates(&runs, keep(1)), "--gsgsss", "a/3 goes: what needs it goes too");
        assert_eq!(fates(&runs, keep(0)), "gggsgggs");
        assert_eq!(fates(&runs, PruneRule { keep: None, before_ns: Some(3) }), "-----sss");
        assert_eq!(fates(&runs, PruneRule { keep: Some(2), before_ns: Some(2) }), "-------s");
        assert_eq!(fates(&runs, PruneRule { keep: Some(2), before_ns: Some(4) }), "----ss-s");
    }

    #[test]
    fn a_removed_run_leaves_the_newest_as_latest_and_no_trace() {
        let out = tempfile::tempdir().unwrap();
        let make = |start: i64| {
            let run = RunDir::create(out.path(), "s", start * 1_000_000_000, 0).unwrap();
            run.write("manifest.json", b"{}").unwrap();
            run.announce().unwrap();
            run
        };
        let (first, second) = (make(1), make(2));
        let (one, two) = (first.path().to_owned(), second.path().to_owned());
        assert!(matches!(remove_run(&two), Err(StoreError::InUse { .. })));
        drop((first, second));
        remove_run(&two).unwrap();
        let latest = out.path().join("s/latest");
        assert_eq!(fs::read_link(&latest).unwrap().as_os_str(), one.file_name().unwrap());
        assert_eq!(fs::read_dir(out.path().join("s")).unwrap().count(), 2);
        remove_run(&one).unwrap();
        assert!(!out.path().join("s").exists());
    }
}

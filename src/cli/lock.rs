use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::prepare::{self, Chosen, Prepared};
use super::read::Purpose;
use super::terminal::Terminal;
use crate::store::{Drift, LockFile, LockSubject};
use crate::text::plural;

/// `infersweep lock`: notes what scenarios rest on, each as it is and under each of its profiles.
pub(super) fn lock(args: &args::Lock, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    for path in &args.files {
        let choice = args::Choice::default();
        let chosen = prepare::choose(std::slice::from_ref(path), &choice, terminal)?;
        let file = if path.is_dir() { path.join(LockFile::NAME) } else { beside(path) };
        let mut lock = if path.is_dir() || !file.is_file() {
            LockFile::default()
        } else {
            LockFile::read(&file).map_err(Failure::usage)?
        };
        for one in prepare::prepare_all(&chosen, &choice, Purpose::Run, env, terminal)? {
            lock.take_out(&file, &one.path);
            lock.put(&file, &subject(&one, &choice));
            let glance = chosen.scenarios.iter().find(|glance| glance.path == one.path);
            for profile in glance.iter().flat_map(|glance| &glance.profiles) {
                let choice = args::Choice { profile: Some(profile.clone()), ..args::Choice::default() };
                let prepared =
                    prepare::prepare_one(&one.path, &choice, Purpose::Run, env, terminal).map_err(|failure| {
                        Failure { message: format!("profile {profile}: {}", failure.message), ..failure }
                    })?;
                lock.put(&file, &subject(&prepared, &choice));
            }
        }
        say(&file, &lock, terminal)?;
    }
    Ok(Exit::Done)
}

/// Writes a lock that is not what is there.
fn say(file: &Path, lock: &LockFile, terminal: &Terminal) -> Result<(), Failure> {
    let (scenarios, cells, files) = lock.counts();
    let content = format!(
        "{}, {}, {}",
        plural(scenarios, "scenario", "scenarios"),
        plural(cells, "cell", "cells"),
        plural(files, "file", "files")
    );
    if std::fs::read_to_string(file).is_ok_and(|text| text == lock.text()) {
        terminal.result(&format!("{} is up to date: {content}", file.display()));
        return Ok(());
    }
    lock.write(file).map_err(Failure::failed)?;
    terminal.result(&format!("wrote {}: {content}", file.display()));
    Ok(())
}

/// The lock of a single scenario: the one that holds for it already, else one beside it.
fn beside(scenario: &Path) -> PathBuf {
    near(scenario).unwrap_or_else(|| scenario.with_file_name(LockFile::NAME))
}

fn subject<'p>(prepared: &'p Prepared, choice: &'p args::Choice) -> LockSubject<'p> {
    LockSubject {
        path: &prepared.path,
        profile: choice.profile.as_deref(),
        repeats: prepared.scenario.load.repeats,
        plan: &prepared.plan,
        contents: &prepared.contents,
        whole: choice.only.is_empty(),
    }
}

/// Refuses what is not as it is locked, and says what differs.
pub(super) fn hold(
    chosen: &Chosen,
    ready: &[Prepared],
    choice: &args::Choice,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut locks: BTreeMap<PathBuf, LockFile> = BTreeMap::new();
    let mut drift: BTreeMap<PathBuf, Vec<Drift>> = BTreeMap::new();
    for one in ready {
        let path = nearest(&one.path)?;
        let lock = match locks.remove(&path) {
            Some(known) => known,
            None => LockFile::read(&path).map_err(Failure::usage)?,
        };
        drift.entry(path.clone()).or_default().extend(lock.drift(&path, &subject(one, choice)));
        locks.insert(path, lock);
    }
    for dir in &chosen.directories {
        let Some(path) = near(dir) else { continue };
        let lock = LockFile::read(&path).map_err(Failure::usage)?;
        drift.entry(path.clone()).or_default().extend(lock.gone(&path, dir, &chosen.found));
    }
    let mut count = 0;
    for (path, mut found) in drift {
        // A file that several scenarios share has changed once.
        let mut told: Vec<Drift> = Vec::new();
        found.retain(|one| {
            !told.contains(one) && {
                told.push(one.clone());
                true
            }
        });
        for one in &found {
            terminal.drift(one, &path);
        }
        count += found.len();
    }
    if count == 0 {
        return Ok(());
    }
    let differ = if count == 1 { "one thing is not as it is locked" } else { "things are not as they are locked" };
    let count = if count == 1 { String::new() } else { format!("{count} ") };
    Err(Failure::usage(format!("{count}{differ}; nothing was sent"))
        .help("`infersweep lock` takes over what is there now, once it is what you want"))
}

fn nearest(scenario: &Path) -> Result<PathBuf, Failure> {
    near(scenario).ok_or_else(|| {
        Failure::usage(format!("{} is not locked: there is no {}", scenario.display(), LockFile::NAME))
            .help(format!("`infersweep lock {}` writes one", scenario.display()))
    })
}

/// The lock that holds for a path, named from here where it lies below.
fn near(path: &Path) -> Option<PathBuf> {
    let lock = LockFile::nearest(path)?;
    let here = std::env::current_dir().ok();
    Some(here.and_then(|here| lock.strip_prefix(here).ok().map(Path::to_owned)).unwrap_or(lock))
}

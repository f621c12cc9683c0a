use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::atomic::{remove_unfinished, sync_dir};
use super::journal::remove_journal;
use super::json_file::read_versioned;
use super::parquet_write::salvage;
use super::{
    JournalReader, Manifest, PlanFile, RecordFile, RepeatState, RunDir, RunState, ServerIdentity, StoreError, UnitId,
    compact_server_log,
};
use crate::metrics::Summary;

/// What a run left: its manifest, its plan and the files of its repeats.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// Where it is.
    pub dir: RunDir,
    /// What it is and how far it got.
    pub manifest: Manifest,
    /// Its cells.
    pub plan: PlanFile,
    /// Complete repeats, in the order of the plan; those that it does not know come last.
    pub complete: Vec<StoredUnit>,
    /// Repeats that were cut off and whose rows are in `partial/`, by name.
    pub partial: Vec<StoredUnit>,
    /// Journals: of repeats that are under way or, after a crash, wait for [`recover`](Self::recover).
    pub journals: Vec<StoredUnit>,
}

/// A file of one repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUnit {
    /// The repeat.
    pub unit: UnitId,
    /// Its file.
    pub path: PathBuf,
}

/// What putting a run in order came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Whether anything was not in order.
    pub changed: bool,
    /// Repeats that were cut off and whose rows were saved.
    pub saved: Vec<UnitId>,
    /// How many rows that was.
    pub rows: u64,
    /// Journals that were not whole.
    pub damaged: Vec<Damage>,
}

/// A file that cannot be read whole; it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where it is now.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl StoredUnit {
    /// Opens its rows; of a repeat with a Parquet file.
    pub fn open(&self) -> Result<RecordFile, StoreError> {
        RecordFile::open(&self.path)
    }
}

impl StoredRun {
    /// The name of the file with the summaries.
    pub const SUMMARY: &str = "summary.json";

    /// Reads what is there; changes nothing.
    pub fn open(dir: RunDir) -> Result<Self, StoreError> {
        let manifest = Manifest::read(&dir)?;
        let plan = PlanFile::read(&dir)?;
        let mut run = Self { dir, manifest, plan, complete: Vec::new(), partial: Vec::new(), journals: Vec::new() };
        run.list_units()?;
        Ok(run)
    }

    fn list_units(&mut self) -> Result<(), StoreError> {
        self.complete = units(&self.dir.requests_dir(), "parquet")?;
        self.partial = units(&self.dir.partial_dir(), "parquet")?;
        self.journals = units(&self.dir.partial_dir(), "jsonl")?;
        let planned: Vec<UnitId> = self.plan.repeats().map(|(unit, _)| unit).collect();
        let places: HashMap<&UnitId, usize> = planned.iter().enumerate().map(|(place, unit)| (unit, place)).collect();
        let place = |unit: &UnitId| places.get(unit).copied().unwrap_or(planned.len());
        self.complete.sort_by_cached_key(|stored| place(&stored.unit));
        Ok(())
    }

    /// Whether a process is writing the run now, other than through this very [`RunDir`].
    pub fn is_running(&self) -> bool {
        self.manifest.is_running(&self.dir)
    }

    /// Reads the summaries as they were last saved.
    pub fn summary(&self) -> Result<Summary, StoreError> {
        read_versioned(&self.dir.file(Self::SUMMARY), Summary::FORMAT_VERSION.into())
    }

    /// Looks at the footer of every Parquet file; returns what is wrong with those that have none or a strange one, as
    /// files do that are cut off or were copied in part.
    pub fn check_files(&self) -> Vec<StoreError> {
        self.complete.iter().chain(&self.partial).filter_map(|stored| stored.open().err()).collect()
    }

    /// Saves what a process that was killed left: journals become `partial/<cell>.<repeat>.parquet`, files that
    /// are not whole go, and states say `interrupted`. A journal that is damaged gives what can be read of it and stays
    /// under another name.
    ///
    /// A run that a process is writing is left alone.
    pub fn recover(&mut self) -> Result<Recovery, StoreError> {
        let mut recovery = Recovery::default();
        if self.is_running() {
            return Ok(recovery);
        }
        let _held = match self.dir.clone().locked() {
            Err(StoreError::InUse { .. }) => return Ok(recovery),
            held => held?,
        };
        let dirs = [
            self.dir.path(),
            &self.dir.requests_dir(),
            &self.dir.partial_dir(),
            &self.dir.server_dir(),
            &self.dir.file("inputs"),
        ];
        for dir in dirs {
            remove_unfinished(dir)?;
        }
        recovery.changed = !self.journals.is_empty();
        for StoredUnit { unit, path } in &self.journals {
            if self.complete.iter().any(|stored| stored.unit == *unit) {
                remove_journal(path)?;
            } else {
                self.save_journal(unit, path, &mut recovery)?;
            }
        }
        self.list_units()?;
        self.save_server_logs(&mut recovery)?;
        recovery.changed |= self.correct_states()?;
        Ok(recovery)
    }

    fn save_journal(&self, unit: &UnitId, path: &Path, recovery: &mut Recovery) -> Result<(), StoreError> {
        let why = match JournalReader::open(path) {
            Ok(None) => return remove_journal(path),
            Ok(Some(_)) => {
                let salvaged = salvage(path, &self.dir.partial_path(unit))?;
                recovery.saved.push(unit.clone());
                recovery.rows += salvaged.rows;
                (salvaged.broken > 0)
                    .then(|| format!("{} of its lines cannot be read; its other rows are saved", salvaged.broken))
            }
            Err(error @ (StoreError::BadLine { .. } | StoreError::Unreadable { .. })) => Some(error.to_string()),
            Err(error) => return Err(error),
        };
        if let Some(why) = why {
            recovery.damaged.push(Damage { path: set_damaged_aside(path)?, why });
        }
        Ok(())
    }

    /// Turns the logs of scraped metrics into files, on the clock of the rows beside them.
    fn save_server_logs(&self, recovery: &mut Recovery) -> Result<(), StoreError> {
        for StoredUnit { unit, path } in units(&self.dir.server_dir(), "jsonl")? {
            recovery.changed = true;
            if fs::metadata(&path).is_ok_and(|log| log.len() == 0) {
                fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
                continue;
            }
            let rows = [self.dir.requests_path(&unit), self.dir.partial_path(&unit)];
            let origin = rows.iter().find_map(|rows| Some(RecordFile::open(rows).ok()?.origin()));
            match compact_server_log(&path, &self.dir.server_path(&unit), origin) {
                Ok(_) => {}
                Err(StoreError::Unreadable { why, .. }) => {
                    recovery.damaged.push(Damage { path: set_damaged_aside(&path)?, why });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes the plan and the manifest say what the files do; returns whether they did not.
    fn correct_states(&mut self) -> Result<bool, StoreError> {
        let whole: HashSet<&UnitId> = self.complete.iter().map(|stored| &stored.unit).collect();
        let mut changed = false;
        for cell in &mut self.plan.cells {
            for repeat in &mut cell.repeats {
                let unit = UnitId::new(cell.cell_id.clone(), repeat.repeat);
                let complete = whole.contains(&unit);
                let state = match repeat.state {
                    _ if complete => RepeatState::Complete,
                    RepeatState::Running | RepeatState::Complete => RepeatState::Interrupted,
                    other => other,
                };
                if state != repeat.state {
                    changed = true;
                    repeat.state = state;
                    if complete {
                        repeat.end_unix_ns = written_unix_ns(&self.dir.requests_path(&unit));
                        let endpoint = cell.axes.get("endpoint").and_then(|endpoint| endpoint.as_str());
                        let server = endpoint.and_then(|endpoint| self.manifest.servers.get(endpoint));
                        repeat.server = server.map(ServerIdentity::fingerprint);
                    }
                }
            }
        }
        if changed {
            self.plan.write(&self.dir)?;
        }
        if self.manifest.state == RunState::Running {
            self.manifest.state = RunState::Interrupted;
            self.manifest.pid = None;
            self.manifest.write(&self.dir)?;
            changed = true;
        }
        Ok(changed)
    }
}

/// Gives a journal a name that no reader takes for one, and returns it.
fn set_damaged_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let name = |number: u32| path.with_extension(format!("jsonl.damaged-{number}"));
    let aside = (1..u32::MAX).map(name).find(|name| !name.exists()).unwrap_or_else(|| name(0));
    fs::rename(path, &aside).map_err(StoreError::io("rename", path))?;
    path.parent().map_or(Ok(()), sync_dir)?;
    Ok(aside)
}

/// The files of repeats in a directory, by name; a missing directory has none.
fn units(dir: &Path, extension: &str) -> Result<Vec<StoredUnit>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StoreError::io("read directory", dir))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(StoreError::io("read directory", dir))?.path();
        found.extend(UnitId::of_file(&path, extension).map(|unit| StoredUnit { unit, path }));
    }
    found.sort_by(|one, other| one.unit.cmp(&other.unit));
    Ok(found)
}

/// When a file got its content.
fn written_unix_ns(path: &Path) -> Option<i64> {
    let written = fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
    i64::try_from(written.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}

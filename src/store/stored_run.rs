use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::atomic::remove_unfinished;
use super::journal::remove_journal;
use super::{
    JournalReader, Manifest, PlanFile, RecordFile, RepeatState, RunDir, RunState, ServerIdentity, StoreError, UnitId,
    compact,
};

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

impl StoredUnit {
    /// Opens its rows; of a repeat with a Parquet file.
    pub fn open(&self) -> Result<RecordFile, StoreError> {
        RecordFile::open(&self.path)
    }
}

impl StoredRun {
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

    /// Saves what a process that was killed left: journals become `partial/<cell>.<repeat>.parquet`, files that
    /// are not whole go, and states say `interrupted`. Returns the repeats that were saved.
    ///
    /// A run that a process is writing is left alone.
    pub fn recover(&mut self) -> Result<Vec<UnitId>, StoreError> {
        if self.is_running() {
            return Ok(Vec::new());
        }
        let _held = match self.dir.clone().locked() {
            Err(StoreError::InUse { .. }) => return Ok(Vec::new()),
            held => held?,
        };
        for dir in [self.dir.path(), &self.dir.requests_dir(), &self.dir.partial_dir(), &self.dir.file("inputs")] {
            remove_unfinished(dir)?;
        }
        let mut saved = Vec::new();
        for StoredUnit { unit, path } in &self.journals {
            let complete = self.complete.iter().any(|stored| stored.unit == *unit);
            if complete || JournalReader::open(path)?.is_none() {
                remove_journal(path)?;
            } else {
                compact(path, &self.dir.partial_path(unit), None)?;
                saved.push(unit.clone());
            }
        }
        self.list_units()?;
        self.correct_states()?;
        Ok(saved)
    }

    /// Makes the plan and the manifest say what the files do.
    fn correct_states(&mut self) -> Result<(), StoreError> {
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
        }
        Ok(())
    }
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

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::run_dir::Occupation;
use super::{Manifest, PlanFile, RepeatState, RunDir, RunState, StoreError};

/// A run as a list shows it.
#[derive(Debug, Clone)]
pub struct ListedRun {
    /// Its directory.
    pub path: PathBuf,
    /// What it is; why that cannot be read.
    pub manifest: Result<Manifest, String>,
    /// How far it got.
    pub state: ListedState,
    /// Cells planned.
    pub cells: usize,
    /// Repeats planned.
    pub units: usize,
    /// Repeats complete.
    pub complete: usize,
    /// What it takes on the disk, bytes.
    pub bytes: u64,
    /// The runs that it needs: they have rows that it took over without a copy of its own.
    pub sources: BTreeSet<PathBuf>,
}

/// How far a stored run got, and whether a process is at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedState {
    /// Every repeat was carried out.
    Complete,
    /// A process writes it now.
    Running,
    /// It ended before its plan did.
    Interrupted,
    /// Its process was killed.
    Killed,
    /// Its manifest does not read.
    Unreadable,
}

impl ListedState {
    /// Its word in tables, filters and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Killed => "killed",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Every run below `out/<name>/`, the newest first. What is no run is passed over.
pub fn list_runs(out: &Path) -> Result<Vec<ListedRun>, StoreError> {
    let mut runs = Vec::new();
    for parent in directories(out)? {
        for path in directories(&parent)? {
            if path.join(Manifest::FILE).is_file() {
                runs.push(ListedRun::at(path));
            }
        }
    }
    let start = |run: &ListedRun| run.manifest.as_ref().map_or(i64::MAX, |manifest| manifest.start_unix_ns);
    runs.sort_by(|one, other| start(other).cmp(&start(one)).then_with(|| other.path.cmp(&one.path)));
    Ok(runs)
}

impl ListedRun {
    /// Its directory's name: time and id.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The directory that holds its scenario's runs.
    pub fn parent(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    fn at(path: PathBuf) -> Self {
        let bytes = disk_bytes(&path);
        let mut run = Self {
            path,
            manifest: Err(String::new()),
            state: ListedState::Unreadable,
            cells: 0,
            units: 0,
            complete: 0,
            bytes,
            sources: BTreeSet::new(),
        };
        match RunDir::open(&run.path) {
            Ok(dir) => run.read(&dir),
            Err(error) => run.manifest = Err(error.to_string()),
        }
        run
    }

    fn read(&mut self, dir: &RunDir) {
        let manifest = match Manifest::read(dir) {
            Ok(manifest) => manifest,
            Err(error) => {
                self.manifest = Err(error.to_string());
                // Nobody knows what it is: it is not to be taken for a dead one while somebody writes it.
                if dir.occupation() == Occupation::Theirs {
                    self.state = ListedState::Running;
                }
                return;
            }
        };
        let running = manifest.is_running(dir);
        self.state = match manifest.state {
            RunState::Complete => ListedState::Complete,
            _ if running => ListedState::Running,
            RunState::Interrupted => ListedState::Interrupted,
            RunState::Running => ListedState::Killed,
        };
        self.manifest = Ok(manifest);
        let Ok(plan) = PlanFile::read(dir) else { return };
        self.cells = plan.cells.len();
        for (unit, repeat) in plan.repeats() {
            self.units += 1;
            self.complete += usize::from(repeat.state == RepeatState::Complete);
            // Rows of its own, copied or linked hard, stay when the other run goes.
            let own = fs::symlink_metadata(dir.requests_path(&unit)).is_ok_and(|file| file.is_file());
            if let (Some(source), false) = (&repeat.reused_from, own) {
                self.sources.insert(self.source(source));
            }
        }
    }

    /// A run that a plan names: as a path, or as one beside its own.
    fn source(&self, named: &str) -> PathBuf {
        let beside = self.parent().join(named);
        [PathBuf::from(named), beside.clone()].into_iter().find_map(|path| path.canonicalize().ok()).unwrap_or(beside)
    }
}

/// The directories in a directory, links apart, by name.
fn directories(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(StoreError::io("read directory", dir))? {
        let entry = entry.map_err(StoreError::io("read directory", dir))?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// What a directory takes on the disk and would give back: a file that is linked from elsewhere too gives nothing.
fn disk_bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
        Ok(meta) if meta.nlink() <= 1 => meta.blocks() * 512,
        _ => 0,
    };
    entries.flatten().map(of).sum()
}

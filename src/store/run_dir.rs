use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand_chacha::rand_core::Rng as _;

use super::atomic::{UNFINISHED, create_dirs, sync_dir, write_atomic};
use super::{Manifest, RunState, StoreError, UnitId};
use crate::seed::Seed;
use crate::time::rfc3339;

/// The directory of one run.
///
/// The process that writes a run holds an advisory lock on the directory, which the system lets go when
/// the process ends in whatever way; clones share it.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    lock: Option<Arc<File>>,
}

/// Whether somebody else writes a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occupation {
    /// This `RunDir` holds the lock.
    Ours,
    /// Nobody does.
    Free,
    /// Another process does.
    Theirs,
    /// The file system has no locks.
    Unknown,
}

impl RunDir {
    /// Names tried before giving up.
    const ATTEMPTS: u64 = 64;

    /// Makes `out/<name>/<UTC time>-<id>/` and holds its lock; [`announce`](Self::announce) points `latest` at it.
    ///
    /// `nonce` chooses the id. The directory is never one that is there already, not even when two
    /// processes start in the same second with the same nonce.
    pub fn create(out: &Path, name: &str, start_unix_ns: i64, nonce: u64) -> Result<Self, StoreError> {
        let parent = out.join(name);
        create_dirs(&parent)?;
        let time = rfc3339(start_unix_ns).replace(['-', ':'], "");
        for attempt in 0..Self::ATTEMPTS {
            let id = Seed::root(nonce).index(attempt).rng().next_u32() >> 16;
            let dir_name = format!("{time}-{id:04x}");
            let path = parent.join(&dir_name);
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // Another process has just deleted the last run, and the directory with it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    create_dirs(&parent)?;
                }
                Err(error) => return Err(StoreError::io("create directory", &path)(error)),
                Ok(()) => {
                    sync_dir(&parent)?;
                    return Self { path, lock: None }.locked();
                }
            }
        }
        Err(StoreError::NoFreeName { path: parent })
    }

    /// Points `latest`, beside the directory, at it; for when its manifest is there, so that `latest` is always a run.
    pub fn announce(&self) -> Result<(), StoreError> {
        match (self.path.parent(), self.path.file_name()) {
            (Some(parent), Some(name)) => point_latest_at(parent, &name.to_string_lossy()),
            _ => Ok(()),
        }
    }

    /// Opens a run directory, or what a `latest` points at now.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::with_file(path, Manifest::FILE)?.map_err(|path| StoreError::NotARun { path })
    }

    /// Opens a directory that has a file; without it, `Err` is the directory.
    pub(super) fn with_file(path: &Path, file: &str) -> Result<Result<Self, PathBuf>, StoreError> {
        // Resolved at once: `latest` may point elsewhere a moment later.
        let path = fs::canonicalize(path).map_err(StoreError::io("open", path))?;
        Ok(if path.join(file).is_file() { Ok(Self { path, lock: None }) } else { Err(path) })
    }

    /// The same directory with its lock held, to write into it again.
    ///
    /// [`StoreError::InUse`] when another process holds it. A file system without locks is taken at its word.
    pub fn locked(mut self) -> Result<Self, StoreError> {
        if self.lock.is_none() {
            let dir = File::open(&self.path).map_err(StoreError::io("open", &self.path))?;
            if let Err(TryLockError::WouldBlock) = dir.try_lock() {
                let pid = self.writer();
                return Err(StoreError::InUse { path: self.path, pid });
            }
            self.lock = Some(Arc::new(dir));
        }
        Ok(self)
    }

    /// The process that says of itself that it carries out the run.
    fn writer(&self) -> Option<u32> {
        let manifest = Manifest::read(self).ok()?;
        manifest.pid.filter(|_| manifest.state == RunState::Running)
    }

    pub(super) fn occupation(&self) -> Occupation {
        if self.lock.is_some() {
            return Occupation::Ours;
        }
        match File::open(&self.path).map(|dir| dir.try_lock()) {
            Ok(Ok(())) => Occupation::Free,
            Ok(Err(TryLockError::WouldBlock)) => Occupation::Theirs,
            Ok(Err(TryLockError::Error(_))) | Err(_) => Occupation::Unknown,
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the run by its name within it, such as `summary.json` or `inputs/prompts.yaml`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a whole file of the run, atomically; see [`write_atomic`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        write_atomic(&self.file(name), bytes)
    }

    /// `requests/`: rows of complete repeats.
    pub fn requests_dir(&self) -> PathBuf {
        self.file("requests")
    }

    /// `partial/`: journals, and rows of repeats that were cut off.
    pub fn partial_dir(&self) -> PathBuf {
        self.file("partial")
    }

    /// `requests/<cell>.<repeat>.parquet`: the rows of a complete repeat.
    pub fn requests_path(&self, unit: &UnitId) -> PathBuf {
        self.requests_dir().join(format!("{unit}.parquet"))
    }

    /// `partial/<cell>.<repeat>.jsonl`: the journal of a repeat that is under way.
    pub fn journal_path(&self, unit: &UnitId) -> PathBuf {
        self.partial_dir().join(format!("{unit}.jsonl"))
    }

    /// `partial/<cell>.<repeat>.parquet`: the rows of a repeat that was cut off.
    pub fn partial_path(&self, unit: &UnitId) -> PathBuf {
        self.partial_dir().join(format!("{unit}.parquet"))
    }

    /// `responses/<cell>.<repeat>.jsonl`: what was asked and said, where that is kept.
    pub fn responses_path(&self, unit: &UnitId) -> PathBuf {
        self.file("responses").join(format!("{unit}.jsonl"))
    }

    /// `debug/<cell>.<repeat>.jsonl`: what failures looked like on the wire, where that is kept.
    pub fn debug_path(&self, unit: &UnitId) -> PathBuf {
        self.file("debug").join(format!("{unit}.jsonl"))
    }

    /// `hooks/<cell>.<repeat>.log`: what the commands round a repeat printed.
    pub fn hooks_path(&self, unit: &UnitId) -> PathBuf {
        self.file("hooks").join(format!("{unit}.log"))
    }

    /// `server/`: scraped server metrics.
    pub fn server_dir(&self) -> PathBuf {
        self.file("server")
    }

    /// `server/<cell>.<repeat>.parquet`: the scraped server metrics of a repeat.
    pub fn server_path(&self, unit: &UnitId) -> PathBuf {
        self.server_dir().join(format!("{unit}.parquet"))
    }

    /// `server/<cell>.<repeat>.jsonl`: those of a repeat that is under way.
    pub fn server_log_path(&self, unit: &UnitId) -> PathBuf {
        self.server_dir().join(format!("{unit}.jsonl"))
    }
}

/// Replaces `parent/latest` in one step, so that it always points at a run.
pub(super) fn point_latest_at(parent: &Path, dir_name: &str) -> Result<(), StoreError> {
    let latest = parent.join("latest");
    let unfinished = parent.join(format!("{UNFINISHED}latest-{dir_name}"));
    symlink(dir_name, &unfinished)
        .and_then(|()| fs::rename(&unfinished, &latest))
        .map_err(StoreError::io("point to the new run", &latest))?;
    sync_dir(parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const START: i64 = 1_795_512_600_000_000_000;

    #[test]
    fn a_run_gets_a_dated_directory_of_its_own_and_latest_points_at_it() {
        let out = tempfile::tempdir().unwrap();
        let first = RunDir::create(out.path(), "sizes", START, 7).unwrap();
        let name = first.path().file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("20261124T093000Z-") && name.len() == "20261124T093000Z-4f2a".len(), "{name}");
        let second = RunDir::create(out.path(), "sizes", START, 7).unwrap();
        assert_ne!(first.path(), second.path());
        let latest = out.path().join("sizes/latest");
        first.announce().unwrap();
        second.announce().unwrap();
        assert_eq!(fs::read_link(&latest).unwrap().as_os_str(), second.path().file_name().unwrap(), "relative");
        assert_eq!(fs::read_dir(first.path()).unwrap().count(), 0, "nothing is made before it is needed");
        assert_eq!(fs::read_dir(out.path().join("sizes")).unwrap().count(), 3);
    }

    #[test]
    fn processes_of_one_second_never_share_a_directory() {
        let out = tempfile::tempdir().unwrap();
        let made: Vec<PathBuf> = std::thread::scope(|scope| {
            let start = || RunDir::create(out.path(), "sizes", START, 7).unwrap().path().to_owned();
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), 16);
    }

    #[test]
    fn opening_follows_latest_and_refuses_what_is_no_run() {
        let out = tempfile::tempdir().unwrap();
        let run = RunDir::create(out.path(), "sizes", START, 1).unwrap();
        let latest = out.path().join("sizes/latest");
        assert!(matches!(RunDir::open(&latest), Err(StoreError::Io { action: "open", .. })));
        assert!(matches!(RunDir::open(run.path()), Err(StoreError::NotARun { .. })));
        run.write("manifest.json", b"{}").unwrap();
        run.announce().unwrap();
        assert_eq!(RunDir::open(&latest).unwrap().path(), fs::canonicalize(run.path()).unwrap());
        let message = RunDir::open(&out.path().join("sizes")).unwrap_err().to_string();
        assert!(message.contains("is not a run directory") && message.contains("; try "), "{message}");
        assert!(matches!(RunDir::open(&out.path().join("none")), Err(StoreError::Io { action: "open", .. })));
    }

    #[test]
    fn the_lock_is_held_by_one_and_goes_with_its_owner() {
        let out = tempfile::tempdir().unwrap();
        let run = RunDir::create(out.path(), "sizes", START, 1).unwrap();
        run.write("manifest.json", b"{}").unwrap();
        let other = RunDir::open(run.path()).unwrap();
        assert_eq!((run.occupation(), other.occupation()), (Occupation::Ours, Occupation::Theirs));
        assert!(matches!(other.clone().locked(), Err(StoreError::InUse { pid: None, .. })));
        Manifest { state: RunState::Running, pid: Some(77), ..Manifest::default() }.write(&run).unwrap();
        let message = other.clone().locked().unwrap_err().to_string();
        assert!(message.ends_with(" is in use by process 77"), "{message}");
        drop(run);
        assert_eq!(other.occupation(), Occupation::Free);
        assert_eq!(other.locked().unwrap().occupation(), Occupation::Ours);
    }
}

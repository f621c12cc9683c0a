use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Manifest, RunDir, RunState, StoreError};

/// A run that is there already, known by its manifest alone.
#[derive(Debug, Clone)]
pub struct EarlierRun {
    /// Where it is.
    pub dir: RunDir,
    /// What it is.
    pub manifest: Manifest,
}

impl EarlierRun {
    /// The name of its directory.
    #[must_use]
    pub fn name(&self) -> &str {
        self.dir.path().file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether it ended before its plan did and nobody writes it now.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.manifest.state != RunState::Complete && !self.manifest.is_running(&self.dir)
    }
}

/// The runs of a scenario that are there already.
#[derive(Debug, Default)]
pub struct EarlierRuns {
    /// Newest first.
    pub runs: Vec<EarlierRun>,
    /// Run directories that cannot be read, and why.
    pub unreadable: Vec<(PathBuf, StoreError)>,
}

/// The runs of a scenario under `out`. What cannot be read is passed over and listed.
pub fn earlier_runs(out: &Path, name: &str) -> Result<EarlierRuns, StoreError> {
    let parent = out.join(name);
    let entries = match fs::read_dir(&parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(EarlierRuns::default()),
        other => other.map_err(StoreError::io("read directory", &parent))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read directory", &parent))?;
        // `latest` is a link to one of the others.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            paths.push(entry.path());
        }
    }
    // Names begin with the date.
    paths.sort_by(|one, other| other.cmp(one));
    let mut earlier = EarlierRuns::default();
    for path in paths {
        let opened = RunDir::open(&path).and_then(|dir| Ok((Manifest::read(&dir)?, dir)));
        match opened {
            Ok((manifest, dir)) => earlier.runs.push(EarlierRun { dir, manifest }),
            // One that has only just been made, or something else altogether.
            Err(StoreError::NotARun { .. }) => {}
            Err(error) => earlier.unreadable.push((path, error)),
        }
    }
    Ok(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_listed_newest_first_and_what_is_none_is_passed_over() {
        let out = tempfile::tempdir().unwrap();
        assert!(earlier_runs(out.path(), "s").unwrap().runs.is_empty());
        let mut made = Vec::new();
        for (second, state) in [(1, RunState::Complete), (3, RunState::Interrupted), (2, RunState::Running)] {
            let dir = RunDir::create(out.path(), "s", second * 1_000_000_000, 0).unwrap();
            Manifest { state, ..Manifest::default() }.write(&dir).unwrap();
            made.push(dir);
        }
        fs::create_dir(out.path().join("s/notes")).unwrap();
        fs::create_dir(out.path().join("s/broken")).unwrap();
        fs::write(out.path().join("s/broken/manifest.json"), "{").unwrap();
        let EarlierRuns { runs, unreadable } = earlier_runs(out.path(), "s").unwrap();
        let states: Vec<RunState> = runs.iter().map(|run| run.manifest.state).collect();
        assert_eq!(states, [RunState::Interrupted, RunState::Running, RunState::Complete]);
        assert_eq!(runs.iter().map(EarlierRun::is_interrupted).collect::<Vec<_>>(), [false; 3], "all locks are held");
        drop(made);
        assert_eq!(runs.iter().map(EarlierRun::is_interrupted).collect::<Vec<_>>(), [true, true, false]);
        assert!(unreadable.len() == 1 && unreadable[0].0.ends_with("broken"), "{unreadable:?}");
    }
}

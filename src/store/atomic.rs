use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use super::StoreError;

/// How the names of files begin that are not whole yet.
pub(super) const UNFINISHED: &str = ".writing-";

/// Writes a whole file: after it, and after a crash at any moment, `path` holds either the old bytes or the new ones.
///
/// Missing directories above it are made. [`StoreError::Full`] when the disk is.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let unfinished = UnfinishedFile::create(path)?;
    unfinished.file().write_all(bytes).map_err(StoreError::io("write", path))?;
    unfinished.publish(path)
}

/// A file beside its final place; dropped before [`publish`](Self::publish), it goes without a trace.
pub(super) struct UnfinishedFile(NamedTempFile);

impl UnfinishedFile {
    /// Opens one in the directory of `path`, which is made when missing.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        let dir = create_parent(path)?;
        tempfile::Builder::new()
            .prefix(UNFINISHED)
            // As other files get: all that the process's mask allows.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(dir)
            .map(Self)
            .map_err(StoreError::io("create a file for", path))
    }

    pub(super) fn file(&self) -> &File {
        self.0.as_file()
    }

    /// Puts the file in its place once all its bytes are on the disk.
    pub(super) fn publish(self, path: &Path) -> Result<(), StoreError> {
        self.0.as_file().sync_all().map_err(StoreError::io("write", path))?;
        self.0.persist(path).map_err(|error| StoreError::io("replace", path)(error.error))?;
        sync_dir(parent(path))
    }
}

/// Makes the directory that is to hold `path` and returns it.
pub(super) fn create_parent(path: &Path) -> Result<&Path, StoreError> {
    let dir = parent(path);
    create_dirs(dir)?;
    Ok(dir)
}

/// Makes a directory and what is missing above it, each entered on the disk.
pub(super) fn create_dirs(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = parent(dir);
    if above != dir {
        create_dirs(above)?;
    }
    match fs::create_dir(dir) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        made => made.map_err(StoreError::io("create directory", dir)).and_then(|()| sync_dir(above)),
    }
}

/// Writes a directory's entries to the disk.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(StoreError::io("write directory", dir))
}

/// Removes what a killed process left unfinished in `dir`; a missing directory has nothing.
pub(super) fn remove_unfinished(dir: &Path) -> Result<(), StoreError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(StoreError::io("read directory", dir))?,
    };
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read directory", dir))?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_file(entry.path()).map_err(StoreError::io("remove", &entry.path()))?;
        }
    }
    Ok(())
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("inputs/a.json");
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(path.parent().unwrap()), ["a.json"]);
        assert_ne!(fs::metadata(&path).unwrap().permissions().mode() & 0o044, 0, "others may read it");
    }

    #[test]
    fn a_write_that_stops_half_way_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write_atomic(&path, b"old").unwrap();
        let unfinished = UnfinishedFile::create(&path).unwrap();
        unfinished.file().write_all(b"ne").unwrap();
        assert_eq!(names(dir.path()).len(), 2);
        drop(unfinished);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["a.json"]);
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".writing-x1"), "half").unwrap();
        fs::write(dir.path().join("kept"), "whole").unwrap();
        remove_unfinished(dir.path()).unwrap();
        assert_eq!(names(dir.path()), ["kept"]);
        remove_unfinished(&dir.path().join("missing")).unwrap();
    }
}

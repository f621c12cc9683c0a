use std::fs;
use std::io;
use std::path::Path;

use super::atomic::{UnfinishedFile, create_parent};
use super::{RunDir, StoreError, UnitId};

impl RunDir {
    /// Takes a complete repeat over from another run: its rows and whatever lies beside them. Files are linked where
    /// the file system can, since nobody changes one in place; else copied.
    ///
    /// The rows come last: where they are, all is.
    pub fn take_over(&self, unit: &UnitId, from: &Self) -> Result<(), StoreError> {
        for (source, target) in [
            (from.responses_path(unit), self.responses_path(unit)),
            (from.debug_path(unit), self.debug_path(unit)),
            (from.server_path(unit), self.server_path(unit)),
        ] {
            if source.is_file() {
                link_or_copy(&source, &target)?;
            }
        }
        link_or_copy(&from.requests_path(unit), &self.requests_path(unit))
    }
}

fn link_or_copy(source: &Path, target: &Path) -> Result<(), StoreError> {
    create_parent(target)?;
    match fs::hard_link(source, target) {
        // Another file system, one without links, or a limit on them.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => copy(source, target),
        _ => Ok(()),
    }
}

fn copy(source: &Path, target: &Path) -> Result<(), StoreError> {
    let mut content = fs::File::open(source).map_err(StoreError::io("read", source))?;
    let unfinished = UnfinishedFile::create(target)?;
    io::copy(&mut content, &mut unfinished.file()).map_err(StoreError::io("write", target))?;
    unfinished.publish(target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::CellId;

    #[test]
    fn a_repeat_is_taken_over_with_all_that_lies_beside_its_rows() {
        let out = tempfile::tempdir().unwrap();
        let [from, to] = [0, 1].map(|second| RunDir::create(out.path(), "s", second * 1_000_000_000, 0).unwrap());
        let unit = UnitId::new(CellId::new("a"), 0);
        assert!(to.take_over(&unit, &from).is_err(), "there are no rows");
        from.write("requests/a.0.parquet", b"rows").unwrap();
        from.write("responses/a.0.jsonl", b"answers").unwrap();
        to.take_over(&unit, &from).unwrap();
        to.take_over(&unit, &from).unwrap();
        fs::remove_dir_all(from.path()).unwrap();
        assert_eq!(fs::read(to.requests_path(&unit)).unwrap(), b"rows");
        assert_eq!(fs::read(to.responses_path(&unit)).unwrap(), b"answers");
        assert!(!to.debug_path(&unit).exists() && !to.server_path(&unit).exists());
    }

    #[test]
    fn what_cannot_be_linked_is_copied() {
        let out = tempfile::tempdir().unwrap();
        let (source, target) = (out.path().join("a"), out.path().join("b"));
        fs::write(&source, "rows").unwrap();
        copy(&source, &target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"rows");
    }
}

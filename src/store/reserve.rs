use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use super::atomic::{UNFINISHED, UnfinishedFile};
use super::{RunDir, StoreError};

/// Space that a run holds so that a disk which others or its own rows fill still takes the run's last words.
///
/// A process that is killed leaves it as a file that is not whole, which goes when the run is next opened.
#[derive(Debug)]
pub struct Reserve(PathBuf);

impl Reserve {
    /// Takes space for `bytes` in a run's directory.
    pub fn take(run: &RunDir, bytes: usize) -> Result<Self, StoreError> {
        let path = run.file(&format!("{UNFINISHED}reserve"));
        let unfinished = UnfinishedFile::create(&path)?;
        unfinished.file().write_all(&vec![b'.'; bytes]).map_err(StoreError::io("write", &path))?;
        // Published: the disk may give the space only when the bytes go to it.
        unfinished.publish(&path)?;
        Ok(Self(path))
    }

    /// Gives the space back.
    pub fn release(&self) {
        // What cannot be removed goes when the run is next opened.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_its_bytes_and_gives_them_back() {
        let out = tempfile::tempdir().unwrap();
        let run = RunDir::create(out.path(), "r", 0, 0).unwrap();
        let reserve = Reserve::take(&run, 1000).unwrap();
        assert_eq!(fs::metadata(run.file(".writing-reserve")).unwrap().len(), 1000);
        reserve.release();
        reserve.release();
        assert_eq!(fs::read_dir(run.path()).unwrap().count(), 0);
    }
}

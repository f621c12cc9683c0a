use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

/// What can go wrong with the files of a run.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory holds no `manifest.json`.
    #[error("{} is not a run directory: it has no manifest.json{}", path.display(), latest_hint(path))]
    NotARun {
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds no `campaign.json`.
    #[error("{} is not a campaign's directory: it has no campaign.json{}", path.display(), latest_hint(path))]
    NotACampaign {
        /// The directory.
        path: PathBuf,
    },
    /// A later version of the tool wrote it.
    #[error("{} has format version {found}; this version of infersweep reads up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The highest that can be read.
        known: u64,
    },
    /// The file is not what it should be.
    #[error("{} cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A row of a journal, other than its last, is broken.
    #[error("{}:{line} cannot be read: {why}", path.display())]
    BadLine {
        /// The journal.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// No space is left, or the quota is used up; what was there before is intact.
    #[error("no space left to write {}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Another process is writing the run.
    #[error("{} is in use by {}", path.display(), pid.map_or("another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// The run directory.
        path: PathBuf,
        /// The process that carries out the run, on the machine where it runs; `None` for one that puts it in order.
        pid: Option<u32>,
    },
    /// Every name tried for a new run directory was taken.
    #[error("no free name for a run directory under {}", path.display())]
    NoFreeName {
        /// The directory that should hold it.
        path: PathBuf,
    },
    /// An axis of `vars` or a server metric has the name of another column.
    #[error("`{name}` names two columns; rename the axis of `vars` or the server metric")]
    DuplicateColumn {
        /// The name.
        name: String,
    },
    /// A repeat that the plan does not have.
    #[error("the plan has no repeat {unit}")]
    NotPlanned {
        /// `<cell>.<repeat>`.
        unit: String,
    },
    /// A row names a server metric that the file has no column for.
    #[error("`{name}` is not a column of {}", path.display())]
    UnknownColumn {
        /// The metric.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// Any other refusal of the operating system.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as "read".
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl StoreError {
    /// Tells a full disk from other refusals; to be used as `map_err(StoreError::io("write", path))`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path: path.to_owned() },
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }

    /// A Parquet error, with the system's error inside it taken out.
    pub(super) fn parquet(action: &'static str, path: &Path) -> impl FnOnce(ParquetError) -> Self {
        move |error| match error {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(source) => Self::io(action, path)(*source),
                Err(other) => Self::Unreadable { path: path.to_owned(), why: other.to_string() },
            },
            other => Self::Unreadable { path: path.to_owned(), why: other.to_string() },
        }
    }

    pub(super) fn unreadable(path: &Path, why: &(impl fmt::Display + ?Sized)) -> Self {
        Self::Unreadable { path: path.to_owned(), why: why.to_string() }
    }
}

fn latest_hint(path: &Path) -> String {
    let latest = path.join("latest");
    if latest.exists() { format!("; try {}", latest.display()) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_errors_also_inside_parquet() {
        let path = Path::new("rows.parquet");
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(StoreError::io("write", path)(full()), StoreError::Full { .. }));
        assert!(matches!(StoreError::parquet("write", path)(ParquetError::from(full())), StoreError::Full { .. }));
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(StoreError::io("write", path)(denied).to_string(), "cannot write rows.parquet: permission denied");
    }
}

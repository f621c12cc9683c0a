use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::atomic::{create_parent, sync_dir};
use super::line_writer::LineWriter;
use super::{Origin, StoreError, UnitHeader};
use crate::record::RequestRecord;

/// A line of a journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// Always the first.
    Header(UnitHeader),
    /// When the measured phase began.
    Origin(Origin),
    /// A request that ended.
    Record(Box<RequestRecord>),
}

/// Keeps the rows of a repeat that is under way, a line of JSON each, on a thread of its own.
///
/// Stamps are written as they are, on the monotonic clock. A row is in the file at most a second after it
/// was added, whatever becomes of the process. Dropped without [`finish`](Self::finish), the journal stays
/// for [`StoredRun::recover`](super::StoredRun::recover).
#[derive(Debug)]
pub struct JournalWriter {
    lines: LineWriter<Line>,
}

impl JournalWriter {
    /// Creates a journal with its header and starts its writer. A journal that is already there is an error.
    pub fn spawn(path: &Path, header: UnitHeader) -> Result<Self, StoreError> {
        let dir = create_parent(path)?;
        let file = File::create_new(path).map_err(StoreError::io("create", path))?;
        sync_dir(dir)?;
        Self::start(file, path, header)
    }

    fn start(file: File, path: &Path, header: UnitHeader) -> Result<Self, StoreError> {
        let mut file = BufWriter::with_capacity(1 << 18, file);
        let write_header = |file: &mut BufWriter<File>| {
            serde_json::to_writer(&mut *file, &Line::Header(header))?;
            file.write_all(b"\n")?;
            file.flush()
        };
        write_header(&mut file).map_err(StoreError::io("write", path))?;
        let lines = LineWriter::start(file, path, |file, line| {
            serde_json::to_writer(file, &line)?;
            Ok(matches!(line, Line::Record(_)))
        })?;
        Ok(Self { lines })
    }

    /// Adds a row; never waits. After a failure rows are let go: see [`failed`](Self::failed).
    pub fn add(&self, record: RequestRecord) {
        self.lines.send(Line::Record(Box::new(record)));
    }

    /// Notes when the measured phase began, so that a journal that is cut off has its origin.
    pub fn set_origin(&self, origin: Origin) {
        self.lines.send(Line::Origin(origin));
    }

    /// Whether a write failed, as on a full disk; cheap enough to ask before every request.
    pub fn failed(&self) -> bool {
        self.lines.failed()
    }

    /// Waits until every row is on the disk and returns how many there are; or what failed.
    pub fn finish(self) -> Result<u64, StoreError> {
        self.lines.finish()
    }
}

/// Removes a journal whose rows are safe elsewhere.
pub(super) fn remove_journal(path: &Path) -> Result<(), StoreError> {
    std::fs::remove_file(path).map_err(StoreError::io("remove", path))
}

#[cfg(test)]
mod tests {
    use super::super::JournalReader;
    use super::super::samples::{header, record};
    use super::*;
    use std::io;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn rows_reach_the_file_within_a_second_and_all_by_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("partial/a.0.jsonl");
        let journal = JournalWriter::spawn(&path, header()).unwrap();
        journal.add(record(0));
        let lines = || std::fs::read_to_string(&path).unwrap().lines().count();
        let tries = (0..40).take_while(|_| lines() < 2).map(|_| thread::sleep(Duration::from_millis(25))).count();
        assert!(tries < 40, "one second");
        for index in 1..1000 {
            journal.add(record(index));
        }
        assert!(!journal.failed());
        assert_eq!(journal.finish().unwrap(), 1000);
        let rows: Vec<_> = JournalReader::open(&path).unwrap().unwrap().map(|row| row.unwrap().request_index).collect();
        assert_eq!(rows, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_journal_never_writes_over_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.0.jsonl");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(JournalWriter::spawn(&path, header()), Err(StoreError::Io { action: "create", .. })));
    }

    #[test]
    fn a_full_disk_is_told_by_name() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let error = JournalWriter::start(full, Path::new("a.0.jsonl"), header()).unwrap_err();
        assert_eq!(error.to_string(), "no space left to write a.0.jsonl");
    }

    #[test]
    fn a_failed_write_is_seen_while_rows_arrive_and_told_at_the_end() {
        let (reader, writer) = io::pipe().unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(writer));
        let journal = JournalWriter::start(file, Path::new("a.0.jsonl"), header()).unwrap();
        assert!(!journal.failed());
        drop(reader);
        journal.add(record(0));
        let tries = (0..40).take_while(|_| !journal.failed()).map(|_| thread::sleep(Duration::from_millis(25))).count();
        assert!(tries < 40, "one second");
        journal.add(record(1));
        let error = journal.finish().unwrap_err();
        assert!(error.to_string().starts_with("cannot write a.0.jsonl: "), "{error}");
    }
}

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::StoreError;
use super::atomic::create_parent;
use crate::text::Secrets;

/// Lines of JSON beside the rows of a repeat: the texts of its answers, or what its failures looked like.
///
/// For the journal's thread: every line goes to the file at once, secrets struck out. The lines of a repeat that was
/// cut off stay.
#[derive(Debug)]
pub struct SideLog {
    path: PathBuf,
    secrets: Secrets,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    file: File,
    lines: u64,
    /// The first write that failed; nothing is written after it.
    failed: Option<io::Error>,
}

impl SideLog {
    /// Creates the file; what an earlier try at the repeat left there goes.
    pub fn create(path: &Path, secrets: Secrets) -> Result<Self, StoreError> {
        create_parent(path)?;
        let file = File::create(path).map_err(StoreError::io("create", path))?;
        let written = Mutex::new(Written { file, lines: 0, failed: None });
        Ok(Self { path: path.to_owned(), secrets, written })
    }

    /// Adds a line. What goes wrong is told by [`finish`](Self::finish).
    pub fn add(&self, line: &impl Serialize) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.failed.is_none() {
            match self.draw(line).and_then(|bytes| written.file.write_all(&bytes)) {
                Ok(()) => written.lines += 1,
                Err(error) => written.failed = Some(error),
            }
        }
    }

    fn draw(&self, line: &impl Serialize) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_value(line)?;
        self.secrets.redact_json(&mut line);
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Whether a write failed, as on a full disk.
    pub fn failed(&self) -> bool {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).failed.is_some()
    }

    /// Waits until every line is on the disk and returns how many there are; or what failed.
    pub fn finish(self) -> Result<u64, StoreError> {
        let Written { file, lines, failed } = self.written.into_inner().unwrap_or_else(PoisonError::into_inner);
        let synced = failed.map_or_else(|| file.sync_all(), Err);
        synced.map_err(StoreError::io("write", &self.path))?;
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_write_that_fails_is_told_at_the_end() {
        let file = File::options().write(true).open("/dev/full").unwrap();
        let written = Mutex::new(Written { file, lines: 0, failed: None });
        let log = SideLog { path: "a.jsonl".into(), secrets: Secrets::default(), written };
        assert!(!log.failed());
        log.add(&1);
        assert!(log.failed());
        log.add(&2);
        assert_eq!(log.finish().unwrap_err().to_string(), "no space left to write a.jsonl");
    }

    #[test]
    fn lines_are_whole_without_secrets_and_never_those_of_an_earlier_try() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("responses/a.0.jsonl");
        let mut secrets = Secrets::default();
        secrets.add("sk-\"12\"");
        for tries in 0..2 {
            let log = SideLog::create(&path, secrets.clone()).unwrap();
            log.add(&json!({"text": "a sk-\"12\" b", "messages": [{"content": "sk-\"12\""}], "n": tries}));
            log.add(&json!({"text": "two\nlines"}));
            assert_eq!(log.finish().unwrap(), 2);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines,
            [
                json!({"text": "a [redacted] b", "messages": [{"content": "[redacted]"}], "n": 1}),
                json!({"text": "two\nlines"})
            ]
        );
    }
}

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use super::journal::Line;
use super::json_file::check_version;
use super::{Origin, StoreError, UnitHeader};
use crate::record::{ClientFacts, Phase, RequestRecord};

/// Gives the rows of a journal, one at a time, stamps as they are on the monotonic clock.
///
/// A last line that was cut off by the end of its process is left out; any other broken line is an error, unless the
/// reader is [`forgiving`](Self::forgiving).
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    file: BufReader<File>,
    line: u64,
    header: UnitHeader,
    origin: Option<Origin>,
    client: Option<ClientFacts>,
    done: bool,
    /// Lines left out, when they are.
    broken: Option<u64>,
}

impl JournalReader {
    /// Opens a journal; `None` when its process ended before its header was written, so that it holds nothing.
    pub fn open(path: &Path) -> Result<Option<Self>, StoreError> {
        let file = File::open(path).map_err(StoreError::io("read", path))?;
        let mut file = BufReader::with_capacity(1 << 18, file);
        match next_line(&mut file, path, 1)? {
            None => Ok(None),
            Some(Line::Header(header)) => {
                check_version(path, header.format_version)?;
                let path = path.to_owned();
                let (origin, client, broken) = (None, None, None);
                Ok(Some(Self { path, file, line: 1, header, origin, client, done: false, broken }))
            }
            Some(_) => Err(StoreError::unreadable(path, "its first line is no header")),
        }
    }

    /// The same reader, which leaves out lines that are broken, as a machine that lost its power leaves them.
    #[must_use]
    pub fn forgiving(mut self) -> Self {
        self.broken = Some(0);
        self
    }

    /// How many lines were left out so far.
    pub fn broken(&self) -> u64 {
        self.broken.unwrap_or(0)
    }

    /// What its rows have in common.
    pub fn header(&self) -> &UnitHeader {
        &self.header
    }

    /// How the client itself did; stands after the last row, so `None` before that was read.
    pub fn client(&self) -> Option<&ClientFacts> {
        self.client.as_ref()
    }

    /// When the measured phase began: as the journal says, else the earliest start of a measured row, else the
    /// latest end of a warm-up row. Reads the journal from its beginning to its end.
    pub fn find_origin(path: &Path) -> Result<Option<Origin>, StoreError> {
        Self::open(path)?.map(Self::origin).transpose()
    }

    /// The same of a reader that stands at the beginning.
    pub(super) fn origin(mut self) -> Result<Origin, StoreError> {
        let (mut first_start, mut last_end) = (None::<i64>, None::<i64>);
        for record in self.by_ref() {
            let record = record?;
            let stamps = record.stamps;
            if record.phase == Phase::Measure {
                let start = stamps.scheduled_ns.or(stamps.sent_ns).or(stamps.end_ns);
                first_start = first_start.into_iter().chain(start).min();
            }
            last_end = last_end.max(stamps.end_ns);
        }
        let opened = self.header.opened;
        let guess = first_start.or(last_end).map_or(opened, |stamp| opened.at(stamp));
        Ok(self.origin.unwrap_or(guess))
    }
}

impl Iterator for JournalReader {
    type Item = Result<RequestRecord, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            self.line += 1;
            match next_line(&mut self.file, &self.path, self.line) {
                Ok(Some(Line::Record(record))) => return Some(Ok(*record)),
                Ok(Some(Line::Origin(origin))) => self.origin = Some(origin),
                Ok(Some(Line::Client(facts))) => self.client = Some(*facts),
                Ok(Some(Line::Header(_))) => {
                    self.done = true;
                    let why = "a second header".to_owned();
                    return Some(Err(StoreError::BadLine { path: self.path.clone(), line: self.line, why }));
                }
                Ok(None) => self.done = true,
                Err(StoreError::BadLine { .. }) if self.broken.is_some() => {
                    self.broken = self.broken.map(|lines| lines + 1);
                }
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// The next whole line; `None` at the end, or at a last line that is not whole.
fn next_line(file: &mut BufReader<File>, path: &Path, number: u64) -> Result<Option<Line>, StoreError> {
    let mut bytes = Vec::new();
    file.read_until(b'\n', &mut bytes).map_err(StoreError::io("read", path))?;
    if bytes.last() != Some(&b'\n') {
        return Ok(None);
    }
    match serde_json::from_slice(&bytes) {
        Ok(line) => Ok(Some(line)),
        // After a crash of the machine the last block may hold anything.
        Err(_) if file.fill_buf().map_err(StoreError::io("read", path))?.is_empty() => Ok(None),
        Err(error) => Err(StoreError::BadLine { path: path.to_owned(), line: number, why: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::JournalWriter;
    use super::super::samples::{header, record};
    use super::*;

    fn journal(dir: &Path, rows: u64, origin: Option<Origin>) -> PathBuf {
        let path = dir.join("a.0.jsonl");
        let writer = JournalWriter::spawn(&path, header()).unwrap();
        (0..rows).for_each(|index| writer.add(0, move || record(index)));
        if let Some(origin) = origin {
            writer.set_origin(origin);
        }
        writer.finish().unwrap();
        path
    }

    #[test]
    fn a_journal_cut_at_any_byte_gives_every_whole_row() {
        let dir = tempfile::tempdir().unwrap();
        let path = journal(dir.path(), 3, None);
        let whole = fs::read(&path).unwrap();
        let ends: Vec<usize> =
            whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let lines = ends.iter().filter(|end| **end <= length).count();
            let rows = JournalReader::open(&path).unwrap().map(|reader| reader.map(Result::unwrap).collect::<Vec<_>>());
            let expected = lines.checked_sub(1).map(|rows| (0..rows as u64).map(record).collect());
            assert_eq!(rows, expected, "cut at {length}");
        }
    }

    #[test]
    fn a_broken_last_line_is_left_out_and_a_broken_line_within_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = journal(dir.path(), 2, None);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}\0\0\0\n")).unwrap();
        assert_eq!(JournalReader::open(&path).unwrap().unwrap().filter_map(Result::ok).count(), 2);
        let mut lines: Vec<&str> = whole.lines().collect();
        lines[1] = "{\"record\":";
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let errors: Vec<_> = JournalReader::open(&path).unwrap().unwrap().collect();
        assert!(matches!(errors[..], [Err(StoreError::BadLine { line: 2, .. })]), "{errors:?}");
    }

    #[test]
    fn the_origin_is_told_or_found() {
        let dir = tempfile::tempdir().unwrap();
        let told = Origin { monotonic_ns: 77, unix_ns: 88 };
        let path = journal(dir.path(), 2, Some(told));
        assert_eq!(JournalReader::find_origin(&path).unwrap(), Some(told));
        fs::remove_file(&path).unwrap();
        let path = journal(dir.path(), 4, None);
        let first = record(0).stamps.scheduled_ns.unwrap();
        let found = JournalReader::find_origin(&path).unwrap().unwrap();
        assert_eq!(found, header().opened.at(first));
        assert_ne!(found.unix_ns, header().opened.unix_ns);
        fs::write(&path, "").unwrap();
        assert_eq!(JournalReader::find_origin(&path).unwrap(), None);
    }
}

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::atomic::{create_parent, sync_dir};
use super::disk_sync::DiskSync;
use super::{Origin, StoreError, UnitHeader};
use crate::cpus::{Manner, spawn_aside};
use crate::record::{ClientFacts, RequestRecord};
use crate::time::{Clock, MonotonicNs, duration_ns};

/// A line of a journal.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// Always the first.
    Header(UnitHeader),
    /// When the measured phase began.
    Origin(Origin),
    /// A request that ended.
    Record(Box<RequestRecord>),
    /// How the client itself did, after the last of them.
    Client(Box<ClientFacts>),
}

/// What the writer is given.
enum Entry {
    Origin(Origin),
    /// About how many bytes wait, and what makes the row, on the writer's thread.
    Record(usize, Box<dyn FnOnce() -> RequestRecord + Send>),
    Client(Box<ClientFacts>),
}

/// Keeps the rows of a repeat that is under way, a line of JSON each, on a thread of its own.
///
/// Stamps are written as they are, on the monotonic clock. A row is in the file at most a second after it
/// was added, whatever becomes of the process, and on the disk a second later, whatever becomes of the machine.
/// Dropped without [`finish`](Self::finish), the journal stays for [`StoredRun::recover`](super::StoredRun::recover).
#[derive(Debug)]
pub struct JournalWriter {
    lines: Sender<Entry>,
    backlog: Arc<Backlog>,
    writer: JoinHandle<Result<u64, StoreError>>,
}

/// How the writer is doing, for those who add rows.
#[derive(Debug, Default)]
struct Backlog {
    failed: AtomicBool,
    /// Of rows that wait, about.
    bytes: AtomicUsize,
    /// Rows that wait.
    rows: AtomicU64,
    /// As many waited at the same time, at most.
    longest: AtomicU64,
}

/// Bytes of a row besides what its sender counts, about.
const ROW: usize = 1 << 10;
/// From so many bytes that wait on, the writer is woken before its time.
const WAKE: usize = 4 << 20;
/// More than so many never wait: who adds a row waits instead. A disk that is so far behind is slower than the load by
/// minutes, and memory would grow for as long as it is.
const MOST: usize = 256 << 20;

impl JournalWriter {
    /// Creates a journal with its header and starts its writer. A journal that is already there is an error.
    pub fn spawn(path: &Path, header: UnitHeader) -> Result<Self, StoreError> {
        let dir = create_parent(path)?;
        let file = File::create_new(path).map_err(StoreError::io("create", path))?;
        sync_dir(dir)?;
        Self::start(file, path, header)
    }

    fn start(file: File, path: &Path, header: UnitHeader) -> Result<Self, StoreError> {
        let (lines, inbox) = channel();
        let backlog = Arc::new(Backlog::default());
        let disk = DiskSync::start(&file).map_err(StoreError::io("start a writer for", path))?;
        let file = BufWriter::with_capacity(1 << 18, file);
        let mut journal = Journal { file, disk, rows: 0, backlog: Arc::clone(&backlog), clock: Clock::start() };
        journal
            .write(&Line::Header(header))
            .and_then(|()| journal.file.flush())
            .map_err(StoreError::io("write", path))?;
        let over = Over(Arc::clone(&backlog));
        let path_there = path.to_owned();
        let keep = move || {
            let _over = over;
            journal.keep(&inbox).map_err(StoreError::io("write", &path_there))
        };
        let writer =
            spawn_aside("journal", Manner::GivesWay, keep).map_err(StoreError::io("start a writer for", path))?;
        Ok(Self { lines, backlog, writer })
    }

    /// Adds a row of about `weight` bytes, which `make` makes on the writer's thread: what it costs does not fall on
    /// the caller. Waits only for a disk that is hopelessly behind. After a failure rows are let go: see
    /// [`failed`](Self::failed).
    pub fn add(&self, weight: usize, make: impl FnOnce() -> RequestRecord + Send + 'static) {
        let bytes = weight + ROW;
        let rows = self.backlog.rows.fetch_add(1, Ordering::Relaxed) + 1;
        self.backlog.longest.fetch_max(rows, Ordering::Relaxed);
        let waiting = self.backlog.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.send(Entry::Record(bytes, Box::new(make)));
        if waiting >= WAKE {
            self.writer.thread().unpark();
        }
        while self.backlog.bytes.load(Ordering::Relaxed) > MOST && !self.failed() {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// How many rows waited for the file at the same time, at most so far.
    pub fn longest_queue(&self) -> u64 {
        self.backlog.longest.load(Ordering::Relaxed)
    }

    /// Notes when the measured phase began, so that a journal that is cut off has its origin.
    pub fn set_origin(&self, origin: Origin) {
        self.send(Entry::Origin(origin));
    }

    /// Notes how the client itself did; for after the last row.
    pub fn set_client(&self, facts: ClientFacts) {
        self.send(Entry::Client(Box::new(facts)));
    }

    fn send(&self, entry: Entry) {
        // The writer is gone only after a failure, which `finish` returns.
        let _ = self.lines.send(entry);
    }

    /// Whether a write failed, as on a full disk; cheap enough to ask before every request.
    pub fn failed(&self) -> bool {
        self.backlog.failed.load(Ordering::Acquire)
    }

    /// Waits until every row is on the disk and returns how many there are; or what failed.
    pub fn finish(self) -> Result<u64, StoreError> {
        drop(self.lines);
        self.writer.thread().unpark();
        self.writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Tells who adds rows that nobody writes them any more, however the writer ended.
struct Over(Arc<Backlog>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.failed.store(true, Ordering::Release);
    }
}

struct Journal {
    file: BufWriter<File>,
    disk: DiskSync,
    rows: u64,
    backlog: Arc<Backlog>,
    clock: Clock,
}

impl Journal {
    /// How long rows gather before they go to the file together.
    const GATHER: Duration = Duration::from_millis(250);

    /// Writes what arrives until every sender is gone, then waits for the disk.
    fn keep(mut self, inbox: &Receiver<Entry>) -> io::Result<u64> {
        let mut behind = false;
        while let Ok(entry) = inbox.recv() {
            self.take(entry)?;
            if !behind {
                // Asleep here, not in `recv`, so that rows which follow closely do not each wake this thread at
                // the cost of the one that measures.
                thread::park_timeout(Self::GATHER);
            }
            behind = self.take_waiting(inbox, self.clock.now_ns() + duration_ns(Self::GATHER))?;
            self.file.flush()?;
            if !self.disk.ask() {
                break;
            }
        }
        self.file.flush()?;
        self.disk.finish()?;
        self.file.get_ref().sync_all()?;
        Ok(self.rows)
    }

    /// Takes what waits; true when that is not all by `until_ns`, since rows arrive as fast as they can be made.
    fn take_waiting(&mut self, inbox: &Receiver<Entry>, until_ns: MonotonicNs) -> io::Result<bool> {
        for entry in inbox.try_iter() {
            self.take(entry)?;
            if self.clock.now_ns() > until_ns {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn take(&mut self, entry: Entry) -> io::Result<()> {
        let (line, weight) = match entry {
            Entry::Origin(origin) => (Line::Origin(origin), None),
            Entry::Client(facts) => (Line::Client(facts), None),
            Entry::Record(weight, make) => (Line::Record(Box::new(make())), Some(weight)),
        };
        self.write(&line)?;
        if let Some(weight) = weight {
            self.backlog.bytes.fetch_sub(weight, Ordering::Relaxed);
            self.backlog.rows.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, line)?;
        self.file.write_all(b"\n")?;
        self.rows += u64::from(matches!(line, Line::Record(_)));
        Ok(())
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

    #[test]
    fn rows_reach_the_file_within_a_second_and_all_by_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("partial/a.0.jsonl");
        let journal = JournalWriter::spawn(&path, header()).unwrap();
        journal.add(0, move || record(0));
        let lines = || std::fs::read_to_string(&path).unwrap().lines().count();
        let tries = (0..40).take_while(|_| lines() < 2).map(|_| thread::sleep(Duration::from_millis(25))).count();
        assert!(tries < 40, "one second");
        for index in 1..1000 {
            journal.add(0, move || record(index));
        }
        assert!(!journal.failed());
        assert!((1..=1000).contains(&journal.longest_queue()));
        assert_eq!(journal.finish().unwrap(), 1000);
        let rows: Vec<_> = JournalReader::open(&path).unwrap().unwrap().map(|row| row.unwrap().request_index).collect();
        assert_eq!(rows, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn rows_that_are_slow_to_make_reach_the_file_while_others_wait() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.0.jsonl");
        let journal = JournalWriter::spawn(&path, header()).unwrap();
        for index in 0..80 {
            journal.add(0, move || {
                thread::sleep(Duration::from_millis(20));
                record(index)
            });
        }
        // All take 1.6 s to make; a buffer holds many times as many.
        thread::sleep(Duration::from_millis(1000));
        let rows = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!((2..80).contains(&rows), "{rows}");
        assert_eq!(journal.finish().unwrap(), 80);
    }

    #[test]
    fn a_row_that_cannot_be_made_is_seen_while_rows_arrive() {
        let dir = tempfile::tempdir().unwrap();
        let journal = JournalWriter::spawn(&dir.path().join("a.0.jsonl"), header()).unwrap();
        journal.add(0, || panic!("a fault of the maker"));
        let tries = (0..40).take_while(|_| !journal.failed()).map(|_| thread::sleep(Duration::from_millis(25))).count();
        assert!(tries < 40, "one second");
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
        journal.add(0, move || record(0));
        let tries = (0..40).take_while(|_| !journal.failed()).map(|_| thread::sleep(Duration::from_millis(25))).count();
        assert!(tries < 40, "one second");
        journal.add(0, move || record(1));
        let error = journal.finish().unwrap_err();
        assert!(error.to_string().starts_with("cannot write a.0.jsonl: "), "{error}");
    }
}

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::StoreError;

/// Writes lines to a file on a thread of its own, so that whoever adds them never waits.
///
/// A line is in the file at most a second after it was added, whatever becomes of the process.
#[derive(Debug)]
pub(super) struct LineWriter<L> {
    lines: Sender<L>,
    failed: Arc<AtomicBool>,
    writer: JoinHandle<Result<u64, StoreError>>,
}

/// How lines gather before they go to the file together.
const GATHER: Duration = Duration::from_millis(250);

impl<L: Send + 'static> LineWriter<L> {
    /// Starts the writer. `draw` writes one line, without its end, and says whether it counts.
    pub(super) fn start(
        file: BufWriter<File>,
        path: &Path,
        draw: impl FnMut(&mut BufWriter<File>, L) -> io::Result<bool> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (lines, inbox) = channel();
        let failed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&failed);
        let path_there = path.to_owned();
        let writer = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                keep(file, &inbox, draw).map_err(|error| {
                    flag.store(true, Ordering::Release);
                    StoreError::io("write", &path_there)(error)
                })
            })
            .map_err(StoreError::io("start a writer for", path))?;
        Ok(Self { lines, failed, writer })
    }

    /// Adds a line. After a failure lines are let go.
    pub(super) fn send(&self, line: L) {
        // The writer is gone only after a failure, which `finish` returns.
        let _ = self.lines.send(line);
    }

    /// Whether a write failed, as on a full disk.
    pub(super) fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Waits until every line is on the disk and returns how many count; or what failed.
    pub(super) fn finish(self) -> Result<u64, StoreError> {
        drop(self.lines);
        self.writer.thread().unpark();
        self.writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Writes what arrives until every sender is gone, then waits for the disk.
fn keep<L>(
    mut file: BufWriter<File>,
    inbox: &Receiver<L>,
    mut draw: impl FnMut(&mut BufWriter<File>, L) -> io::Result<bool>,
) -> io::Result<u64> {
    let mut counted = 0;
    let mut write = |file: &mut BufWriter<File>, line| {
        counted += u64::from(draw(file, line)?);
        file.write_all(b"\n")
    };
    while let Ok(line) = inbox.recv() {
        write(&mut file, line)?;
        // Asleep here, not in `recv`, so that lines which follow closely do not each wake this thread at
        // the cost of the one that measures.
        thread::park_timeout(GATHER);
        for line in inbox.try_iter() {
            write(&mut file, line)?;
        }
        file.flush()?;
    }
    file.flush()?;
    file.get_ref().sync_all()?;
    Ok(counted)
}

use std::fs::File;
use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::cpus::{Manner, spawn_aside};

/// Has a growing file's bytes put on the disk about once a second, by a thread of its own: a disk that takes its time
/// keeps nobody who writes.
#[derive(Debug)]
pub(super) struct DiskSync {
    ask: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl DiskSync {
    /// The time between two syncs, at least.
    const PAUSE: Duration = Duration::from_millis(500);

    /// Starts the thread; it sleeps until it is asked.
    pub(super) fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        // One place: what is asked while a sync is under way is done by the next.
        let (ask, asked) = sync_channel(1);
        let thread = spawn_aside("journal-sync", Manner::GivesWay, move || {
            while asked.recv().is_ok() {
                file.sync_data()?;
                thread::park_timeout(Self::PAUSE);
            }
            Ok(())
        })?;
        Ok(Self { ask, thread })
    }

    /// Asks for a sync of what is written by now; false when one before failed, which [`finish`](Self::finish) tells.
    pub(super) fn ask(&self) -> bool {
        !matches!(self.ask.try_send(()), Err(TrySendError::Disconnected(())))
    }

    /// Ends the thread and returns what failed, if anything did: then the disk may have lost bytes.
    pub(super) fn finish(self) -> io::Result<()> {
        drop(self.ask);
        self.thread.thread().unpark();
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

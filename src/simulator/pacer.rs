//! Real time: a thread that runs an engine, and the mailbox through which requests reach it.
//!
//! A thread of its own, because a runtime's timers tick in milliseconds and share the workers with the sockets.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::engine::Engine;
use super::sequence::Sequence;
use crate::time::{Clock, MonotonicNs};

/// Where requests and cancellations are left for the engine's thread.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    letters: Mutex<Letters>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Letters {
    arrivals: Vec<Arc<Sequence>>,
    cancelled: bool,
    closed: bool,
}

impl Letters {
    fn is_empty(&self) -> bool {
        self.arrivals.is_empty() && !self.cancelled && !self.closed
    }
}

impl Mailbox {
    /// Hands a request to the engine.
    pub(super) fn submit(&self, sequence: Arc<Sequence>) {
        self.leave(|letters| letters.arrivals.push(sequence));
    }

    /// Cancels a request; its slot becomes free at once.
    pub(super) fn cancel(&self, sequence: &Sequence) {
        sequence.cancel();
        self.leave(|letters| letters.cancelled = true);
    }

    /// Ends the engine's thread; requests in it get no further tokens.
    pub(super) fn close(&self) {
        self.leave(|letters| letters.closed = true);
    }

    fn leave(&self, letter: impl FnOnce(&mut Letters)) {
        letter(&mut self.lock());
        self.news.notify_one();
    }

    /// Waits until `due`, or until there are letters, and takes them.
    fn wait(&self, due: Option<MonotonicNs>, clock: Clock) -> Letters {
        let mut letters = self.lock();
        while letters.is_empty() {
            letters = match due.map(|due| due - clock.now_ns()) {
                None => self.news.wait(letters).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left <= 0 => break,
                Some(left) => {
                    let left = Duration::from_nanos(left.unsigned_abs());
                    self.news.wait_timeout(letters, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        std::mem::take(&mut letters)
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `engine` on a thread of its own until its mailbox, which is returned, is closed.
pub(super) fn spawn(mut engine: Engine, clock: Clock) -> Arc<Mailbox> {
    let mailbox = Arc::new(Mailbox::default());
    let inbox = Arc::clone(&mailbox);
    thread::spawn(move || {
        let mut due = None;
        loop {
            let letters = inbox.wait(due, clock);
            if letters.closed {
                return;
            }
            if letters.cancelled {
                engine.sweep(clock.now_ns());
            }
            for sequence in letters.arrivals {
                engine.arrive(sequence);
            }
            due = engine.advance(clock.now_ns());
        }
    });
    mailbox
}

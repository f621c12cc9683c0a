use std::cell::Cell;
use std::io;
use std::rc::Rc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;
use crate::load::{Stop, StopHandle};

/// The signals that ask for an end.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on they no longer end the process by themselves.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The exit that the next one means.
    pub(super) async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

/// Turns signals into a stop: the first drains, the second cancels; the third is returned, to end the process at once,
/// and so is the first while nothing `has_begun`.
///
/// Tells through `seen` which signal came first.
pub(super) async fn watch(
    stop: StopHandle,
    seen: Rc<Cell<Option<Exit>>>,
    has_begun: impl Fn() -> bool,
    tell: impl Fn(&str),
) -> Exit {
    let Ok(mut signals) = Signals::listen() else { return std::future::pending().await };
    // With it taken, a limit on the size of files is an error of the write that meets it, as a full disk is, and not
    // the end of the process. A system without the signal has no such end.
    let _taken = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    loop {
        let exit = signals.next().await;
        let first = seen.get().unwrap_or(exit);
        seen.set(Some(first));
        if !has_begun() || stop.now() == Stop::Cancelling {
            return first;
        }
        tell(further(&stop));
    }
}

/// Stops one step further; returns what to say.
pub(super) fn further(stop: &StopHandle) -> &'static str {
    match stop.now() {
        Stop::Running | Stop::Finishing | Stop::Enough => {
            stop.go(Stop::Draining);
            "stopping: requests in flight finish and everything is saved; once more to stop at once"
        }
        Stop::Draining | Stop::Cancelling => {
            stop.go(Stop::Cancelling);
            "stopping at once: requests in flight are cancelled; what is measured is saved"
        }
    }
}

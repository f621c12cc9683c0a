use std::cell::Cell;
use std::rc::Rc;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use crate::load::{Stop, StopHandle};

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
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    // With it taken, a limit on the size of files is an error of the write that meets it, as a full disk is, and not
    // the end of the process. A system without the signal has no such end.
    let _taken = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()));
    loop {
        let exit = tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
        };
        let first = seen.get().unwrap_or(exit);
        seen.set(Some(first));
        if !has_begun() {
            return first;
        }
        match stop.now() {
            Stop::Running => {
                tell("stopping: requests in flight finish and everything is saved; once more to stop at once");
                stop.go(Stop::Draining);
            }
            Stop::Draining => {
                tell("stopping at once: requests in flight are cancelled; what is measured is saved");
                stop.go(Stop::Cancelling);
            }
            Stop::Cancelling => return first,
        }
    }
}

use std::convert::Infallible;

use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use crate::load::{Stop, StopHandle};

/// Turns signals into a stop, for ever: the first drains, the second cancels, the third ends the process at once.
///
/// Tells through `seen` which signal came first.
pub(super) async fn watch(
    stop: StopHandle,
    seen: std::rc::Rc<std::cell::Cell<Option<Exit>>>,
    tell: impl Fn(&str),
) -> Infallible {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    loop {
        let exit = tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
        };
        if seen.get().is_none() {
            seen.set(Some(exit));
        }
        match stop.now() {
            Stop::Running | Stop::Finishing => {
                tell("stopping: requests in flight finish and everything is saved; once more to stop at once");
                stop.go(Stop::Draining);
            }
            Stop::Draining | Stop::Cancelling => {
                tell("stopping at once: requests in flight are cancelled; what is measured is saved");
                stop.go(Stop::Cancelling);
            }
        }
    }
}

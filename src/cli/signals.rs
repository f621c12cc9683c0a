use std::convert::Infallible;
use std::io;

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

/// Turns signals into a stop, for ever: the first drains, every further one cancels.
///
/// Tells through `seen` which signal came first.
pub(super) async fn watch(
    stop: StopHandle,
    seen: std::rc::Rc<std::cell::Cell<Option<Exit>>>,
    tell: impl Fn(&str),
) -> Infallible {
    let Ok(mut signals) = Signals::listen() else { return std::future::pending().await };
    loop {
        let exit = signals.next().await;
        if seen.get().is_none() {
            seen.set(Some(exit));
        }
        tell(further(&stop));
    }
}

/// Stops one step further; returns what to say.
pub(super) fn further(stop: &StopHandle) -> &'static str {
    match stop.now() {
        Stop::Running | Stop::Finishing => {
            stop.go(Stop::Draining);
            "stopping: requests in flight finish and everything is saved; once more to stop at once"
        }
        Stop::Draining | Stop::Cancelling => {
            stop.go(Stop::Cancelling);
            "stopping at once: requests in flight are cancelled; what is measured is saved"
        }
    }
}

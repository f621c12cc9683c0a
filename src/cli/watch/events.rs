use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::keyboard::Keyboard;
use crate::cli::env::Env;
use crate::cli::exit::Exit;
use crate::cli::signals::Signals;
use crate::time::Clock;
use crate::watch::Debounce;

/// So long nothing may come before a save counts as done: editors take a few milliseconds.
const QUIET: Duration = Duration::from_millis(100);

/// So long a file that is written all the time is waited for.
const LONGEST: Duration = Duration::from_secs(1);

/// What happens while a session runs or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// Files may have changed, and nothing more comes.
    Changed,
    /// A key.
    Key(u8),
    /// A signal, and the exit it means.
    Signal(Exit),
}

/// Brings everything that happens to one place.
pub(super) struct Events {
    clock: Clock,
    debounce: Debounce,
    woken: Arc<Notify>,
    signals: Signals,
    keyboard: Option<Keyboard>,
}

impl Events {
    pub(super) fn new(env: &Env) -> std::io::Result<Self> {
        Ok(Self {
            clock: Clock::start(),
            debounce: Debounce::new(QUIET, LONGEST),
            woken: Arc::default(),
            signals: Signals::listen()?,
            keyboard: Keyboard::open(env),
        })
    }

    /// What to call, from any thread, when a file may have changed.
    pub(super) fn waker(&self) -> impl Fn() + Send + 'static {
        let woken = Arc::clone(&self.woken);
        move || woken.notify_one()
    }

    /// Whether keys come.
    pub(super) fn has_keys(&self) -> bool {
        self.keyboard.is_some()
    }

    /// The next event; nothing is lost when it is not waited for to the end.
    pub(super) async fn next(&mut self) -> Event {
        loop {
            let due_ns = self.debounce.due_ns();
            let due = async {
                match due_ns {
                    Some(due_ns) => tokio::time::sleep_until(self.clock.instant_of(due_ns)).await,
                    None => std::future::pending().await,
                }
            };
            let key = async {
                match &mut self.keyboard {
                    Some(keyboard) => keyboard.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                exit = self.signals.next() => return Event::Signal(exit),
                key = key => return Event::Key(key),
                () = self.woken.notified() => self.debounce.note(self.clock.now_ns()),
                () = due => if self.debounce.take(self.clock.now_ns()) { return Event::Changed },
            }
        }
    }
}

use tokio::sync::watch;

/// How far a stop has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Not at all.
    Running,
    /// What is under way comes to its own end; nothing further is begun.
    Finishing,
    /// What the load was for is reached: nothing new starts, and it has ended as it should once nothing is in flight.
    Enough,
    /// Nothing new starts; what is in flight ends by itself.
    Draining,
    /// What is in flight is cancelled.
    Cancelling,
}

/// Asks for a stop. Cloned freely; a stop only ever goes further.
#[derive(Debug, Clone)]
pub struct StopHandle(watch::Sender<Stop>);

/// Sees a stop that was asked for.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<Stop>);

impl StopHandle {
    /// A handle and the signal it sets.
    #[must_use]
    pub fn new() -> (Self, StopSignal) {
        let (sender, receiver) = watch::channel(Stop::Running);
        (Self(sender), StopSignal(receiver))
    }

    /// Goes as far as `stop`, if not already there.
    pub fn go(&self, stop: Stop) {
        self.0.send_if_modified(|now| {
            let further = stop > *now;
            *now = stop.max(*now);
            further
        });
    }

    /// How far it has gone.
    #[must_use]
    pub fn now(&self) -> Stop {
        *self.0.borrow()
    }

    /// A signal of this handle.
    #[must_use]
    pub fn signal(&self) -> StopSignal {
        StopSignal(self.0.subscribe())
    }
}

impl StopSignal {
    /// How far it has gone.
    #[must_use]
    pub fn now(&self) -> Stop {
        *self.0.borrow()
    }

    /// Returns when it has gone at least as far as `stop`; never, when every handle is gone before.
    pub async fn reached(&mut self, stop: Stop) {
        if self.0.wait_for(|now| *now >= stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

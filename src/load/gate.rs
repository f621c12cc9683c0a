use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::time::{Clock, MonotonicNs, duration_ns};

/// When the next session may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Closed loop: when one of so many slots is free.
    Closed {
        /// Sessions in flight.
        concurrency: u32,
        /// The first starts are spread evenly over this time.
        ramp: Duration,
    },
}

/// A pass through the gate: the slot is free again when it is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    /// When the session was due; `None` in closed loop.
    pub(super) scheduled_ns: Option<MonotonicNs>,
    _slot: OwnedSemaphorePermit,
}

/// Lets sessions through at the pace asked for.
#[derive(Debug)]
pub(super) struct Gate {
    pace: Pace,
    slots: Arc<Semaphore>,
    clock: Clock,
    began_ns: MonotonicNs,
    passed: u32,
}

impl Gate {
    pub(super) fn new(pace: Pace, clock: Clock, began_ns: MonotonicNs) -> Self {
        let Pace::Closed { concurrency, .. } = pace;
        Self { pace, slots: Arc::new(Semaphore::new(concurrency as usize)), clock, began_ns, passed: 0 }
    }

    /// Waits until the next session may start.
    pub(super) async fn pass(&mut self) -> Option<Pass> {
        let Pace::Closed { concurrency, ramp } = self.pace;
        if self.passed < concurrency {
            // Absolute, so that a late wake-up does not push the later starts back.
            let offset_ns = duration_ns(ramp) / i64::from(concurrency) * i64::from(self.passed);
            if offset_ns > 0 {
                tokio::time::sleep_until(self.clock.instant_of(self.began_ns + offset_ns)).await;
            }
            self.passed += 1;
        }
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        Some(Pass { scheduled_ns: None, _slot: slot })
    }
}

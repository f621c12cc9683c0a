use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::admission::Admission;
use super::alarm::Alarm;
use super::arrivals::ArrivalProcess;
use super::drive::Traffic;
use super::schedule::Schedule;
use crate::record::Phase;
use crate::time::{MonotonicNs, duration_ns};

/// When the next session may start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Closed loop: when one of so many slots is free.
    Closed {
        /// Sessions in flight.
        concurrency: u32,
        /// The first starts are spread evenly over this time.
        ramp: Duration,
    },
    /// Open loop: when it is due, whatever the server does.
    Open {
        /// When sessions are due.
        arrivals: ArrivalProcess,
        /// Sessions in flight at most; one that is due beyond is dropped.
        cap: u32,
    },
}

/// A session that is let through, or that is due and finds no room.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) phase: Phase,
    /// Its number within the phase.
    pub(super) index: u64,
    /// When it was due; `None` in closed loop.
    pub(super) scheduled_ns: Option<MonotonicNs>,
    /// The slot is free again when this is dropped; `None`: there is no slot, and the session is not to start.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

/// Lets sessions through at the pace asked for, until the stop rule is met.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    alarm: &'a Alarm,
    slots: Arc<Semaphore>,
    lane: Lane,
}

#[derive(Debug)]
enum Lane {
    Closed { concurrency: u32, ramp: Duration, passed: u32, began_ns: MonotonicNs, admission: Admission },
    Open(Box<Schedule>),
}

impl<'a> Gate<'a> {
    pub(super) fn new(traffic: &Traffic, alarm: &'a Alarm, began_ns: MonotonicNs) -> Self {
        let Traffic { pace, warmup, stop, .. } = *traffic;
        let (room, lane) = match pace {
            Pace::Closed { concurrency, ramp } => {
                let admission = Admission::new(warmup, stop, began_ns);
                (concurrency, Lane::Closed { concurrency, ramp, passed: 0, began_ns, admission })
            }
            Pace::Open { arrivals, cap } => {
                (cap, Lane::Open(Box::new(Schedule::new(arrivals, warmup, stop, began_ns))))
            }
        };
        Self { alarm, slots: Arc::new(Semaphore::new(room as usize)), lane }
    }

    /// Waits until the next session may start; `None` when no more do.
    pub(super) async fn next(&mut self) -> Option<Entry> {
        let slots = Arc::clone(&self.slots);
        match &mut self.lane {
            Lane::Closed { concurrency, ramp, passed, began_ns, admission } => {
                if *passed < *concurrency {
                    // Absolute, so that a late wake-up does not push the later starts back.
                    let offset_ns = duration_ns(*ramp) / i64::from(*concurrency) * i64::from(*passed);
                    self.alarm.until(*began_ns + offset_ns).await;
                    *passed += 1;
                }
                let slot = slots.acquire_owned().await.ok()?;
                let (phase, index) = admission.admit(self.alarm.clock().now_ns())?;
                Some(Entry { phase, index, scheduled_ns: None, slot: Some(slot) })
            }
            Lane::Open(schedule) => {
                let due = schedule.next()?;
                self.alarm.until(due.at_ns).await;
                let slot = slots.try_acquire_owned().ok();
                Some(Entry { phase: due.phase, index: due.index, scheduled_ns: Some(due.at_ns), slot })
            }
        }
    }

    /// When the measured phase started.
    pub(super) fn measured_from_ns(&self) -> Option<MonotonicNs> {
        match &self.lane {
            Lane::Closed { admission, .. } => admission.measured_from_ns(),
            Lane::Open(schedule) => schedule.measured_from_ns(),
        }
    }
}

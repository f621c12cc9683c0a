use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::admission::Admission;
use super::{ArrivalProcess, Schedule, StopRule, Warmup};
use crate::record::Phase;
use crate::time::{Alarm, MonotonicNs, duration_ns};
use crate::units::Qps;

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
    /// Open loop: when it is due, whatever became of those before it.
    Open {
        /// How sessions are spread over time.
        process: ArrivalProcess,
        /// How many are due a second.
        rate: Qps,
        /// Sessions in flight at most: one that is due beyond them is dropped.
        cap: u32,
    },
}

/// The place of a session: which one it is, and when it is due.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) phase: Phase,
    /// From 0 within the phase.
    pub(super) index: u64,
    /// When it is due; `None` in closed loop.
    pub(super) scheduled_ns: Option<MonotonicNs>,
    slot: Option<Slot>,
}

/// The slot of a session in flight; free again when it is dropped.
pub(super) type Slot = OwnedSemaphorePermit;

/// So many sessions that are due already are let through before those let through have a turn to send.
const BURST: u32 = 16;

/// Lets sessions through at the pace asked for, in two steps: which one is next, then when it may start.
///
/// In closed loop the first step waits for a slot, since only then its phase is known; in open loop the second waits
/// until the session is due, so that there is time to fetch it before.
#[derive(Debug)]
pub(super) struct Gate {
    kind: Kind,
    slots: Arc<Semaphore>,
    alarm: Alarm,
    began_ns: MonotonicNs,
}

#[derive(Debug)]
enum Kind {
    Closed { concurrency: u32, ramp: Duration, passed: u32, admission: Admission },
    Open { schedule: Box<Schedule>, measured_from_ns: Option<MonotonicNs>, burst: u32 },
}

impl Gate {
    pub(super) fn new(pace: Pace, warmup: Warmup, rule: StopRule, alarm: Alarm, began_ns: MonotonicNs) -> Self {
        let (kind, slots) = match pace {
            Pace::Closed { concurrency, ramp } => {
                let admission = Admission::new(warmup, rule, began_ns);
                (Kind::Closed { concurrency, ramp, passed: 0, admission }, concurrency)
            }
            Pace::Open { process, rate, cap } => {
                let schedule = Box::new(Schedule::new(process, rate, warmup, rule));
                (Kind::Open { schedule, measured_from_ns: None, burst: 0 }, cap)
            }
        };
        Self { kind, slots: Arc::new(Semaphore::new(slots as usize)), alarm, began_ns }
    }

    /// The place of the next session; `None` when no more start.
    pub(super) async fn next(&mut self) -> Option<Place> {
        match &mut self.kind {
            Kind::Closed { concurrency, ramp, passed, admission } => {
                if passed < concurrency {
                    // Absolute, so that a late wake-up does not push the later starts back.
                    let offset_ns = duration_ns(*ramp) / i64::from(*concurrency) * i64::from(*passed);
                    if offset_ns > 0 {
                        self.alarm.reached(self.began_ns + offset_ns).await;
                    }
                    *passed += 1;
                }
                let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
                let (phase, index) = admission.admit(self.alarm.clock().now_ns())?;
                Some(Place { phase, index, scheduled_ns: None, slot: Some(slot) })
            }
            Kind::Open { schedule, .. } => {
                let due = schedule.next()?;
                let scheduled_ns = Some(self.began_ns.saturating_add(due.offset_ns));
                Some(Place { phase: due.phase, index: due.index, scheduled_ns, slot: None })
            }
        }
    }

    /// Waits until the session of a place may start; `None` when it is due and all slots are taken.
    pub(super) async fn pass(&mut self, place: Place) -> Option<Slot> {
        let (Kind::Open { measured_from_ns, burst, .. }, Some(due_ns)) = (&mut self.kind, place.scheduled_ns) else {
            return place.slot;
        };
        if self.alarm.clock().now_ns() < due_ns {
            *burst = 0;
            self.alarm.reached(due_ns).await;
        } else {
            *burst += 1;
            if burst.is_multiple_of(BURST) {
                tokio::task::yield_now().await;
            }
        }
        if place.phase == Phase::Measure {
            measured_from_ns.get_or_insert(due_ns);
        }
        Arc::clone(&self.slots).try_acquire_owned().ok()
    }

    /// When the measured phase started: when its first session was due in open loop, when it started in closed loop.
    pub(super) fn measured_from_ns(&self) -> Option<MonotonicNs> {
        match &self.kind {
            Kind::Closed { admission, .. } => admission.measured_from_ns(),
            Kind::Open { measured_from_ns, .. } => *measured_from_ns,
        }
    }
}

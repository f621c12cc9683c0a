use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

use crate::record::LoopLag;
use crate::time::{Clock, MonotonicNs};

/// Between two looks.
const PERIOD_NS: i64 = 10_000_000;

/// Looks how late the timed loop runs what is ready: a task of it whose timer is as exact as the kernel's.
///
/// The timer is a descriptor that the loop waits for among its sockets, so a look is as late as a token that arrived
/// at that moment would be: behind a neighbour on the same processor, a quota, a stop, or a long poll of another task.
/// Looks that came due while the loop stood still count too, each as late as it then was.
#[derive(Debug)]
pub(super) struct Canary {
    looks: Arc<Mutex<Looks>>,
    task: JoinHandle<()>,
    clock: Clock,
}

/// The lags of the looks at `first_due_ns`, and every period after it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Looks {
    first_due_ns: MonotonicNs,
    /// Microseconds: four bytes a look, as a unit may take hours.
    lags_us: Vec<u32>,
}

impl Canary {
    /// Starts looking, on the runtime of the calling task.
    pub(super) fn start(clock: Clock) -> Self {
        let first_due_ns = clock.now_ns() + PERIOD_NS;
        let looks = Arc::new(Mutex::new(Looks { first_due_ns, lags_us: Vec::new() }));
        let seen = Arc::clone(&looks);
        let task = tokio::spawn(async move {
            let mut ticker = Ticker::start(first_due_ns, clock);
            loop {
                let Ok(granularity_ns) = ticker.tick().await else { break };
                let mut looks = seen.lock().unwrap_or_else(PoisonError::into_inner);
                looks.look(clock.now_ns() - granularity_ns);
                ticker.next_due_ns = looks.next_due_ns();
            }
        });
        Self { looks, task, clock }
    }

    /// Ends it; the lags of the looks from `from_ns` on.
    pub(super) fn finish(self, from_ns: MonotonicNs) -> Option<LoopLag> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        // What is due and was not run yet is at least so late.
        looks.look(self.clock.now_ns());
        LoopLag::of(looks.from(from_ns))
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Looks {
    fn next_due_ns(&self) -> MonotonicNs {
        self.due_ns(self.lags_us.len())
    }

    fn due_ns(&self, number: usize) -> MonotonicNs {
        self.first_due_ns + i64::try_from(number).unwrap_or(i64::MAX).saturating_mul(PERIOD_NS)
    }

    /// Notes every look that is due by now.
    fn look(&mut self, now_ns: MonotonicNs) {
        while self.next_due_ns() <= now_ns {
            let late_us = (now_ns - self.next_due_ns()) / 1000;
            self.lags_us.push(u32::try_from(late_us).unwrap_or(u32::MAX));
        }
    }

    /// The lags of the looks that were due from then on, nanoseconds.
    fn from(&self, from_ns: MonotonicNs) -> Vec<i64> {
        let lags = self.lags_us.iter().enumerate().filter(|(number, _)| self.due_ns(*number) >= from_ns);
        lags.map(|(_, lag_us)| i64::from(*lag_us) * 1000).collect()
    }
}

/// Fires at every look's time.
struct Ticker {
    next_due_ns: MonotonicNs,
    clock: Clock,
    #[cfg(target_os = "linux")]
    timer: Option<timer::Timer>,
}

impl Ticker {
    fn start(first_due_ns: MonotonicNs, clock: Clock) -> Self {
        Self {
            next_due_ns: first_due_ns,
            clock,
            #[cfg(target_os = "linux")]
            timer: timer::Timer::start(first_due_ns, PERIOD_NS).ok(),
        }
    }

    /// Waits for the next look; how much later than due it may fire by itself, nanoseconds.
    async fn tick(&mut self) -> io::Result<i64> {
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.timer {
            timer.fired().await?;
            return Ok(0);
        }
        tokio::time::sleep_until(self.clock.instant_of(self.next_due_ns)).await;
        Ok(TOKIO_GRANULARITY_NS)
    }
}

/// Tokio rounds a time up to its next millisecond.
const TOKIO_GRANULARITY_NS: i64 = 1_000_000;

#[cfg(target_os = "linux")]
mod timer {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    use crate::time::MonotonicNs;

    /// A timer of the kernel as a descriptor.
    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        #[expect(deprecated, reason = "its unsafe successor asks for a descriptor that stays the same: this one does")]
        pub(super) fn start(first_ns: MonotonicNs, period_ns: i64) -> io::Result<Self> {
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            let when = Itimerspec { it_interval: spec(period_ns), it_value: spec(first_ns) };
            timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &when)?;
            Ok(Self(AsyncFd::new(timer)?))
        }

        /// Waits until it fired since the last call.
        pub(super) async fn fired(&self) -> io::Result<()> {
            let mut times = [0; 8];
            loop {
                let mut ready = self.0.readable().await?;
                let read = |timer: &AsyncFd<OwnedFd>| Ok(rustix::io::read(timer.get_ref(), &mut times)?);
                if let Ok(read) = ready.try_io(read) {
                    return read.map(|_| ());
                }
            }
        }
    }

    fn spec(ns: i64) -> Timespec {
        Timespec { tv_sec: ns / 1_000_000_000, tv_nsec: ns % 1_000_000_000 }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn looks_that_a_stall_swallowed_are_as_late_as_they_were() {
        let ms = 1_000_000;
        let mut looks = Looks { first_due_ns: 100 * ms, lags_us: Vec::new() };
        looks.look(99 * ms);
        assert!(looks.lags_us.is_empty(), "nothing is due");
        looks.look(100 * ms + 40_000);
        looks.look(145 * ms);
        assert_eq!(looks.lags_us, [40, 35_000, 25_000, 15_000, 5_000]);
        assert_eq!(looks.next_due_ns(), 150 * ms);
        assert_eq!(looks.from(121 * ms), [15 * ms, 5 * ms]);
    }

    /// Runs on real time: a stall that the test makes itself is the least that must be seen.
    #[tokio::test]
    async fn a_poll_that_does_not_end_is_seen() {
        let clock = Clock::start();
        let canary = Canary::start(clock);
        tokio::time::sleep(Duration::from_millis(25)).await;
        std::thread::sleep(Duration::from_millis(200));
        tokio::time::sleep(Duration::from_millis(25)).await;
        let lag = canary.finish(i64::MIN).unwrap();
        assert!(lag.samples >= 20 && lag.max_ns >= 180_000_000, "{lag:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_timer_of_the_kernel_tokios_is_used() {
        let clock = Clock::start();
        let first_due_ns = clock.now_ns() + PERIOD_NS;
        let mut ticker = Ticker {
            #[cfg(target_os = "linux")]
            timer: None,
            ..Ticker::start(first_due_ns, clock)
        };
        assert_eq!(ticker.tick().await.unwrap(), TOKIO_GRANULARITY_NS);
        assert!(clock.now_ns() >= first_due_ns);
    }
}

use std::io;

use super::{Clock, MonotonicNs};

/// Wakes a task at a stamp of a clock.
///
/// tokio's own timers tick in whole milliseconds, which is half of the gap between two requests at 2 000 a second.
/// Which kind it is, its maker says: nothing is guessed from the surroundings.
#[derive(Debug)]
pub struct Alarm {
    clock: Clock,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Coarse,
    #[cfg(target_os = "linux")]
    Precise(timer::Timer),
}

impl Alarm {
    /// By tokio's timers, to the millisecond; follows tokio's clock where a test has paused it.
    #[must_use]
    pub fn coarse(clock: Clock) -> Self {
        Self { clock, kind: Kind::Coarse }
    }

    /// By a timer of the kernel, to some ten microseconds; where there is none but on Linux, a coarse one.
    ///
    /// Must be made within a runtime. Fails when the process has no descriptor left.
    pub fn precise(clock: Clock) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        let kind = Kind::Precise(timer::Timer::new()?);
        #[cfg(not(target_os = "linux"))]
        let kind = Kind::Coarse;
        Ok(Self { clock, kind })
    }

    /// The clock whose stamps it keeps to.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Returns once the clock has reached `at_ns`, never before; at once when it has already.
    ///
    /// Dropping the future does no harm: the next call sets the alarm anew.
    pub async fn reached(&mut self, at_ns: MonotonicNs) {
        let mut due_ns = at_ns;
        while self.clock.now_ns() < at_ns {
            self.kind.wait(self.clock, due_ns).await;
            // The clock's anchor may stand a little off the kernel's time: by what is left then.
            due_ns += (at_ns - self.clock.now_ns()).max(0);
        }
    }
}

impl Kind {
    async fn wait(&self, clock: Clock, due_ns: MonotonicNs) {
        #[cfg(target_os = "linux")]
        if let Self::Precise(timer) = self
            && timer.reached(due_ns).await.is_ok()
        {
            return;
        }
        tokio::time::sleep_until(clock.instant_of(due_ns)).await;
    }
}

#[cfg(target_os = "linux")]
mod timer {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use crate::time::MonotonicNs;

    /// A timer of the kernel that the runtime waits for beside its sockets.
    #[derive(Debug)]
    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            #[expect(deprecated, reason = "its successor is unsafe, for files that close early; an `OwnedFd` does not")]
            let registered = AsyncFd::with_interest(timer, Interest::READABLE)?;
            Ok(Self(registered))
        }

        /// Returns once the kernel's `CLOCK_MONOTONIC` has reached `due_ns`.
        pub(super) async fn reached(&self, due_ns: MonotonicNs) -> io::Result<()> {
            // All zero would disarm it.
            let due_ns = due_ns.max(1);
            let due = Timespec { tv_sec: due_ns / 1_000_000_000, tv_nsec: due_ns % 1_000_000_000 };
            let once = Itimerspec { it_interval: Timespec::default(), it_value: due };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
            // Setting it took back what was not read of an earlier time, so a reading is of this one.
            let read = |timer: &OwnedFd| Ok(rustix::io::read(timer, &mut [0_u8; 8])?);
            self.0.async_io(Interest::READABLE, read).await.map(|_| ())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MS: i64 = 1_000_000;

    #[tokio::test(start_paused = true)]
    async fn a_coarse_alarm_follows_the_paused_clock() {
        let clock = Clock::start();
        let mut alarm = Alarm::coarse(clock);
        let began_ns = clock.now_ns();
        for after_ms in [5, 5, 3, 2000] {
            alarm.reached(began_ns + after_ms * MS).await;
        }
        assert_eq!(clock.now_ns() - began_ns, 2000 * MS);
    }

    #[tokio::test]
    async fn a_precise_alarm_is_never_early_and_outlives_a_call_given_up() {
        let clock = Clock::start();
        let mut alarm = Alarm::precise(clock).unwrap();
        for step in 0..20 {
            let at_ns = clock.now_ns() + 300_000;
            alarm.reached(at_ns).await;
            assert!(clock.now_ns() >= at_ns);
            // Given up before and after it fires: neither may wake the next call.
            let soon_ns = clock.now_ns() + step * 20_000;
            tokio::select! {
                biased;
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
                () = alarm.reached(soon_ns + 3600 * 1000 * MS) => unreachable!(),
            }
        }
    }

    #[tokio::test]
    async fn a_time_that_has_passed_wakes_at_once() {
        let clock = Clock::start();
        for mut alarm in [Alarm::coarse(clock), Alarm::precise(clock).unwrap()] {
            alarm.reached(clock.now_ns() - 1).await;
            alarm.reached(0).await;
        }
    }
}

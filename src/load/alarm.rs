use crate::time::{Clock, MonotonicNs};

/// Wakes at a moment of the monotonic clock.
///
/// The runtime's timer counts whole milliseconds, too coarse for thousands of starts a second. Where the system
/// has timers that a descriptor announces, one of those wakes the task, to some tens of microseconds.
#[derive(Debug)]
pub struct Alarm {
    clock: Clock,
    #[cfg(target_os = "linux")]
    timer: Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>>,
}

impl Alarm {
    /// As fine as the system can. To be made within a runtime.
    #[must_use]
    pub fn fine(clock: Clock) -> Self {
        Self {
            clock,
            #[cfg(target_os = "linux")]
            timer: precise::timer(),
        }
    }

    /// The runtime's timer, which follows a paused clock.
    #[must_use]
    pub fn of_runtime(clock: Clock) -> Self {
        Self {
            clock,
            #[cfg(target_os = "linux")]
            timer: None,
        }
    }

    /// The clock it goes by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Waits until `due_ns`; not at all when that has passed.
    pub async fn until(&self, due_ns: MonotonicNs) {
        if self.clock.now_ns() >= due_ns {
            return;
        }
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.timer
            && precise::wait(timer, due_ns).await.is_ok()
        {
            return;
        }
        tokio::time::sleep_until(self.clock.instant_of(due_ns)).await;
    }
}

#[cfg(target_os = "linux")]
mod precise {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use crate::time::MonotonicNs;

    const SECOND_NS: i64 = 1_000_000_000;
    const NEVER_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

    #[expect(deprecated, reason = "its unsafe successor wants a descriptor that stays the same: this one does")]
    /// A timer on the monotonic clock; `None` where there is none to be had.
    pub(super) fn timer() -> Option<AsyncFd<OwnedFd>> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC).ok()?;
        AsyncFd::with_interest(timer, Interest::READABLE).ok()
    }

    /// Waits for the absolute `due_ns`.
    pub(super) async fn wait(timer: &AsyncFd<OwnedFd>, due_ns: MonotonicNs) -> io::Result<()> {
        let at = Timespec { tv_sec: due_ns.div_euclid(SECOND_NS), tv_nsec: due_ns.rem_euclid(SECOND_NS) };
        let setting = Itimerspec { it_interval: NEVER_AGAIN, it_value: at };
        timerfd_settime(timer.get_ref(), TimerfdTimerFlags::ABSTIME, &setting)?;
        loop {
            let mut ready = timer.readable().await?;
            let mut expirations = [0; 8];
            match ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut expirations)?)) {
                Ok(read) => return read.map(|_| ()),
                Err(_would_block) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_runtimes_timer_follows_the_paused_clock() {
        let alarm = Alarm::of_runtime(Clock::start());
        let began_ns = alarm.clock().now_ns();
        alarm.until(began_ns + 90_000_000_000).await;
        assert_eq!(alarm.clock().now_ns() - began_ns, 90_000_000_000);
        alarm.until(began_ns).await;
    }

    #[tokio::test]
    async fn never_early_and_again_and_again() {
        let alarm = Alarm::fine(Clock::start());
        for micros in [0, 50, 700, 3000] {
            let due_ns = alarm.clock().now_ns() + micros * 1000;
            alarm.until(due_ns).await;
            assert!(alarm.clock().now_ns() >= due_ns, "{micros}");
        }
    }
}

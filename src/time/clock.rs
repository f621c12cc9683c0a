use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// Nanoseconds on the machine's `CLOCK_MONOTONIC`, the same for every process of one boot.
///
/// Differences are exact; the zero is arbitrary. Signed, so that offsets before a start are negative.
pub type MonotonicNs = i64;

/// Reads the monotonic clock, and follows tokio's clock so that tests can pause it.
///
/// Anchored once: a reading is the anchor's stamp plus what tokio's clock advanced since.
/// Outside paused tests both are `CLOCK_MONOTONIC`, so readings of two processes compare.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    anchor_ns: MonotonicNs,
    anchor: Instant,
}

impl Clock {
    /// A clock anchored now.
    ///
    /// A thread that loses its processor between the anchor's two readings would shift every later stamp by as long:
    /// of some tries the tightest is taken.
    #[must_use]
    pub fn start() -> Self {
        let mut tightest = (i64::MAX, Self { anchor_ns: 0, anchor: Instant::now() });
        for _ in 0..ANCHOR_TRIES {
            let before_ns = monotonic_ns();
            let anchor = Instant::now();
            let apart_ns = monotonic_ns() - before_ns;
            if apart_ns < tightest.0 {
                tightest = (apart_ns, Self { anchor_ns: before_ns + apart_ns / 2, anchor });
            }
            if apart_ns < ANCHOR_TIGHT_NS {
                break;
            }
        }
        tightest.1
    }

    /// The current stamp, in nanoseconds of `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn now_ns(&self) -> MonotonicNs {
        self.ns_of(Instant::now())
    }

    /// The stamp of a tokio instant.
    #[must_use]
    pub fn ns_of(&self, instant: Instant) -> MonotonicNs {
        match instant.checked_duration_since(self.anchor) {
            Some(after) => self.anchor_ns + duration_ns(after),
            None => self.anchor_ns - duration_ns(self.anchor.duration_since(instant)),
        }
    }

    /// The tokio instant of a stamp, for timers.
    #[must_use]
    pub fn instant_of(&self, stamp: MonotonicNs) -> Instant {
        let offset = stamp - self.anchor_ns;
        let distance = Duration::from_nanos(offset.unsigned_abs());
        if offset >= 0 { self.anchor + distance } else { self.anchor.checked_sub(distance).unwrap_or(self.anchor) }
    }
}

/// Readings of the two clocks this close together need no further try.
const ANCHOR_TIGHT_NS: i64 = 1000;

const ANCHOR_TRIES: usize = 16;

fn monotonic_ns() -> MonotonicNs {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// A duration in whole nanoseconds, saturating at about 292 years.
#[must_use]
pub fn duration_ns(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Nanoseconds since the Unix epoch, from the wall clock: for dates, never for differences.
#[must_use]
pub fn unix_ns() -> i64 {
    jiff::Timestamp::now().as_nanosecond().try_into().unwrap_or(i64::MAX)
}

/// `ns` since the Unix epoch as RFC 3339 in UTC, to the second.
#[must_use]
pub fn rfc3339(ns: i64) -> String {
    jiff::Timestamp::from_second(ns.div_euclid(1_000_000_000))
        .map_or_else(|_| ns.to_string(), |stamp| stamp.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_the_paused_clock_exactly() {
        let clock = Clock::start();
        let before = clock.now_ns();
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(clock.now_ns() - before, 90_000_000_000);
        assert_eq!(clock.ns_of(clock.instant_of(before + 5)), before + 5);
    }

    #[test]
    fn two_clocks_agree() {
        // What calibration rests on. Between two readings of one clock, so that a busy machine fails nothing.
        let first = Clock::start();
        for clock in (0..50).map(|_| Clock::start()) {
            let (before, between, after) = (first.now_ns(), clock.now_ns(), first.now_ns());
            assert!(before - 1_000_000 < between && between < after + 1_000_000, "{before} {between} {after}");
        }
    }

    #[test]
    fn dates_are_utc_to_the_second() {
        assert_eq!(rfc3339(1_795_000_000_123_456_789), "2026-11-18T11:06:40Z");
    }
}

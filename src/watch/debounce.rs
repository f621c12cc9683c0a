use std::time::Duration;

use crate::time::{MonotonicNs, duration_ns};

/// Makes one change of a burst of notices: an editor that saves writes, renames and removes within milliseconds.
///
/// Due when nothing came for `quiet`, and at the latest `longest` after the first notice, so that a file that is
/// written all the time does not hold everything up.
#[derive(Debug, Clone)]
pub struct Debounce {
    quiet_ns: i64,
    longest_ns: i64,
    burst: Option<Burst>,
}

#[derive(Debug, Clone, Copy)]
struct Burst {
    first_ns: MonotonicNs,
    last_ns: MonotonicNs,
}

impl Debounce {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(quiet: Duration, longest: Duration) -> Self {
        Self { quiet_ns: duration_ns(quiet), longest_ns: duration_ns(longest), burst: None }
    }

    /// Takes a notice.
    pub fn note(&mut self, now_ns: MonotonicNs) {
        let first_ns = self.burst.map_or(now_ns, |burst| burst.first_ns);
        self.burst = Some(Burst { first_ns, last_ns: now_ns });
    }

    /// When the burst is over, unless more comes; `None` while nothing came.
    #[must_use]
    pub fn due_ns(&self) -> Option<MonotonicNs> {
        self.burst.map(|burst| {
            burst.last_ns.saturating_add(self.quiet_ns).min(burst.first_ns.saturating_add(self.longest_ns))
        })
    }

    /// Whether a burst is over now; once for each.
    pub fn take(&mut self, now_ns: MonotonicNs) -> bool {
        let is_over = self.due_ns().is_some_and(|due_ns| due_ns <= now_ns);
        if is_over {
            self.burst = None;
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// When bursts are over, with notices at these milliseconds; looked at whenever one is due, as a timer would.
    fn bursts(notices: &[i64]) -> Vec<i64> {
        let mut debounce = Debounce::new(Duration::from_millis(100), Duration::from_millis(500));
        let mut over = Vec::new();
        for at in notices {
            while let Some(due_ns) = debounce.due_ns().filter(|due_ns| *due_ns <= at * MS) {
                assert!(debounce.take(due_ns) && !debounce.take(due_ns), "once for each");
                over.push(due_ns / MS);
            }
            debounce.note(at * MS);
            assert!(!debounce.take(at * MS), "never at once");
        }
        over.extend(debounce.due_ns().map(|due_ns| due_ns / MS));
        over
    }

    #[test]
    fn a_burst_is_one_change() {
        for (notices, expected) in [
            (&[][..], &[][..]),
            (&[0], &[100]),
            (&[0, 1, 3, 40], &[140]),
            (&[0, 99, 198], &[298]),
            (&[0, 100], &[100, 200]),
            (&[0, 250, 260], &[100, 360]),
            // Written all the time: every half second.
            (&[0, 90, 180, 270, 360, 450, 540, 630], &[500, 730]),
        ] {
            assert_eq!(bursts(notices), expected, "{notices:?}");
        }
    }
}

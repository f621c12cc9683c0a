use std::time::Duration;

use crate::cli::args::{MaxAge, Reuse};
use crate::time::duration_ns;

/// How old a result may be that a session takes over instead of measuring it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Floor {
    /// As old as it may.
    Any,
    /// Measured since then, nanoseconds since the Unix epoch.
    Since(i64),
}

impl Floor {
    /// That of a session that begins now: what it measures itself, and what `--reuse` allows.
    pub(super) fn of(reuse: &Reuse, now_unix_ns: i64) -> Self {
        match reuse.reuse {
            None => Self::Since(now_unix_ns),
            Some(MaxAge(None)) => Self::Any,
            Some(MaxAge(Some(age))) => Self::Since(now_unix_ns.saturating_sub(duration_ns(age))),
        }
    }

    /// The same as an age.
    pub(super) fn max_age(self, now_unix_ns: i64) -> MaxAge {
        MaxAge(match self {
            Self::Any => None,
            // A clock that was set back leaves nothing to take over.
            Self::Since(since) => Some(Duration::from_nanos(now_unix_ns.saturating_sub(since).max(0).unsigned_abs())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_count_from_the_beginning_or_as_reuse_says() {
        let seconds = |s: i64| s * 1_000_000_000;
        for (reuse, after_an_hour) in
            [(None, Some(3600)), (Some(MaxAge(None)), None), (Some(MaxAge(Some(Duration::from_secs(60)))), Some(3660))]
        {
            let floor = Floor::of(&Reuse { reuse }, seconds(100));
            let MaxAge(age) = floor.max_age(seconds(100 + 3600));
            assert_eq!(age, after_an_hour.map(Duration::from_secs), "{reuse:?}");
        }
        let MaxAge(age) = Floor::Since(seconds(100)).max_age(seconds(50));
        assert_eq!(age, Some(Duration::ZERO));
    }
}

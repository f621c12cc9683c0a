use std::time::Duration;

use crate::record::Phase;
use crate::time::{MonotonicNs, duration_ns};

/// What comes before the measured phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmup {
    /// So many sessions.
    Sessions(u64),
    /// What starts in this time.
    Time(Duration),
}

/// When the measured phase is over: at whichever limit comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopRule {
    /// Measured sessions started.
    pub sessions: Option<u64>,
    /// Time since the measured phase started.
    pub duration: Option<Duration>,
}

/// Gives each session its phase and its number within it, until the stop rule is met.
#[derive(Debug)]
pub(super) struct Admission {
    warmup: Warmup,
    rule: StopRule,
    began_ns: MonotonicNs,
    warmed: u64,
    measured: u64,
    measured_from_ns: Option<MonotonicNs>,
}

impl Admission {
    pub(super) fn new(warmup: Warmup, rule: StopRule, began_ns: MonotonicNs) -> Self {
        Self { warmup, rule, began_ns, warmed: 0, measured: 0, measured_from_ns: None }
    }

    /// The phase of a session that starts now and its number in that phase; `None` when no more start.
    pub(super) fn admit(&mut self, now_ns: MonotonicNs) -> Option<(Phase, u64)> {
        if self.measured_from_ns.is_none() && self.is_warming(now_ns) {
            self.warmed += 1;
            return Some((Phase::Warmup, self.warmed - 1));
        }
        let from_ns = *self.measured_from_ns.get_or_insert(now_ns);
        let over = self.rule.sessions.is_some_and(|most| self.measured >= most)
            || self.rule.duration.is_some_and(|longest| now_ns - from_ns >= duration_ns(longest));
        if over {
            return None;
        }
        self.measured += 1;
        Some((Phase::Measure, self.measured - 1))
    }

    /// When the measured phase started.
    pub(super) fn measured_from_ns(&self) -> Option<MonotonicNs> {
        self.measured_from_ns
    }

    fn is_warming(&self, now_ns: MonotonicNs) -> bool {
        match self.warmup {
            Warmup::Sessions(count) => self.warmed < count,
            Warmup::Time(time) => now_ns - self.began_ns < duration_ns(time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn phases(warmup: Warmup, rule: StopRule, starts: &[i64]) -> String {
        let mut admission = Admission::new(warmup, rule, 0);
        let word = |admitted| match admitted {
            Some((Phase::Warmup, _)) => 'w',
            Some((Phase::Measure, _)) => 'm',
            None => '-',
        };
        starts.iter().map(|start| word(admission.admit(*start))).collect()
    }

    #[test]
    fn warm_up_hands_over_and_the_rule_ends_it() {
        let rule = |sessions, seconds: Option<u64>| StopRule { sessions, duration: seconds.map(Duration::from_secs) };
        let starts: Vec<i64> = (0..6).map(|second| second * SECOND).collect();
        for (warmup, rule, expected) in [
            (Warmup::Sessions(0), rule(Some(2), None), "mm----"),
            (Warmup::Sessions(2), rule(Some(3), None), "wwmmm-"),
            (Warmup::Time(Duration::from_millis(1500)), rule(Some(9), None), "wwmmmm"),
            (Warmup::Sessions(1), rule(None, Some(2)), "wmm---"),
            (Warmup::Sessions(1), rule(Some(1), Some(9)), "wm----"),
            (Warmup::Sessions(0), rule(Some(0), None), "------"),
        ] {
            assert_eq!(phases(warmup, rule, &starts), expected, "{warmup:?} {rule:?}");
        }
    }
}

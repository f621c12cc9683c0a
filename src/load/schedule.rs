use super::arrivals::Offsets;
use super::{ArrivalProcess, StopRule, Warmup};
use crate::record::Phase;
use crate::time::{MonotonicNs, duration_ns};

/// The sessions of an open loop, each with the moment it is due, warm-up and stop rule applied: data, whatever
/// happens to the sessions.
///
/// The measured phase starts a gap after the last arrival of the warm-up, so that the two pass into one another;
/// its offsets are the same with any warm-up.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    warmup: Warmup,
    rule: StopRule,
    began_ns: MonotonicNs,
    warm: Offsets,
    measured: Offsets,
    /// Sessions of the running phase so far.
    count: u64,
    measured_from_ns: Option<MonotonicNs>,
}

/// A session and when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) phase: Phase,
    /// Its number within the phase.
    pub(super) index: u64,
    pub(super) at_ns: MonotonicNs,
}

impl Schedule {
    pub(super) fn new(process: ArrivalProcess, warmup: Warmup, rule: StopRule, began_ns: MonotonicNs) -> Self {
        Self {
            warmup,
            rule,
            began_ns,
            warm: process.offsets(Phase::Warmup.as_str()),
            measured: process.offsets(Phase::Measure.as_str()),
            count: 0,
            measured_from_ns: None,
        }
    }

    /// When the measured phase started: its first arrival is due.
    pub(super) fn measured_from_ns(&self) -> Option<MonotonicNs> {
        self.measured_from_ns
    }

    fn is_warming(&self, offset_ns: i64) -> bool {
        match self.warmup {
            Warmup::Sessions(count) => self.count < count,
            Warmup::Time(time) => offset_ns < duration_ns(time),
        }
    }

    /// The number of the next session of the running phase.
    fn number(&mut self) -> u64 {
        self.count += 1;
        self.count - 1
    }
}

impl Iterator for Schedule {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        if self.measured_from_ns.is_none() {
            let offset_ns = self.warm.next()?;
            let at_ns = self.began_ns.saturating_add(offset_ns);
            if self.is_warming(offset_ns) {
                return Some(Due { phase: Phase::Warmup, index: self.number(), at_ns });
            }
            self.measured_from_ns = Some(at_ns);
            self.count = 0;
        }
        let offset_ns = self.measured.next()?;
        let over = self.rule.sessions.is_some_and(|most| self.count >= most)
            || self.rule.duration.is_some_and(|longest| offset_ns >= duration_ns(longest));
        if over {
            return None;
        }
        let at_ns = self.measured_from_ns?.saturating_add(offset_ns);
        Some(Due { phase: Phase::Measure, index: self.number(), at_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::units::{ArrivalDistribution, Qps};
    use std::time::Duration;

    fn dues(warmup: Warmup, sessions: Option<u64>, ms: Option<u64>) -> Vec<(char, u64, i64)> {
        let process =
            ArrivalProcess { rate: Qps::Rate(10.0), distribution: ArrivalDistribution::Constant, seed: Seed::root(1) };
        let rule = StopRule { sessions, duration: ms.map(Duration::from_millis) };
        let letter = |due: &Due| if due.phase == Phase::Warmup { 'w' } else { 'm' };
        Schedule::new(process, warmup, rule, 1_000_000_000)
            .map(|due| (letter(&due), due.index, (due.at_ns - 1_000_000_000) / 1_000_000))
            .collect()
    }

    #[test]
    fn phases_pass_into_one_another_and_the_rule_bounds_them() {
        let none = Warmup::Sessions(0);
        for (warmup, sessions, ms, expected) in [
            (none, Some(3), None, vec![('m', 0, 0), ('m', 1, 100), ('m', 2, 200)]),
            (Warmup::Sessions(2), Some(2), None, vec![('w', 0, 0), ('w', 1, 100), ('m', 0, 200), ('m', 1, 300)]),
            (Warmup::Time(Duration::from_millis(150)), Some(1), None, vec![('w', 0, 0), ('w', 1, 100), ('m', 0, 200)]),
            (none, None, Some(200), vec![('m', 0, 0), ('m', 1, 100)]),
            (none, Some(9), Some(101), vec![('m', 0, 0), ('m', 1, 100)]),
            (none, Some(0), None, vec![]),
        ] {
            assert_eq!(dues(warmup, sessions, ms), expected, "{warmup:?} {sessions:?} {ms:?}");
        }
    }

    #[test]
    fn the_measured_offsets_are_the_same_with_any_warm_up() {
        let process = ArrivalProcess {
            rate: Qps::Rate(10.0),
            distribution: ArrivalDistribution::Exponential,
            seed: Seed::root(1),
        };
        let rule = StopRule { sessions: Some(50), duration: None };
        let offsets = |warmup| {
            let mut schedule = Schedule::new(process, warmup, rule, 7);
            let dues: Vec<Due> = schedule.by_ref().filter(|due| due.phase == Phase::Measure).collect();
            let from_ns = schedule.measured_from_ns().unwrap();
            dues.iter().map(|due| due.at_ns - from_ns).collect::<Vec<_>>()
        };
        assert_eq!(offsets(Warmup::Sessions(0)), offsets(Warmup::Sessions(17)));
    }
}

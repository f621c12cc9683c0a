use super::{ArrivalProcess, Offsets, StopRule, Warmup};
use crate::record::Phase;
use crate::time::duration_ns;
use crate::units::Qps;

/// A request of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Its phase.
    pub phase: Phase,
    /// From 0 within the phase.
    pub index: u64,
    /// When, in nanoseconds since the first request of all.
    pub offset_ns: i64,
}

/// All requests of an open loop, known before the first is sent: an iterator in order of time.
///
/// The measured phase takes over at the moment at which the warm-up's next request would have been due, so that the
/// pace has no seam; its own offsets are the same whatever the warm-up is.
#[derive(Debug, Clone)]
pub struct Schedule {
    warmup: Warmup,
    rule: StopRule,
    warming: Option<Offsets>,
    measured: Offsets,
    /// When the measured phase starts; counts once the warm-up is over.
    from_ns: i64,
    index: u64,
    /// Whether time never passes between requests: then only counts bound a phase.
    at_once: bool,
}

impl Schedule {
    /// The schedule of a process at a rate, as far as the rules reach. Without a limit it has no end; at an infinite
    /// rate a time is no limit, and a phase that has no other is empty.
    #[must_use]
    pub fn new(process: ArrivalProcess, rate: Qps, warmup: Warmup, rule: StopRule) -> Self {
        Self {
            warmup,
            rule,
            warming: Some(process.offsets(rate, Phase::Warmup)),
            measured: process.offsets(rate, Phase::Measure),
            from_ns: 0,
            index: 0,
            at_once: rate == Qps::Infinite,
        }
    }

    fn is_warm_up(&self, offset_ns: i64) -> bool {
        match self.warmup {
            Warmup::Sessions(count) => self.index < count,
            Warmup::Time(time) => !self.at_once && offset_ns < duration_ns(time),
        }
    }

    fn is_measured(&self, offset_ns: i64) -> bool {
        match self.rule {
            StopRule { sessions: None, .. } if self.at_once => false,
            StopRule { sessions, duration } => {
                sessions.is_none_or(|most| self.index < most)
                    && duration.is_none_or(|longest| offset_ns < duration_ns(longest))
            }
        }
    }

    fn due(&mut self, phase: Phase, offset_ns: i64) -> Due {
        self.index += 1;
        Due { phase, index: self.index - 1, offset_ns }
    }
}

impl Iterator for Schedule {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        if let Some(warming) = &mut self.warming {
            let offset_ns = warming.next()?;
            if self.is_warm_up(offset_ns) {
                return Some(self.due(Phase::Warmup, offset_ns));
            }
            (self.warming, self.from_ns, self.index) = (None, offset_ns, 0);
        }
        let offset_ns = self.measured.next()?;
        self.is_measured(offset_ns).then(|| self.due(Phase::Measure, self.from_ns.saturating_add(offset_ns)))
    }
}

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;

use crate::record::{Phase, RequestRecord};
use crate::time::MonotonicNs;

/// Most lives that are looked at from either end of a repeat; more where more are in flight at once.
const LIVES: usize = 1 << 14;

/// How a steady window is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::metrics) enum Rule {
    /// Closed loop of so many sessions: while all of them are in flight.
    Closed(u64),
    /// Open loop: while requests are due, once as many are in flight as on average.
    Open,
}

impl Rule {
    /// Its name in summaries.
    pub(in crate::metrics) fn name(self) -> &'static str {
        match self {
            Self::Closed(_) => "closed_full",
            Self::Open => "open_arrivals",
        }
    }
}

/// A steady window, from `from_ns` on and before `to_ns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to each")]
pub(in crate::metrics) struct Window {
    pub(in crate::metrics) from_ns: MonotonicNs,
    pub(in crate::metrics) to_ns: MonotonicNs,
    /// What began up to here belongs to the filling up.
    pub(super) filled_ns: Option<MonotonicNs>,
}

impl Window {
    /// Whether a request counts: one of the measured phase that was due, or sent in closed loop, in the window.
    pub(in crate::metrics) fn counts(&self, record: &RequestRecord) -> bool {
        let at = record.stamps.scheduled_ns.or(record.stamps.sent_ns);
        record.phase == Phase::Measure
            && at.is_some_and(|at| {
                at >= self.from_ns && at < self.to_ns && self.filled_ns.is_none_or(|filled| at > filled)
            })
    }

    pub(in crate::metrics) fn length_ns(&self) -> i64 {
        self.to_ns - self.from_ns
    }

    /// How much of the time between two moments lies in it; a single moment does or does not.
    pub(super) fn share(&self, from_ns: MonotonicNs, to_ns: MonotonicNs) -> f64 {
        if to_ns <= from_ns {
            return f64::from(u8::from(from_ns >= self.from_ns && from_ns < self.to_ns));
        }
        as_float(self.overlap_ns(from_ns, to_ns)) / as_float(to_ns - from_ns)
    }

    pub(super) fn overlap_ns(&self, from_ns: MonotonicNs, to_ns: MonotonicNs) -> i64 {
        (to_ns.min(self.to_ns) - from_ns.max(self.from_ns)).max(0)
    }
}

/// Why a repeat has no steady window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::metrics) enum Unsteady {
    /// Nothing was sent.
    Nothing,
    /// The concurrency was never reached.
    NeverFull { most: u64, asked: u64 },
    /// All requests were due at one moment.
    AtOnce,
    /// The number in flight did not come to its average before the arrivals were over.
    NeverLevel,
    /// Too few requests began in the window.
    TooFew { requests: u64, needed: u64 },
    /// The window is shorter than a request takes.
    TooShort { window_s: f64, request_s: f64 },
}

impl fmt::Display for Unsteady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "nothing was sent"),
            Self::NeverFull { most, asked } => write!(f, "never more than {most} of {asked} were in flight at once"),
            Self::AtOnce => write!(f, "all requests were due at once"),
            Self::NeverLevel => write!(f, "the number in flight never came to its average while requests were due"),
            Self::TooFew { requests, needed } => {
                write!(f, "{requests} completed requests began between ramp and drain, {needed} are needed")
            }
            Self::TooShort { window_s, request_s } => {
                write!(f, "{window_s:.3} s lie between ramp and drain, a request takes {request_s:.3} s")
            }
        }
    }
}

/// Finds the steady window of a repeat from the lives of its requests, in memory that does not grow with them.
#[derive(Debug)]
pub(in crate::metrics) struct WindowFinder {
    rule: Rule,
    most: usize,
    /// The lives that began first, as (start, end); the latest of them on top.
    earliest: BinaryHeap<(MonotonicNs, MonotonicNs)>,
    /// The ends that came last; the earliest of them on top.
    latest: BinaryHeap<Reverse<MonotonicNs>>,
    /// Lives of conversations, which hold their slot between turns.
    conversations: BTreeMap<(bool, u64), (MonotonicNs, MonotonicNs)>,
    last_start_ns: Option<MonotonicNs>,
    measured_from_ns: Option<MonotonicNs>,
    due: Option<(MonotonicNs, MonotonicNs)>,
    /// Time in flight of measured requests, added up.
    in_flight_ns: i64,
}

impl WindowFinder {
    pub(in crate::metrics) fn new(rule: Rule) -> Self {
        let asked = match rule {
            Rule::Closed(asked) => usize::try_from(asked).unwrap_or(usize::MAX),
            Rule::Open => 0,
        };
        Self {
            rule,
            most: LIVES.max(asked.saturating_mul(4)),
            earliest: BinaryHeap::new(),
            latest: BinaryHeap::new(),
            conversations: BTreeMap::new(),
            last_start_ns: None,
            measured_from_ns: None,
            due: None,
            in_flight_ns: 0,
        }
    }

    /// Takes a row of any phase and outcome.
    pub(in crate::metrics) fn add(&mut self, record: &RequestRecord) {
        let stamps = &record.stamps;
        let measured = record.phase == Phase::Measure;
        let begun = stamps.scheduled_ns.or(stamps.sent_ns).filter(|_| measured);
        self.measured_from_ns = self.measured_from_ns.into_iter().chain(begun).min();
        if let Some(due) = stamps.scheduled_ns.filter(|_| measured) {
            let (first, last) = self.due.unwrap_or((due, due));
            self.due = Some((first.min(due), last.max(due)));
        }
        let (Some(sent), Some(end)) = (stamps.sent_ns, stamps.end_ns) else { return };
        self.in_flight_ns += if measured { end - sent } else { 0 };
        if record.turn.is_none_or(|turn| turn == 0) {
            self.last_start_ns = self.last_start_ns.max(Some(sent));
        }
        match record.conversation {
            None => self.add_life(sent, end),
            Some(number) => {
                let life = self.conversations.entry((measured, number)).or_insert((sent, end));
                *life = (life.0.min(sent), life.1.max(end));
                if self.conversations.len() > 2 * self.most {
                    self.let_conversations_go();
                }
            }
        }
    }

    fn add_life(&mut self, start: MonotonicNs, end: MonotonicNs) {
        self.earliest.push((start, end));
        self.latest.push(Reverse(end));
        if self.earliest.len() > self.most {
            self.earliest.pop();
            self.latest.pop();
        }
    }

    /// Keeps the conversations that ended last: another turn of theirs may come.
    fn let_conversations_go(&mut self) {
        let mut ends: Vec<MonotonicNs> = self.conversations.values().map(|life| life.1).collect();
        let (_, middle, _) = ends.select_nth_unstable(self.most);
        let before = *middle;
        let gone = self.conversations.extract_if(.., |_, life| life.1 < before).collect::<Vec<_>>();
        for (_, (start, end)) in gone {
            self.add_life(start, end);
        }
    }

    /// The window, as far as lives alone tell.
    pub(in crate::metrics) fn window(mut self) -> Result<Window, Unsteady> {
        for (start, end) in std::mem::take(&mut self.conversations).into_values() {
            self.add_life(start, end);
        }
        let (Some(last_start), Some(measured_from)) = (self.last_start_ns, self.measured_from_ns) else {
            return Err(Unsteady::Nothing);
        };
        let (filled_ns, to_ns) = match self.rule {
            Rule::Closed(asked) => {
                // Once the last one has begun, the first that ends leaves its slot empty for good.
                let drained = self.latest.iter().map(|end| end.0).filter(|end| *end > last_start).min();
                (self.filled(asked)?, drained.unwrap_or(last_start))
            }
            Rule::Open => {
                let (first, last) = self.due.ok_or(Unsteady::Nothing)?;
                if last <= first {
                    return Err(Unsteady::AtOnce);
                }
                (self.levelled(as_float(self.in_flight_ns) / as_float(last - first))?, last)
            }
        };
        let filled = (matches!(self.rule, Rule::Closed(_))).then_some(filled_ns);
        Ok(Window { from_ns: filled_ns.max(measured_from), to_ns, filled_ns: filled })
    }

    /// When all sessions are in flight for the first time. A tenth may be missing all the time: between two requests
    /// a slot is empty for a moment, which tells where requests are short.
    fn filled(&mut self, asked: u64) -> Result<MonotonicNs, Unsteady> {
        let levels = self.levels();
        let most = levels.iter().map(|(_, level)| *level).max().unwrap_or(0);
        if most * 10 < asked * 9 {
            return Err(Unsteady::NeverFull { most, asked });
        }
        let wanted = most.min(asked);
        let first = levels.into_iter().find(|(_, level)| *level >= wanted);
        first.map(|(at, _)| at).ok_or(Unsteady::NeverFull { most, asked })
    }

    /// When as many are in flight as on average for the first time.
    fn levelled(&mut self, mean: f64) -> Result<MonotonicNs, Unsteady> {
        let reached = |level: u64| i64::try_from(level).is_ok_and(|level| as_float(level) >= mean);
        let first = self.levels().into_iter().find(|(_, level)| reached(*level));
        first.map(|(at, _)| at).ok_or(Unsteady::NeverLevel)
    }

    /// Each of the first starts with how many are in flight then. What ends at that moment is not.
    fn levels(&mut self) -> Vec<(MonotonicNs, u64)> {
        let lives = std::mem::take(&mut self.earliest).into_sorted_vec();
        let mut ends: Vec<MonotonicNs> = lives.iter().map(|life| life.1).collect();
        ends.sort_unstable();
        let mut ended = 0;
        let mut levels = Vec::with_capacity(lives.len());
        for (begun, (start, _)) in lives.into_iter().enumerate() {
            while ends.get(ended).is_some_and(|end| *end <= start) {
                ended += 1;
            }
            // One without a length has ended before the next begins.
            levels.push((start, (begun + 1).saturating_sub(ended) as u64));
        }
        levels
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^52 ns are 52 days; beyond them a nanosecond is lost")]
fn as_float(ns: i64) -> f64 {
    ns as f64
}

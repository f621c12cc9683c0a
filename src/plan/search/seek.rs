use std::collections::BTreeMap;

use crate::scenario::Search;
use crate::statistics::wilson;

/// What the rows of one load say of the SLOs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The whole interval of the good share lies at or above what is asked for.
    Met,
    /// The whole interval lies below.
    Missed,
    /// The interval holds what is asked for.
    Unclear,
}

/// How a load stands of whose requests `share` are good and `attainment` are asked for: by Wilson's interval at their
/// effective number and the search's level, and by the share itself.
#[must_use]
pub fn judge(search: &Search, attainment: f64, share: f64, effective_n: f64) -> (Standing, bool) {
    let standing = match wilson(share, effective_n, search.level()) {
        Some(interval) if interval.low >= attainment => Standing::Met,
        Some(interval) if interval.high < attainment => Standing::Missed,
        _ => Standing::Unclear,
    };
    (standing, share >= attainment)
}

/// All that is known of one load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// By the interval.
    pub standing: Standing,
    /// By the good share itself.
    pub meets: bool,
    /// How often it was measured.
    pub repeats: u32,
    /// Whether the client was the bottleneck: then a miss says nothing of the server.
    pub client_limited: bool,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// A load is measured, once more if it was before.
    Probe(usize),
    /// The search is at its end.
    Done(Finding),
}

/// What a search came to: places in the ladder of levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The highest load that meets the SLOs, by the good share itself; `None` when not even the lowest does.
    pub answer: Option<usize>,
    /// The highest that meets them beyond doubt.
    pub met: Option<usize>,
    /// The lowest that misses them beyond doubt.
    pub missed: Option<usize>,
    /// Why the answer is not within the tolerance, if it is not.
    pub unresolved: Option<Unresolved>,
}

/// Why a search has no answer within its tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// Even the highest load meets the SLOs.
    AboveMax,
    /// Not even the lowest does.
    BelowMin,
    /// Loads round the answer stay unclear, however often they are measured.
    Noise,
    /// Where the SLOs are missed, the client was the bottleneck.
    Client,
    /// A load meets the SLOs and a lower one misses them, both beyond doubt.
    Contradiction,
}

/// What a search does next, from all that is known of its levels: a pure function, so that an interrupted search goes
/// on where it was when its evidence is read again.
///
/// Doubling from the lowest load until one misses the SLOs, halving of what lies between, all by the good shares
/// themselves. Then the answer must be certain: of the loads within the tolerance below it one must meet the SLOs beyond
/// doubt, and of those above it one must miss them. The outermost is measured for that, since it is clear soonest, up to
/// `repeats` times. What it shows may move the answer; then the search goes on from there.
#[must_use]
pub fn seek(search: &Search, levels: &[f64], known: &BTreeMap<usize, Evidence>) -> Step {
    Seek { search, levels, known }.step()
}

struct Seek<'s> {
    search: &'s Search,
    levels: &'s [f64],
    known: &'s BTreeMap<usize, Evidence>,
}

impl Seek<'_> {
    fn step(&self) -> Step {
        let Some(top) = self.levels.len().checked_sub(1) else { return self.done(None, None) };
        // What is missed beyond doubt bounds the answer, whatever was seen above it.
        let ceiling = self.first(|evidence| evidence.standing == Standing::Missed).unwrap_or(usize::MAX);
        let below = || self.known.iter().filter(move |(at, _)| **at < ceiling);
        let lower = below().filter(|(_, evidence)| evidence.meets).map(|(at, _)| *at).next_back();
        let Some(lower) = lower else {
            return match self.known.get(&0) {
                Some(lowest) if self.may_be_clearer(*lowest) => Step::Probe(0),
                Some(lowest) if lowest.client_limited => self.done(None, Some(Unresolved::Client)),
                Some(_) => self.done(None, Some(Unresolved::BelowMin)),
                None => Step::Probe(0),
            };
        };
        if lower == top {
            return match self.known.get(&top) {
                Some(highest) if self.may_be_clearer(*highest) => Step::Probe(top),
                _ => self.done(Some(top), Some(Unresolved::AboveMax)),
            };
        }
        let upper = self.known.range(lower + 1..).find(|(_, evidence)| !evidence.meets).map(|(at, _)| *at);
        let Some(upper) = upper else { return Step::Probe(self.doubled(lower)) };
        let (met, missed) = (self.clear_below(lower), self.clear_above(lower));
        if met.is_some() && missed.is_some() {
            return self.conclude(lower, missed);
        }
        if upper - lower > 1 {
            return Step::Probe(lower + (upper - lower) / 2);
        }
        if met.is_none() {
            return self.clarify(self.outermost_below(lower), lower);
        }
        self.clarify(self.outermost_above(lower), lower)
    }

    /// Measures a level once more, if that may help.
    fn clarify(&self, at: usize, answer: usize) -> Step {
        match self.known.get(&at) {
            Some(evidence) if !self.may_be_clearer(*evidence) => self.done(Some(answer), Some(Unresolved::Noise)),
            _ => Step::Probe(at),
        }
    }

    fn conclude(&self, answer: usize, missed: Option<usize>) -> Step {
        let highest = self.known.iter().rev().find(|(_, evidence)| evidence.standing == Standing::Met);
        let lowest = self.first(|evidence| evidence.standing == Standing::Missed);
        let contradicts = highest
            .zip(lowest)
            .is_some_and(|((met, _), missed)| self.levels[*met] > self.levels[missed] * (1.0 + self.search.tolerance));
        let limited = missed.and_then(|at| self.known.get(&at)).is_some_and(|evidence| evidence.client_limited);
        self.done(
            Some(answer),
            match (contradicts, limited) {
                (true, _) => Some(Unresolved::Contradiction),
                (false, true) => Some(Unresolved::Client),
                (false, false) => None,
            },
        )
    }

    fn done(&self, answer: Option<usize>, unresolved: Option<Unresolved>) -> Step {
        let missed = self.first(|evidence| evidence.standing == Standing::Missed);
        let ceiling = missed.unwrap_or(usize::MAX);
        let is_met = |(at, evidence): &(&usize, &Evidence)| **at < ceiling && evidence.standing == Standing::Met;
        let met = self.known.iter().rev().find(is_met).map(|(at, _)| *at);
        Step::Done(Finding { answer, met, missed, unresolved })
    }

    fn may_be_clearer(&self, evidence: Evidence) -> bool {
        evidence.standing == Standing::Unclear && evidence.repeats < self.search.repeats
    }

    fn first(&self, of: impl Fn(&Evidence) -> bool) -> Option<usize> {
        self.known.iter().find(|(_, evidence)| of(evidence)).map(|(at, _)| *at)
    }

    /// The first level of at least twice the load, else the highest.
    fn doubled(&self, from: usize) -> usize {
        let twice = self.levels[from] * 2.0;
        self.levels.iter().position(|level| *level >= twice).unwrap_or(self.levels.len() - 1)
    }

    /// A level within the tolerance at or below the answer that is met beyond doubt.
    fn clear_below(&self, answer: usize) -> Option<usize> {
        let within = self.outermost_below(answer)..=answer;
        let clear = self.known.range(within).rev().find(|(_, evidence)| evidence.standing == Standing::Met);
        clear.map(|(at, _)| *at)
    }

    /// A level within the tolerance above the answer that is missed beyond doubt.
    fn clear_above(&self, answer: usize) -> Option<usize> {
        let within = answer + 1..=self.outermost_above(answer);
        let clear = self.known.range(within).find(|(_, evidence)| evidence.standing == Standing::Missed);
        clear.map(|(at, _)| *at)
    }

    fn outermost_below(&self, answer: usize) -> usize {
        let least = self.levels[answer] * (1.0 - self.search.tolerance);
        self.levels.iter().position(|level| *level >= least).unwrap_or(answer).min(answer)
    }

    /// The next level counts where even that is beyond the tolerance: nothing lies between.
    fn outermost_above(&self, answer: usize) -> usize {
        let most = self.levels[answer] * (1.0 + self.search.tolerance);
        self.levels.iter().rposition(|level| *level <= most).unwrap_or(answer).max(answer + 1)
    }
}

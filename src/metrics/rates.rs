use super::cell::output_tokens;
use crate::record::{Outcome, RequestRecord};
use crate::statistics::{Batches, Estimate, mean, mean_parts};
use crate::time::MonotonicNs;
use crate::units::as_float;

/// Parts of equal length that a window is cut into.
const PARTS: usize = 64;

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    /// Completed ones.
    Requests,
    /// Of completed requests.
    OutputTokens,
    /// Input and output tokens of them.
    AllTokens,
    /// Completed requests that meet the objective.
    Good,
    /// Seconds in flight: a second of them in a second is one request.
    InFlight,
}

/// So many of [`Rate`].
const RATES: usize = 5;

/// What happened in each part of the window of a repeat, for the intervals of its rates. A request and its tokens count
/// where it ended.
#[derive(Debug)]
pub(super) struct Parts {
    from_ns: MonotonicNs,
    length_ns: i64,
    amounts: [[f64; RATES]; PARTS],
    full: bool,
}

impl Parts {
    /// Of the window between two stamps; `None` when it is no longer than a nanosecond for each part.
    pub(super) fn new(from_ns: MonotonicNs, to_ns: MonotonicNs) -> Option<Self> {
        let length_ns = to_ns - from_ns;
        (length_ns > as_ns(PARTS)).then_some(Self { from_ns, length_ns, amounts: [[0.0; RATES]; PARTS], full: false })
    }

    /// Ends the pass in which rows count.
    pub(super) fn close(&mut self) {
        self.full = true;
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Takes a measured row.
    pub(super) fn add(&mut self, record: &RequestRecord, good: bool) {
        if self.full {
            return;
        }
        let stamps = &record.stamps;
        let (Some(sent_ns), Some(end_ns)) = (stamps.sent_ns, stamps.end_ns) else { return };
        let (first, last) = (self.part_of(sent_ns), self.part_of(end_ns));
        for part in first..=last {
            let (begin, end) = (self.begin_of(part), self.begin_of(part + 1));
            self.amounts[part][Rate::InFlight as usize] += as_seconds((end_ns.min(end) - sent_ns.max(begin)).max(0));
        }
        if record.outcome == Outcome::Completed {
            let output = output_tokens(record).unwrap_or(0);
            let input = record.tokens.input_server.or(record.tokens.input_client).unwrap_or(0);
            let amounts = &mut self.amounts[last];
            amounts[Rate::Requests as usize] += 1.0;
            amounts[Rate::OutputTokens as usize] += as_float(output);
            amounts[Rate::AllTokens as usize] += as_float(input + output);
            amounts[Rate::Good as usize] += f64::from(u8::from(good));
        }
    }

    fn begin_of(&self, part: usize) -> MonotonicNs {
        let share = i128::from(self.length_ns) * i128::from(as_ns(part)) / i128::from(as_ns(PARTS));
        self.from_ns + i64::try_from(share).unwrap_or(self.length_ns)
    }

    fn part_of(&self, at_ns: MonotonicNs) -> usize {
        let share = i128::from((at_ns - self.from_ns).max(0)) * i128::from(as_ns(PARTS)) / i128::from(self.length_ns);
        usize::try_from(share).map_or(PARTS - 1, |part| part.min(PARTS - 1))
    }

    fn batches(&self) -> Batches<RATES> {
        let mut batches = Batches::default();
        let seconds = as_seconds(self.length_ns) / as_float(PARTS as u64);
        self.amounts.iter().for_each(|amounts| batches.add(seconds, *amounts));
        batches
    }
}

/// A rate over the windows of all repeats, a second; `None` without a repeat.
pub(super) fn rate_of(repeats: &[&Parts], rate: Rate) -> Option<Estimate> {
    let k = rate as usize;
    let batches: Vec<Batches<RATES>> = repeats.iter().map(|parts| parts.batches()).collect();
    // Of a second, were parts independent: as many seconds vary as much as the part of as many.
    let variance = |parts: &&Parts| {
        let amounts = || parts.amounts.iter().map(|amounts| amounts[k]);
        let middle = amounts().sum::<f64>() / as_float(PARTS as u64);
        let squares: f64 = amounts().map(|amount| (amount - middle) * (amount - middle)).sum();
        let seconds = as_seconds(parts.length_ns) / as_float(PARTS as u64);
        squares / as_float(PARTS as u64 - 1) / seconds
    };
    let variances: Vec<f64> = repeats.iter().map(variance).collect();
    mean(&mean_parts(&batches.iter().collect::<Vec<_>>(), k, &variances))
}

fn as_ns(parts: usize) -> i64 {
    i64::try_from(parts).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "2^52 ns are 52 days; beyond them a nanosecond is lost")]
fn as_seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

use std::collections::BTreeMap;

use crate::record::RequestRecord;
use crate::time::MonotonicNs;

/// Requests of one repeat that are looked at; of more there is no guess, for want of room.
const MOST_REQUESTS: usize = 100_000;

/// Server times to first token are the same within this, milliseconds, or within the share of them.
const SAME_MS: f64 = 1.0;
const SAME_SHARE: f64 = 0.01;

/// First tokens of one batch arrive within this, milliseconds, or within the share of the time to first token.
const TOGETHER_MS: f64 = 5.0;
const TOGETHER_SHARE: f64 = 0.02;

/// Guesses batches where the server tells none, but its time to first token.
///
/// Requests are of one batch when all of this holds: they were in flight together, their first tokens arrived together, and the
/// server gives them the same time to first token, each within a tolerance. Equal times of requests that followed one
/// another make no batch. The size is the next power of two, as servers with fixed batch sizes pad to it.
#[derive(Debug, Default)]
pub(super) struct Guess {
    repeats: BTreeMap<u32, Vec<Member>>,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    sent_ns: MonotonicNs,
    first_ns: MonotonicNs,
    end_ns: MonotonicNs,
    ttft_ms: f64,
}

impl Guess {
    /// Takes a completed row.
    pub(super) fn add(&mut self, repeat: u32, record: &RequestRecord) {
        let stamps = &record.stamps;
        let (Some(sent_ns), Some(end_ns), Some(ttft_ms)) = (stamps.sent_ns, stamps.end_ns, record.server.ttft_ms)
        else {
            return;
        };
        // A whole answer has no first token of its own: by the server's time it would have been there.
        let by_server = || sent_ns.saturating_add(ns(ttft_ms));
        let first_ns = stamps.first_token_ns.unwrap_or_else(by_server);
        let members = self.repeats.entry(repeat).or_default();
        if members.len() <= MOST_REQUESTS {
            members.push(Member { sent_ns, first_ns, end_ns, ttft_ms });
        }
    }

    /// Requests by the guessed size of their batch.
    pub(super) fn requests(&self) -> BTreeMap<u64, u64> {
        let mut requests = BTreeMap::new();
        for members in self.repeats.values().filter(|members| members.len() <= MOST_REQUESTS) {
            for count in batches(members.clone()) {
                *requests.entry(count.next_power_of_two()).or_default() += count;
            }
        }
        requests
    }
}

/// How many requests each batch has.
fn batches(mut members: Vec<Member>) -> Vec<u64> {
    members.sort_by(|a, b| a.first_ns.cmp(&b.first_ns).then(a.ttft_ms.total_cmp(&b.ttft_ms)));
    let mut open: Vec<Batch> = Vec::new();
    let mut counts = Vec::new();
    for member in &members {
        // What began too long ago takes nobody in any more.
        open.retain(|batch| {
            let goes_on = member.first_ns <= batch.until_ns;
            if !goes_on {
                counts.push(batch.count);
            }
            goes_on
        });
        match open.iter_mut().find(|batch| batch.takes(member)) {
            Some(batch) => batch.add(member),
            None => open.push(Batch::of(member)),
        }
    }
    counts.extend(open.iter().map(|batch| batch.count));
    counts
}

#[derive(Debug)]
struct Batch {
    count: u64,
    ttft_ms: f64,
    /// Until when first tokens count as together with its first one.
    until_ns: MonotonicNs,
    /// When the first of it was over.
    end_ns: MonotonicNs,
}

impl Batch {
    fn of(member: &Member) -> Self {
        let together_ms = (member.ttft_ms * TOGETHER_SHARE).max(TOGETHER_MS);
        let until_ns = member.first_ns.saturating_add(ns(together_ms));
        Self { count: 1, ttft_ms: member.ttft_ms, until_ns, end_ns: member.end_ns }
    }

    fn takes(&self, member: &Member) -> bool {
        let same_ms = (self.ttft_ms * SAME_SHARE).max(SAME_MS);
        (member.ttft_ms - self.ttft_ms).abs() <= same_ms && member.sent_ns < self.end_ns
    }

    fn add(&mut self, member: &Member) {
        self.count += 1;
        self.end_ns = self.end_ns.min(member.end_ns);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a conversion from float to integer saturates, as it should")]
fn ns(ms: f64) -> i64 {
    (ms * 1e6) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sent, first token, end, the server's time to first token; milliseconds.
    fn sizes(requests: &[(i64, i64, i64, f64)]) -> Vec<u64> {
        let member = |(sent, first, end, ttft_ms): &(i64, i64, i64, f64)| Member {
            sent_ns: sent * 1_000_000,
            first_ns: first * 1_000_000,
            end_ns: end * 1_000_000,
            ttft_ms: *ttft_ms,
        };
        let mut sizes = batches(requests.iter().map(member).collect());
        sizes.sort_unstable();
        sizes
    }

    #[test]
    fn requests_of_one_batch_begin_to_answer_together() {
        for (what, requests, expected) in [
            ("together", vec![(0, 100, 200, 98.0), (1, 101, 200, 98.5), (2, 102, 210, 97.8)], vec![3]),
            ("one after another, in the same time", vec![(0, 20, 50, 20.0), (50, 70, 100, 20.0)], vec![1, 1]),
            ("short ones after another", vec![(0, 1, 2, 1.0), (2, 3, 4, 1.0), (4, 5, 6, 1.0)], vec![1, 1, 1]),
            ("at the same time, after other times", vec![(0, 100, 200, 100.0), (50, 100, 200, 50.0)], vec![1, 1]),
            ("the same time, but apart", vec![(0, 100, 900, 100.0), (40, 140, 900, 100.0)], vec![1, 1]),
            (
                "two that are mixed",
                vec![(0, 100, 200, 100.0), (60, 101, 200, 40.0), (1, 102, 200, 100.2), (61, 103, 200, 40.1)],
                vec![2, 2],
            ),
        ] {
            assert_eq!(sizes(&requests), expected, "{what}");
        }
    }

    #[test]
    fn sizes_are_the_next_power_of_two() {
        let mut guess = Guess::default();
        for (repeat, sent_ns) in [(0, 0), (0, 1), (0, 2), (1, 0)] {
            let mut record = crate::record::samples::completed();
            record.stamps.sent_ns = Some(sent_ns);
            record.stamps.first_token_ns = None;
            record.stamps.end_ns = Some(900_000_000);
            record.server.ttft_ms = Some(30.0);
            guess.add(repeat, &record);
        }
        assert_eq!(guess.requests(), BTreeMap::from([(1, 1), (4, 3)]));
    }
}

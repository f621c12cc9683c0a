//! Requests that are decoded apart, each by steps of its own.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::sequence::Sequence;
use crate::time::MonotonicNs;

/// Sequences by when their next token is due.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_due: BinaryHeap<Reverse<Lane>>,
}

#[derive(Debug)]
struct Lane {
    due_ns: MonotonicNs,
    sequence: Arc<Sequence>,
}

impl Lane {
    /// Of equals the older request goes first, so that the order is always the same.
    fn key(&self) -> (MonotonicNs, u64) {
        (self.due_ns, self.sequence.number)
    }
}

impl Ord for Lane {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Lane {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Lane {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Lane {}

impl Lanes {
    pub(super) fn push(&mut self, sequence: Arc<Sequence>, due_ns: MonotonicNs) {
        self.by_due.push(Reverse(Lane { due_ns, sequence }));
    }

    /// Takes out the sequence whose token is due first, with when, if that is at `now` at the latest.
    pub(super) fn pop(&mut self, now: MonotonicNs) -> Option<(Arc<Sequence>, MonotonicNs)> {
        if self.next_due()? > now {
            return None;
        }
        self.by_due.pop().map(|Reverse(lane)| (lane.sequence, lane.due_ns))
    }

    pub(super) fn next_due(&self) -> Option<MonotonicNs> {
        self.by_due.peek().map(|Reverse(lane)| lane.due_ns)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Arc<Sequence>) -> bool) {
        self.by_due.retain(|Reverse(lane)| keep(&lane.sequence));
    }

    pub(super) fn len(&self) -> usize {
        self.by_due.len()
    }
}

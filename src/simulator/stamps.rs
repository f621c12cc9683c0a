//! The server's own stamps, for comparison with what a client measured.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::time::MonotonicNs;

/// When the server received a request and sent each event of its answer, in nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestStamps {
    /// The `id` in the answer.
    pub id: String,
    /// When the last byte of the request was read.
    pub received_ns: MonotonicNs,
    /// When it got a slot, by the schedule; `None` if it never did.
    pub admitted_ns: Option<MonotonicNs>,
    /// When its first token was due, by the schedule.
    pub first_due_ns: Option<MonotonicNs>,
    /// When its last token was due, by the schedule.
    pub last_due_ns: Option<MonotonicNs>,
    /// When each event, in order, was handed to the connection to be written; one stamp if not streamed.
    pub send_ns: Vec<MonotonicNs>,
    /// The index in `send_ns` of the first event with text; its length if there was none.
    pub first_token_event: usize,
    /// How many events carried text, from `first_token_event` on.
    pub token_events: usize,
    /// Whether the whole answer was sent.
    pub completed: bool,
}

/// How many event stamps a server holds at most; the oldest requests are forgotten beyond it.
pub const MOST_STAMPS: usize = 4_000_000;

/// What `/simulator/stamps` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StampPage {
    /// The clock of all stamps: `CLOCK_MONOTONIC`.
    pub clock: String,
    /// The last requests, in order of their ends.
    pub requests: Vec<RequestStamps>,
}

/// The stamps of the last requests, within bounds of requests and of stamps.
#[derive(Debug)]
pub(super) struct StampRing {
    bounds: Bounds,
    ring: Mutex<Ring>,
}

/// How much a ring holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) requests: usize,
    pub(super) stamps: usize,
}

#[derive(Debug, Default)]
struct Ring {
    requests: VecDeque<RequestStamps>,
    stamps: usize,
}

impl StampRing {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, ring: Mutex::default() }
    }

    /// Adds a request and forgets the oldest beyond the bounds.
    pub(super) fn push(&self, request: RequestStamps) {
        let mut ring = self.lock();
        ring.stamps += request.send_ns.len();
        ring.requests.push_back(request);
        while ring.requests.len() > self.bounds.requests || ring.stamps > self.bounds.stamps {
            let Some(oldest) = ring.requests.pop_front() else { break };
            ring.stamps -= oldest.send_ns.len();
        }
    }

    /// The requests held, in order of their ends.
    pub(super) fn all(&self) -> Vec<RequestStamps> {
        self.lock().requests.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_by_requests_or_by_stamps() {
        for (bounds, kept) in [
            (Bounds { requests: 2, stamps: 100 }, vec!["2", "3"]),
            (Bounds { requests: 9, stamps: 3 }, vec!["3"]),
            (Bounds { requests: 9, stamps: 9 }, vec!["1", "2", "3"]),
            (Bounds { requests: 9, stamps: 1 }, vec![]),
        ] {
            let ring = StampRing::new(bounds);
            for id in 1..4 {
                ring.push(RequestStamps {
                    id: id.to_string(),
                    received_ns: 0,
                    admitted_ns: None,
                    first_due_ns: None,
                    last_due_ns: None,
                    send_ns: vec![0; id],
                    first_token_event: 0,
                    token_events: 0,
                    completed: true,
                });
            }
            let ids: Vec<String> = ring.all().into_iter().map(|request| request.id).collect();
            assert_eq!(ids, kept, "{bounds:?}");
        }
    }
}

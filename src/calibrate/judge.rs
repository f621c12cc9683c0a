use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::figures::ErrorFigures;
use super::seen::{Seen, Window};
use crate::simulator::RequestStamps;
use crate::time::MonotonicNs;

/// Clocks of two processes are anchored this well; what came earlier than it was sent by more is a fault.
const ANCHORED_NS: i64 = 50_000;

/// Where client and server do not agree one to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Mismatch {
    /// A request that did not come to its end.
    Failed {
        /// Why.
        message: String,
    },
    /// The server has no stamps of it.
    Unknown {
        /// The answer.
        id: String,
    },
    /// Two answers of one id.
    Twice {
        /// The answer.
        id: String,
    },
    /// The server sent it and nobody saw it.
    Unseen {
        /// The answer.
        id: String,
    },
    /// Another number of events than the server sent.
    Events {
        /// The answer.
        id: String,
        /// Events that arrived.
        seen: u64,
        /// Events that the server sent.
        sent: u64,
    },
    /// Stamped before the server did what it is the answer to: the clocks do not agree.
    Early {
        /// The answer.
        id: String,
        /// By so many nanoseconds.
        by_ns: i64,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { message } => write!(f, "a request failed: {message}"),
            Self::Unknown { id } => write!(f, "answer `{id}` is not among the server's stamps"),
            Self::Twice { id } => write!(f, "answer `{id}` was seen twice"),
            Self::Unseen { id } => write!(f, "the server sent answer `{id}`, and nobody saw it"),
            Self::Events { id, seen, sent } => {
                write!(f, "of answer `{id}`, {seen} events were seen; the server sent {sent}")
            }
            Self::Early { id, by_ns } => {
                write!(f, "answer `{id}` has a stamp {by_ns} ns before what it is of happened: the clocks do not agree")
            }
        }
    }
}

/// What the comparison of one reader with the server comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    /// Answers with the same events on both sides.
    pub requests_matched: u64,
    /// Their events.
    pub events_matched: u64,
    /// Where the two sides do not agree.
    pub mismatches: Vec<Mismatch>,
    /// Events sent in the window.
    pub events_in_window: u64,
    /// Server's receipt minus `sent`.
    pub send: Option<ErrorFigures>,
    /// Arrival minus server's send.
    pub arrival: Option<ErrorFigures>,
    /// Time to first token.
    pub ttft: Option<ErrorFigures>,
    /// Gaps between events.
    pub itl: Option<ErrorFigures>,
    /// Time to the last token.
    pub e2e: Option<ErrorFigures>,
    /// The server's own lateness, of first and last events.
    pub server_late: Option<ErrorFigures>,
}

/// Errors of all requests and events of the window, nanoseconds.
#[derive(Debug, Default)]
struct Errors {
    send: Vec<i64>,
    arrival: Vec<i64>,
    ttft: Vec<i64>,
    itl: Vec<i64>,
    e2e: Vec<i64>,
    server_late: Vec<i64>,
}

/// Holds what a reader saw against the server's stamps, answer by answer and event by event.
///
/// Everything is matched; errors are of requests received, and of events sent, within `window` by the server's clock.
/// What the server received before the reader's first request is not the reader's.
#[must_use]
pub fn judge(seen: &[Seen], truth: &[RequestStamps], window: Window) -> Judgement {
    let by_id: HashMap<&str, &RequestStamps> = truth.iter().map(|stamps| (stamps.id.as_str(), stamps)).collect();
    let mut judgement = Judgement::default();
    let (mut errors, mut met) = (Errors::default(), HashSet::new());
    for answer in seen {
        match pair(answer, &by_id, &mut met) {
            Ok((stamps, events_ns)) => {
                judgement.requests_matched += 1;
                judgement.events_matched += count(events_ns.len());
                errors.add(answer, stamps, events_ns, window);
            }
            Err(mismatch) => judgement.mismatches.push(mismatch),
        }
    }
    let first_ns = seen.iter().map(|answer| answer.sent_ns).min().unwrap_or(MonotonicNs::MAX);
    let unseen = truth.iter().filter(|stamps| stamps.received_ns >= first_ns && !met.contains(stamps.id.as_str()));
    judgement.mismatches.extend(unseen.map(|stamps| Mismatch::Unseen { id: stamps.id.clone() }));
    Judgement {
        events_in_window: count(errors.arrival.len()),
        send: ErrorFigures::of(&errors.send),
        arrival: ErrorFigures::of(&errors.arrival),
        ttft: ErrorFigures::of(&errors.ttft),
        itl: ErrorFigures::of(&errors.itl),
        e2e: ErrorFigures::of(&errors.e2e),
        server_late: ErrorFigures::of(&errors.server_late),
        ..judgement
    }
}

/// The server's side of an answer, and when it sent each event with text.
fn pair<'t>(
    answer: &Seen,
    by_id: &HashMap<&str, &'t RequestStamps>,
    met: &mut HashSet<&'t str>,
) -> Result<(&'t RequestStamps, &'t [MonotonicNs]), Mismatch> {
    let id = || answer.id.clone();
    let stamps = by_id.get(answer.id.as_str()).copied();
    let is_new = stamps.is_none_or(|stamps| met.insert(stamps.id.as_str()));
    if let Some(message) = &answer.failure {
        return Err(Mismatch::Failed { message: message.clone() });
    }
    let stamps = stamps.ok_or_else(|| Mismatch::Unknown { id: id() })?;
    if !is_new {
        return Err(Mismatch::Twice { id: id() });
    }
    let events_ns = stamps.send_ns.get(stamps.first_token_event..).unwrap_or_default();
    let events_ns = events_ns.get(..stamps.token_events).unwrap_or_default();
    if events_ns.len() != answer.tokens_ns.len() || events_ns.is_empty() {
        return Err(Mismatch::Events { id: id(), seen: count(answer.tokens_ns.len()), sent: count(events_ns.len()) });
    }
    let arrivals = answer.tokens_ns.iter().zip(events_ns).map(|(arrived, sent)| arrived - sent);
    let earliest = arrivals.chain([stamps.received_ns - answer.sent_ns]).min().unwrap_or(0);
    if earliest < -ANCHORED_NS {
        return Err(Mismatch::Early { id: id(), by_ns: -earliest });
    }
    Ok((stamps, events_ns))
}

impl Errors {
    /// Adds what lies in the window of an answer whose events are as many on both sides.
    fn add(&mut self, answer: &Seen, stamps: &RequestStamps, events_ns: &[MonotonicNs], window: Window) {
        let off: Vec<i64> = answer.tokens_ns.iter().zip(events_ns).map(|(arrived, sent)| arrived - sent).collect();
        let in_window = |at: usize| events_ns.get(at).is_some_and(|sent| window.has(*sent));
        self.arrival.extend(off.iter().enumerate().filter(|(at, _)| in_window(*at)).map(|(_, off)| off));
        // A gap is wrong by how much later its second event is than its first.
        self.itl
            .extend(off.windows(2).enumerate().filter(|(at, _)| in_window(at + 1)).map(|(_, pair)| pair[1] - pair[0]));
        let ends = [(stamps.first_due_ns, events_ns.first()), (stamps.last_due_ns, events_ns.last())];
        let late =
            ends.into_iter().filter_map(|(due, sent)| Some((due?, *sent?))).filter(|(_, sent)| window.has(*sent));
        self.server_late.extend(late.map(|(due, sent)| sent - due));
        if window.has(stamps.received_ns)
            && let (Some(first), Some(last)) = (off.first(), off.last())
        {
            let send = stamps.received_ns - answer.sent_ns;
            self.send.push(send);
            self.ttft.push(send + first);
            self.e2e.push(send + last);
        }
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

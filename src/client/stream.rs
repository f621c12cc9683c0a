use hyper::HeaderMap;

use crate::record::{Cause, Failure, Outcome};
use crate::time::MonotonicNs;

use super::api::{Provider, Reading};
use super::ending::{Answer, Stop, Tail, Verdict};
use super::exchange::Exchange;
use super::failure::chain;
use super::framing::{Events, Framing};
use super::observation::Observation;
use super::refusal::{announces_stream, begins_as_document, content_type, not_a_stream};

/// Bytes of one event.
const LONGEST_EVENT: usize = 32 << 20;
/// Bytes of a document that came in the place of a stream.
const LONGEST_DOCUMENT: usize = 64 << 10;

/// Bytes of all content of one answer, its stamps included.
const MOST_CONTENT: usize = 64 << 20;

/// What an event means for the reading of a stream.
#[derive(Debug)]
pub(super) enum Seen {
    /// It goes on.
    More,
    /// The answer is over.
    Done,
    /// It has failed.
    Failed(Failure),
}

/// What ends the reading of a body before its end.
#[derive(Debug)]
enum Read {
    /// It is no stream, and long enough to know that.
    TooMuch,
    /// The answer is over or has failed, by the read of that stamp.
    Ended(Seen, MonotonicNs),
}

/// Reading an answer that is streamed.
impl Exchange<'_> {
    pub(crate) async fn read_stream(&mut self, headers: &HeaderMap, answer: &mut Answer) -> Verdict {
        let framing = self.manners.provider.framing();
        let mut parser = framing.events(LONGEST_EVENT);
        let mut is_stream = false;
        let mut document = Vec::new();
        let read = self.each_piece(answer, |exchange, bytes| {
            if !is_stream {
                is_stream = document.is_empty() && begins_as_document(framing, bytes) == Some(false);
                if !document.is_empty() || begins_as_document(framing, bytes) == Some(true) {
                    document.extend_from_slice(bytes);
                    return (document.len() >= LONGEST_DOCUMENT).then_some(Read::TooMuch);
                }
            }
            let at_ns = exchange.read_ns();
            match exchange.feed(&mut parser, bytes, at_ns) {
                Seen::More => None,
                seen => Some(Read::Ended(seen, at_ns)),
            }
        });
        let read = read.await;
        if !document.is_empty() {
            return self.is_document(&document, headers, matches!(read, Ok(None)));
        }
        match read {
            Ok(None | Some(Read::TooMuch)) => self.body_ended(parser, headers),
            Err(stop) => self.body_broke(stop),
            Ok(Some(Read::Ended(Seen::Failed(failure), at_ns))) => {
                Verdict { outcome: Outcome::Failed(failure), at_ns, tail: Tail::Abandoned }
            }
            Ok(Some(Read::Ended(_, at_ns))) => Verdict { outcome: self.completed(), at_ns, tail: Tail::Open },
        }
    }

    fn feed(&mut self, parser: &mut Events, bytes: &[u8], at_ns: MonotonicNs) -> Seen {
        let mut seen = Seen::More;
        let fed = parser.feed(bytes, |event| {
            seen = self.take_event(event.name, event.data, at_ns);
            matches!(seen, Seen::More)
        });
        match fed {
            Ok(()) => seen,
            Err(too_long) => Seen::Failed(Failure::new(Cause::BadData, too_long.to_string())),
        }
    }

    fn take_event(&mut self, name: &[u8], data: &[u8], at_ns: MonotonicNs) -> Seen {
        self.events += 1;
        match take_event(self.manners.provider, self.observed, (name, data), at_ns) {
            Seen::Failed(Failure { cause: Cause::StreamError, message }) => {
                Seen::Failed(Failure::new(self.cause_of_fault(), message))
            }
            seen => seen,
        }
    }

    /// A line of JSON that comes first and is an error is no stream but an error's body.
    fn cause_of_fault(&self) -> Cause {
        let is_body = self.events == 1 && self.manners.provider.framing() == Framing::Ndjson;
        if is_body { Cause::ErrorBody } else { Cause::StreamError }
    }

    /// The body is over and `[DONE]` was not there.
    fn body_ended(&mut self, mut parser: Events, headers: &HeaderMap) -> Verdict {
        let at_ns = self.read_ns();
        let mut last = Seen::More;
        parser.finish(|event| {
            last = self.take_event(event.name, event.data, at_ns);
            false
        });
        let outcome = match last {
            Seen::Done => self.completed(),
            // Data that breaks off at the end of the stream is a cut stream rather than bad data.
            Seen::Failed(failure) if failure.cause != Cause::BadData => Outcome::Failed(failure),
            _ if self.observed.has_finish_reason() => self.completed(),
            _ if self.events == 0 && self.manners.provider.framing() == Framing::Sse && !announces_stream(headers) => {
                Outcome::Failed(Failure::new(
                    Cause::NotAStream,
                    format!("a body without any event ({})", content_type(headers)),
                ))
            }
            _ if self.observed.stamps.first_chunk_ns.is_none() => self.completed(),
            _ => Outcome::Failed(Failure::new(Cause::StreamCut, "the stream ended without finish_reason or [DONE]")),
        };
        Verdict { outcome, at_ns, tail: Tail::Read }
    }

    /// The body broke off, or took too long.
    fn body_broke(&mut self, stop: Stop) -> Verdict {
        let outcome = match stop {
            Stop::Timeout(cause) => Outcome::Failed(self.timed_out(cause)),
            Stop::Broken(..) if self.observed.has_finish_reason() => self.completed(),
            Stop::Broken(broken, _) => {
                let message = format!("the stream broke off: {}", chain(&broken));
                Outcome::Failed(Failure::new(Cause::StreamCut, message))
            }
        };
        Verdict { outcome, at_ns: self.now_ns(), tail: Tail::Abandoned }
    }

    /// A document stands in the place of a stream.
    fn is_document(&self, document: &[u8], headers: &HeaderMap, is_whole: bool) -> Verdict {
        let tail = if is_whole { Tail::Read } else { Tail::Abandoned };
        Verdict { outcome: Outcome::Failed(not_a_stream(headers, document)), at_ns: self.now_ns(), tail }
    }
}

/// Reads one event, by name and data, into what is seen of a request.
pub(super) fn take_event(
    provider: &dyn Provider,
    observed: &mut Observation,
    (name, data): (&[u8], &[u8]),
    at_ns: MonotonicNs,
) -> Seen {
    match provider.read_event(name, data) {
        Ok(Reading::Piece(piece)) => {
            observed.take_event(piece, data, at_ns);
            if observed.weight() > MOST_CONTENT { Seen::Failed(endless()) } else { Seen::More }
        }
        Ok(Reading::Last(piece, whole)) => {
            let piece = piece.with_rest_of(&whole, observed.text());
            observed.take_event(piece, data, at_ns);
            Seen::Done
        }
        Ok(Reading::Done) => Seen::Done,
        Ok(Reading::Fault(said)) => Seen::Failed(Failure::new(Cause::StreamError, said)),
        Err(bad) => Seen::Failed(Failure::new(Cause::BadData, bad.to_string())),
    }
}

fn endless() -> Failure {
    Failure::new(Cause::BadData, format!("a stream of {} MiB of content, of which no end is seen", MOST_CONTENT >> 20))
}

use hyper::HeaderMap;
use hyper::body::Incoming;

use crate::record::{Cause, Failure, Outcome};
use crate::time::MonotonicNs;

use super::api::Reading;
use super::exchange::{Exchange, Stop, Tail, Verdict};
use super::failure::chain;
use super::refusal::{announces_stream, begins_as_document, content_type, not_a_stream};
use super::sse::SseParser;

/// Bytes of one event.
const LONGEST_EVENT: usize = 32 << 20;
/// Bytes of a document that came in the place of a stream.
const LONGEST_DOCUMENT: usize = 64 << 10;

/// What an event means for the reading of a stream.
#[derive(Debug)]
enum Seen {
    /// It goes on.
    More,
    /// The answer is over.
    Done,
    /// It has failed.
    Failed(Failure),
}

/// Reading an answer that is streamed.
impl Exchange<'_> {
    pub(crate) async fn read_stream(&mut self, headers: &HeaderMap, body: &mut Incoming) -> Verdict {
        let mut parser = SseParser::new(LONGEST_EVENT);
        let mut is_stream = false;
        loop {
            let bytes = match self.next_bytes(body).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return self.body_ended(parser, headers),
                Err(stop) => return self.body_broke(stop),
            };
            self.note_body_bytes();
            if !is_stream {
                match begins_as_document(&bytes) {
                    Some(true) => return self.read_document(&bytes, headers, body).await,
                    Some(false) => is_stream = true,
                    None => {}
                }
            }
            let at_ns = self.read_ns();
            match self.feed(&mut parser, &bytes, at_ns) {
                Seen::More if self.is_past_total(at_ns) => {
                    return self.body_broke(Stop::Timeout(Cause::TotalTimeout));
                }
                Seen::More => {}
                Seen::Done => return Verdict { outcome: self.completed(), at_ns, tail: Tail::Open },
                Seen::Failed(failure) => {
                    return Verdict { outcome: Outcome::Failed(failure), at_ns, tail: Tail::Abandoned };
                }
            }
        }
    }

    fn feed(&mut self, parser: &mut SseParser, bytes: &[u8], at_ns: MonotonicNs) -> Seen {
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
        match self.manners.provider.read_event(name, data) {
            Ok(Reading::Piece(piece)) => {
                self.observed.take_event(&piece, data, at_ns);
                Seen::More
            }
            Ok(Reading::Done) => Seen::Done,
            Ok(Reading::Fault(said)) => Seen::Failed(Failure::new(Cause::StreamError, said)),
            Err(bad) => Seen::Failed(Failure::new(Cause::BadData, bad.to_string())),
        }
    }

    /// The body is over and `[DONE]` was not there.
    fn body_ended(&mut self, mut parser: SseParser, headers: &HeaderMap) -> Verdict {
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
            _ if self.events == 0 && !announces_stream(headers) => Outcome::Failed(Failure::new(
                Cause::NotAStream,
                format!("a body without any event ({})", content_type(headers)),
            )),
            _ if self.observed.stamps.first_chunk_ns.is_none() => self.completed(),
            _ => Outcome::Failed(Failure::new(Cause::StreamCut, "the stream ended without finish_reason or [DONE]")),
        };
        Verdict { outcome, at_ns, tail: Tail::Read }
    }

    /// The body broke off, or took too long.
    fn body_broke(&mut self, stop: Stop) -> Verdict {
        let outcome = match stop {
            Stop::Timeout(cause) => Outcome::Failed(self.timed_out(cause)),
            Stop::Broken(_) if self.observed.has_finish_reason() => self.completed(),
            Stop::Broken(error) => {
                let message = format!("the stream broke off: {}", chain(&error));
                Outcome::Failed(Failure::new(Cause::StreamCut, message))
            }
        };
        Verdict { outcome, at_ns: self.now_ns(), tail: Tail::Abandoned }
    }

    async fn read_document(&mut self, start: &[u8], headers: &HeaderMap, body: &mut Incoming) -> Verdict {
        let (document, tail) = self.collect(start, body, LONGEST_DOCUMENT).await;
        let tail = tail.unwrap_or(Tail::Abandoned);
        let outcome = Outcome::Failed(not_a_stream(headers, &document));
        Verdict { outcome, at_ns: self.now_ns(), tail }
    }
}

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};

use crate::record::{Cause, Failure, Outcome};
use crate::scenario::Timeouts;
use crate::text::Secrets;
use crate::time::{Clock, MonotonicNs, duration_ns};

use super::api::Provider;
use super::deadline::Deadline;
use super::failure::{chain, presentable};
use super::link::Link;
use super::observation::Observation;
use super::refusal::{content_type, refusal};

/// Bytes of an error's body that are read.
const LONGEST_REFUSAL: usize = 64 << 10;
/// Bytes of an answer that is not streamed.
const LONGEST_ANSWER: usize = 32 << 20;
/// How long a connection may take to end its body after the answer is over, to be kept for the next request.
const LINGER: Duration = Duration::from_millis(50);

/// How requests of one endpoint are treated.
#[derive(Debug, Clone)]
pub(crate) struct Manners {
    pub(crate) provider: &'static dyn Provider,
    pub(crate) stream: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) clock: Clock,
    pub(crate) secrets: Secrets,
}

/// One try at a request over one connection.
pub(crate) struct Exchange<'x> {
    pub(crate) manners: &'x Manners,
    pub(crate) link: Box<Link>,
    pub(crate) observed: &'x mut Observation,
    deadline: Deadline,
    /// Counts until the bytes have gone.
    begun_ns: MonotonicNs,
    /// Events of the stream so far.
    pub(crate) events: u64,
}

/// What is left of a try.
pub(crate) enum Ended {
    /// The observation has its outcome; the connection can take another request.
    Reusable(Box<Link>),
    /// The observation has its outcome; the connection is closed.
    Spent,
    /// The connection died before any byte of an answer; the observation has no outcome yet.
    Unanswered(Failure),
}

/// What of a body is still to come once the answer is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing.
    Read,
    /// Its end, soon.
    Open,
    /// Whatever it is, nobody waits for it.
    Abandoned,
}

/// How an answer ended.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) at_ns: MonotonicNs,
    pub(crate) tail: Tail,
}

/// Why no more bytes come.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A limit passed.
    Timeout(Cause),
    /// The connection broke or closed too early.
    Broken(hyper::Error),
}

impl<'x> Exchange<'x> {
    /// A try over `link`.
    pub(crate) fn new(manners: &'x Manners, link: Box<Link>, observed: &'x mut Observation) -> Self {
        let begun_ns = manners.clock.now_ns();
        let deadline = Deadline::at(manners.clock.instant_of(begun_ns) + manners.timeouts.total);
        Self { manners, link, observed, deadline, begun_ns, events: 0 }
    }

    /// Sends the request and reads the answer to its end.
    pub(crate) async fn run(mut self, request: Request<Full<Bytes>>) -> Ended {
        let response = match self.head(request).await {
            Ok(response) => response,
            Err(stop) => return self.no_head(stop),
        };
        self.observed.head(response.status().as_u16(), self.link.wire.last_read_ns());
        let (head, mut body) = response.into_parts();
        let verdict = if !head.status.is_success() {
            self.read_refusal(&head, &mut body).await
        } else if self.manners.stream {
            self.read_stream(&head.headers, &mut body).await
        } else {
            self.read_answer(&head.headers, &mut body).await
        };
        self.end(verdict.outcome, verdict.at_ns);
        // The request has its outcome; what follows only decides whether the connection is kept.
        let kept = match verdict.tail {
            Tail::Read => true,
            Tail::Open => self.body_ends_soon(&mut body).await,
            Tail::Abandoned => false,
        };
        if kept { Ended::Reusable(self.link) } else { Ended::Spent }
    }

    async fn head(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Stop> {
        let mut response = pin!(self.link.send(request));
        poll_fn(|cx| {
            loop {
                let moved = self.link.drive(cx);
                if let Some(at) = self.link.wire.sent_ns() {
                    self.observed.sent(at);
                }
                if let Poll::Ready(response) = response.as_mut().poll(cx) {
                    return Poll::Ready(response.map_err(Stop::Broken));
                }
                if !moved {
                    return self.poll_limits(cx).map(Err);
                }
            }
        })
        .await
    }

    fn no_head(mut self, stop: Stop) -> Ended {
        let now = self.now_ns();
        let failure = match stop {
            Stop::Timeout(cause) => self.timed_out(cause),
            Stop::Broken(error) if error.is_parse() => {
                Failure::new(Cause::BadData, format!("the answer is no HTTP/1.1: {}", chain(&error)))
            }
            Stop::Broken(error) => {
                let said = chain(&error);
                let Self { manners, link, observed, .. } = self;
                if link.died_silent() {
                    let message = format!("the connection closed before any byte of the answer: {said}");
                    return Ended::Unanswered(Failure::new(Cause::StreamCut, message));
                }
                let message = format!("the connection closed within the head of the answer: {said}");
                let failure = presentable(Failure::new(Cause::StreamCut, message), &manners.secrets);
                observed.end(Outcome::Failed(failure), now);
                return Ended::Spent;
            }
        };
        self.end(Outcome::Failed(failure), now);
        Ended::Spent
    }

    /// The next bytes of the body; `None` at its end.
    pub(crate) async fn next_bytes(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, Stop> {
        poll_fn(|cx| {
            loop {
                let moved = self.link.drive(cx);
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Ready(None) => return Poll::Ready(Ok(None)),
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(Stop::Broken(error))),
                    Poll::Ready(Some(Ok(frame))) => {
                        // A frame that is not data holds trailers, which say nothing to us.
                        if let Ok(bytes) = frame.into_data() {
                            return Poll::Ready(Ok(Some(bytes)));
                        }
                    }
                    Poll::Pending if moved => {}
                    Poll::Pending => return self.poll_limits(cx).map(Err),
                }
            }
        })
        .await
    }

    /// Adds the rest of a body to `start`, up to `limit` bytes. The second value tells what is left of it.
    pub(crate) async fn collect(
        &mut self,
        start: &[u8],
        body: &mut Incoming,
        limit: usize,
    ) -> (Vec<u8>, Result<Tail, Stop>) {
        let mut collected = start.to_vec();
        loop {
            if collected.len() >= limit {
                collected.truncate(limit);
                return (collected, Ok(Tail::Abandoned));
            }
            match self.next_bytes(body).await {
                Ok(Some(bytes)) => {
                    self.note_body_bytes();
                    collected.extend_from_slice(&bytes);
                }
                Ok(None) => return (collected, Ok(Tail::Read)),
                Err(stop) => return (collected, Err(stop)),
            }
        }
    }

    async fn read_refusal(&mut self, head: &hyper::http::response::Parts, body: &mut Incoming) -> Verdict {
        let (said, tail) = self.collect(&[], body, LONGEST_REFUSAL).await;
        // The status is the news; a body that breaks off takes nothing from it.
        let tail = tail.unwrap_or(Tail::Abandoned);
        let outcome = Outcome::Failed(refusal(head.status, &head.headers, &said));
        Verdict { outcome, at_ns: self.now_ns(), tail }
    }

    async fn read_answer(&mut self, headers: &hyper::HeaderMap, body: &mut Incoming) -> Verdict {
        use super::api::Reading;

        let (answer, tail) = self.collect(&[], body, LONGEST_ANSWER).await;
        let at_ns = if tail.is_ok() { self.read_ns() } else { self.now_ns() };
        let (outcome, tail) = match tail {
            Err(Stop::Timeout(cause)) => (Outcome::Failed(self.timed_out(cause)), Tail::Abandoned),
            Err(Stop::Broken(error)) => {
                (Outcome::Failed(Failure::new(Cause::StreamCut, chain(&error))), Tail::Abandoned)
            }
            Ok(tail) => match self.manners.provider.read_answer(&answer) {
                Err(bad) => {
                    let message = format!("{bad} ({})", content_type(headers));
                    (Outcome::Failed(Failure::new(Cause::BadData, message)), tail)
                }
                Ok(Reading::Fault(said)) => (Outcome::Failed(Failure::new(Cause::ErrorBody, said)), tail),
                Ok(Reading::Done) => (self.completed(), tail),
                Ok(Reading::Piece(piece)) => {
                    self.observed.take_answer(&piece, &answer);
                    (self.completed(), tail)
                }
            },
        };
        Verdict { outcome, at_ns, tail }
    }

    /// The outcome of an answer that came whole.
    pub(crate) fn completed(&self) -> Outcome {
        if self.observed.has_content() {
            Outcome::Completed
        } else {
            Outcome::Failed(Failure::new(Cause::Empty, "the answer has no content"))
        }
    }

    /// Waits a little for the end of a body whose answer is over. `false`: it does not end.
    async fn body_ends_soon(&mut self, body: &mut Incoming) -> bool {
        let rest = async {
            loop {
                match self.next_bytes(body).await {
                    Ok(Some(_)) => {}
                    Ok(None) => return true,
                    Err(_) => return false,
                }
            }
        };
        tokio::time::timeout(LINGER, rest).await.unwrap_or(false)
    }

    fn end(&mut self, outcome: Outcome, at_ns: MonotonicNs) {
        let outcome = match outcome {
            Outcome::Failed(failure) => Outcome::Failed(presentable(failure, &self.manners.secrets)),
            other => other,
        };
        self.observed.end(outcome, at_ns);
    }
}

/// Stamps and limits.
impl Exchange<'_> {
    pub(crate) fn now_ns(&self) -> MonotonicNs {
        self.manners.clock.now_ns()
    }

    /// The read that brought what was seen last.
    pub(crate) fn read_ns(&self) -> MonotonicNs {
        self.link.wire.last_read_ns().unwrap_or_else(|| self.now_ns())
    }

    /// Stamps the first bytes of a body.
    pub(crate) fn note_body_bytes(&mut self) {
        let at = self.read_ns();
        self.observed.stamps.first_chunk_ns.get_or_insert(at);
    }

    fn sent_ns(&self) -> MonotonicNs {
        self.observed.stamps.sent_ns.unwrap_or(self.begun_ns)
    }

    /// Whether the total limit had passed at `at_ns`; a stream that never pauses never asks the timer.
    pub(crate) fn is_past_total(&self, at_ns: MonotonicNs) -> bool {
        at_ns.saturating_sub(self.sent_ns()) > duration_ns(self.manners.timeouts.total)
    }

    /// The limit that comes first, and when. An answer that is not streamed has the total one only.
    fn limit(&self) -> (MonotonicNs, Cause) {
        let Timeouts { first_token, idle, total, .. } = self.manners.timeouts;
        let sent = self.sent_ns();
        let after = |stamp: MonotonicNs, limit| stamp.saturating_add(duration_ns(limit));
        let whole = (after(sent, total), Cause::TotalTimeout);
        let within = match self.observed.stamps.first_token_ns {
            _ if !self.manners.stream => return whole,
            None => (after(sent, first_token), Cause::FirstTokenTimeout),
            Some(_) => (after(self.read_ns(), idle), Cause::IdleTimeout),
        };
        if within.0 <= whole.0 { within } else { whole }
    }

    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        let (due, cause) = self.limit();
        self.deadline.set(self.manners.clock.instant_of(due));
        ready!(self.deadline.poll(cx));
        Poll::Ready(Stop::Timeout(cause))
    }

    pub(crate) fn timed_out(&self, cause: Cause) -> Failure {
        let Timeouts { first_token, idle, total, .. } = self.manners.timeouts;
        let message = match cause {
            Cause::FirstTokenTimeout => format!("no content within {first_token:?} of sending"),
            Cause::IdleTimeout => format!("nothing came for {idle:?}"),
            _ => format!("not done within {total:?} of sending"),
        };
        Failure::new(cause, message)
    }
}

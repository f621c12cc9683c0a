use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::record::{Cause, Failure, Outcome};
use crate::scenario::Timeouts;
use crate::text::Secrets;
use crate::time::{Clock, MonotonicNs, duration_ns};

use super::api::{Provider, Reading};
use super::compressed::{GZIP, compressed, unannounced_gzip};
use super::deadline::Deadline;
use super::encryption::alert_failure;
use super::ending::{Answer, Broken, Ended, Stop, Tail, Verdict};
use super::failure::{chain, presentable};
use super::http1::Head;
use super::link::{Link, Outbound, with_scratch};
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
    pub(crate) link: Link,
    pub(crate) observed: &'x mut Observation,
    deadline: Deadline,
    /// Counts until the bytes have gone.
    begun_ns: MonotonicNs,
    /// Events of the stream so far.
    pub(crate) events: u64,
}

impl<'x> Exchange<'x> {
    /// A try over `link`.
    pub(crate) fn new(manners: &'x Manners, mut link: Link, observed: &'x mut Observation) -> Self {
        link.arm();
        let begun_ns = manners.clock.now_ns();
        let deadline = Deadline::at(manners.clock.instant_of(begun_ns) + manners.timeouts.total);
        Self { manners, link, observed, deadline, begun_ns, events: 0 }
    }

    /// Sends the request and reads the answer to its end.
    pub(crate) async fn run(mut self, mut request: Outbound<'_>) -> Ended {
        let (head, mut answer) = match self.head(&mut request).await {
            Ok(begun) => begun,
            Err(stop) => return self.no_head(stop),
        };
        self.observed.head(head.status.as_u16(), self.link.last_read_ns());
        let verdict = if let (true, Some(failure)) = (head.status.is_success(), compressed(&head.headers)) {
            Verdict { outcome: Outcome::Failed(failure), at_ns: self.now_ns(), tail: Tail::Abandoned }
        } else if !head.status.is_success() {
            self.read_refusal(&head, &mut answer).await
        } else if self.manners.stream {
            self.read_stream(&head.headers, &mut answer).await
        } else {
            self.read_answer(&head.headers, &mut answer).await
        };
        self.observed.keep_headers_of_failure(&verdict.outcome, head.headers);
        self.end(verdict.outcome, verdict.at_ns);
        // The request has its outcome; what follows only decides whether the connection is kept.
        let may_be_kept = head.keeps_alive && request.is_out();
        let kept = match verdict.tail {
            Tail::Read => may_be_kept,
            Tail::Open => may_be_kept && self.body_ends_soon(&mut answer).await,
            Tail::Abandoned => false,
        };
        if kept && answer.ends_cleanly() { Ended::Reusable(self.link) } else { Ended::Spent }
    }

    /// The head, read while the request is written: a server may refuse one that it has not read to the end.
    async fn head(&mut self, request: &mut Outbound<'_>) -> Result<(Head, Answer), Stop> {
        let mut write_failed = None;
        let begun = poll_fn(|cx| {
            if write_failed.is_none() {
                match self.link.poll_send(cx, request) {
                    Poll::Ready(Err(error)) => write_failed = Some(error),
                    Poll::Ready(Ok(())) | Poll::Pending => {}
                }
                if let Some(at) = self.link.sent_ns() {
                    self.observed.sent(at);
                }
            }
            with_scratch(|scratch| self.poll_head(cx, scratch))
        });
        match begun.await {
            // What went wrong first is what is worth telling.
            Err(Stop::Broken(broken, part)) => Err(Stop::Broken(write_failed.map_or(broken, Broken::Socket), part)),
            begun => begun,
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<Result<(Head, Answer), Stop>> {
        match self.link.poll_head(cx, scratch) {
            Poll::Pending => self.poll_limits(cx).map(Err),
            Poll::Ready(come) => Poll::Ready(come.map_err(|(broken, part)| Stop::Broken(broken, part))),
        }
    }

    fn no_head(mut self, stop: Stop) -> Ended {
        let now = self.now_ns();
        let failure = match stop {
            Stop::Timeout(cause) => self.timed_out(cause),
            Stop::Broken(Broken::Head(bad), _) => {
                Failure::new(Cause::BadData, format!("the answer is no HTTP/1.1: {bad}"))
            }
            Stop::Broken(Broken::Socket(error), _) if alert_failure(&error).is_some() => {
                alert_failure(&error).unwrap_or_else(|| Failure::new(Cause::Tls, chain(&error)))
            }
            Stop::Broken(reset @ Broken::Reset(_), _) => Failure::new(Cause::StreamCut, chain(&reset)),
            Stop::Broken(broken, 0) => {
                let message = format!("the connection closed before any byte of the answer: {}", chain(&broken));
                return Ended::Unanswered(Failure::new(Cause::StreamCut, message));
            }
            Stop::Broken(broken, _) => {
                let message = format!("the connection closed within the head of the answer: {}", chain(&broken));
                Failure::new(Cause::StreamCut, message)
            }
        };
        self.end(Outcome::Failed(failure), now);
        Ended::Spent
    }

    /// Hands the data of the body to `take`, piece by piece as it comes, until that has a result; `None` at the
    /// body's end.
    pub(crate) async fn each_piece<T>(
        &mut self,
        answer: &mut Answer,
        mut take: impl FnMut(&mut Self, &[u8]) -> Option<T>,
    ) -> Result<Option<T>, Stop> {
        let early = std::mem::take(&mut answer.early);
        if let Some(taken) = self.take_pieces(answer, &early, &mut take)? {
            return Ok(Some(taken));
        }
        poll_fn(|cx| with_scratch(|scratch| self.poll_pieces(cx, scratch, answer, &mut take))).await
    }

    fn poll_pieces<T>(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        answer: &mut Answer,
        take: &mut impl FnMut(&mut Self, &[u8]) -> Option<T>,
    ) -> Poll<Result<Option<T>, Stop>> {
        loop {
            if answer.body.is_over() {
                return Poll::Ready(Ok(None));
            }
            match self.link.poll_read(cx, scratch) {
                Poll::Pending => return self.poll_limits(cx).map(Err),
                Poll::Ready(Ok(0)) => {
                    let is_whole = answer.body.may_end_here();
                    answer.extra = true;
                    return Poll::Ready(if is_whole { Ok(None) } else { Err(Stop::Broken(Broken::Ended, 0)) });
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Stop::Broken(Broken::Socket(error), 0))),
                Poll::Ready(Ok(read)) => {
                    match (self.take_pieces(answer, &scratch[..read], take), self.passed_limit()) {
                        (Ok(None), None) => {}
                        // A server that never pauses hardly ever lets the timer be asked.
                        (Ok(None), Some(cause)) => return Poll::Ready(Err(Stop::Timeout(cause))),
                        (taken, _) => return Poll::Ready(taken),
                    }
                }
            }
        }
    }

    /// Takes the data out of what one read brought. All of it is looked through, so that the framing goes on
    /// behind a result.
    fn take_pieces<T>(
        &mut self,
        answer: &mut Answer,
        mut bytes: &[u8],
        take: &mut impl FnMut(&mut Self, &[u8]) -> Option<T>,
    ) -> Result<Option<T>, Stop> {
        let mut taken = None;
        loop {
            match answer.body.next(&mut bytes) {
                Ok(Some(data)) if taken.is_none() => {
                    self.note_body_bytes();
                    taken = take(self, data);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) if taken.is_some() => {
                    answer.extra = true;
                    break;
                }
                Err(bad) => return Err(Stop::Broken(Broken::Framing(bad), 0)),
            }
        }
        answer.extra |= !bytes.is_empty();
        Ok(taken)
    }

    /// Reads a body that is no stream, up to `limit` bytes of it. The second value tells what is left of it.
    async fn collect(&mut self, answer: &mut Answer, limit: usize) -> (Vec<u8>, Result<Tail, Stop>) {
        let mut collected = Vec::new();
        let read = self.each_piece(answer, |_, piece| {
            collected.extend_from_slice(piece);
            (collected.len() >= limit).then_some(())
        });
        let tail = read.await.map(|full| if full.is_some() { Tail::Abandoned } else { Tail::Read });
        collected.truncate(limit);
        (collected, tail)
    }

    async fn read_refusal(&mut self, head: &Head, answer: &mut Answer) -> Verdict {
        let (said, tail) = self.collect(answer, LONGEST_REFUSAL).await;
        self.observed.keep_body(&said);
        // The status is the news; a body that breaks off takes nothing from it.
        let tail = tail.unwrap_or(Tail::Abandoned);
        let outcome = Outcome::Failed(refusal(head.status, &head.headers, &said));
        Verdict { outcome, at_ns: self.now_ns(), tail }
    }

    async fn read_answer(&mut self, headers: &hyper::HeaderMap, answer: &mut Answer) -> Verdict {
        let (answer, tail) = self.collect(answer, LONGEST_ANSWER).await;
        if let Ok(Tail::Abandoned) = tail {
            let message = format!("an answer of {} MiB, of which no end is seen", LONGEST_ANSWER >> 20);
            let outcome = Outcome::Failed(Failure::new(Cause::BadData, message));
            return Verdict { outcome, at_ns: self.now_ns(), tail: Tail::Abandoned };
        }
        let at_ns = if tail.is_ok() { self.read_ns() } else { self.now_ns() };
        let (outcome, tail) = match tail {
            Err(Stop::Timeout(cause)) => (Outcome::Failed(self.timed_out(cause)), Tail::Abandoned),
            Err(Stop::Broken(broken, _)) => {
                (Outcome::Failed(Failure::new(Cause::StreamCut, chain(&broken))), Tail::Abandoned)
            }
            Ok(tail) if answer.starts_with(&GZIP) => (Outcome::Failed(unannounced_gzip()), tail),
            Ok(tail) => match self.manners.provider.read_answer(&answer) {
                Err(bad) => {
                    let message = format!("{bad} ({})", content_type(headers));
                    (Outcome::Failed(Failure::new(Cause::BadData, message)), tail)
                }
                Ok(Reading::Fault(said)) => (Outcome::Failed(Failure::new(Cause::ErrorBody, said)), tail),
                Ok(Reading::Done) => (self.completed(), tail),
                Ok(Reading::Piece(piece) | Reading::Last(piece, _)) => {
                    self.observed.note_headers(headers);
                    self.observed.take_answer(piece, &answer);
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
    async fn body_ends_soon(&mut self, answer: &mut Answer) -> bool {
        if answer.body.is_over() {
            return true;
        }
        let rest = self.each_piece(answer, |_, _| None::<()>);
        matches!(tokio::time::timeout(LINGER, rest).await, Ok(Ok(None)))
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
        self.link.last_read_ns().unwrap_or_else(|| self.now_ns())
    }

    /// Stamps the first bytes of a body.
    pub(crate) fn note_body_bytes(&mut self) {
        let at = self.read_ns();
        self.observed.stamps.first_chunk_ns.get_or_insert(at);
    }

    fn sent_ns(&self) -> MonotonicNs {
        self.observed.stamps.sent_ns.unwrap_or(self.begun_ns)
    }

    /// The limit that had passed when the last bytes came.
    fn passed_limit(&self) -> Option<Cause> {
        let (due, cause) = self.limit();
        (self.read_ns() > due).then_some(cause)
    }

    /// The limit that comes first, and when. An answer that is not streamed has the total one only.
    fn limit(&self) -> (MonotonicNs, Cause) {
        let Timeouts { first_token, idle, total, .. } = self.manners.timeouts;
        let sent = self.sent_ns();
        let after = |stamp: MonotonicNs, limit| stamp.saturating_add(duration_ns(limit));
        let whole = (after(sent, total), Cause::TotalTimeout);
        let within = match self.observed.stamps.first_token_ns {
            _ if !self.manners.stream => return whole,
            // Of this attempt: the wait before it is not the server's.
            None => {
                let sent = self.observed.attempt_sent_ns().unwrap_or(self.begun_ns);
                (after(sent, first_token), Cause::FirstTokenTimeout)
            }
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

//! A streamed answer: a body that makes each event when the connection asks for it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use super::chunk::{self, Chunks, Part};
use super::mishap::Mishap;
use super::prose::Prose;
use super::refusal::Refusal;
use super::ticket::Ticket;
use super::usage::Usage;

/// The connection ends here, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the simulator cuts this connection")]
pub(super) struct CutOff;

/// How an answer is streamed.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamPlan {
    /// Whether an event before the first token names the role.
    pub(super) role: bool,
    /// Whether an event after the last token carries the usage.
    pub(super) usage: bool,
    /// Whether that event is the last, with nothing that says so besides.
    pub(super) ends_with_usage: bool,
    /// Whether every event with tokens carries the usage so far.
    pub(super) continuous_usage: bool,
    /// How many tokens an event carries, at least 1.
    pub(super) tokens_per_chunk: u64,
    /// How many of the first tokens are reasoning.
    pub(super) reasoning_tokens: u64,
    /// What happens after half of the tokens.
    pub(super) mishap: Option<Mishap>,
}

/// The events of one answer, in order.
#[derive(Debug)]
pub(super) struct EventStream {
    ticket: Ticket,
    chunks: Chunks,
    prose: Prose,
    plan: StreamPlan,
    next: Next,
    sent: u64,
    /// The text of an event, kept for its allocation.
    text: String,
}

/// Which event comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Role,
    Tokens,
    Finish,
    Usage,
    Done,
    Nothing,
}

impl EventStream {
    pub(super) fn new(ticket: Ticket, chunks: Chunks, prose: Prose, plan: StreamPlan) -> Self {
        let next = if plan.role { Next::Role } else { Next::Tokens };
        Self { ticket, chunks, prose, plan, next, sent: 0, text: String::new() }
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutOff>>> {
        let event = match self.next {
            Next::Role => {
                ready!(self.ticket.poll_reach(self.chunk_end(), context));
                self.next = Next::Tokens;
                self.ticket.stamp();
                self.chunks.role()
            }
            Next::Tokens => match self.due_mishap() {
                Some(Mishap::Stalled) => return Poll::Pending,
                Some(Mishap::Cut) => return Poll::Ready(Some(Err(CutOff))),
                Some(_) => {
                    self.next = self.after_usage();
                    self.ticket.stamp();
                    self.chunks.error(&Refusal::Broken.body())
                }
                None => {
                    ready!(self.ticket.poll_reach(self.chunk_end(), context));
                    self.tokens()
                }
            },
            Next::Finish => {
                self.next = if self.plan.usage { Next::Usage } else { Next::Done };
                self.ticket.stamp();
                let usage = self.usage_so_far();
                self.chunks.finish(usage.as_ref())
            }
            Next::Usage => {
                self.next = self.after_usage();
                self.ticket.stamp();
                let usage = Usage::finished(self.ticket.sequence(), self.plan.reasoning_tokens, self.ticket.clock());
                if self.plan.ends_with_usage {
                    self.ticket.complete();
                }
                self.chunks.usage(&usage)
            }
            Next::Done => {
                self.next = Next::Nothing;
                self.ticket.stamp();
                self.ticket.complete();
                chunk::done()
            }
            Next::Nothing => return Poll::Ready(None),
        };
        Poll::Ready(Some(Ok(event)))
    }

    /// The number of tokens sent after the next event: an event holds reasoning or answer, not both.
    fn chunk_end(&self) -> u64 {
        let end = self.sent.saturating_add(self.plan.tokens_per_chunk.max(1)).min(self.ticket.sequence().max_tokens);
        if self.sent < self.plan.reasoning_tokens { end.min(self.plan.reasoning_tokens) } else { end }
    }

    /// The next event of tokens, which have been emitted.
    fn tokens(&mut self) -> Bytes {
        let end = self.chunk_end();
        let part = if self.sent < self.plan.reasoning_tokens { Part::Reasoning } else { Part::Answer };
        self.text.clear();
        for token in self.sent..end {
            if token != 0 && token != self.plan.reasoning_tokens {
                self.text.push(' ');
            }
            self.text.push_str(self.prose.next_word());
        }
        self.sent = end;
        if end == self.ticket.sequence().max_tokens {
            self.next = if self.plan.ends_with_usage { Next::Usage } else { Next::Finish };
        }
        let usage = self.usage_so_far();
        self.ticket.stamp_tokens();
        self.chunks.tokens(part, &self.text, usage.as_ref())
    }

    /// What follows the usage, or an error.
    fn after_usage(&self) -> Next {
        if self.plan.ends_with_usage { Next::Nothing } else { Next::Done }
    }

    fn usage_so_far(&self) -> Option<Usage> {
        self.plan.continuous_usage.then(|| Usage::so_far(self.ticket.sequence(), self.sent, self.plan.reasoning_tokens))
    }

    fn due_mishap(&self) -> Option<Mishap> {
        self.plan.mishap.filter(|_| self.sent >= self.ticket.sequence().max_tokens / 2)
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.poll_event(context).map(|event| event.map(|event| event.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.next == Next::Nothing
    }
}

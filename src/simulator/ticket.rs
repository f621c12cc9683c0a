//! A request being answered: its place in the engine and its stamps.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::pacer::Mailbox;
use super::sequence::Sequence;
use super::stamps::{RequestStamps, StampRing};
use crate::time::{Clock, MonotonicNs};

/// Whoever sends an answer holds its ticket. Dropping it frees the slot if tokens were still to come, and files
/// the stamps: a client that goes away costs the server nothing more.
#[derive(Debug)]
pub(super) struct Ticket {
    id: String,
    sequence: Arc<Sequence>,
    mailbox: Arc<Mailbox>,
    ring: Arc<StampRing>,
    clock: Clock,
    send_ns: Vec<MonotonicNs>,
    first_token_event: Option<usize>,
    token_events: usize,
    filed: bool,
}

impl Ticket {
    /// Hands `sequence` to the engine behind `mailbox`.
    pub(super) fn submit(
        id: String,
        sequence: Sequence,
        mailbox: &Arc<Mailbox>,
        ring: &Arc<StampRing>,
        clock: Clock,
    ) -> Self {
        let sequence = Arc::new(sequence);
        mailbox.submit(Arc::clone(&sequence));
        Self {
            id,
            sequence,
            mailbox: Arc::clone(mailbox),
            ring: Arc::clone(ring),
            clock,
            send_ns: Vec::new(),
            first_token_event: None,
            token_events: 0,
            filed: false,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// Waits for `tokens` tokens.
    pub(super) async fn reach(&self, tokens: u64) {
        std::future::poll_fn(|context: &mut Context<'_>| self.sequence.poll_emitted(tokens, context).map(drop)).await;
    }

    /// Whether `tokens` tokens are there.
    pub(super) fn poll_reach(&self, tokens: u64, context: &mut Context<'_>) -> Poll<()> {
        self.sequence.poll_emitted(tokens, context).map(drop)
    }

    /// Stamps an event that carries no text.
    pub(super) fn stamp(&mut self) {
        self.send_ns.push(self.clock.now_ns());
    }

    /// Stamps an event that carries text.
    pub(super) fn stamp_tokens(&mut self) {
        self.first_token_event.get_or_insert(self.send_ns.len());
        self.token_events += 1;
        self.stamp();
    }

    /// Files the stamps of the whole answer, before its last byte is out: who has read it finds them.
    pub(super) fn complete(&mut self) {
        self.file(true);
    }

    fn file(&mut self, completed: bool) {
        if std::mem::replace(&mut self.filed, true) {
            return;
        }
        let marks = self.sequence.marks();
        let send_ns = std::mem::take(&mut self.send_ns);
        self.ring.push(RequestStamps {
            id: std::mem::take(&mut self.id),
            received_ns: self.sequence.received_ns,
            admitted_ns: marks.admitted_ns,
            first_due_ns: marks.first_due_ns,
            last_due_ns: marks.last_due_ns,
            first_token_event: self.first_token_event.unwrap_or(send_ns.len()),
            token_events: self.token_events,
            send_ns,
            completed,
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Filed first: who sees the slot free finds the stamps.
        self.file(false);
        if !self.sequence.is_finished() {
            self.mailbox.cancel(&self.sequence);
        }
    }
}

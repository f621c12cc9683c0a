//! A request in the engine: how far it has come, shared with the task that sends its tokens.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use crate::time::MonotonicNs;

/// One request in the engine.
///
/// The engine only counts tokens and wakes the sender; the text is made where it is sent.
#[derive(Debug)]
pub(super) struct Sequence {
    /// The request's number, from 0 in order of arrival.
    pub(super) number: u64,
    /// The tokens of the prompt, template included.
    pub(super) prompt_tokens: u64,
    /// Of those, the pictures'.
    pub(super) image_tokens: u64,
    /// The tokens of the completion, at least 1.
    pub(super) max_tokens: u64,
    /// The model, where it matters which one is ready.
    pub(super) model: Option<Arc<str>>,
    /// When the last byte of the request was read.
    pub(super) received_ns: MonotonicNs,
    wakes: Wakes,
    emitted: AtomicU64,
    cancelled: AtomicBool,
    marks: Mutex<Marks>,
    waker: AtomicWaker,
}

/// When the sender wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wakes {
    /// At every token.
    EachToken,
    /// Only when the last token is there.
    AtEnd,
}

/// What the engine noted about a sequence; `None` until it has happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// When it got its slot.
    pub(super) admitted_ns: Option<MonotonicNs>,
    /// When its first token was due by the schedule.
    pub(super) first_due_ns: Option<MonotonicNs>,
    /// When its first token was emitted.
    pub(super) first_ns: Option<MonotonicNs>,
    /// When its tenth token was emitted, or its last if it has fewer.
    pub(super) tenth_ns: Option<MonotonicNs>,
    /// When its last token was due by the schedule.
    pub(super) last_due_ns: Option<MonotonicNs>,
    /// When its last token was emitted.
    pub(super) last_ns: Option<MonotonicNs>,
    /// The size of the batch in its first decode step.
    pub(super) batch: Option<usize>,
}

impl Sequence {
    pub(super) fn new(
        number: u64,
        prompt_tokens: u64,
        max_tokens: u64,
        received_ns: MonotonicNs,
        wakes: Wakes,
    ) -> Self {
        Self {
            number,
            prompt_tokens,
            image_tokens: 0,
            max_tokens: max_tokens.max(1),
            model: None,
            received_ns,
            wakes,
            emitted: AtomicU64::new(0),
            cancelled: AtomicBool::new(false),
            marks: Mutex::new(Marks::default()),
            waker: AtomicWaker::new(),
        }
    }

    /// The same, with so many of the prompt's tokens being pictures'.
    pub(super) fn with_image_tokens(mut self, image_tokens: u64) -> Self {
        self.image_tokens = image_tokens;
        self
    }

    /// The same, for that model.
    pub(super) fn with_model(mut self, model: Option<Arc<str>>) -> Self {
        self.model = model;
        self
    }

    /// How many tokens have been emitted.
    pub(super) fn emitted(&self) -> u64 {
        self.emitted.load(Ordering::Acquire)
    }

    pub(super) fn is_finished(&self) -> bool {
        self.emitted() >= self.max_tokens
    }

    pub(super) fn marks(&self) -> Marks {
        *self.lock_marks()
    }

    /// Notes something about the sequence.
    pub(super) fn mark(&self, note: impl FnOnce(&mut Marks)) {
        note(&mut self.lock_marks());
    }

    /// Says that nobody wants the rest.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Emits the next token, due at `due` and emitted at `now`; whether it was the last.
    pub(super) fn emit(&self, due: MonotonicNs, now: MonotonicNs) -> bool {
        // Only the engine writes the count, so that load and store need not be one operation.
        let emitted = self.emitted.load(Ordering::Relaxed) + 1;
        let last = emitted >= self.max_tokens;
        if emitted == 1 {
            self.mark(|marks| (marks.first_due_ns, marks.first_ns) = (Some(due), Some(now)));
        }
        if emitted == 10 || (last && emitted < 10) {
            self.mark(|marks| marks.tenth_ns = Some(now));
        }
        if last {
            self.mark(|marks| (marks.last_due_ns, marks.last_ns) = (Some(due), Some(now)));
        }
        self.emitted.store(emitted, Ordering::Release);
        if last || self.wakes == Wakes::EachToken {
            self.waker.wake();
        }
        last
    }

    /// How many tokens have been emitted, once they are at least `wanted`.
    pub(super) fn poll_emitted(&self, wanted: u64, context: &mut Context<'_>) -> Poll<u64> {
        let emitted = self.emitted();
        if emitted >= wanted {
            return Poll::Ready(emitted);
        }
        self.waker.register(context.waker());
        let emitted = self.emitted();
        if emitted >= wanted { Poll::Ready(emitted) } else { Poll::Pending }
    }

    fn lock_marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

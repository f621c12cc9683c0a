//! The engine: slots, a queue and a batch, as a state machine that is told the time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::cost::Costs;
use super::lanes::Lanes;
use super::metrics::Metrics;
use super::options::Decoding;
use super::residence::Residence;
use super::sequence::Sequence;
use crate::time::MonotonicNs;

/// Serves the requests of one model. It has no clock: [`Engine::advance`] carries out whatever is due.
#[derive(Debug)]
pub(super) struct Engine {
    costs: Costs,
    residence: Residence,
    slots: usize,
    metrics: Arc<Metrics>,
    queue: VecDeque<Arc<Sequence>>,
    prefilling: Vec<Prefill>,
    batch: Vec<Arc<Sequence>>,
    /// Those that are decoded apart.
    lanes: Lanes,
    /// When the running step ends; `None` while the batch is empty.
    step_due: Option<MonotonicNs>,
    /// When a slot last became free: nobody who queued is admitted before.
    freed_ns: MonotonicNs,
    /// Tokens of prompts and completions in slots.
    held_tokens: u64,
}

#[derive(Debug)]
struct Prefill {
    ready_ns: MonotonicNs,
    sequence: Arc<Sequence>,
}

impl Engine {
    pub(super) fn new(costs: Costs, slots: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            residence: Residence::new(costs.switch_ns()),
            costs,
            slots: slots.max(1),
            metrics,
            queue: VecDeque::new(),
            prefilling: Vec::new(),
            batch: Vec::new(),
            lanes: Lanes::default(),
            step_due: None,
            freed_ns: MonotonicNs::MIN,
            held_tokens: 0,
        }
    }

    /// Takes a request; it starts when it was received, or when a slot becomes free.
    pub(super) fn arrive(&mut self, sequence: Arc<Sequence>) {
        self.queue.push_back(sequence);
        self.admit();
    }

    /// Forgets the cancelled requests; their slots are free from `now` on. A running step keeps its length.
    pub(super) fn sweep(&mut self, now: MonotonicNs) {
        let (running, mut gone, mut held_tokens) = (self.running(), 0, 0);
        self.queue.retain(|sequence| {
            let cancelled = sequence.is_cancelled();
            gone += u64::from(cancelled);
            !cancelled
        });
        let mut keeps_slot = |sequence: &Arc<Sequence>| {
            let cancelled = sequence.is_cancelled();
            if cancelled {
                gone += 1;
                held_tokens += tokens_of(sequence);
            }
            !cancelled
        };
        self.prefilling.retain(|prefill| keeps_slot(&prefill.sequence));
        self.batch.retain(&mut keeps_slot);
        self.lanes.retain(keeps_slot);
        if self.batch.is_empty() {
            self.step_due = None;
        }
        self.held_tokens -= held_tokens;
        self.metrics.aborted.fetch_add(gone, Ordering::Relaxed);
        self.refill(running, now);
    }

    /// Carries out every boundary up to `now`; when the next one is due, `None` if nothing is being served.
    pub(super) fn advance(&mut self, now: MonotonicNs) -> Option<MonotonicNs> {
        let next = loop {
            match self.next_boundary() {
                Some(due) if due <= now => self.boundary(due, now),
                next => break next,
            }
        };
        self.publish();
        next
    }

    /// The end of the running step; without one, the end of the first prefill or of the first lane's step.
    fn next_boundary(&self) -> Option<MonotonicNs> {
        let prefilled = || self.prefilling.iter().map(|prefill| prefill.ready_ns).min();
        self.step_due.or_else(|| prefilled().into_iter().chain(self.lanes.next_due()).min())
    }

    /// Ends the step due at `due`: a token for everyone in the batch, then the prefilled join, then the next step.
    fn boundary(&mut self, due: MonotonicNs, now: MonotonicNs) {
        let running = self.running();
        let mut finished = Vec::new();
        let mut emitted = self.batch.len();
        self.batch.retain(|sequence| keep_unless_last(sequence, due, now, &mut finished));
        let carried_over = self.batch.len();
        while let Some((sequence, due)) = self.lanes.pop(due) {
            emitted += 1;
            self.decode_apart(sequence, due, now, &mut finished);
        }
        let (joining, still) =
            std::mem::take(&mut self.prefilling).into_iter().partition::<Vec<_>, _>(|prefill| prefill.ready_ns <= due);
        self.prefilling = still;
        emitted += joining.len();
        for Prefill { sequence, ready_ns } in joining {
            self.metrics.prompt_tokens.fetch_add(sequence.prompt_tokens, Ordering::Relaxed);
            self.metrics.first_token_time.observe(now - sequence.received_ns);
            if self.costs.decoding() == Decoding::Apart {
                sequence.mark(|marks| marks.batch = Some(1));
                self.decode_apart(sequence, ready_ns, now, &mut finished);
            } else if keep_unless_last(&sequence, due, now, &mut finished) {
                self.batch.push(sequence);
            }
        }
        let emitted = u64::try_from(emitted).unwrap_or(u64::MAX);
        self.metrics.generation_tokens.fetch_add(emitted, Ordering::Relaxed);
        self.held_tokens += emitted;
        for sequence in finished {
            self.held_tokens -= tokens_of(&sequence);
            self.metrics.finished.fetch_add(1, Ordering::Relaxed);
            self.metrics.total_time.observe(now - sequence.received_ns);
        }
        self.refill(running, due);
        let batch = self.batch.len();
        for sequence in &self.batch[carried_over..] {
            sequence.mark(|marks| marks.batch = Some(batch));
        }
        self.step_due = (batch > 0).then(|| due.saturating_add(self.costs.step_ns(batch)));
    }

    /// Emits a token of a sequence that has its own steps; the next one is a step later.
    fn decode_apart(
        &mut self,
        sequence: Arc<Sequence>,
        due: MonotonicNs,
        now: MonotonicNs,
        finished: &mut Vec<Arc<Sequence>>,
    ) {
        if keep_unless_last(&sequence, due, now, finished) {
            self.lanes.push(sequence, due.saturating_add(self.costs.step_ns(1)));
        }
    }

    /// Gives the slots to the queue that became free at `at`, when `running` of them were taken before.
    fn refill(&mut self, running: usize, at: MonotonicNs) {
        if running == self.slots && self.running() < running {
            self.freed_ns = at;
            self.admit();
        }
    }

    /// Gives free slots to the head of the queue.
    fn admit(&mut self) {
        while self.running() < self.slots
            && let Some(sequence) = self.queue.pop_front()
        {
            let start = sequence.received_ns.max(self.freed_ns);
            sequence.mark(|marks| marks.admitted_ns = Some(start));
            self.metrics.queue_time.observe(start - sequence.received_ns);
            self.held_tokens += sequence.prompt_tokens;
            let prefill_ns = self.costs.prefill_ns(sequence.number, sequence.prompt_tokens);
            let begin = self.residence.ready_at(sequence.model.as_ref(), start);
            let ready_ns = begin.saturating_add(prefill_ns).saturating_add(self.costs.phase_ns(sequence.number));
            self.prefilling.push(Prefill { ready_ns, sequence });
        }
    }

    fn running(&self) -> usize {
        self.prefilling.len() + self.batch.len() + self.lanes.len()
    }

    fn publish(&self) {
        let as_u64 = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.metrics.running.store(as_u64(self.running()), Ordering::Relaxed);
        self.metrics.waiting.store(as_u64(self.queue.len()), Ordering::Relaxed);
        self.metrics.held_tokens.store(self.held_tokens, Ordering::Relaxed);
    }
}

/// Emits a token; the sequence stays unless it was the last.
fn keep_unless_last(
    sequence: &Arc<Sequence>,
    due: MonotonicNs,
    now: MonotonicNs,
    finished: &mut Vec<Arc<Sequence>>,
) -> bool {
    let last = sequence.emit(due, now);
    if last {
        finished.push(Arc::clone(sequence));
    }
    !last
}

fn tokens_of(sequence: &Arc<Sequence>) -> u64 {
    sequence.prompt_tokens + sequence.emitted()
}

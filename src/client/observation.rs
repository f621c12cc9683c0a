use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;

use crate::record::{Attempt, Cause, Chunk, Failure, KeptTimes, Outcome, Phase, RequestRecord, Stamps, TokenCounts};
use crate::text::shorten;
use crate::time::MonotonicNs;
use crate::tokens::Tokenizer;
use crate::workload::{ChatRequest, Reply};

use super::api::{Piece, Usage};
use super::chunk_tokens::tokens_of_chunks;
use super::content::Content;
use super::dial::Dialled;
use super::server_report::{MetricTable, ServerNotes};
use super::thinking::{Sorted, Thinking};

/// Bytes of a failed answer's body that are kept.
const KEPT_BODY: usize = 16 << 10;

/// Characters of an id or of a finish reason that are kept: whatever a server sends there, it is held for every request.
const LONGEST_WORD: usize = 200;

/// What is seen of one request, filled while it runs.
///
/// It outlives the future that fills it: drop that one, call [`Observation::cancel`], and all that was
/// seen until then is here. Made by [`Client::observation`](super::Client::observation).
#[derive(Debug)]
pub struct Observation {
    metrics: Arc<MetricTable>,
    outcome: Option<Outcome>,
    http_status: Option<u16>,
    attempts: Vec<Attempt>,
    /// Whether the last attempt has not ended.
    attempt_is_open: bool,
    pub(crate) stamps: Stamps,
    content: Content,
    thinking: Thinking,
    usage: Usage,
    finish_reason: Option<String>,
    response_id: Option<String>,
    notes: ServerNotes,
    refused: Option<Box<Refused>>,
}

/// The answer of a failed request, as far as it is kept.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    pub(crate) headers: HeaderMap,
    /// The beginning of a body that is an error.
    pub(crate) body: Vec<u8>,
}

/// What the caller knows of a request and the wire does not.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'r> {
    /// From 0 in order of starting, warm-up included.
    pub request_index: u64,
    /// Warm-up or measured.
    pub phase: Phase,
    /// The model's name on the wire.
    pub model_id: &'r str,
    /// What was asked.
    pub request: &'r ChatRequest,
    /// Conversation, from 0.
    pub conversation: Option<u64>,
    /// Turn within it, from 0.
    pub turn: Option<u32>,
    /// When it was due, in open loop.
    pub scheduled_ns: Option<MonotonicNs>,
}

impl Observation {
    pub(crate) fn new(metrics: Arc<MetricTable>) -> Self {
        Self {
            metrics,
            outcome: None,
            http_status: None,
            attempts: Vec::with_capacity(1),
            attempt_is_open: false,
            stamps: Stamps::default(),
            content: Content::default(),
            thinking: Thinking::default(),
            usage: Usage::default(),
            finish_reason: None,
            response_id: None,
            notes: ServerNotes::default(),
            refused: None,
        }
    }

    /// How it ended; `None` while it runs.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// When things happened so far.
    pub fn stamps(&self) -> &Stamps {
        &self.stamps
    }

    /// Every try so far.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The visible text so far.
    pub fn text(&self) -> &str {
        self.content.visible()
    }

    /// The thinking so far.
    pub fn reasoning(&self) -> &str {
        self.content.reasoning()
    }

    /// Tool calls so far: names and arguments as they came, one after another; refusals too.
    pub fn tool_calls(&self) -> &str {
        self.content.other()
    }

    /// Bytes that it holds, about.
    pub fn weight(&self) -> usize {
        self.content.weight()
    }

    /// What a session learns from the answer.
    pub fn reply(&self) -> Reply {
        Reply { text: self.text().to_owned(), ..self.reply_without_text() }
    }

    /// The same without a copy of the text.
    pub fn reply_without_text(&self) -> Reply {
        Reply { text: String::new(), completed: self.outcome == Some(Outcome::Completed) }
    }

    /// Notes that the caller stopped the request then; without effect on one that has ended.
    pub fn cancel(&mut self, at_ns: MonotonicNs) {
        self.end(Outcome::Cancelled, at_ns);
    }

    /// Notes that the request was due but is never sent.
    pub fn drop_unsent(&mut self, at_ns: MonotonicNs) {
        self.end(Outcome::Dropped, at_ns);
    }

    /// The row, with tokens attributed to chunks. This is where a tokenizer runs, so call it off the timed path.
    ///
    /// A request that has not ended counts as cancelled without an end; call [`Observation::cancel`] first.
    pub fn into_record(self, asked: &Asked<'_>, tokenizer: Option<&dyn Tokenizer>) -> RequestRecord {
        let stopped_by_itself = self.finish_reason.as_deref() == Some("stop");
        let counted = tokens_of_chunks(&self.content, self.usage.output, stopped_by_itself, tokenizer);
        let (tokens, token_source) = counted.map_or_else(Default::default, |(tokens, source)| (tokens, Some(source)));
        let stamped = self.content.chunks().iter().zip(tokens);
        RequestRecord {
            request_index: asked.request_index,
            phase: asked.phase,
            model_id: asked.model_id.to_owned(),
            prompt_name: asked.request.prompt_name.clone(),
            conversation: asked.conversation,
            turn: asked.turn,
            chunks: stamped.map(|(chunk, tokens)| Chunk { at_ns: chunk.at_ns, tokens }).collect(),
            chunk_times: KeptTimes::All,
            token_source,
            tokens: self.token_counts(asked.request, tokenizer),
            server: self.notes.report(&self.metrics),
            response_id: self.response_id,
            outcome: self.outcome.unwrap_or(Outcome::Cancelled),
            http_status: self.http_status,
            attempts: self.attempts,
            stamps: Stamps { scheduled_ns: asked.scheduled_ns, ..self.stamps },
            finish_reason: self.finish_reason,
        }
    }

    fn token_counts(&self, request: &ChatRequest, tokenizer: Option<&dyn Tokenizer>) -> TokenCounts {
        let count = |tokenizer: &dyn Tokenizer| {
            let texts = self.content.texts();
            let tokens: usize = texts.iter().filter(|text| !text.is_empty()).map(|text| tokenizer.count(text)).sum();
            u64::try_from(tokens).unwrap_or(u64::MAX)
        };
        TokenCounts {
            input_requested: request.input_tokens_requested,
            input_client: request.input_tokens_client,
            input_server: self.usage.input,
            output_requested: request.output_tokens,
            output_client: tokenizer.filter(|_| !self.content.is_empty()).map(count),
            output_server: self.usage.output,
            reasoning: self.usage.reasoning,
            cached: self.usage.cached,
            image: self.usage.image,
        }
    }
}

/// What the exchange writes.
impl Observation {
    pub(crate) fn begin_attempt(&mut self, at_ns: MonotonicNs) {
        self.attempts.push(Attempt { sent_ns: None, end_ns: at_ns, cause: None });
        self.attempt_is_open = true;
    }

    pub(crate) fn end_attempt(&mut self, at_ns: MonotonicNs, cause: Option<Cause>) {
        if let Some(attempt) = self.attempts.last_mut().filter(|_| self.attempt_is_open) {
            attempt.end_ns = at_ns;
            attempt.cause = cause;
        }
        self.attempt_is_open = false;
    }

    /// Notes when a connection made for the request was; the last one's, where there were two.
    pub(crate) fn connected(&mut self, dialled: Option<Dialled>) {
        self.stamps.dial_ns = dialled.map(|dialled| dialled.dial_ns);
        self.stamps.handshake_ns = dialled.and_then(|dialled| dialled.handshake_ns);
        self.stamps.connect_ns = dialled.map(|dialled| dialled.connect_ns);
    }

    /// Forgets a failed answer, so that the request can be sent again: the attempts stay, and the first one's time. One
    /// that began then and never had a connection counts from there.
    pub(crate) fn begin_again(&mut self, begun_ns: MonotonicNs) {
        let sent_ns = self.stamps.sent_ns.or(Some(begun_ns));
        *self = Self {
            attempts: std::mem::take(&mut self.attempts),
            stamps: Stamps { sent_ns, ..Stamps::default() },
            ..Self::new(Arc::clone(&self.metrics))
        };
    }

    /// Notes that the failed request would have been sent again, but for the limit that would have passed.
    pub(crate) fn note_no_retry(&mut self, wait: Duration, limit: Duration) {
        if let Some(Outcome::Failed(failure)) = &mut self.outcome {
            let Failure { message, .. } = failure;
            *message = format!("{message} (not sent again: {wait:?} more would pass the {limit:?} of timeouts.total)");
        }
    }

    /// The failure, where that is how it ended.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Some(Outcome::Failed(failure)) => Some(failure),
            _ => None,
        }
    }

    /// When the running attempt's bytes went out; `None` before they did.
    pub(crate) fn attempt_sent_ns(&self) -> Option<MonotonicNs> {
        self.attempts.last().and_then(|attempt| attempt.sent_ns)
    }

    /// When the running attempt's bytes went out.
    pub(crate) fn sent(&mut self, at_ns: MonotonicNs) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.sent_ns.get_or_insert(at_ns);
        }
        self.stamps.sent_ns.get_or_insert(at_ns);
    }

    pub(crate) fn head(&mut self, status: u16, at_ns: Option<MonotonicNs>) {
        self.http_status = Some(status);
        self.stamps.headers_ns = at_ns;
    }

    /// What the headers of an answer tell that is not streamed.
    pub(crate) fn note_headers(&mut self, headers: &HeaderMap) {
        self.notes.note_headers(headers, &self.metrics);
    }

    pub(crate) fn end(&mut self, outcome: Outcome, at_ns: MonotonicNs) {
        if self.outcome.is_some() {
            return;
        }
        let cause = if let Outcome::Failed(Failure { cause, .. }) = &outcome { Some(*cause) } else { None };
        self.end_attempt(at_ns, cause);
        self.stamps.end_ns = Some(at_ns);
        self.outcome = Some(outcome);
    }

    /// One event of a stream, which `at_ns`' read completed.
    pub(crate) fn take_event(&mut self, mut piece: Piece<'_>, event: &[u8], at_ns: MonotonicNs) {
        self.tell_thinking(&mut piece);
        if piece.content_bytes() > 0 {
            self.stamps.first_token_ns.get_or_insert(at_ns);
            self.stamps.last_token_ns = Some(at_ns);
            if piece.is_visible() {
                self.stamps.first_visible_ns.get_or_insert(at_ns);
            }
            self.content.take(&piece, at_ns);
        }
        self.take_rest(&piece, event);
    }

    /// A whole answer: its text has no stamps but the end's.
    pub(crate) fn take_answer(&mut self, mut piece: Piece<'_>, body: &[u8]) {
        self.tell_thinking(&mut piece);
        self.content.add_text(&piece);
        self.take_rest(&piece, body);
    }

    /// Makes reasoning of what stands between `<think>` tags, which some servers leave in the text.
    fn tell_thinking(&mut self, piece: &mut Piece<'_>) {
        if self.thinking.sort(piece) == Sorted::AllSoFar {
            self.content.make_reasoning();
            self.stamps.first_visible_ns = None;
        }
    }

    fn take_rest(&mut self, piece: &Piece<'_>, event: &[u8]) {
        if let Some(id) = &piece.id
            && self.response_id.is_none()
        {
            self.response_id = Some(shorten(id, LONGEST_WORD));
        }
        if let Some(reason) = &piece.finish_reason {
            self.finish_reason = Some(shorten(reason, LONGEST_WORD));
        }
        if let Some(later) = piece.usage {
            let known = self.usage;
            self.usage = Usage {
                input: later.input.or(known.input),
                output: later.output.or(known.output),
                reasoning: later.reasoning.or(known.reasoning),
                cached: later.cached.or(known.cached),
                image: later.image.or(known.image),
            };
        }
        self.notes.note(event, piece.usage.is_some(), piece.finish_reason.is_some(), &self.metrics);
    }

    /// Keeps the headers of an answer that comes to a failure.
    pub(crate) fn keep_headers_of_failure(&mut self, outcome: &Outcome, headers: HeaderMap) {
        if matches!(outcome, Outcome::Failed(_)) {
            self.refused.get_or_insert_default().headers = headers;
        }
    }

    /// Keeps the beginning of a body that is an error.
    pub(crate) fn keep_body(&mut self, body: &[u8]) {
        self.refused.get_or_insert_default().body = body[..body.len().min(KEPT_BODY)].to_vec();
    }

    /// The head and the body of an answer that failed.
    pub(crate) fn refused(&self) -> Option<&Refused> {
        self.refused.as_deref()
    }

    pub(crate) fn http_status(&self) -> Option<u16> {
        self.http_status
    }

    pub(crate) fn has_content(&self) -> bool {
        !self.content.is_empty()
    }

    /// Whether the server said why it stopped.
    pub(crate) fn has_finish_reason(&self) -> bool {
        self.finish_reason.is_some()
    }
}

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cause, Failure, KeptTimes};
use crate::time::MonotonicNs;

/// Whether a request counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Started before the measured phase: stored, not counted.
    Warmup,
    /// Counted.
    Measure,
}

impl Phase {
    /// The word of the phase.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warmup => "warmup",
            Self::Measure => "measure",
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole answer came.
    Completed,
    /// An error, with its cause.
    Failed(Failure),
    /// Stopped by us.
    Cancelled,
    /// Due but never sent.
    Dropped,
}

impl Outcome {
    /// The word of the outcome.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
            Self::Dropped => "dropped",
        }
    }
}

/// One try at sending a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When its bytes went to the socket; `None` when no connection was had.
    pub sent_ns: Option<MonotonicNs>,
    /// When it ended.
    pub end_ns: MonotonicNs,
    /// Why it failed; `None` for the one that did not.
    pub cause: Option<Cause>,
}

/// Content that arrived with one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The read that completed the event.
    pub at_ns: MonotonicNs,
    /// Tokens it brought.
    pub tokens: u32,
}

/// Where the tokens of chunks were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// The server's usage: on every chunk, or one token a chunk confirmed by the total.
    Usage,
    /// A tokenizer of ours.
    Tokenizer,
    /// The usage total shared out by bytes.
    Estimate,
}

impl TokenSource {
    /// The word of the source.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Tokenizer => "tokenizer",
            Self::Estimate => "estimate",
        }
    }
}

/// When things happened, on the monotonic clock; `None` for what did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamps {
    /// When the request was due, in open loop.
    pub scheduled_ns: Option<MonotonicNs>,
    /// When the first attempt's bytes went to the socket.
    pub sent_ns: Option<MonotonicNs>,
    /// When the opening of a connection made for this request began; `None` on a kept one.
    pub dial_ns: Option<MonotonicNs>,
    /// When that stood and its TLS handshake began; `None` in clear too.
    pub handshake_ns: Option<MonotonicNs>,
    /// When a connection made for this request was ready; `None` on a kept one.
    pub connect_ns: Option<MonotonicNs>,
    /// When the response's head had arrived.
    pub headers_ns: Option<MonotonicNs>,
    /// The first body byte.
    pub first_chunk_ns: Option<MonotonicNs>,
    /// The first content token; reasoning counts.
    pub first_token_ns: Option<MonotonicNs>,
    /// The first content that is not reasoning.
    pub first_visible_ns: Option<MonotonicNs>,
    /// The last content token.
    pub last_token_ns: Option<MonotonicNs>,
    /// The end of the answer, of the failure or of the cancelling.
    pub end_ns: Option<MonotonicNs>,
}

/// Tokens asked for, built and received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// Input tokens the cell asks for.
    pub input_requested: Option<u64>,
    /// Input tokens by our own count, chat template included.
    pub input_client: Option<u64>,
    /// Input tokens by the server's count.
    pub input_server: Option<u64>,
    /// Output tokens the cell asks for.
    pub output_requested: Option<u64>,
    /// Output tokens by our own count.
    pub output_client: Option<u64>,
    /// Output tokens by the server's count.
    pub output_server: Option<u64>,
    /// Of those, reasoning.
    pub reasoning: Option<u64>,
    /// Input tokens that the server had cached.
    pub cached: Option<u64>,
    /// Input tokens of images.
    pub image: Option<u64>,
}

/// What the server says of its own work.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerReport {
    /// Time to first token, milliseconds.
    pub ttft_ms: Option<f64>,
    /// End-to-end latency, milliseconds.
    pub e2e_ms: Option<f64>,
    /// Output tokens a second after the first.
    pub output_tokens_per_s: Option<f64>,
    /// Batch size used.
    pub batch_size_used: Option<u64>,
    /// Extra metrics of the scenario, by column name.
    pub extra: BTreeMap<String, f64>,
}

/// The facts of one request: one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// From 0 in order of starting, warm-up included.
    pub request_index: u64,
    /// Warm-up or measured.
    pub phase: Phase,
    /// The model's name on the wire.
    pub model_id: String,
    /// Name of the prompt template.
    pub prompt_name: Option<String>,
    /// Conversation, from 0.
    pub conversation: Option<u64>,
    /// Turn within it, from 0.
    pub turn: Option<u32>,
    /// The server's id of the answer.
    pub response_id: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status, when there was one.
    pub http_status: Option<u16>,
    /// Every try; one, unless something was sent again; none for a dropped request.
    pub attempts: Vec<Attempt>,
    /// When things happened.
    pub stamps: Stamps,
    /// Content as it arrived.
    pub chunks: Vec<Chunk>,
    /// Whether `chunks` has every chunk.
    #[serde(default)]
    pub chunk_times: KeptTimes,
    /// Where `chunks`' tokens were counted; `None` without any.
    pub token_source: Option<TokenSource>,
    /// Token counts.
    pub tokens: TokenCounts,
    /// Why the model stopped.
    pub finish_reason: Option<String>,
    /// What the server says of itself.
    pub server: ServerReport,
}

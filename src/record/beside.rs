use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Cause, Phase};

/// What was asked and what was said: a line of `responses/<cell>.<repeat>.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The row it belongs to.
    pub request_index: u64,
    /// Warm-up or measured.
    pub phase: Phase,
    /// Conversation, from 0.
    pub conversation: Option<u64>,
    /// Turn within it, from 0.
    pub turn: Option<u32>,
    /// The server's id of the answer.
    pub response_id: Option<String>,
    /// The word of the outcome.
    pub outcome: String,
    /// Why the model stopped.
    pub finish_reason: Option<String>,
    /// Name of the prompt template.
    pub prompt_name: Option<String>,
    /// The messages as they were sent, but for pictures.
    pub messages: Vec<Value>,
    /// The pictures that were sent, without their content.
    pub images: Vec<SentImage>,
    /// The visible text, all of it or as far as it came.
    pub text: String,
    /// The thinking.
    pub reasoning: String,
    /// Tool calls, names and arguments as they were streamed, one after another; refusals too.
    pub tool_calls: String,
}

/// A picture that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentImage {
    /// Its MIME type.
    pub mime: String,
    /// Its size before it was written as text.
    pub bytes: u64,
}

/// A failed request as it went over the wire: a line of `debug/<cell>.<repeat>.jsonl`. Headers that may hold secrets
/// are starred, bodies are cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The row it belongs to.
    pub request_index: u64,
    /// Warm-up or measured.
    pub phase: Phase,
    /// Why it failed.
    pub cause: Cause,
    /// What was said.
    pub message: String,
    /// The request line and the headers.
    pub request_head: String,
    /// The beginning of the body.
    pub request_body: String,
    /// Bytes of the whole body.
    pub request_body_bytes: u64,
    /// The status of the answer, when there was one.
    pub http_status: Option<u16>,
    /// Its headers.
    pub response_headers: BTreeMap<String, String>,
    /// The beginning of the body of an answer that is an error.
    pub response_body: String,
}

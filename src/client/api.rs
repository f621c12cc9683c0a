use std::borrow::Cow;
use std::fmt;

use crate::scenario::{Api, RequestOptions};
use crate::workload::ChatRequest;

use super::openai_chat::OPENAI_CHAT;
use super::sambanova::SAMBANOVA;

/// What goes into the body besides the request itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The model's name on the wire.
    pub model_id: String,
    /// The merged options: endpoint under model under scenario (see [`RequestOptions::under`]).
    pub options: RequestOptions,
}

/// A protocol: request body out, answer in. Pure; adding one is adding a file and a line in [`provider_of`].
pub(crate) trait Provider: fmt::Debug + Send + Sync {
    /// What follows the base URL, with its leading slash.
    fn path(&self) -> &'static str;

    /// The body of a request, the same bytes for the same input.
    fn body(&self, request: &ChatRequest, target: &Target, stream: bool) -> Vec<u8>;

    /// One event of a stream: its `event:` name, empty when there is none, and its data.
    fn read_event<'e>(&self, name: &[u8], data: &'e [u8]) -> Result<Reading<'e>, BadAnswer>;

    /// A whole answer that was not streamed.
    fn read_answer<'e>(&self, body: &'e [u8]) -> Result<Reading<'e>, BadAnswer>;

    /// Where the answer tells of the server's own work.
    fn server_metrics(&self) -> &'static [KnownMetric];
}

/// The provider of a protocol; `None` for one that is not built yet.
pub(crate) fn provider_of(api: Api) -> Option<&'static dyn Provider> {
    match api {
        Api::OpenaiChat => Some(&OPENAI_CHAT),
        Api::Sambanova | Api::Simulator => Some(&SAMBANOVA),
        Api::OpenaiCompletions | Api::Sambastudio => None,
    }
}

/// What one event says.
#[derive(Debug, PartialEq)]
pub(crate) enum Reading<'e> {
    /// Content, or something about it.
    Piece(Piece<'e>),
    /// The answer is over.
    Done,
    /// The server says that it failed, in these words.
    Fault(String),
}

/// A piece of an answer; everything in it may be empty.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Piece<'e> {
    /// The server's id of the answer.
    pub(crate) id: Option<Cow<'e, str>>,
    /// Text for the user.
    pub(crate) visible: Cow<'e, str>,
    /// Thinking.
    pub(crate) reasoning: Cow<'e, str>,
    /// Content that is neither: tool calls and refusals. It counts as visible.
    pub(crate) other: Cow<'e, str>,
    /// Why the model stopped.
    pub(crate) finish_reason: Option<Cow<'e, str>>,
    /// Token counts so far.
    pub(crate) usage: Option<Usage>,
}

impl Piece<'_> {
    /// Bytes of content, whatever its kind.
    pub(crate) fn content_bytes(&self) -> usize {
        self.visible.len() + self.reasoning.len() + self.other.len()
    }

    /// Whether there is content that is not reasoning.
    pub(crate) fn is_visible(&self) -> bool {
        !self.visible.is_empty() || !self.other.is_empty()
    }
}

/// The server's token counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
    pub(crate) reasoning: Option<u64>,
    pub(crate) cached: Option<u64>,
    pub(crate) image: Option<u64>,
}

/// Data that is not what the protocol says.
#[derive(Debug, thiserror::Error)]
#[error("{error} in `{excerpt}`")]
pub(crate) struct BadAnswer {
    /// What does not parse, and where.
    pub(crate) error: serde_json::Error,
    /// The beginning of the data.
    pub(crate) excerpt: String,
}

/// A quantity of [`crate::record::ServerReport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// Time to the first token, as the server saw it.
    Ttft,
    /// The whole request, as the server saw it.
    E2e,
    /// Output tokens a second after the first token.
    OutputRate,
    /// How many requests shared the batch.
    BatchSize,
}

/// Where an answer tells a quantity: the first pointer that leads to a number counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownMetric {
    /// The quantity.
    pub(crate) quantity: Quantity,
    /// JSON pointers, the preferred one first; all of them lie under `usage`.
    pub(crate) pointers: &'static [&'static str],
    /// What a value is multiplied by: 1000 for seconds.
    pub(crate) scale: f64,
}

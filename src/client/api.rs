use std::borrow::Cow;
use std::fmt;

use crate::scenario::RequestOptions;
use crate::text::shorten;
use crate::workload::ChatRequest;

use super::framing::Framing;
use super::server_figures::FigureTable;

/// What goes into the body besides the request itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The model's name on the wire.
    pub model_id: String,
    /// The merged options: endpoint under model under scenario (see [`RequestOptions::under`]).
    pub options: RequestOptions,
}

/// A protocol: request body out, answer in. Pure; adding one is adding a file and a line in
/// [`Route::of`](super::route::Route::of).
pub(crate) trait Provider: fmt::Debug + Send + Sync {
    /// What follows the base URL, with its leading slash; nothing where that is the whole address.
    fn path(&self) -> &'static str;

    /// How a stream is cut into events.
    fn framing(&self) -> Framing {
        Framing::Sse
    }

    /// Whether requests may have pictures and other parts besides text.
    fn carries_pictures(&self) -> bool {
        true
    }

    /// Whether the endpoint has a list of models at `/models`.
    fn lists_models(&self) -> bool {
        true
    }

    /// The body of a request, the same bytes for the same input.
    fn body(&self, request: &ChatRequest, target: &Target, stream: bool) -> Vec<u8>;

    /// One event of a stream: its `event:` name, empty when there is none, and its data.
    fn read_event<'e>(&self, name: &[u8], data: &'e [u8]) -> Result<Reading<'e>, BadAnswer>;

    /// A whole answer that was not streamed.
    fn read_answer<'e>(&self, body: &'e [u8]) -> Result<Reading<'e>, BadAnswer>;

    /// Where the answer tells of the server's own work.
    fn server_figures(&self) -> &'static FigureTable;
}

/// What one event says.
#[derive(Debug, PartialEq)]
pub(crate) enum Reading<'e> {
    /// Content, or something about it.
    Piece(Piece<'e>),
    /// The last piece, with all of the text once more: what of that has not come yet is in this piece.
    Last(Piece<'e>, Cow<'e, str>),
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

impl<'e> Piece<'e> {
    /// Bytes of content, whatever its kind.
    pub(crate) fn content_bytes(&self) -> usize {
        self.visible.len() + self.reasoning.len() + self.other.len()
    }

    /// The same, with its visible text being what `whole` has beyond what was said before; without a change where `whole`
    /// does not begin so.
    pub(crate) fn with_rest_of(mut self, whole: &Cow<'e, str>, said: &str) -> Self {
        if whole.starts_with(said) {
            self.visible = match whole {
                Cow::Borrowed(whole) => Cow::Borrowed(&whole[said.len()..]),
                Cow::Owned(whole) => Cow::Owned(whole[said.len()..].to_owned()),
            };
        }
        self
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

/// Characters of bad data that are handed on: more than a message shows, so that the cut, which might go through a
/// secret, is not seen.
const EXCERPT: usize = 1000;

impl BadAnswer {
    pub(crate) fn new(error: serde_json::Error, data: &[u8]) -> Self {
        Self { error, excerpt: shorten(&String::from_utf8_lossy(data), EXCERPT) }
    }
}

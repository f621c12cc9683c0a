use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::picture::Picture;
use crate::diagnostic::Fault;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Instructions.
    System,
    /// The prompt.
    User,
    /// An answer of the model.
    Assistant,
}

/// One message of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text of ours.
    Said {
        /// Who speaks.
        role: Role,
        /// What is said.
        text: String,
    },
    /// As a dataset's row has it: sent as it is, tool calls and parts included.
    Verbatim(Map<String, Value>),
}

impl Message {
    /// Text of a user.
    pub fn user(text: impl Into<String>) -> Self {
        Self::Said { role: Role::User, text: text.into() }
    }

    /// Instructions to the model.
    pub fn system(text: impl Into<String>) -> Self {
        Self::Said { role: Role::System, text: text.into() }
    }

    /// An answer of the model.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::Said { role: Role::Assistant, text: text.into() }
    }

    /// Whether a user speaks.
    pub fn is_of_user(&self) -> bool {
        match self {
            Self::Said { role, .. } => *role == Role::User,
            Self::Verbatim(message) => message.get("role").is_some_and(|role| role == "user"),
        }
    }

    /// The text, where it is plain text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Said { text, .. } => Some(text),
            Self::Verbatim(message) => message.get("content")?.as_str(),
        }
    }
}

impl From<Message> for Value {
    /// As a message stands in a body, but for pictures.
    fn from(message: Message) -> Self {
        match message {
            Message::Said { role, text } => serde_json::json!({ "role": role, "content": text }),
            Message::Verbatim(keys) => Self::Object(keys),
        }
    }
}

/// Which message the pictures of a request belong to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shown {
    /// The last one of a user.
    #[default]
    Last,
    /// The first one of a user: a conversation goes on about what was shown at its beginning.
    First,
}

/// What one request asks, before any protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatRequest {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// Pictures.
    pub images: Vec<Arc<Picture>>,
    /// Where they are shown.
    pub shown: Shown,
    /// Keys of the body that a dataset's row sets, such as `tools`: they go over those of the scenario.
    pub body: Map<String, Value>,
    /// The output limit, tokens.
    pub output_tokens: Option<u64>,
    /// Input tokens that the cell asks for.
    pub input_tokens_requested: Option<u64>,
    /// Input tokens by our own count, chat template included.
    pub input_tokens_client: Option<u64>,
    /// Name of the prompt template, or of the dataset's row.
    pub prompt_name: Option<String>,
    /// Turn within its conversation, from 0; `None` for what is no conversation.
    pub turn: Option<u32>,
}

/// What a session learns from its last request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The visible text.
    pub text: String,
    /// Whether the answer came whole.
    pub completed: bool,
}

/// Requests that follow one another: a conversation, or a single request.
pub trait Session: Send {
    /// The next request; `last` is the reply to the one before, `None` for the first. `None` ends the session.
    ///
    /// It may take its time, so it is not called where time is taken.
    fn next(&mut self, last: Option<&Reply>) -> Option<ChatRequest>;

    /// The think time since the end of `last` until the next request; `None` when none follows. Quick.
    fn think(&self, _last: &Reply) -> Option<Duration> {
        None
    }
}

/// A session of one request.
#[derive(Debug)]
pub(super) struct Single(Option<ChatRequest>);

impl Single {
    pub(super) fn new(request: ChatRequest) -> Self {
        Self(Some(request))
    }
}

impl Session for Single {
    fn next(&mut self, _: Option<&Reply>) -> Option<ChatRequest> {
        self.0.take()
    }
}

/// Sessions of one repeat of a cell. Any of them can be made at any time by any thread, always the same.
pub trait Workload: Send + Sync {
    /// The `index`-th session of a phase.
    fn session(&self, phase: &str, index: u64) -> Result<Box<dyn Session>, Fault>;
}

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

/// What one request asks, before any protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatRequest {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// Pictures, which belong to the last message of a user.
    pub images: Vec<Arc<Picture>>,
    /// Keys of the body that a dataset's row sets, such as `tools`: they go over those of the scenario.
    pub body: Map<String, Value>,
    /// The output limit, tokens.
    pub output_tokens: Option<u64>,
    /// Input tokens that the cell asks for.
    pub input_tokens_requested: Option<u64>,
    /// Input tokens by our own count, chat template included.
    pub input_tokens_client: Option<u64>,
    /// Name of the prompt template.
    pub prompt_name: Option<String>,
}

/// What a session learns from its last request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The visible text.
    pub text: String,
    /// Whether the answer came whole.
    pub completed: bool,
}

/// The next request of a session, and how long to wait before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<R> {
    /// What to send.
    pub request: R,
    /// Think time since the last reply's end; zero for the first.
    pub think: Duration,
}

/// Requests that follow one another: a conversation, or a single request.
pub trait Session: Send {
    /// The next step; `last` is `None` for the first. `None` ends the session.
    fn next(&mut self, last: Option<&Reply>) -> Option<Step<ChatRequest>>;
}

/// Sessions of one repeat of a cell. Any of them can be made at any time by any thread, always the same.
pub trait Workload: Send + Sync {
    /// The `index`-th session of a phase.
    fn session(&self, phase: &str, index: u64) -> Result<Box<dyn Session>, Fault>;
}

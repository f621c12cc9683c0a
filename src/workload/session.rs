use std::time::Duration;

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
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
}

/// What one request asks, before any protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatRequest {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
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

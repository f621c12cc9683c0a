//! Answers to requests that are not served, in OpenAI's error format.

use hyper::StatusCode;
use serde_json::{Value, json};

/// Why a request is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("We could not parse the JSON body of your request: {0}")]
    BadJson(String),
    #[error("Missing required parameter: '{0}'.")]
    Missing(&'static str),
    #[error("Invalid '{parameter}': {wrong}.")]
    Invalid { parameter: &'static str, wrong: String },
    #[error(
        "This model's maximum context length is {limit} tokens. However, you requested {} tokens ({prompt} in the \
         messages, {completion} in the completion). Please reduce the length of the messages or completion.",
        .prompt.saturating_add(*.completion)
    )]
    ContextLength { limit: u64, prompt: u64, completion: u64 },
    #[error("The model `{0}` does not exist.")]
    UnknownModel(String),
    #[error("The request could not be read: {0}")]
    Unreadable(String),
    #[error("Invalid authentication: the header `key` is missing.")]
    NoKey,
    #[error("Unknown request URL: {0}.")]
    UnknownRoute(String),
    #[error("Not allowed to {method} on {path}.")]
    Method { method: String, path: String },
    #[error("The server is overloaded. Please try again later.")]
    Overloaded,
    #[error("The server had an error while processing your request.")]
    Broken,
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::BadJson(_)
            | Self::Missing(_)
            | Self::Invalid { .. }
            | Self::ContextLength { .. }
            | Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::NoKey => StatusCode::UNAUTHORIZED,
            Self::UnknownModel(_) | Self::UnknownRoute(_) => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The JSON body: `{"error": {"message", "type", "param", "code"}}`.
    pub(super) fn body(&self) -> Value {
        let (parameter, code) = match self {
            Self::Missing(parameter) => (Some(*parameter), Some("missing_required_parameter")),
            Self::Invalid { parameter, .. } => (Some(*parameter), Some("invalid_value")),
            Self::ContextLength { .. } => (Some("messages"), Some("context_length_exceeded")),
            Self::UnknownModel(_) => (Some("model"), Some("model_not_found")),
            Self::NoKey => (None, Some("invalid_api_key")),
            Self::UnknownRoute(_) => (None, Some("unknown_url")),
            Self::Method { .. } => (None, Some("method_not_supported")),
            Self::Overloaded => (None, Some("overloaded")),
            Self::BadJson(_) | Self::Unreadable(_) | Self::Broken => (None, None),
        };
        let kind = if self.status().is_server_error() { "server_error" } else { "invalid_request_error" };
        json!({ "error": { "message": self.to_string(), "type": kind, "param": parameter, "code": code } })
    }
}

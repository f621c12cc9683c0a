use serde::{Deserialize, Serialize};

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The host name did not resolve.
    Dns,
    /// The connection was refused or reset before anything was sent.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// No connection within its limit.
    ConnectTimeout,
    /// No content token within its limit.
    FirstTokenTimeout,
    /// A silent stream.
    IdleTimeout,
    /// Not done within its limit.
    TotalTimeout,
    /// An HTTP error status other than 429.
    HttpStatus,
    /// HTTP 429.
    RateLimited,
    /// HTTP 200 with an error in the body.
    ErrorBody,
    /// HTTP 200 with a body that is no event stream.
    NotAStream,
    /// An error event within the stream.
    StreamError,
    /// The stream ended before the answer did.
    StreamCut,
    /// An event that does not parse.
    BadData,
    /// An answer without any content.
    Empty,
    /// A fault of ours.
    Internal,
}

impl Cause {
    /// The word of the cause, as in rows and summaries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::ConnectTimeout => "connect_timeout",
            Self::FirstTokenTimeout => "first_token_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::TotalTimeout => "total_timeout",
            Self::HttpStatus => "http_status",
            Self::RateLimited => "rate_limited",
            Self::ErrorBody => "error_body",
            Self::NotAStream => "not_a_stream",
            Self::StreamError => "stream_error",
            Self::StreamCut => "stream_cut",
            Self::BadData => "bad_data",
            Self::Empty => "empty",
            Self::Internal => "internal",
        }
    }
}

/// A failure: its cause and what was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The cause.
    pub cause: Cause,
    /// One line, with secrets struck out.
    pub message: String,
}

impl Failure {
    /// A failure of that cause.
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into() }
    }
}

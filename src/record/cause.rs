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

/// A limit of this machine that kept a connection from being opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnLimit {
    /// No descriptor was left, of the process or of the machine.
    Descriptors,
    /// No local port was left towards the server's address.
    Ports,
}

impl Failure {
    /// The limit of this machine that it hit, by the system's error number in its message.
    #[must_use]
    pub fn own_limit(&self) -> Option<OwnLimit> {
        use rustix::io::Errno;
        let hit = |errno: Errno| self.message.contains(&format!("(os error {})", errno.raw_os_error()));
        if self.cause != Cause::Internal {
            return None;
        }
        if hit(Errno::MFILE) || hit(Errno::NFILE) {
            return Some(OwnLimit::Descriptors);
        }
        hit(Errno::ADDRNOTAVAIL).then_some(OwnLimit::Ports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_this_machine_are_known_by_their_numbers() {
        let said = |errno: rustix::io::Errno| format!("no connection to host:1: {}", std::io::Error::from(errno));
        for (cause, message, limit) in [
            (Cause::Internal, said(rustix::io::Errno::MFILE), Some(OwnLimit::Descriptors)),
            (Cause::Internal, said(rustix::io::Errno::ADDRNOTAVAIL), Some(OwnLimit::Ports)),
            (Cause::Internal, "a template is wrong".to_owned(), None),
            (Cause::ErrorBody, said(rustix::io::Errno::MFILE), None),
        ] {
            assert_eq!(Failure::new(cause, message.clone()).own_limit(), limit, "{message}");
        }
    }
}

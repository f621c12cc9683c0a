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
    /// Every cause, in the order of a request's life.
    pub const ALL: [Self; 16] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::ConnectTimeout,
        Self::FirstTokenTimeout,
        Self::IdleTimeout,
        Self::TotalTimeout,
        Self::HttpStatus,
        Self::RateLimited,
        Self::ErrorBody,
        Self::NotAStream,
        Self::StreamError,
        Self::StreamCut,
        Self::BadData,
        Self::Empty,
        Self::Internal,
    ];

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

    /// The cause of that word; `None` for a word of another version.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }

    /// What to look at or to change, as a phrase behind a semicolon.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Dns => "check the host in base_url, and whether this machine can look it up",
            Self::Connect => "check that the server runs, and address and port in base_url",
            Self::Tls => "check http:// or https:// in base_url, and the server's certificate",
            Self::ConnectTimeout => "check address, firewall and proxy, or raise timeouts.connect",
            Self::FirstTokenTimeout => "lower the load, or raise timeouts.first_token",
            Self::IdleTimeout => "see in the server's log why it fell silent, or raise timeouts.idle",
            Self::TotalTimeout => "ask for fewer tokens, lower the load, or raise timeouts.total",
            Self::HttpStatus => "the server refuses: mend what it says, or see its log",
            Self::RateLimited => "lower the load to the endpoint's limits, or set load.retries",
            Self::ErrorBody => "the server refuses, though with status 200: mend what it says, or see its log",
            Self::NotAStream => "check base_url and api, whether a proxy answers, or set stream = false",
            Self::StreamError => "the server gave up within an answer: see its log",
            Self::StreamCut => "see in the log of the server, and of a proxy before it, who closed the connection",
            Self::BadData => "check api in the scenario; output.debug = true keeps more of the answer",
            Self::Empty => "the model ended at once: check the prompt, or set ignore_eos = true",
            Self::Internal => "a limit of this machine (see `ulimit -n`), or a fault of infersweep: please report it",
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
    fn every_cause_is_listed_once_by_the_word_that_rows_have() {
        assert_eq!(Cause::ALL.len(), Cause::Internal as usize + 1);
        for (place, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place, "{cause:?}");
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
            assert_eq!(Cause::of_word(cause.as_str()), Some(cause));
            assert!(!cause.advice().ends_with('.') && !cause.advice().is_empty());
        }
        assert_eq!(Cause::of_word("gremlins"), None);
    }

    #[test]
    fn the_page_on_failures_has_every_cause_with_what_to_do() {
        let page = include_str!("../../docs/FAILURES.md");
        for cause in Cause::ALL {
            let lines = page.lines().filter(|line| line.starts_with(&format!("| `{}` | ", cause.as_str())));
            let said: Vec<&str> = lines.filter(|line| line.ends_with(&format!(" | {} |", cause.advice()))).collect();
            assert_eq!(said.len(), 1, "{}: {}", cause.as_str(), cause.advice());
        }
    }

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

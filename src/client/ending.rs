use crate::record::{Cause, Failure, Outcome};
use crate::time::MonotonicNs;

use super::http1::{BadFraming, BadHead, Body};
use super::link::Link;

/// What is left of a try.
pub(crate) enum Ended {
    /// The observation has its outcome; the connection can take another request.
    Reusable(Link),
    /// The observation has its outcome; the connection is closed.
    Spent,
    /// The connection died before any byte of an answer; the observation has no outcome yet.
    Unanswered(Failure),
}

/// What of a body is still to come once the answer is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing.
    Read,
    /// Its end, soon.
    Open,
    /// Whatever it is, nobody waits for it.
    Abandoned,
}

/// How an answer ended.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) at_ns: MonotonicNs,
    pub(crate) tail: Tail,
}

/// What is still to come of an answer behind its head.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) body: Body,
    /// Bytes that came with the head.
    pub(super) early: Vec<u8>,
    /// Whether anything stood behind the body, or it broke: no next answer can be found then.
    pub(super) extra: bool,
}

impl Answer {
    pub(super) fn ends_cleanly(&self) -> bool {
        self.body.is_over() && !self.extra
    }
}

/// Why no more bytes come.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A limit passed.
    Timeout(Cause),
    /// The connection broke or closed too early, within so many bytes of a head.
    Broken(Broken, usize),
}

/// How a connection breaks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The server closed it.
    #[error("the connection ended")]
    Ended,
    /// An error of the socket, or of TLS.
    #[error(transparent)]
    Socket(std::io::Error),
    /// The server gave the request's stream up.
    #[error("the server reset the stream: {0}")]
    Reset(h2::Error),
    /// The answer's head is none.
    #[error(transparent)]
    Head(BadHead),
    /// The body's framing is none.
    #[error(transparent)]
    Framing(BadFraming),
}

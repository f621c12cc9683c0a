use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Request;

use super::ending::{Answer, Broken};
use super::http1::{Connection, Head};
use super::http2::Stream;
use super::request_head::RequestHead;
use crate::time::MonotonicNs;

/// Bytes of one read at most.
const READ: usize = 64 << 10;

thread_local! {
    /// What the last read of this thread brought. It is taken apart in the poll that read it, so one serves all.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// Lends the thread's read buffer for one poll.
pub(crate) fn with_scratch<T>(poll: impl FnOnce(&mut [u8]) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| poll(scratch))
}

/// What one request goes over, and its answer comes back by. Dropping it gives the answer up.
#[derive(Debug)]
pub(crate) enum Link {
    /// A whole connection.
    Http1(Box<Connection>),
    /// A stream of a connection that others share.
    Http2(Box<Stream>),
}

/// A request on its way out.
#[derive(Debug)]
pub(crate) struct Outbound<'r> {
    head: &'r RequestHead,
    head_bytes: Vec<u8>,
    body: &'r Bytes,
    written: usize,
}

impl<'r> Outbound<'r> {
    /// A request of which nothing is written.
    pub(crate) fn new(head: &'r RequestHead, body: &'r Bytes) -> Self {
        Self { head, head_bytes: head.bytes_for(body.len()), body, written: 0 }
    }

    /// Whether all of it is written.
    pub(crate) fn is_out(&self) -> bool {
        self.written == self.head_bytes.len() + self.body.len()
    }

    /// Notes that so many bytes more are.
    pub(crate) fn note_written(&mut self, bytes: usize) {
        self.written += bytes;
    }

    /// What is left to write over HTTP/1.1.
    pub(crate) fn rest(&self) -> [IoSlice<'_>; 2] {
        let head = self.head_bytes.get(self.written..).unwrap_or_default();
        let body = self.body.get(self.written.saturating_sub(self.head_bytes.len())..).unwrap_or_default();
        [IoSlice::new(head), IoSlice::new(body)]
    }

    /// The same for HTTP/2, whole, handed to the connection: it counts as written then.
    pub(crate) fn hand_over(&mut self) -> (Request<()>, Bytes) {
        self.written = self.head_bytes.len() + self.body.len();
        (self.head.request_for(self.body.len()), self.body.clone())
    }
}

impl Link {
    /// Begins a request: the next write is its first.
    pub(crate) fn arm(&mut self) {
        match self {
            Self::Http1(connection) => connection.arm(),
            // A stream carries one request.
            Self::Http2(_) => {}
        }
    }

    /// Writes what is left of a request.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>, request: &mut Outbound<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Http1(connection) => connection.poll_send(cx, request),
            Self::Http2(stream) => stream.poll_send(cx, request),
        }
    }

    /// The head of the answer; or how the connection broke, within so many bytes of it.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<Result<(Head, Answer), (Broken, usize)>> {
        match self {
            Self::Http1(connection) => connection.poll_head(cx, scratch),
            Self::Http2(stream) => stream.poll_head(cx),
        }
    }

    /// Bytes behind the head that arrived together, at [`Link::last_read_ns`]. 0 bytes: there are no more.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Http1(connection) => connection.poll_read(cx, into),
            Self::Http2(stream) => stream.poll_read(cx, into),
        }
    }

    /// When the request's first bytes went to the socket.
    pub(crate) fn sent_ns(&self) -> Option<MonotonicNs> {
        match self {
            Self::Http1(connection) => connection.wire.sent_ns(),
            Self::Http2(stream) => stream.sent_ns(),
        }
    }

    /// When what was read last, or the end, had arrived.
    pub(crate) fn last_read_ns(&self) -> Option<MonotonicNs> {
        match self {
            Self::Http1(connection) => connection.wire.last_read_ns(),
            Self::Http2(stream) => stream.last_read_ns(),
        }
    }
}

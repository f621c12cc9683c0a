use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::dial::Stream;
use super::wire::Wire;

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

/// One HTTP/1.1 connection, moved forward by whoever awaits its answer.
///
/// There is no task of its own behind it: bytes are read, framed and handed on within one poll of the request's
/// task, and dropping the link closes the socket.
pub(crate) struct Link {
    stream: Stream,
    /// When bytes moved.
    pub(crate) wire: Arc<Wire>,
}

/// A request on its way out.
#[derive(Debug)]
pub(crate) struct Outbound<'r> {
    head: &'r [u8],
    body: &'r [u8],
    written: usize,
}

impl<'r> Outbound<'r> {
    /// A request of which nothing is written.
    pub(crate) fn new(head: &'r [u8], body: &'r [u8]) -> Self {
        Self { head, body, written: 0 }
    }

    /// Whether all of it is written.
    pub(crate) fn is_out(&self) -> bool {
        self.written == self.head.len() + self.body.len()
    }

    fn rest(&self) -> [IoSlice<'r>; 2] {
        let head = self.head.get(self.written..).unwrap_or_default();
        let body = self.body.get(self.written.saturating_sub(self.head.len())..).unwrap_or_default();
        [IoSlice::new(head), IoSlice::new(body)]
    }
}

impl Link {
    /// Speaks HTTP over a stream; nothing is sent yet.
    pub(crate) fn new(stream: Stream, wire: Arc<Wire>) -> Self {
        Self { stream, wire }
    }

    /// Writes what is left of a request.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>, request: &mut Outbound<'_>) -> Poll<io::Result<()>> {
        while !request.is_out() {
            let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &request.rest()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            request.written += written;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// The bytes of one read of the socket: whatever they complete was completed by the read whose stamp is
    /// [`Wire::last_read_ns`], however far ahead the layers below would read. 0 bytes: the connection has ended.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            self.wire.open_gate();
            let mut buffer = ReadBuf::new(into);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ok(buffer.filled().len())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                // Under TLS a read may bring less than a record; no waker is registered then.
                Poll::Pending if self.wire.gate_is_spent() => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Whether the connection can take a request: the server has neither closed it nor said anything unasked.
    pub(crate) fn is_usable(&mut self, cx: &mut Context<'_>) -> bool {
        with_scratch(|scratch| self.poll_read(cx, scratch)).is_pending()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("wire", &self.wire).finish_non_exhaustive()
    }
}

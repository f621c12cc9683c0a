use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::ending::{Answer, Broken};
use super::super::link::{Outbound, with_scratch};
use super::super::socket::Socket;
use super::super::wire::Wire;
use super::{Body, Head, parse_head};

/// One HTTP/1.1 connection, moved forward by whoever awaits its answer.
///
/// There is no task of its own behind it: bytes are read, framed and handed on within one poll of the request's
/// task, and dropping it closes the socket.
pub(crate) struct Connection {
    socket: Socket,
    /// When bytes moved.
    pub(crate) wire: Arc<Wire>,
    /// What has come of a head that is not whole.
    held: Vec<u8>,
}

impl Connection {
    /// Speaks HTTP over a socket; nothing is sent yet.
    pub(crate) fn new(socket: Socket, wire: Arc<Wire>) -> Self {
        Self { socket, wire, held: Vec::new() }
    }

    /// Begins a request: the next write is its first.
    pub(crate) fn arm(&mut self) {
        self.wire.arm();
        self.held.clear();
    }

    /// Writes what is left of a request.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>, request: &mut Outbound<'_>) -> Poll<io::Result<()>> {
        while !request.is_out() {
            let written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, &request.rest()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            request.note_written(written);
        }
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// The head of the answer; or how the connection broke, within so many bytes of it.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<Result<(Head, Answer), (Broken, usize)>> {
        loop {
            let broken = match ready!(self.poll_read(cx, scratch)) {
                Ok(0) => Broken::Ended,
                Err(error) => Broken::Socket(error),
                Ok(read) => {
                    self.held.extend_from_slice(&scratch[..read]);
                    match parse_head(&self.held) {
                        Ok(None) => continue,
                        Err(bad) => Broken::Head(bad),
                        Ok(Some((mut head, end))) => {
                            let body = std::mem::replace(&mut head.body, Body::until_close());
                            let early = self.held.split_off(end);
                            return Poll::Ready(Ok((head, Answer { body, early, extra: false })));
                        }
                    }
                }
            };
            return Poll::Ready(Err((broken, self.held.len())));
        }
    }

    /// The bytes of one read of the socket: whatever they complete was completed by the read whose stamp is
    /// [`Wire::last_read_ns`], however far ahead the layers below would read. 0 bytes: the connection has ended.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            self.wire.open_gate();
            let mut buffer = ReadBuf::new(into);
            match Pin::new(&mut self.socket).poll_read(cx, &mut buffer) {
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

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("wire", &self.wire).finish_non_exhaustive()
    }
}

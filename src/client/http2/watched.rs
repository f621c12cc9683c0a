use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::socket::Socket;
use super::super::wire::Wire;
use super::ledger::Ledger;
use crate::time::Clock;

/// A connection whose bytes, decrypted, pass a ledger; their stamps are those of the socket below TLS.
pub(super) struct Watched {
    pub(super) socket: Socket,
    pub(super) wire: Arc<Wire>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) clock: Clock,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.socket).poll_read(cx, buf));
        let new = &buf.filled()[before..];
        if !new.is_empty() {
            // Whatever this brings, the last read of the socket completed it: TLS reads no further than that.
            self.ledger.note_read(new, self.wire.last_read_ns().unwrap_or_else(|| self.clock.now_ns()));
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let before_ns = self.clock.now_ns();
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, buf))?;
        self.ledger.note_written(&buf[..written], before_ns);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let before_ns = self.clock.now_ns();
        let written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, bufs))?;
        let mut left = written;
        for buf in bufs {
            let of_this = left.min(buf.len());
            self.ledger.note_written(&buf[..of_this], before_ns);
            left -= of_this;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncWrite, ReadBuf};

use super::arrival::Arrivals;

/// What carries the bytes of a connection, below all stamps, TLS and HTTP: a TCP or a Unix socket.
pub(crate) trait Carrier: Arrivals + AsyncWrite + Send + Unpin {}

impl<S: Arrivals + AsyncWrite + Send + Unpin> Carrier for S {}

impl Arrivals for Box<dyn Carrier> {
    fn poll_arrivals(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Option<i64>>> {
        self.as_mut().poll_arrivals(cx, buf)
    }
}

/// No kernel stamps what arrives on a Unix socket that is a stream: a read counts as the arrival.
#[cfg(unix)]
impl Arrivals for tokio::net::UnixStream {
    fn poll_arrivals(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Option<i64>>> {
        use tokio::io::AsyncRead;

        std::pin::Pin::new(self).poll_read(cx, buf).map_ok(|()| None)
    }
}

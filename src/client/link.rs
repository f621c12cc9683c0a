use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::record::{Cause, Failure};

use super::dial::Stream;
use super::failure::chain;
use super::wire::Wire;

/// One HTTP/1.1 connection, moved forward by whoever awaits its answer.
///
/// There is no task of its own behind it: bytes are read, framed and handed on within one poll of the request's
/// task, and dropping the link closes the socket.
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<Stream>, Full<Bytes>>,
    /// When bytes moved.
    pub(crate) wire: Arc<Wire>,
    ended: bool,
}

impl Link {
    /// Speaks HTTP over a stream; nothing is sent yet.
    pub(crate) async fn new(stream: Stream, wire: Arc<Wire>) -> Result<Box<Self>, Failure> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| {
            Failure::new(Cause::Internal, format!("no HTTP over the connection: {}", chain(&error)))
        })?;
        Ok(Box::new(Self { sender, connection, wire, ended: false }))
    }

    /// Moves bytes, with at most one read. `true`: a read happened, so look at what it brought and drive again
    /// before waiting; `false`: the task is woken when there is more.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        if self.ended {
            return false;
        }
        self.wire.open_gate();
        if Pin::new(&mut self.connection).poll(cx).is_ready() {
            // An error of the connection reaches the request through its answer or body.
            self.ended = true;
            return true;
        }
        self.wire.gate_is_spent()
    }

    /// Begins a request; [`Link::drive`] sends it.
    pub(crate) fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        self.wire.arm();
        self.sender.send_request(request)
    }

    /// Whether the connection can take a request now: it has no answer under way and the server has not closed it.
    pub(crate) async fn is_usable(&mut self) -> bool {
        poll_fn(|cx| {
            while self.drive(cx) {}
            Poll::Ready(!self.ended && self.sender.is_ready())
        })
        .await
    }

    /// Takes a broken connection apart: whether the server sent nothing of the head that was awaited.
    pub(crate) fn died_silent(self) -> bool {
        self.connection.into_parts().read_buf.is_empty()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("wire", &self.wire).field("ended", &self.ended).finish_non_exhaustive()
    }
}

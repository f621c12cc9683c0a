use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};

use super::super::ending::{Answer, Broken};
use super::super::http1::{Body, Head};
use super::super::link::Outbound;
use super::session::Session;
use crate::time::MonotonicNs;

/// One request on a shared connection. Dropping it resets the stream, unless its answer has ended.
pub(crate) struct Stream {
    session: Arc<Session>,
    stage: Stage,
    /// The stream's id, once it has one.
    id: Option<u32>,
    /// Bytes of data handed on.
    taken: u64,
    /// Data of a frame that was larger than the buffer it was asked into.
    rest: Bytes,
    last_read_ns: Option<MonotonicNs>,
}

enum Stage {
    New(SendRequest<Bytes>),
    Asked(ResponseFuture),
    Answered(RecvStream),
    Over,
}

impl Stream {
    pub(super) fn new(session: Arc<Session>, sender: SendRequest<Bytes>) -> Self {
        Self { session, stage: Stage::New(sender), id: None, taken: 0, rest: Bytes::new(), last_read_ns: None }
    }

    /// Hands the request to the connection. Ready when its first bytes have gone to the socket.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>, request: &mut Outbound<'_>) -> Poll<io::Result<()>> {
        if let Stage::New(sender) = &mut self.stage {
            let asked = ready!(sender.poll_ready(cx)).and_then(|()| {
                let (head, body) = request.hand_over();
                let (response, mut sending) = sender.send_request(head, false)?;
                let id = response.stream_id().as_u32();
                self.session.ledger.open(id);
                self.id = Some(id);
                // All of it is there: the connection sends it as the server's window lets it.
                sending.send_data(body, true)?;
                Ok(response)
            });
            match asked {
                Ok(response) => self.stage = Stage::Asked(response),
                Err(error) => {
                    // Without a request no answer comes, which nobody is to wait for.
                    self.stage = Stage::Over;
                    return Poll::Ready(Err(of_h2(error)));
                }
            }
        }
        match self.id {
            Some(id) => self.session.ledger.poll_sent(id, cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }

    /// The head of the answer. Its body reads as one that ends when no more comes.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Head, Answer), (Broken, usize)>> {
        let response = match &mut self.stage {
            Stage::Asked(response) => response,
            Stage::New(_) => return Poll::Pending,
            Stage::Answered(_) | Stage::Over => return Poll::Ready(Err((Broken::Ended, 0))),
        };
        match ready!(Pin::new(response).poll(cx)) {
            Ok(answer) => {
                let (parts, body) = answer.into_parts();
                self.last_read_ns = self.id.and_then(|id| self.session.ledger.head_ns(id));
                self.stage = Stage::Answered(body);
                let head =
                    Head { status: parts.status, headers: parts.headers, body: Body::until_close(), keeps_alive: true };
                Poll::Ready(Ok((head, Answer { body: Body::until_close(), early: Vec::new(), extra: false })))
            }
            Err(error) => {
                self.note_end();
                // A server that resets a stream has seen it, unless it says that it has not.
                let is_refused =
                    error.is_remote() && error.is_reset() && error.reason() != Some(Reason::REFUSED_STREAM);
                Poll::Ready(Err(if is_refused { (Broken::Reset(error), 1) } else { (Broken::Socket(of_h2(error)), 0) }))
            }
        }
    }

    /// Data that arrived together, at [`Stream::last_read_ns`]. 0 bytes: the answer has ended.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        while self.rest.is_empty() {
            let Stage::Answered(body) = &mut self.stage else { return Poll::Ready(Ok(0)) };
            match ready!(body.poll_data(cx)) {
                Some(Ok(data)) => {
                    body.flow_control().release_capacity(data.len()).map_err(of_h2)?;
                    self.taken += data.len() as u64;
                    self.last_read_ns =
                        self.id.and_then(|id| self.session.ledger.data_ns(id, self.taken)).or(self.last_read_ns);
                    self.rest = data;
                }
                Some(Err(error)) => {
                    self.note_end();
                    return Poll::Ready(Err(of_h2(error)));
                }
                None => {
                    self.note_end();
                    self.stage = Stage::Over;
                    return Poll::Ready(Ok(0));
                }
            }
        }
        let taken = self.rest.len().min(into.len());
        self.rest.copy_to_slice(&mut into[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn note_end(&mut self) {
        self.last_read_ns = self.id.and_then(|id| self.session.ledger.last_ns(id)).or(self.last_read_ns);
    }

    /// When the head of the request went to the socket.
    pub(crate) fn sent_ns(&self) -> Option<MonotonicNs> {
        self.id.and_then(|id| self.session.ledger.sent_ns(id))
    }

    /// When what was read last had arrived.
    pub(crate) fn last_read_ns(&self) -> Option<MonotonicNs> {
        self.last_read_ns
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.session.ledger.forget(id);
        }
        self.session.release();
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("id", &self.id).finish_non_exhaustive()
    }
}

fn of_h2(error: h2::Error) -> io::Error {
    if error.is_io() {
        error.into_io().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())
    } else {
        io::Error::other(error)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use hyper::{HeaderMap, Uri};

    use super::super::super::carrier::Carrier;
    use super::super::super::request_head::RequestHead;
    use super::super::super::socket::Socket;
    use super::super::super::wire::{Stamped, Wire};
    use super::*;
    use crate::time::Clock;

    #[tokio::test]
    async fn a_stream_of_a_connection_that_died_meanwhile_fails_at_once() {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let clock = Clock::start();
        let wire = Wire::new(clock);
        let carrier: Box<dyn Carrier> = Box::new(ours);
        let socket = Socket::Plain(Stamped::new(carrier, Arc::clone(&wire)));
        let serving = async {
            let mut connection = h2::server::handshake(theirs).await.unwrap();
            connection.accept().await.is_none()
        };
        let serving = tokio::spawn(serving);
        let session = Session::open(socket, wire, clock).await.unwrap();
        let mut stream = session.stream();
        serving.abort();
        while !session.is_closed() {
            tokio::task::yield_now().await;
        }
        let head = RequestHead::new(Uri::from_static("http://h/v1"), false, false, &HeaderMap::new());
        let body = Bytes::from_static(b"{}");
        let mut request = Outbound::new(&head, &body);
        let sent = poll_fn(|cx| stream.poll_send(cx, &mut request)).await;
        assert!(sent.is_err());
        let come = poll_fn(|cx| stream.poll_head(cx)).await;
        assert!(matches!(come, Err((Broken::Ended, 0))));
        drop(stream);
        assert!(session.is_idle());
    }
}

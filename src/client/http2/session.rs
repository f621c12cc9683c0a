use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use tokio::task::AbortHandle;

use super::super::socket::Socket;
use super::super::wire::Wire;
use super::ledger::{Ledger, State};
use super::stream::Stream;
use super::watched::Watched;
use crate::time::Clock;

/// Streams of one connection at most, where the server allows more: what is lost on the way holds all of them up.
const MOST_STREAMS: usize = 100;
/// Bytes of one answer that may wait to be read.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same of all answers of a connection.
const CONNECTION_WINDOW: u32 = 16 << 20;
/// Bytes that waiting frames may take besides their data: servers send a frame for every token.
const FRAME_BUDGET: usize = 64 << 20;
/// Bytes of a head.
const LONGEST_HEAD: u32 = 64 << 10;

/// One HTTP/2 connection, driven by a task of its own, which ends with it.
pub(crate) struct Session {
    sender: SendRequest<Bytes>,
    pub(super) ledger: Arc<Ledger>,
    /// Streams that have not ended.
    in_flight: AtomicUsize,
    driver: AbortHandle,
}

/// Why a connection is no HTTP/2 one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSession {
    /// It is not what the other side speaks.
    #[error("the server speaks something else; write http = \"1.1\"")]
    Foreign,
    /// It ended before it was one.
    #[error("the connection ended before the server's SETTINGS; if it speaks no HTTP/2, write http = \"1.1\"")]
    Ended,
    /// It broke.
    #[error(transparent)]
    Broken(#[from] h2::Error),
}

impl Session {
    /// Begins HTTP/2 on a connection and waits until the server has.
    pub(crate) async fn open(socket: Socket, wire: Arc<Wire>, clock: Clock) -> Result<Arc<Self>, NoSession> {
        let ledger = Arc::new(Ledger::new());
        let watched = Watched { socket, wire, ledger: Arc::clone(&ledger), clock };
        let (sender, connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .data_frame_budget(FRAME_BUDGET)
            .max_header_list_size(LONGEST_HEAD)
            .handshake(watched)
            .await?;
        let books = Arc::clone(&ledger);
        let driver = tokio::spawn(async move {
            // Every stream is told of the error.
            let _ = connection.await;
            books.close();
        })
        .abort_handle();
        let session = Self { sender, ledger, in_flight: AtomicUsize::new(0), driver };
        match poll_fn(|cx| session.ledger.poll_opened(cx)).await {
            State::Silent | State::Open => Ok(Arc::new(session)),
            State::Foreign => Err(NoSession::Foreign),
            State::Closed => Err(NoSession::Ended),
        }
    }

    /// Requests that it can take besides those in flight.
    pub(crate) fn room(&self) -> usize {
        let most = self.sender.current_max_send_streams().min(MOST_STREAMS);
        if self.is_closed() { 0 } else { most.saturating_sub(self.in_flight.load(Ordering::Relaxed)) }
    }

    /// Whether it takes no more requests.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.ledger.state(), State::Closed | State::Foreign)
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) == 0
    }

    /// A stream for one request. What is beyond its room waits within the connection.
    pub(crate) fn stream(self: &Arc<Self>) -> Stream {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Stream::new(Arc::clone(self), self.sender.clone())
    }

    pub(super) fn release(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

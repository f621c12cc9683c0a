use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::time::timeout;

use super::dial::{Dialer, Dialled, Opened};
use super::http2::Session;
use super::link::Link;
use super::pool::Pool;
use crate::record::Failure;
use crate::scenario::Connection;

/// Connections opened at the same time when a client warms up: a burst of them looks like an attack to some servers.
const OPENED_AT_ONCE: usize = 16;

/// Where requests get their links from: connections that are kept, or new ones.
#[derive(Debug)]
pub(crate) struct Links {
    dialer: Dialer,
    connection: Connection,
    /// Idle HTTP/1.1 connections.
    pool: Pool,
    /// HTTP/2 connections.
    sessions: Mutex<Vec<Arc<Session>>>,
    /// One HTTP/2 connection is opened at a time: it may be enough for all who wait.
    opening: tokio::sync::Mutex<()>,
}

impl Links {
    /// Links over connections of `dialer`.
    pub(crate) fn new(dialer: Dialer, connection: Connection) -> Self {
        Self {
            dialer,
            connection,
            pool: Pool::default(),
            sessions: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// A link over a connection that is there already, if there is one.
    pub(crate) async fn kept(&self) -> Option<Link> {
        match self.shared() {
            Some(stream) => Some(stream),
            None => self.pool.take().await.map(Link::Http1),
        }
    }

    /// A link over a new connection, and when that was opened; the latter is missing where another request opened one
    /// meanwhile that has room for this.
    pub(crate) async fn fresh(&self) -> Result<(Link, Option<Dialled>), Failure> {
        if self.connection == Connection::New || !self.dialer.is_shared() {
            let (opened, dialled) = self.dialer.dial().await?;
            return Ok((self.link(opened), Some(dialled)));
        }
        let opening = async {
            let _turn = self.opening.lock().await;
            match self.shared() {
                Some(stream) => Ok((stream, None)),
                None => {
                    let (opened, dialled) = self.dialer.dial().await?;
                    Ok((self.link(opened), Some(dialled)))
                }
            }
        };
        timeout(self.dialer.limit(), opening).await.unwrap_or_else(|_| Err(self.dialer.too_slow()))
    }

    /// Keeps a connection for the next request.
    pub(crate) fn put(&self, link: Link) {
        if let (Link::Http1(connection), Connection::KeepAlive) = (link, self.connection) {
            self.pool.put(connection);
        }
    }

    /// Opens connections until that many requests find room on idle ones, a few at a time. Where every request opens its
    /// own, one is opened to see that it can be, and closed.
    pub(crate) async fn warm(&self, requests: usize) -> Result<(), Failure> {
        if self.connection == Connection::New {
            return self.dialer.dial().await.map(drop);
        }
        if self.dialer.is_shared() {
            while self.room() < requests {
                let before = self.room();
                let opened = self.dialer.dial().await?.0;
                drop(self.link(opened));
                // A server that takes no streams at all has said so.
                if self.room() <= before {
                    break;
                }
            }
            return Ok(());
        }
        let missing = requests.saturating_sub(self.pool.len());
        stream::iter(0..missing)
            .map(|_| self.dialer.dial())
            .buffer_unordered(OPENED_AT_ONCE)
            .try_for_each(async |(opened, _)| {
                self.put(self.link(opened));
                Ok(())
            })
            .await
    }

    /// Closes every connection that nothing is in flight on; the others take no more requests.
    pub(crate) fn clear(&self) {
        self.pool.clear();
        self.sessions().clear();
    }

    /// Connections that nothing is in flight on.
    pub(crate) fn idle(&self) -> usize {
        self.pool.len() + self.sessions().iter().filter(|session| session.is_idle()).count()
    }

    fn link(&self, opened: Opened) -> Link {
        match opened {
            Opened::Http1(connection) => Link::Http1(connection),
            Opened::Http2(session) => {
                let stream = session.stream();
                if self.connection == Connection::KeepAlive {
                    self.sessions().push(session);
                }
                Link::Http2(Box::new(stream))
            }
        }
    }

    /// A stream of an HTTP/2 connection that has room for it.
    fn shared(&self) -> Option<Link> {
        let mut sessions = self.sessions();
        sessions.retain(|session| !session.is_closed());
        let roomy = sessions.iter().find(|session| session.room() > 0)?;
        Some(Link::Http2(Box::new(roomy.stream())))
    }

    fn room(&self) -> usize {
        self.sessions().iter().map(|session| session.room()).sum()
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        // A panic elsewhere cannot leave a list of connections half changed.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

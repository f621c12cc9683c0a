use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::http1::Connection;

/// Boxed, as a connection is large and moves in and out with every request.
type Idle = Vec<Box<Connection>>;

/// Idle connections of one client. The last one put in is the first one taken: it is the least likely to
/// have been closed meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<Idle>,
}

impl Pool {
    /// A connection that the server has not closed, if there is one; closed ones are thrown away on the way.
    pub(crate) async fn take(&self) -> Option<Box<Connection>> {
        poll_fn(|cx| {
            loop {
                let Some(mut link) = self.idle().pop() else { return Poll::Ready(None) };
                if link.is_usable(cx) {
                    return Poll::Ready(Some(link));
                }
            }
        })
        .await
    }

    /// Keeps a connection for the next request.
    pub(crate) fn put(&self, link: Box<Connection>) {
        self.idle().push(link);
    }

    /// Closes every idle connection.
    pub(crate) fn clear(&self) {
        self.idle().clear();
    }

    /// How many connections are idle.
    pub(crate) fn len(&self) -> usize {
        self.idle().len()
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // A panic elsewhere cannot leave a list of links half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

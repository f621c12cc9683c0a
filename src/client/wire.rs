use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::arrival::Arrivals;
use crate::time::{Clock, MonotonicNs};

/// Says that something has not happened; no stamp of a running machine has this value.
const NEVER: MonotonicNs = MonotonicNs::MIN;

/// When bytes moved through one socket, shared by the socket and whoever drives the connection over it.
///
/// Both run in one task at a time, so plain (relaxed) loads and stores suffice.
#[derive(Debug)]
pub(crate) struct Wire {
    clock: Clock,
    /// Just before the first write that succeeded since [`Wire::arm`].
    first_write_ns: AtomicI64,
    /// When the bytes of the last read had arrived, by the kernel's stamp where there is one; else, and for the
    /// end, just after the read.
    last_read_ns: AtomicI64,
    gate: AtomicU8,
}

/// Reads pass freely: nobody counts them yet (TLS handshake).
const FREE: u8 = 0;
/// One read may pass.
const OPEN: u8 = 1;
/// It has passed.
const SPENT: u8 = 2;

impl Wire {
    /// A wire nothing has moved on.
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            first_write_ns: AtomicI64::new(NEVER),
            last_read_ns: AtomicI64::new(NEVER),
            gate: AtomicU8::new(FREE),
        })
    }

    /// Forgets the first write: the next one is a new request's.
    pub(crate) fn arm(&self) {
        self.first_write_ns.store(NEVER, Ordering::Relaxed);
    }

    /// When the request's first bytes went to the socket.
    pub(crate) fn sent_ns(&self) -> Option<MonotonicNs> {
        some(self.first_write_ns.load(Ordering::Relaxed))
    }

    /// When the bytes of the last read, or the end, had arrived.
    pub(crate) fn last_read_ns(&self) -> Option<MonotonicNs> {
        some(self.last_read_ns.load(Ordering::Relaxed))
    }

    /// Notes a read. What arrives on one socket arrives in order; but the age of a stamp and the time it is taken from
    /// are looked up one after the other, and a process that is held up between the two puts an arrival too late.
    fn read_at(&self, at_ns: MonotonicNs) {
        self.last_read_ns.fetch_max(at_ns, Ordering::Relaxed);
    }

    /// Lets one read pass.
    ///
    /// With at most one read between two looks at the connection, whatever a look shows was completed by
    /// exactly the read whose stamp is [`Wire::last_read_ns`], however far ahead the HTTP layer would read.
    pub(crate) fn open_gate(&self) {
        self.gate.store(OPEN, Ordering::Relaxed);
    }

    /// Whether the read that [`Wire::open_gate`] allowed has happened: there may be more to read.
    pub(crate) fn gate_is_spent(&self) -> bool {
        self.gate.load(Ordering::Relaxed) == SPENT
    }
}

fn some(stamp: MonotonicNs) -> Option<MonotonicNs> {
    (stamp != NEVER).then_some(stamp)
}

/// A socket that stamps what moves through it, under TLS where there is TLS.
#[derive(Debug)]
pub(crate) struct Stamped<S> {
    inner: S,
    wire: Arc<Wire>,
}

impl<S> Stamped<S> {
    /// Stamps the traffic of `inner` on `wire`.
    pub(crate) fn new(inner: S, wire: Arc<Wire>) -> Self {
        Self { inner, wire }
    }

    /// Runs a write and stamps it if it is the first of a request. The stamp is taken before the call: over
    /// loopback the bytes can be at the server before the call returns.
    fn stamp_write(&mut self, write: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<usize>>) -> Poll<io::Result<usize>>
    where
        S: Unpin,
    {
        if self.wire.sent_ns().is_some() {
            return write(Pin::new(&mut self.inner));
        }
        let before = self.wire.clock.now_ns();
        let written = ready!(write(Pin::new(&mut self.inner)));
        if matches!(written, Ok(1..)) {
            self.wire.first_write_ns.store(before, Ordering::Relaxed);
        }
        Poll::Ready(written)
    }
}

impl<S: Arrivals + Unpin> AsyncRead for Stamped<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.wire.gate_is_spent() {
            // No waker is registered: whoever spent the gate looks again before it waits.
            return Poll::Pending;
        }
        let read = ready!(self.inner.poll_arrivals(cx, buf));
        let age_ns = read.as_ref().ok().copied().flatten().unwrap_or(0);
        self.wire.read_at(self.wire.clock.now_ns() - age_ns);
        if self.wire.gate.load(Ordering::Relaxed) == OPEN {
            self.wire.gate.store(SPENT, Ordering::Relaxed);
        }
        Poll::Ready(read.map(|_| ()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stamped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stamp_write(|inner| inner.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stamp_write(|inner| inner.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test(start_paused = true)]
    async fn the_first_write_and_the_last_read_are_stamped() {
        let clock = Clock::start();
        let wire = Wire::new(clock);
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut ours = Stamped::new(ours, Arc::clone(&wire));
        let started = clock.now_ns();
        assert_eq!((wire.sent_ns(), wire.last_read_ns()), (None, None));

        for written in ["a", "b"] {
            ours.write_all(written.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(wire.sent_ns(), Some(started));
        for expected in [10_000_000, 15_000_000] {
            theirs.write_all(b"x").await.unwrap();
            ours.read_exact(&mut [0]).await.unwrap();
            assert_eq!(wire.last_read_ns(), Some(started + expected));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        wire.arm();
        ours.write_all(b"c").await.unwrap();
        assert_eq!(wire.sent_ns(), Some(started + 20_000_000));
    }

    #[test]
    fn no_read_is_before_the_one_before_it() {
        let wire = Wire::new(Clock::start());
        for (at, last) in [(5, 5), (9, 9), (7, 9), (12, 12)] {
            wire.read_at(at);
            assert_eq!(wire.last_read_ns(), Some(last));
        }
    }

    #[tokio::test]
    async fn an_open_gate_lets_one_read_pass() {
        let wire = Wire::new(Clock::start());
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut ours = Stamped::new(ours, Arc::clone(&wire));
        theirs.write_all(b"abc").await.unwrap();
        wire.open_gate();
        assert!(!wire.gate_is_spent());
        assert_eq!(ours.read_u8().await.unwrap(), b'a');
        assert!(wire.gate_is_spent());
        assert!(futures_util::FutureExt::now_or_never(ours.read_u8()).is_none());
        wire.open_gate();
        assert_eq!(futures_util::FutureExt::now_or_never(ours.read_u8()).unwrap().unwrap(), b'b');
    }
}

use std::io;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::TcpStream;

/// Bytes that know how long ago they arrived.
pub(crate) trait Arrivals {
    /// Reads, like [`tokio::io::AsyncRead::poll_read`]. The value is how many nanoseconds ago the last byte read had
    /// arrived at this machine; `None` where nobody noted it.
    fn poll_arrivals(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Option<i64>>>;
}

/// Asks the kernel to stamp what arrives. Without its stamps a read counts as the arrival.
pub(crate) fn ask_for_stamps(socket: &TcpStream) {
    // A kernel that refuses leaves every read without a stamp, which is provided for.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::ReceiveTimestampns, &true);
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::cell::RefCell;
    use std::io::{self, IoSliceMut};
    use std::os::fd::AsRawFd;
    use std::task::{Context, Poll, ready};

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
    use nix::sys::time::TimeSpec;
    use rustix::time::{ClockId, clock_gettime};
    use tokio::io::{Interest, ReadBuf};
    use tokio::net::TcpStream;

    use super::Arrivals;

    /// A stamp that is older was set by other means than an arrival, or by a clock that was set since.
    const OLDEST_NS: i64 = 60_000_000_000;

    thread_local! {
        /// Room for the one control message that is asked for.
        static CONTROL: RefCell<Vec<u8>> = RefCell::new(nix::cmsg_space!(TimeSpec));
    }

    impl Arrivals for TcpStream {
        fn poll_arrivals(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Option<i64>>> {
            loop {
                ready!(self.poll_read_ready(cx))?;
                let room = buf.remaining();
                let mut received = None;
                let tried = self.try_io(Interest::READABLE, || {
                    let (read, stamp) = receive(self, buf.initialize_unfilled())?;
                    received = Some((read, stamp));
                    // Less than there was room for: the socket is empty. Said as "would block", it spares
                    // asking once more; bytes that come meanwhile set the readiness anew.
                    if read > 0 && read < room { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
                });
                match (received, tried) {
                    (Some((read, stamp)), _) => {
                        buf.advance(read);
                        return Poll::Ready(Ok(stamp.and_then(age_ns)));
                    }
                    (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                    (None, _) => {}
                }
            }
        }
    }

    /// Bytes read and the kernel's stamp of the last of them.
    fn receive(socket: &TcpStream, into: &mut [u8]) -> io::Result<(usize, Option<TimeSpec>)> {
        CONTROL.with_borrow_mut(|control| {
            let room = control.capacity();
            control.resize(room, 0);
            let mut slices = [IoSliceMut::new(into)];
            let received = recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(control), MsgFlags::empty())?;
            let stamp = received.cmsgs().ok().and_then(|mut messages| {
                messages.find_map(|message| match message {
                    ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp),
                    _ => None,
                })
            });
            Ok((received.bytes, stamp))
        })
    }

    /// How long ago a stamp of the wall clock was. Taken as an age at once, it outlives a clock that is set.
    fn age_ns(stamp: TimeSpec) -> Option<i64> {
        let now = clock_gettime(ClockId::Realtime);
        let age_ns = (now.tv_sec - stamp.tv_sec()) * 1_000_000_000 + (now.tv_nsec - stamp.tv_nsec());
        (0..OLDEST_NS).contains(&age_ns).then_some(age_ns)
    }
}

#[cfg(not(target_os = "linux"))]
impl Arrivals for TcpStream {
    fn poll_arrivals(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Option<i64>>> {
        use tokio::io::AsyncRead;

        std::pin::Pin::new(self).poll_read(cx, buf).map_ok(|()| None)
    }
}

#[cfg(test)]
impl Arrivals for tokio::io::DuplexStream {
    fn poll_arrivals(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Option<i64>>> {
        use tokio::io::AsyncRead;

        std::pin::Pin::new(self).poll_read(cx, buf).map_ok(|()| None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    async fn read(socket: &mut TcpStream, room: usize) -> (String, Option<i64>) {
        let mut bytes = vec![0; room];
        let mut buf = ReadBuf::new(&mut bytes);
        let age = poll_fn(|cx| socket.poll_arrivals(cx, &mut buf)).await.unwrap();
        (String::from_utf8(buf.filled().to_vec()).unwrap(), age)
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn bytes_that_wait_to_be_read_keep_their_time_of_arrival() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut theirs, _) = listener.accept().await.unwrap();
        ask_for_stamps(&ours);
        // The kernel begins to stamp a moment after the first socket of the machine asks.
        for _ in 0..200 {
            theirs.write_all(b"?").await.unwrap();
            if read(&mut ours, 64).await.1.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        for text in ["one", "two"] {
            theirs.write_all(text.as_bytes()).await.unwrap();
            // A busy reader: no await, so that nothing is read meanwhile.
            std::thread::sleep(Duration::from_millis(30));
            let (seen, age) = read(&mut ours, 64).await;
            assert_eq!(seen, text);
            let age = age.expect("a stamp");
            assert!((25_000_000..2_000_000_000).contains(&age), "{age}");
        }
        theirs.write_all(b"three").await.unwrap();
        assert_eq!(read(&mut ours, 2).await.0, "th");
        assert_eq!(read(&mut ours, 2).await.0, "re");
        assert_eq!(read(&mut ours, 2).await.0, "e");
        drop(theirs);
        assert_eq!(read(&mut ours, 2).await, (String::new(), None));
    }
}

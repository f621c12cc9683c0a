use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::frames::{CONTINUATION, DATA, END_HEADERS, Frame, Frames, GO_AWAY, HEADERS, SETTINGS, Seen};
use crate::time::MonotonicNs;

/// Bytes that a client sends before its first frame.
const PREFACE: usize = 24;

/// When the frames of a connection moved, by stream.
#[derive(Debug)]
pub(super) struct Ledger(Mutex<Books>);

#[derive(Debug)]
struct Books {
    inbound: Frames,
    outbound: Frames,
    streams: HashMap<u32, Stamps>,
    /// The last request that left, and when: ids go up.
    last_sent: Option<(u32, MonotonicNs)>,
    state: State,
    /// Who waits for the first frame.
    opening: Option<Waker>,
}

/// What is known of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It has said nothing.
    Silent,
    /// It speaks HTTP/2.
    Open,
    /// Its first bytes are no HTTP/2.
    Foreign,
    /// It takes no more requests, or the connection has ended.
    Closed,
}

#[derive(Debug, Default)]
struct Stamps {
    sent_ns: Option<MonotonicNs>,
    head_ns: Option<MonotonicNs>,
    /// Data so far.
    seen: u64,
    /// Data that was not looked at: up to where, and when it was whole.
    data: VecDeque<(u64, MonotonicNs)>,
    last_ns: Option<MonotonicNs>,
    /// Who waits for the request to leave.
    waiting: Option<Waker>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Books {
            inbound: Frames::behind(0),
            outbound: Frames::behind(PREFACE),
            streams: HashMap::new(),
            last_sent: None,
            state: State::Silent,
            opening: None,
        }))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // A panic elsewhere leaves stamps as they are.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes bytes that were read, and that had arrived at `at_ns`.
    pub(super) fn note_read(&self, bytes: &[u8], at_ns: MonotonicNs) {
        let books = &mut *self.books();
        let Books { inbound, streams, state, opening, .. } = books;
        inbound.feed(bytes, |seen| match seen {
            Seen::Begun(frame) if *state == State::Silent => {
                // RFC 9113, section 3.4: a server's preface is a SETTINGS frame.
                *state = if frame.kind == SETTINGS && frame.stream == 0 { State::Open } else { State::Foreign };
                wake(opening);
            }
            Seen::Ended(Frame { kind: GO_AWAY, .. }) => *state = State::Closed,
            Seen::Ended(frame) => {
                if let Some(stamps) = streams.get_mut(&frame.stream) {
                    stamps.note(frame, at_ns);
                }
            }
            Seen::Begun(_) => {}
        });
    }

    /// Notes bytes that were written, from `at_ns` on.
    pub(super) fn note_written(&self, bytes: &[u8], at_ns: MonotonicNs) {
        let books = &mut *self.books();
        let Books { outbound, streams, last_sent, .. } = books;
        outbound.feed(bytes, |seen| {
            if let Seen::Begun(Frame { kind: HEADERS, stream, .. }) = seen {
                *last_sent = Some((stream, at_ns));
                if let Some(stamps) = streams.get_mut(&stream) {
                    stamps.sent_ns.get_or_insert(at_ns);
                    wake(&mut stamps.waiting);
                }
            }
        });
    }

    /// Notes that the connection is over.
    pub(super) fn close(&self) {
        let mut books = self.books();
        // What was said first tells more.
        if books.state != State::Foreign {
            books.state = State::Closed;
        }
        wake(&mut books.opening);
        for stamps in books.streams.values_mut() {
            wake(&mut stamps.waiting);
        }
    }

    pub(super) fn state(&self) -> State {
        self.books().state
    }

    /// Ready once something is known of the other side.
    pub(super) fn poll_opened(&self, cx: &Context<'_>) -> Poll<State> {
        let mut books = self.books();
        if books.state == State::Silent {
            books.opening = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(books.state)
    }

    /// Opens the account of a stream.
    pub(super) fn open(&self, stream: u32) {
        let mut books = self.books();
        let sent_ns = books.last_sent.filter(|(last, _)| *last >= stream).map(|(_, at_ns)| at_ns);
        books.streams.insert(stream, Stamps { sent_ns, ..Stamps::default() });
    }

    /// Closes it.
    pub(super) fn forget(&self, stream: u32) {
        self.books().streams.remove(&stream);
    }

    /// Ready once the stream's request has begun to leave, or never will.
    pub(super) fn poll_sent(&self, stream: u32, cx: &Context<'_>) -> Poll<()> {
        let books = &mut *self.books();
        let is_closed = books.state == State::Closed;
        match books.streams.get_mut(&stream) {
            Some(stamps) if stamps.sent_ns.is_none() && !is_closed => {
                stamps.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    pub(super) fn sent_ns(&self, stream: u32) -> Option<MonotonicNs> {
        self.books().streams.get(&stream)?.sent_ns
    }

    pub(super) fn head_ns(&self, stream: u32) -> Option<MonotonicNs> {
        self.books().streams.get(&stream)?.head_ns
    }

    /// When the last frame of a stream was whole.
    pub(super) fn last_ns(&self, stream: u32) -> Option<MonotonicNs> {
        self.books().streams.get(&stream)?.last_ns
    }

    /// When the data up to `bytes` of it was there.
    pub(super) fn data_ns(&self, stream: u32, bytes: u64) -> Option<MonotonicNs> {
        let mut books = self.books();
        let data = &mut books.streams.get_mut(&stream)?.data;
        while data.front().is_some_and(|(upto, _)| *upto < bytes) {
            data.pop_front();
        }
        data.front().map(|(_, at_ns)| *at_ns)
    }
}

impl Stamps {
    fn note(&mut self, frame: Frame, at_ns: MonotonicNs) {
        self.last_ns = Some(at_ns);
        match frame.kind {
            DATA if frame.data > 0 => {
                self.seen += u64::from(frame.data);
                match self.data.back_mut() {
                    // Frames of one read have one stamp.
                    Some((upto, same)) if *same == at_ns => *upto = self.seen,
                    _ => self.data.push_back((self.seen, at_ns)),
                }
            }
            // Heads behind data are trailers.
            HEADERS | CONTINUATION if frame.flags & END_HEADERS != 0 && self.seen == 0 => self.head_ns = Some(at_ns),
            _ => {}
        }
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), &vec![0; payload]].concat()
    }

    #[test]
    fn each_stream_has_the_stamps_of_its_own_frames_however_late_it_looks() {
        let ledger = Ledger::new();
        ledger.open(1);
        ledger.open(3);
        ledger
            .note_written(&[&[0; PREFACE], frame(SETTINGS, 0, 0, 6).as_slice(), &frame(HEADERS, 4, 1, 20)].concat(), 5);
        ledger.note_written(&frame(HEADERS, 4, 3, 20), 6);
        assert_eq!((ledger.sent_ns(1), ledger.sent_ns(3)), (Some(5), Some(6)));
        ledger.note_read(&frame(SETTINGS, 0, 0, 0), 10);
        ledger.note_read(&[frame(HEADERS, END_HEADERS, 3, 9), frame(HEADERS, 0, 1, 4)].concat(), 20);
        ledger.note_read(&frame(CONTINUATION, END_HEADERS, 1, 4), 30);
        assert_eq!((ledger.head_ns(3), ledger.head_ns(1)), (Some(20), Some(30)));
        // Data of both streams interleaved; one frame needs two reads.
        ledger.note_read(&[frame(DATA, 0, 1, 10), frame(DATA, 0, 3, 7), frame(DATA, 0, 1, 2)].concat(), 40);
        let split = frame(DATA, 0, 1, 8);
        ledger.note_read(&split[..12], 50);
        ledger.note_read(&split[12..], 60);
        ledger.note_read(&frame(DATA, 1, 1, 0), 70);
        let of_one: Vec<_> = [10, 12, 20].map(|bytes| ledger.data_ns(1, bytes)).into();
        assert_eq!(of_one, [Some(40), Some(40), Some(60)]);
        assert_eq!((ledger.data_ns(3, 7), ledger.last_ns(1), ledger.last_ns(3)), (Some(40), Some(70), Some(40)));
        ledger.forget(1);
        assert_eq!((ledger.sent_ns(1), ledger.sent_ns(3)), (None, Some(6)));
    }

    #[test]
    fn the_first_frame_tells_who_speaks() {
        for (bytes, state) in [
            (frame(SETTINGS, 0, 0, 0), State::Open),
            (b"HTTP/1.1 400 Bad Request".to_vec(), State::Foreign),
            (frame(HEADERS, 4, 1, 3), State::Foreign),
            (b"HTTP".to_vec(), State::Silent),
            ([frame(SETTINGS, 0, 0, 0), frame(GO_AWAY, 0, 0, 8)].concat(), State::Closed),
        ] {
            let ledger = Ledger::new();
            ledger.note_read(&bytes, 1);
            assert_eq!(ledger.state(), state);
        }
    }
}

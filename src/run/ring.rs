use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use tokio::sync::mpsc;

use super::room::Room;
use crate::cpus::{Manner, spawn_aside};
use crate::time::Clock;

/// Things made ahead of use by threads of their own, in order; bounded in number and in bytes.
pub(super) struct Ring<T> {
    /// Take turns: the first has every n-th from the first on, and so forth. Each has room of its own, so that none
    /// waits for another's turn.
    lanes: Vec<(mpsc::Receiver<Made<T>>, Arc<Room>)>,
    next: usize,
}

/// What takes up memory while it waits.
pub(super) trait Held {
    /// How much.
    fn bytes(&self) -> usize;
}

/// Bytes that wait for their turn in one ring: requests with pictures are megabytes each.
const MOST_BYTES: usize = 64 << 20;

/// A thing, or why it cannot be made.
pub(super) type Made<T> = Result<T, String>;

/// Makes the thing of a number.
pub(super) type Make<T> = Arc<dyn Fn(u64) -> Made<T> + Send + Sync>;

/// Threads, at most.
const MOST_THREADS: usize = 4;

/// What takes longer is worth more threads than one. What is made quickly leaves the processors to the load.
const SLOW_NS: i64 = 1_000_000;

impl<T: Held + Send + 'static> Ring<T> {
    /// Starts making numbers 0 to `end`, `ahead` of them before the first is taken.
    pub(super) fn start(make: Make<T>, end: u64, ahead: usize) -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        Self::with_threads(make, end, ahead, threads, SLOW_NS)
    }

    fn with_threads(make: Make<T>, end: u64, ahead: usize, threads: usize, slow_ns: i64) -> Self {
        let lane = |_| {
            let (sender, receiver) = mpsc::channel(ahead.div_ceil(threads).max(1));
            let room = Arc::new(Room::of(MOST_BYTES / threads));
            (Lane { sender, room: Arc::clone(&room) }, (receiver, room))
        };
        let (senders, lanes): (Vec<Lane<T>>, Vec<_>) = (0..threads).map(lane).unzip();
        spawn(move || Maker { make, end }.make_all(&senders, slow_ns));
        Self { lanes, next: 0 }
    }

    /// The next one, when it is made; `None` after the last, or after one that could not be made.
    pub(super) async fn recv(&mut self) -> Option<Made<T>> {
        let (lane, room) = &mut self.lanes[self.next];
        let made = lane.recv().await;
        room.give_back(bytes_of(made.as_ref()));
        self.next = (self.next + 1) % self.lanes.len();
        made
    }
}

/// Where a thread puts what it makes.
struct Lane<T> {
    sender: mpsc::Sender<Made<T>>,
    room: Arc<Room>,
}

impl<T: Held> Lane<T> {
    /// Makes one when there is room for it; whether to go on.
    fn put(&self, make: &Make<T>, index: u64) -> bool {
        if !self.room.wait(|| self.sender.is_closed()) {
            return false;
        }
        let made = make(index);
        let whole = made.is_ok();
        self.room.take(bytes_of(Some(&made)));
        self.sender.blocking_send(made).is_ok() && whole
    }
}

fn bytes_of<T: Held>(made: Option<&Made<T>>) -> usize {
    made.and_then(|made| made.as_ref().ok()).map_or(0, Held::bytes)
}

struct Maker<T> {
    make: Make<T>,
    end: u64,
}

impl<T: Held + Send + 'static> Maker<T> {
    /// Makes two, of which the first bears what is done but once, to see how long one takes; then the others.
    fn make_all(&self, lanes: &[Lane<T>], slow_ns: i64) {
        let clock = Clock::start();
        let threads = lanes.len() as u64;
        let lane = |index: u64| &lanes[usize::try_from(index % threads).unwrap_or(0)];
        let mut took_ns = 0;
        for index in 0..self.end.min(2) {
            let began = clock.now_ns();
            let go_on = lane(index).put(&self.make, index);
            took_ns = clock.now_ns() - began;
            if !go_on {
                return;
            }
        }
        if took_ns < slow_ns {
            let _ = (2..self.end).all(|index| lane(index).put(&self.make, index));
            return;
        }
        for first in 2..2 + threads {
            let (make, end) = (Arc::clone(&self.make), self.end);
            let lane = Lane { sender: lane(first).sender.clone(), room: Arc::clone(&lane(first).room) };
            spawn(move || {
                let mut index = first;
                while index < end && lane.put(&make, index) {
                    index += threads;
                }
            });
        }
    }
}

/// Without a thread nothing is made, and the load ends for want of work.
fn spawn(work: impl FnOnce() + Send + 'static) {
    let _ = spawn_aside("prompts", Manner::GivesWay, work);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    impl Held for u64 {
        /// So large that a few fill a ring.
        fn bytes(&self) -> usize {
            MOST_BYTES / 16
        }
    }

    async fn taken(ring: &mut Ring<u64>) -> Vec<Result<u64, String>> {
        let mut all = Vec::new();
        while let Some(made) = ring.recv().await {
            all.push(made);
        }
        all
    }

    #[tokio::test]
    async fn all_come_in_order_from_any_number_of_threads() {
        for end in [0, 1, 2, 3, 7, 100] {
            for threads in 1..=4 {
                for slow_ns in [0, i64::MAX] {
                    let mut ring = Ring::with_threads(Arc::new(Ok), end, 5, threads, slow_ns);
                    let expected: Vec<_> = (0..end).map(Ok).collect();
                    assert_eq!(taken(&mut ring).await, expected, "{end} by {threads}, {slow_ns}");
                }
            }
        }
    }

    #[tokio::test]
    async fn one_that_cannot_be_made_is_the_last() {
        for (threads, slow_ns) in [(1, 0), (3, 0), (3, i64::MAX)] {
            let make: Make<u64> = Arc::new(|index| if index < 7 { Ok(index) } else { Err("no".to_owned()) });
            let mut ring = Ring::with_threads(make, u64::MAX, 5, threads, slow_ns);
            for index in 0..7 {
                assert_eq!(ring.recv().await, Some(Ok(index)));
            }
            assert_eq!(ring.recv().await, Some(Err("no".to_owned())));
        }
    }

    #[tokio::test]
    async fn no_more_are_made_than_there_is_room_for() {
        for (threads, slow_ns) in [(1, 0), (3, 0), (3, i64::MAX)] {
            let made = Arc::new(AtomicU64::new(0));
            let counting = Arc::clone(&made);
            let make: Make<u64> = Arc::new(move |index| {
                counting.fetch_add(1, Ordering::Relaxed);
                Ok(index)
            });
            let mut ring = Ring::with_threads(make, u64::MAX, 6, threads, slow_ns);
            ring.recv().await;
            thread::sleep(std::time::Duration::from_millis(50));
            let count = made.load(Ordering::Relaxed);
            // Each thread holds one more that has no room yet.
            assert!((6..=6 + 2 + threads as u64).contains(&count), "{threads}: {count}");
        }
    }
}

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of bodies that wait for their turn, in one ring: requests with pictures are megabytes each.
const MOST: usize = 64 << 20;
/// How often a thread that waits looks whether anybody still wants what it makes.
const LOOK: Duration = Duration::from_millis(50);

/// Bounds the bytes that are made ahead of use. One body always has room, whatever its size.
#[derive(Debug, Default)]
pub(super) struct Room {
    held: Mutex<usize>,
    freed: Condvar,
}

impl Room {
    /// Waits until there is room; `false` when `is_over` says that nobody wants more.
    pub(super) fn wait(&self, is_over: impl Fn() -> bool) -> bool {
        let mut held = self.lock();
        while *held >= MOST {
            if is_over() {
                return false;
            }
            held = self.freed.wait_timeout(held, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Notes that so many bytes wait.
    pub(super) fn take(&self, bytes: usize) {
        *self.lock() += bytes;
    }

    /// Notes that so many wait no more.
    pub(super) fn give_back(&self, bytes: usize) {
        let mut held = self.lock();
        *held = held.saturating_sub(bytes);
        self.freed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn bytes_ahead_are_bounded_and_one_body_always_fits() {
        let room = Arc::new(Room::default());
        let made = Arc::new(AtomicU64::new(0));
        let maker = std::thread::spawn({
            let (room, made) = (Arc::clone(&room), Arc::clone(&made));
            move || {
                for _ in 0..5 {
                    assert!(room.wait(|| false));
                    room.take(MOST);
                    made.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        for used in 1..=5 {
            while made.load(Ordering::SeqCst) < used {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(5));
            assert_eq!(made.load(Ordering::SeqCst), used, "no more than one ahead");
            room.give_back(MOST);
        }
        maker.join().unwrap();
        room.take(MOST);
        assert!(!room.wait(|| true));
    }
}

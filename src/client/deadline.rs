use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// One timer for limits that keep moving.
///
/// Moving the limit away costs nothing: the timer is left where it is, and set anew only if it fires early.
#[derive(Debug)]
pub(crate) struct Deadline {
    due: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Deadline {
    /// A timer that fires at `due`.
    pub(crate) fn at(due: Instant) -> Self {
        Self { due, sleep: Box::pin(sleep_until(due)) }
    }

    /// Moves the limit.
    pub(crate) fn set(&mut self, due: Instant) {
        self.due = due;
        if due < self.sleep.deadline() {
            self.sleep.as_mut().reset(due);
        }
    }

    /// Ready once the limit has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.sleep.as_mut().poll(cx).is_ready() {
            if self.sleep.deadline() >= self.due {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(self.due);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn fires_at_the_limit_wherever_it_moves() {
        let start = tokio::time::sleep(Duration::ZERO).deadline();
        let at = |ms| start + Duration::from_millis(ms);
        for (moves, fires) in
            [(vec![], 100), (vec![300], 300), (vec![20], 20), (vec![300, 20], 20), (vec![20, 250], 250)]
        {
            let begun = tokio::time::sleep(Duration::ZERO).deadline();
            let shift = begun - start;
            let mut deadline = Deadline::at(at(100) + shift);
            for due in moves {
                deadline.set(at(due) + shift);
            }
            let early = timeout(Duration::from_millis(fires - 1), poll_fn(|cx| deadline.poll(cx))).await;
            assert!(early.is_err(), "{fires}");
            let in_time = timeout(Duration::from_millis(2), poll_fn(|cx| deadline.poll(cx))).await;
            assert!(in_time.is_ok(), "{fires}");
        }
    }
}

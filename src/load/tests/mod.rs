//! The engine under paused time, with a scripted transport: exact counts, exact times.

mod arrivals;
mod closed;
mod open;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::record::Phase;
use crate::time::{Alarm, Clock};

const MS: i64 = 1_000_000;

/// A script of so many requests, each of which takes `ms`.
struct Turns {
    left: u32,
    ms: u64,
    think: Duration,
}

impl Script for Turns {
    type Request = u64;
    type Reply = ();

    fn next(&mut self, last: Option<&()>) -> Option<(u64, Duration)> {
        self.left = self.left.checked_sub(1)?;
        Some((self.ms, if last.is_some() { self.think } else { Duration::ZERO }))
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    index: u64,
    phase: Phase,
    start_ms: i64,
    end_ms: i64,
    end: End,
    /// Since the load began.
    scheduled_ns: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Whole,
    Cancelled,
    Dropped,
}

struct Scripted {
    clock: Clock,
    began_ns: i64,
    rows: Mutex<Vec<Row>>,
}

impl Transport for Scripted {
    type Request = u64;
    type Reply = ();

    async fn send(&self, ms: u64, start: Start, mut stop: StopSignal) {
        let start_ms = self.now_ms();
        let end = tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(ms)) => End::Whole,
            () = stop.reached(Stop::Cancelling) => End::Cancelled,
        };
        self.add(start, start_ms, end);
    }

    fn drop_unsent(&self, _: u64, start: Start) {
        self.add(start, self.now_ms(), End::Dropped);
    }
}

impl Scripted {
    fn now_ms(&self) -> i64 {
        (self.clock.now_ns() - self.began_ns) / MS
    }

    fn add(&self, start: Start, start_ms: i64, end: End) {
        self.rows.lock().unwrap().push(Row {
            index: start.request_index,
            phase: start.phase,
            start_ms,
            end_ms: self.now_ms(),
            end,
            scheduled_ns: start.scheduled_ns.map(|due_ns| due_ns - self.began_ns),
        });
    }
}

/// Sessions whose lengths repeat `ms`, each of `turns` requests.
struct Lengths {
    ms: Vec<u64>,
    turns: u32,
    given: usize,
    most: usize,
    /// What each takes to make.
    making: Duration,
}

impl Source for Lengths {
    type Script = Turns;

    async fn next(&mut self, _: Phase, _: u64) -> Option<Turns> {
        if !self.making.is_zero() {
            tokio::time::sleep(self.making).await;
        }
        self.given += 1;
        (self.given <= self.most).then(|| Turns {
            left: self.turns,
            ms: self.ms[(self.given - 1) % self.ms.len()],
            think: Duration::from_millis(50),
        })
    }
}

fn lengths(ms: &[u64]) -> Lengths {
    Lengths { ms: ms.to_vec(), turns: 1, given: 0, most: usize::MAX, making: Duration::ZERO }
}

async fn run(traffic: Traffic, source: Lengths, stops: &[(u64, Stop)]) -> (Window, Vec<Row>, i64) {
    let clock = Clock::start();
    let transport = Arc::new(Scripted { clock, began_ns: clock.now_ns(), rows: Mutex::new(Vec::new()) });
    let (handle, signal) = StopHandle::new();
    for (after, stop) in stops.iter().copied() {
        let handle = handle.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            handle.go(stop);
        });
    }
    let window = drive(traffic, source, Arc::clone(&transport), Alarm::coarse(clock), signal).await;
    let mut rows = transport.rows.lock().unwrap().clone();
    rows.sort_by_key(|row| row.index);
    let took = (window.ended_ns - window.began_ns) / MS;
    drop(handle);
    (window, rows, took)
}

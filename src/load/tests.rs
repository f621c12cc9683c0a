//! The engine under paused time, with a scripted transport: exact counts, exact times.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::record::Phase;
use crate::seed::Seed;
use crate::time::Clock;
use crate::units::{ArrivalDistribution, Qps};

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
    cancelled: bool,
    dropped: bool,
    due_ms: Option<i64>,
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
        let start_ms = (self.clock.now_ns() - self.began_ns) / MS;
        let cancelled = tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(ms)) => false,
            () = stop.reached(Stop::Cancelling) => true,
        };
        let end_ms = (self.clock.now_ns() - self.began_ns) / MS;
        self.rows.lock().unwrap().push(Row {
            index: start.request_index,
            phase: start.phase,
            start_ms,
            end_ms,
            cancelled,
            dropped: false,
            due_ms: start.scheduled_ns.map(|due_ns| (due_ns - self.began_ns) / MS),
        });
    }

    fn drop_unsent(&self, _: u64, start: Start) {
        let at_ms = (self.clock.now_ns() - self.began_ns) / MS;
        self.rows.lock().unwrap().push(Row {
            index: start.request_index,
            phase: start.phase,
            start_ms: at_ms,
            end_ms: at_ms,
            cancelled: false,
            dropped: true,
            due_ms: start.scheduled_ns.map(|due_ns| (due_ns - self.began_ns) / MS),
        });
    }
}

/// Sessions whose lengths repeat `ms`, each of `turns` requests.
struct Lengths {
    ms: Vec<u64>,
    turns: u32,
    given: usize,
    most: usize,
}

impl Source for Lengths {
    type Script = Turns;

    async fn next(&mut self, _: Phase, _: u64) -> Option<Turns> {
        self.given += 1;
        (self.given <= self.most).then(|| Turns {
            left: self.turns,
            ms: self.ms[(self.given - 1) % self.ms.len()],
            think: Duration::from_millis(50),
        })
    }
}

fn lengths(ms: &[u64]) -> Lengths {
    Lengths { ms: ms.to_vec(), turns: 1, given: 0, most: usize::MAX }
}

fn closed(concurrency: u32, sessions: u64) -> Traffic {
    Traffic {
        pace: Pace::Closed { concurrency, ramp: Duration::ZERO },
        warmup: Warmup::Sessions(0),
        stop: StopRule { sessions: Some(sessions), duration: None },
        timeout: Duration::from_secs(600),
    }
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
    let window = drive(traffic, source, Arc::clone(&transport), &Alarm::of_runtime(clock), signal).await;
    let mut rows = transport.rows.lock().unwrap().clone();
    rows.sort_by_key(|row| row.index);
    let took = (window.ended_ns - window.began_ns) / MS;
    drop(handle);
    (window, rows, took)
}

#[tokio::test(start_paused = true)]
async fn a_closed_loop_keeps_every_slot_busy_from_one_queue() {
    // One in four is long: with fixed shares one slot would end far later than the others.
    let (window, rows, took) = run(closed(4, 16), lengths(&[100, 100, 100, 700]), &[]).await;
    assert_eq!((rows.len(), window.ending), (16, Ending::Done));
    let busy: i64 = rows.iter().map(|row| row.end_ms - row.start_ms).sum();
    assert_eq!(busy, 12 * 100 + 4 * 700);
    assert!(took < busy / 4 + 700, "took {took} ms");
    let most = rows
        .iter()
        .map(|row| rows.iter().filter(|r| r.start_ms <= row.start_ms && r.end_ms > row.start_ms).count())
        .max();
    assert_eq!(most, Some(4));
}

#[tokio::test(start_paused = true)]
async fn warm_up_hands_over_without_a_pause() {
    let traffic = Traffic { warmup: Warmup::Sessions(3), ..closed(2, 4) };
    let (window, rows, took) = run(traffic, lengths(&[100]), &[]).await;
    let phases: Vec<Phase> = rows.iter().map(|row| row.phase).collect();
    assert_eq!(phases, [&[Phase::Warmup; 3][..], &[Phase::Measure; 4][..]].concat());
    assert_eq!(rows[3].start_ms, 100, "the first measured request starts as soon as a slot is free");
    assert_eq!(window.measured_from_ns, Some(window.began_ns + 100 * MS));
    assert_eq!(took, 400);
}

#[tokio::test(start_paused = true)]
async fn a_duration_stops_the_starts_and_lets_what_flies_end() {
    let traffic =
        Traffic { stop: StopRule { sessions: None, duration: Some(Duration::from_millis(250)) }, ..closed(2, 0) };
    let (window, rows, took) = run(traffic, lengths(&[100]), &[]).await;
    assert_eq!((rows.len(), took, window.ending), (6, 300, Ending::Done));
    assert!(rows.iter().all(|row| !row.cancelled));
}

#[tokio::test(start_paused = true)]
async fn the_timeout_cancels_what_is_in_flight() {
    let traffic = Traffic { timeout: Duration::from_millis(350), ..closed(2, 100) };
    let (window, rows, took) = run(traffic, lengths(&[100, 1_000_000]), &[]).await;
    assert_eq!((took, window.ending), (350, Ending::TimedOut));
    assert_eq!(rows.iter().filter(|row| row.cancelled).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_stop_drains_and_the_second_cancels() {
    let (window, rows, took) = run(closed(2, 100), lengths(&[100]), &[(150, Stop::Draining)]).await;
    assert_eq!((rows.len(), took, window.ending), (4, 200, Ending::Stopped));
    assert!(rows.iter().all(|row| !row.cancelled));

    let stops = [(150, Stop::Draining), (160, Stop::Cancelling)];
    let (window, rows, took) = run(closed(2, 100), lengths(&[100]), &stops).await;
    assert_eq!((took, window.ending), (160, Ending::Stopped));
    assert_eq!(rows.iter().filter(|row| row.cancelled).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_ramp_spreads_the_first_starts_only() {
    let traffic = Traffic { pace: Pace::Closed { concurrency: 4, ramp: Duration::from_millis(200) }, ..closed(4, 8) };
    let (_, rows, _) = run(traffic, lengths(&[1000]), &[]).await;
    let starts: Vec<i64> = rows.iter().map(|row| row.start_ms).collect();
    assert_eq!(starts, [0, 50, 100, 150, 1000, 1050, 1100, 1150]);
}

#[tokio::test(start_paused = true)]
async fn a_session_of_turns_keeps_its_slot_and_thinks_between() {
    let source = Lengths { turns: 3, ..lengths(&[100]) };
    let (_, rows, took) = run(closed(1, 2), source, &[]).await;
    let starts: Vec<i64> = rows.iter().map(|row| row.start_ms).collect();
    assert_eq!(starts, [0, 150, 300, 400, 550, 700]);
    assert_eq!(took, 800);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_runs_dry_ends_the_load() {
    let source = Lengths { most: 3, ..lengths(&[100]) };
    let (window, rows, _) = run(closed(2, 100), source, &[]).await;
    assert_eq!((rows.len(), window.ending), (3, Ending::OutOfWork));
}

fn open(qps: f64, cap: u32, sessions: Option<u64>, ms: Option<u64>) -> Traffic {
    let arrivals =
        ArrivalProcess { rate: Qps::Rate(qps), distribution: ArrivalDistribution::Constant, seed: Seed::root(1) };
    Traffic {
        pace: Pace::Open { arrivals, cap },
        stop: StopRule { sessions, duration: ms.map(Duration::from_millis) },
        ..closed(1, 0)
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_starts_when_due_whatever_the_server_does() {
    let (window, rows, took) = run(open(10.0, 100, Some(5), None), lengths(&[1000]), &[]).await;
    let starts: Vec<_> = rows.iter().map(|row| (row.start_ms, row.due_ms)).collect();
    assert_eq!(starts, [0, 100, 200, 300, 400].map(|ms| (ms, Some(ms))));
    assert_eq!((took, window.ending, window.measured_from_ns), (1400, Ending::Done, Some(window.began_ns)));
}

#[tokio::test(start_paused = true)]
async fn what_is_due_beyond_the_cap_is_dropped_and_told() {
    let (window, rows, _) = run(open(10.0, 2, None, Some(1000)), lengths(&[450]), &[]).await;
    let dropped: Vec<i64> = rows.iter().filter(|row| row.dropped).map(|row| row.start_ms).collect();
    // Two start at 0 and 100 and take until 450 and 550: 200, 300 and 400 find no room.
    assert_eq!(dropped, [200, 300, 400, 700, 800, 900]);
    assert_eq!((rows.len(), window.ending), (10, Ending::Done));
    assert!(rows.iter().zip(0..).all(|(row, index)| row.index == index));
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_warms_up_drains_cancels_and_times_out() {
    let warm = Traffic { warmup: Warmup::Sessions(3), ..open(10.0, 9, Some(2), None) };
    let (window, rows, _) = run(warm, lengths(&[10]), &[]).await;
    let phases: Vec<Phase> = rows.iter().map(|row| row.phase).collect();
    assert_eq!(phases, [&[Phase::Warmup; 3][..], &[Phase::Measure; 2][..]].concat());
    assert_eq!(window.measured_from_ns, Some(window.began_ns + 300 * MS));

    let (window, rows, took) = run(open(10.0, 9, Some(50), None), lengths(&[300]), &[(250, Stop::Draining)]).await;
    assert_eq!((rows.len(), took, window.ending), (3, 500, Ending::Stopped));
    let stops = [(250, Stop::Draining), (260, Stop::Cancelling)];
    let (_, rows, took) = run(open(10.0, 9, Some(50), None), lengths(&[300]), &stops).await;
    assert_eq!((rows.iter().filter(|row| row.cancelled).count(), took), (3, 260));

    let timed = Traffic { timeout: Duration::from_millis(350), ..open(10.0, 9, Some(50), None) };
    let (window, rows, took) = run(timed, lengths(&[1_000_000]), &[]).await;
    assert_eq!((rows.len(), took, window.ending), (4, 350, Ending::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn all_at_once_is_one_burst() {
    let mut traffic = open(1.0, 4, Some(6), None);
    if let Pace::Open { arrivals, .. } = &mut traffic.pace {
        arrivals.rate = Qps::Infinite;
    }
    let (_, rows, took) = run(traffic, lengths(&[100]), &[]).await;
    assert_eq!((rows.iter().filter(|row| row.dropped).count(), took), (2, 100));
    assert!(rows.iter().all(|row| row.due_ms == Some(0)));
}

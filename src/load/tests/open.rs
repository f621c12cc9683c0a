use std::time::Duration;

use super::*;
use crate::seed::Seed;
use crate::units::{ArrivalDistribution, Qps};

const EVEN: ArrivalDistribution = ArrivalDistribution::Constant;
const ALL: [ArrivalDistribution; 4] =
    [EVEN, ArrivalDistribution::Uniform, ArrivalDistribution::Exponential, ArrivalDistribution::Gamma(0.4)];

fn process(distribution: ArrivalDistribution) -> ArrivalProcess {
    ArrivalProcess { distribution, seed: Seed::root(7).child("arrivals") }
}

/// So many requests of an even pace.
fn even(rate: f64, sessions: u64) -> Traffic {
    Traffic {
        pace: Pace::Open { process: process(EVEN), rate: Qps::Rate(rate), cap: 1000 },
        warmup: Warmup::Sessions(0),
        stop: StopRule { sessions: Some(sessions), duration: None },
        timeout: Duration::from_secs(600),
    }
}

fn starts(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|row| row.start_ms).collect()
}

fn ends(rows: &[Row]) -> String {
    let word = |row: &Row| match row.end {
        End::Whole => 'w',
        End::Cancelled => 'c',
        End::Dropped => 'd',
    };
    rows.iter().map(word).collect()
}

#[tokio::test(start_paused = true)]
async fn requests_start_when_they_are_due_however_long_the_others_take() {
    let (window, rows, took) = run(even(10.0, 5), lengths(&[1000]), &[]).await;
    assert_eq!((starts(&rows), took, window.ending), (vec![0, 100, 200, 300, 400], 1400, Ending::Done));
    let due: Vec<i64> = rows.iter().map(|row| row.scheduled_ns.unwrap() / MS).collect();
    assert_eq!(due, starts(&rows));
    assert_eq!(rows.iter().map(|row| row.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(window.measured_from_ns, Some(window.began_ns));
}

#[tokio::test(start_paused = true)]
async fn every_process_sends_exactly_its_schedule() {
    for distribution in ALL {
        let (rate, warmup) = (Qps::Rate(40.0), Warmup::Sessions(10));
        let pace = Pace::Open { process: process(distribution), rate, cap: 1000 };
        let traffic = Traffic { pace, warmup, ..even(40.0, 50) };
        let (window, rows, _) = run(traffic, lengths(&[30]), &[]).await;
        let schedule: Vec<Due> = Schedule::new(process(distribution), rate, warmup, traffic.stop).collect();
        assert_eq!(rows.len(), 60);
        for (row, due) in rows.iter().zip(&schedule) {
            assert_eq!((row.phase, row.scheduled_ns), (due.phase, Some(due.offset_ns)), "{distribution:?}");
            // tokio's timers, which this alarm has, tick in milliseconds.
            let late_ms = row.start_ms - due.offset_ns / MS;
            assert!((0..=1).contains(&late_ms), "{distribution:?}: {late_ms} ms late");
        }
        assert_eq!(window.measured_from_ns, Some(window.began_ns + schedule[10].offset_ns));
    }
}

#[tokio::test(start_paused = true)]
async fn warm_up_hands_over_without_a_pause() {
    let phases = |rows: &[Row]| rows.iter().filter(|row| row.phase == Phase::Warmup).count();
    for (warmup, warm) in [
        (Warmup::Sessions(3), 3),
        (Warmup::Time(Duration::from_millis(250)), 3),
        // A request due at the very end of the warm-up is measured.
        (Warmup::Time(Duration::from_millis(300)), 3),
    ] {
        let (window, rows, _) = run(Traffic { warmup, ..even(10.0, 4) }, lengths(&[10]), &[]).await;
        assert_eq!((phases(&rows), starts(&rows)), (warm, (0..7).map(|k| k * 100).collect()), "{warmup:?}");
        assert_eq!(window.measured_from_ns, Some(window.began_ns + 300 * MS));
    }
}

#[tokio::test(start_paused = true)]
async fn a_duration_takes_what_is_due_within_it() {
    let stop = |sessions, ms| StopRule { sessions, duration: Some(Duration::from_millis(ms)) };
    for (stop, expected) in
        [(stop(None, 300), 3), (stop(None, 301), 4), (stop(Some(2), 300), 2), (stop(Some(9), 300), 3)]
    {
        let warmup = Warmup::Sessions(1);
        let (window, rows, took) = run(Traffic { warmup, stop, ..even(10.0, 0) }, lengths(&[70]), &[]).await;
        let measured = rows.iter().filter(|row| row.phase == Phase::Measure).count();
        assert_eq!((measured, window.ending, took), (expected, Ending::Done, starts(&rows)[expected] + 70), "{stop:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_infinite_rate_sends_all_at_once() {
    for distribution in ALL {
        let pace = Pace::Open { process: process(distribution), rate: Qps::Infinite, cap: 100 };
        let traffic = Traffic { pace, warmup: Warmup::Sessions(5), ..even(1.0, 80) };
        let (_, rows, took) = run(traffic, lengths(&[40]), &[]).await;
        assert_eq!((starts(&rows), took), (vec![0; 85], 40));
        // A time alone bounds nothing here; it must not send for ever.
        let stop = StopRule { sessions: None, duration: Some(Duration::from_secs(1)) };
        let traffic = Traffic { pace, warmup: Warmup::Time(Duration::from_secs(1)), stop, ..traffic };
        let (window, rows, _) = run(traffic, lengths(&[40]), &[]).await;
        assert_eq!((rows.len(), window.ending), (0, Ending::Done));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_due_beyond_the_cap_is_dropped_and_has_a_row() {
    // Each takes 250 ms, two may be in flight: of every three that are due the third is dropped.
    let traffic =
        Traffic { pace: Pace::Open { process: process(EVEN), rate: Qps::Rate(10.0), cap: 2 }, ..even(10.0, 9) };
    let (window, rows, _) = run(traffic, lengths(&[250]), &[]).await;
    assert_eq!((ends(&rows).as_str(), window.ending), ("wwdwwdwwd", Ending::Done));
    for (at, row) in rows.iter().enumerate() {
        let due_ms = 100 * i64::try_from(at).unwrap();
        assert_eq!((row.scheduled_ns, row.start_ms), (Some(due_ms * MS), due_ms));
    }
    let dropped: Vec<&Row> = rows.iter().filter(|row| row.end == End::Dropped).collect();
    assert!(dropped.iter().all(|row| row.end_ms == row.start_ms), "known at once, not when a slot frees");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_nothing_drops_all_that_follow() {
    let pace = Pace::Open { process: process(EVEN), rate: Qps::Rate(100.0), cap: 5 };
    let traffic = Traffic { pace, timeout: Duration::from_secs(2), ..even(100.0, 100) };
    let (window, rows, took) = run(traffic, lengths(&[1_000_000]), &[]).await;
    assert_eq!((window.ending, took), (Ending::TimedOut, 2000));
    assert_eq!(ends(&rows), format!("{}{}", "c".repeat(5), "d".repeat(95)));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_made_in_time_is_late_and_not_missing() {
    // 150 ms to make, one every 100 ms: each is 50 ms later than the one before.
    let source = Lengths { making: Duration::from_millis(150), ..lengths(&[10]) };
    let (_, rows, _) = run(even(10.0, 6), source, &[]).await;
    let lag: Vec<i64> = rows.iter().map(|row| row.start_ms - row.scheduled_ns.unwrap() / MS).collect();
    assert_eq!(lag, [150, 200, 250, 300, 350, 400]);
    // One that is made within the gap is not late at all: it is fetched before it is due.
    let source = Lengths { making: Duration::from_millis(90), ..lengths(&[10]) };
    let (_, rows, _) = run(even(10.0, 4), source, &[]).await;
    assert_eq!(starts(&rows), [90, 180, 270, 360]);
    let source = Lengths { making: Duration::from_millis(40), ..lengths(&[10]) };
    let (_, rows, _) = run(even(10.0, 4), source, &[]).await;
    assert_eq!(starts(&rows), [40, 100, 200, 300]);
}

#[tokio::test(start_paused = true)]
async fn stops_drain_cancel_and_time_out_as_in_closed_loop() {
    let (window, rows, took) = run(even(10.0, 100), lengths(&[250]), &[(350, Stop::Draining)]).await;
    assert_eq!((ends(&rows).as_str(), took, window.ending), ("wwww", 550, Ending::Stopped));

    let stops = [(350, Stop::Draining), (360, Stop::Cancelling)];
    let (window, rows, took) = run(even(10.0, 100), lengths(&[250]), &stops).await;
    assert_eq!((ends(&rows).as_str(), took, window.ending), ("wwcc", 360, Ending::Stopped));

    let traffic = Traffic { timeout: Duration::from_millis(360), ..even(10.0, 100) };
    let (window, rows, took) = run(traffic, lengths(&[250]), &[]).await;
    assert_eq!((ends(&rows).as_str(), took, window.ending), ("wwcc", 360, Ending::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_a_long_gap_ends_at_once() {
    let (window, rows, took) = run(even(0.01, 3), lengths(&[10]), &[(700, Stop::Draining)]).await;
    assert_eq!((rows.len(), took, window.ending), (1, 700, Ending::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_runs_dry_ends_the_load() {
    let source = Lengths { most: 3, ..lengths(&[100]) };
    let (window, rows, _) = run(even(10.0, 100), source, &[]).await;
    assert_eq!((rows.len(), window.ending), (3, Ending::OutOfWork));
}

#[tokio::test(start_paused = true)]
async fn later_turns_of_a_session_are_not_due_at_any_time() {
    let source = Lengths { turns: 2, ..lengths(&[100]) };
    let (_, rows, _) = run(even(10.0, 2), source, &[]).await;
    let seen: Vec<(u64, i64, bool)> =
        rows.iter().map(|row| (row.index, row.start_ms, row.scheduled_ns.is_some())).collect();
    assert_eq!(seen, [(0, 0, true), (1, 100, true), (2, 150, false), (3, 250, false)]);
}

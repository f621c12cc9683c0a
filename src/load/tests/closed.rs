use std::time::Duration;

use super::*;

fn closed(concurrency: u32, sessions: u64) -> Traffic {
    Traffic {
        pace: Pace::Closed { concurrency, ramp: Duration::ZERO },
        warmup: Warmup::Sessions(0),
        stop: StopRule { sessions: Some(sessions), duration: None },
        timeout: Duration::from_secs(600),
    }
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
    assert!(rows.iter().all(|row| row.end == End::Whole));
}

#[tokio::test(start_paused = true)]
async fn the_timeout_cancels_what_is_in_flight() {
    let traffic = Traffic { timeout: Duration::from_millis(350), ..closed(2, 100) };
    let (window, rows, took) = run(traffic, lengths(&[100, 1_000_000]), &[]).await;
    assert_eq!((took, window.ending), (350, Ending::TimedOut));
    assert_eq!(rows.iter().filter(|row| row.end == End::Cancelled).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_stop_drains_and_the_second_cancels() {
    let (window, rows, took) = run(closed(2, 100), lengths(&[100]), &[(150, Stop::Draining)]).await;
    assert_eq!((rows.len(), took, window.ending), (4, 200, Ending::Stopped));
    assert!(rows.iter().all(|row| row.end == End::Whole));

    let stops = [(150, Stop::Draining), (160, Stop::Cancelling)];
    let (window, rows, took) = run(closed(2, 100), lengths(&[100]), &stops).await;
    assert_eq!((took, window.ending), (160, Ending::Stopped));
    assert_eq!(rows.iter().filter(|row| row.end == End::Cancelled).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn enough_lets_what_flies_end_and_is_no_stop_from_outside() {
    let (window, rows, took) = run(closed(2, 100), lengths(&[100]), &[(150, Stop::Enough)]).await;
    assert_eq!((rows.len(), took, window.ending), (4, 200, Ending::Enough));
    assert!(rows.iter().all(|row| row.end == End::Whole));
    // Whoever stops it meanwhile cuts it off.
    let stops = [(150, Stop::Enough), (160, Stop::Cancelling)];
    let (window, rows, took) = run(closed(2, 100), lengths(&[100]), &stops).await;
    assert_eq!((took, window.ending), (160, Ending::Stopped));
    assert_eq!(rows.iter().filter(|row| row.end == End::Cancelled).count(), 2);
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

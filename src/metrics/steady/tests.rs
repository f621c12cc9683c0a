//! Timelines made by hand, with answers known by hand.

use serde_json::{Map, Value, json};

use super::SteadySummary;
use crate::metrics::tests::answered;
use crate::metrics::{CellAccumulator, CellSummary};
use crate::record::{KeptTimes, Outcome, Phase, RequestRecord, thin};

const MS: i64 = 1_000_000;

/// A completed answer of `tokens` tokens, the first at once, evenly from `sent` to `end`, in milliseconds.
fn life(sent: i64, end: i64, tokens: u32) -> RequestRecord {
    let last = i64::from(tokens - 1).max(1);
    let chunks: Vec<(i64, u32)> = (0..tokens).map(|k| (sent + i64::from(k) * (end - sent) / last, 1)).collect();
    let mut record = answered(sent, &chunks);
    record.stamps.end_ns = Some(end * MS);
    record
}

fn whole(sent: i64, end: i64) -> RequestRecord {
    let mut record = answered(sent, &[]);
    (record.stamps.end_ns, record.tokens.output_server) = (Some(end * MS), Some(10));
    record
}

fn warm(record: RequestRecord) -> RequestRecord {
    RequestRecord { phase: Phase::Warmup, ..record }
}

fn due(at: i64, mut record: RequestRecord) -> RequestRecord {
    record.stamps.scheduled_ns = Some(at * MS);
    record
}

/// All passes over the repeats of a cell, as a run makes them.
pub(crate) fn summarised(axes: &Value, repeats: &[Vec<RequestRecord>]) -> CellSummary {
    let mut cell = CellAccumulator::new("c", axes.as_object().cloned().unwrap_or_else(Map::new), None);
    (0..).zip(repeats).for_each(|(number, _)| cell.set_repeat(number, 0, 0));
    while cell.next_pass().is_some() {
        for (number, records) in (0..).zip(repeats) {
            for record in records {
                cell.add(number, record);
            }
        }
    }
    cell.finish()
}

fn closed(concurrency: u64, records: Vec<RequestRecord>) -> SteadySummary {
    summarised(&json!({ "concurrency": concurrency }), &[records]).steady.unwrap()
}

fn bounds(steady: &SteadySummary) -> (Option<i64>, Option<i64>) {
    let ms = |ns: Option<i64>| ns.map(|ns| ns / MS);
    (ms(steady.repeats[0].from_ns), ms(steady.repeats[0].to_ns))
}

fn close(a: Option<f64>, b: f64) -> bool {
    a.is_some_and(|a| (a - b).abs() < 1e-6 * b.abs().max(1.0))
}

/// Two slots, each with requests of 100 ms one after the other; the second begins 50 ms later.
fn two_slots(each: i64) -> Vec<RequestRecord> {
    let mut records: Vec<RequestRecord> =
        (0..each).flat_map(|k| [life(k * 100, k * 100 + 100, 11), life(k * 100 + 50, k * 100 + 150, 11)]).collect();
    records.sort_by_key(|record| record.stamps.end_ns);
    records
}

#[test]
fn a_closed_loop_is_steady_from_the_last_slot_filled_to_the_first_left_empty() {
    let steady = closed(2, two_slots(10));
    assert_eq!((steady.rule.as_str(), steady.reason.as_deref()), ("closed_full", None));
    // The last begins at 950, the next that ends does so at 1000.
    assert_eq!(bounds(&steady), (Some(50), Some(1000)));
    // The two that filled the slots do not count.
    assert_eq!((steady.requests, steady.duration_s), (18, Some(0.95)));
    assert!(close(steady.mean_in_flight, 2.0), "{:?}", steady.mean_in_flight);
    assert!(close(steady.request_throughput, 20.0), "{:?}", steady.request_throughput);
    assert_eq!(steady.metric("e2e_ms").unwrap().count, 18);
    // Every 10 ms two chunks: from 50 on and before 1000, and one more where answers meet (at 100, 150, ...).
    let tokens = two_slots(10)
        .iter()
        .flat_map(|record| record.chunks.clone())
        .filter(|chunk| chunk.at_ns >= 50 * MS && chunk.at_ns < 1000 * MS)
        .count();
    assert!(close(steady.output_token_throughput, f64::from(u32::try_from(tokens).unwrap()) / 0.95));
    // Gaps that end after the window are left out of the inter-token latencies.
    assert_eq!(steady.metric("chunk_gap_ms").unwrap().count, 16 * 10 + 9 + 4);
}

#[test]
fn warm_up_fills_the_slots_and_its_tokens_are_in_the_throughput() {
    let mut records = two_slots(10);
    for record in &mut records {
        if record.stamps.sent_ns < Some(100 * MS) {
            record.phase = Phase::Warmup;
        }
    }
    let steady = closed(2, records);
    assert_eq!(bounds(&steady), (Some(100), Some(1000)));
    assert_eq!(steady.requests, 18);
    assert!(close(steady.mean_in_flight, 2.0) && close(steady.request_throughput, 20.0));
}

#[test]
fn raw_and_steady_differ_by_ramp_and_drain() {
    // Four slots filled one a second, each with seven requests of four seconds: 3 s up, 3 s down.
    let records: Vec<RequestRecord> = (0..4)
        .flat_map(|slot| (0..7).map(move |k| whole(1000 * slot + 4000 * k, 1000 * slot + 4000 * k + 4000)))
        .collect();
    let cell = summarised(&json!({"concurrency": 4}), &[records]);
    let steady = cell.steady.unwrap();
    assert_eq!(bounds(&steady), (Some(3000), Some(28_000)));
    assert!(close(cell.mean_in_flight, 28.0 * 4.0 / 31.0) && close(steady.mean_in_flight, 4.0));
    assert!(close(cell.request_throughput, 28.0 / 31.0) && close(steady.request_throughput, 1.0));
    assert!(close(cell.output_token_throughput, 280.0 / 31.0) && close(steady.output_token_throughput, 10.0));
    assert!(close(steady.total_token_throughput, 110.0), "{:?}", steady.total_token_throughput);
}

#[test]
fn what_has_no_steady_state_says_why() {
    let reason = |steady: &SteadySummary| steady.reason.clone().unwrap();
    // Three slots asked for, two in use.
    let never = closed(3, two_slots(10));
    assert_eq!(reason(&never), "never more than 2 of 3 were in flight at once");
    assert_eq!((bounds(&never), never.requests, never.duration_s), ((None, None), 0, None));
    assert!(never.metrics.is_empty() && never.request_throughput.is_none());
    // One request for each slot: nothing begins once all are in flight.
    let few = closed(16, (0..16).map(|k| whole(k, 1000)).collect());
    assert_eq!(reason(&few), "0 completed requests began between ramp and drain, 11 are needed");
    let short = closed(20, (0..20).map(|k| whole(k, 1000 + k)).chain((0..20).map(|k| whole(1000 + k, 3000))).collect());
    assert_eq!(short.reason, None);
    let short = closed(20, (0..20).map(|k| whole(k, 100 + k)).chain((0..20).map(|k| whole(100 + k, 3000))).collect());
    assert_eq!(short.reason, None, "they end together");
    let short =
        closed(20, (0..20).map(|k| whole(k, 100 + k)).chain((0..20).map(|k| whole(100 + k, 900 + k * 900))).collect());
    assert!(reason(&short).starts_with("0.881 s lie between ramp and drain, a request takes "), "{short:?}");
    assert_eq!(reason(&closed(2, vec![])), "nothing was sent");
    let at_once = summarised(&json!({"qps": "inf"}), &[vec![due(0, whole(0, 10)), due(0, whole(1, 12))]]);
    assert_eq!(reason(&at_once.steady.unwrap()), "all requests were due at once");
}

#[test]
fn short_requests_may_leave_a_tenth_of_the_slots_empty_for_a_moment() {
    // Ten asked for; nine at most are seen at once, from the ninth on.
    let records: Vec<RequestRecord> =
        (0..9).flat_map(|slot| (0..5).map(move |k| whole(slot + 100 * k, slot + 100 * k + 95))).collect();
    let steady = closed(10, records);
    assert_eq!((steady.reason.as_deref(), bounds(&steady)), (None, (Some(8), Some(495))));
}

#[test]
fn an_open_loop_is_steady_while_requests_are_due_and_as_many_in_flight_as_on_average() {
    // One every 10 ms, each takes 45 ms: 4.5 in flight on average (and 4 or 5 at any time).
    let arrivals = |warmup: i64| -> Vec<RequestRecord> {
        let each = |k: i64| {
            let record = due(k * 10, whole(k * 10 + 1, k * 10 + 46));
            if k < warmup { warm(record) } else { record }
        };
        (0..101).map(each).collect()
    };
    let steady = |warmup| summarised(&json!({"qps": 100.0}), &[arrivals(warmup)]).steady.unwrap();
    let cold = steady(0);
    assert_eq!(cold.rule, "open_arrivals");
    // 101 times 45 ms over 1000 ms are 4.545: the fifth brings it there.
    assert_eq!(bounds(&cold), (Some(41), Some(1000)));
    assert_eq!(cold.requests, 95, "due from 50 to 990");
    assert!((cold.mean_in_flight.unwrap() - 4.5).abs() < 0.01, "{:?}", cold.mean_in_flight);
    let warm = steady(20);
    assert_eq!((bounds(&warm), warm.requests), ((Some(200), Some(1000)), 80));
    assert!(close(warm.request_throughput, 100.0));
}

#[test]
fn failed_requests_are_in_flight_and_censored_but_bring_nothing() {
    let failed = Outcome::Failed(crate::record::Failure::new(crate::record::Cause::StreamCut, "x"));
    let mut records: Vec<RequestRecord> = (0..101).map(|k| due(k * 10, life(k * 10, k * 10 + 50, 2))).collect();
    for at in [30, 60] {
        records[at].outcome = failed.clone();
    }
    records[90] = due(900, RequestRecord { outcome: Outcome::Dropped, ..whole(900, 900) });
    records[90].stamps = crate::record::Stamps { scheduled_ns: Some(900 * MS), ..Default::default() };
    let steady = summarised(&json!({"qps": 100.0}), &[records]).steady.unwrap();
    let late = steady.metric("ttft_from_schedule_ms").unwrap();
    assert_eq!(late.count, steady.requests + 3);
    assert_eq!((late.max, late.p50), (None, Some(0.0)));
    assert_eq!(steady.metric("ttft_ms").unwrap().count, steady.requests);
}

#[test]
fn stamps_that_are_not_kept_are_taken_as_evenly_spread() {
    let full = closed(2, two_slots(10));
    let mut thinned = two_slots(10);
    for record in &mut thinned {
        thin(record, KeptTimes::FirstLast);
    }
    let thinned = closed(2, thinned);
    assert_eq!(bounds(&full), bounds(&thinned));
    // Answers that are even in fact: only what falls on an edge differs.
    let (a, b) = (full.output_token_throughput.unwrap(), thinned.output_token_throughput.unwrap());
    assert!((a - b).abs() < 0.02 * a, "{a} {b}");
    assert!(thinned.metric("itl_ms").is_none() && thinned.metric("chunk_gap_ms").is_none());
    assert_eq!(thinned.metric("tpot_ms"), full.metric("tpot_ms"));
}

#[test]
fn conversations_hold_their_slots_between_turns() {
    // Two slots, conversations of two turns of 100 ms with 100 ms of thought; never two requests at once.
    let mut records = Vec::new();
    for number in 0..16_u64 {
        let from = i64::try_from(number / 2 * 400 + number % 2 * 100).unwrap();
        for turn in 0..2_u32 {
            let at = from + i64::from(turn) * 200;
            let record = whole(at, at + 100);
            records.push(RequestRecord { conversation: Some(number), turn: Some(turn), ..record });
        }
    }
    let steady = closed(2, records);
    // The last conversation begins at 2900; the first of the two ends at 3100.
    assert_eq!((bounds(&steady), steady.reason.as_deref()), ((Some(100), Some(3100)), None));
}

#[test]
fn only_repeats_with_a_window_that_is_enough_count() {
    let cell = summarised(&json!({"concurrency": 2}), &[two_slots(10), two_slots(2), two_slots(20)]);
    let steady = cell.steady.unwrap();
    assert_eq!(steady.repeats.iter().map(|repeat| repeat.requests).collect::<Vec<_>>(), [18, 2, 38]);
    assert!(steady.repeats[1].reason.as_deref().unwrap().starts_with("2 completed requests began"));
    assert_eq!((steady.requests, steady.reason.as_deref()), (56, None));
    assert_eq!(steady.metric("e2e_ms").unwrap().count, 56);
    assert!(close(steady.duration_s, 0.95 + 1.95) && close(steady.request_throughput, 20.0));
}

#[test]
fn a_run_that_never_settles_is_told() {
    // TTFT grows by half over the window; what is sent keeps its pace.
    let record = |k: i64, ttft: i64| {
        let mut record = answered(k * 10, &[(k * 10 + ttft, 1), (k * 10 + 100, 1)]);
        record.stamps.end_ns = record.stamps.last_token_ns;
        record
    };
    let run = |ttft: fn(i64) -> i64| {
        let records = (0..2000).map(|k| record(k, ttft(k))).collect();
        closed(10, records)
    };
    let growing = run(|k| 40 + k / 100 + k * 7919 % 5);
    let drift = growing.drift();
    assert!((0.3..0.6).contains(&drift["ttft_ms"]), "{drift:?}");
    assert_eq!(drift.len(), 1, "{drift:?}");
    assert!(run(|k| 40 + k * 7919 % 17).repeats[0].drift.as_ref().unwrap().is_empty());
    assert_eq!(closed(2, two_slots(10)).repeats[0].drift, None, "too few to tell");
}

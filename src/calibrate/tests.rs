//! The judgement: known errors come out as they went in, and nothing that is amiss goes unseen.

use proptest::prelude::*;

use super::{Mismatch, Seen, Window, judge};
use crate::simulator::RequestStamps;

const MS: i64 = 1_000_000;
const ALL: Window = Window { from_ns: i64::MIN, until_ns: i64::MAX };

/// An answer that the server received at `received_ns` and whose events it sent then, after an event without text.
fn sent(id: &str, received_ns: i64, events_ns: &[i64]) -> RequestStamps {
    let role_ns = events_ns.first().copied().unwrap_or(received_ns);
    RequestStamps {
        id: id.to_owned(),
        received_ns,
        admitted_ns: Some(received_ns),
        first_due_ns: events_ns.first().map(|sent| sent - MS / 2),
        last_due_ns: events_ns.last().map(|sent| sent - MS / 2),
        send_ns: [&[role_ns], events_ns, &[role_ns, role_ns]].concat(),
        first_token_event: 1,
        token_events: events_ns.len(),
        completed: true,
    }
}

/// The same answer as a reader sees it who sends so much before the receipt and reads so much after the sending.
fn seen(stamps: &RequestStamps, send_ns: i64, late_ns: impl Fn(usize) -> i64) -> Seen {
    let events = stamps.send_ns[stamps.first_token_event..][..stamps.token_events].iter();
    Seen {
        id: stamps.id.clone(),
        sent_ns: stamps.received_ns - send_ns,
        tokens_ns: events.enumerate().map(|(at, sent)| sent + late_ns(at)).collect(),
        failure: None,
    }
}

fn three() -> Vec<RequestStamps> {
    (0..3)
        .map(|at| sent(&format!("a-{at}"), at * 100 * MS, &[at * 100 * MS + 30 * MS, at * 100 * MS + 50 * MS]))
        .collect()
}

fn close(value: f64, expected: f64) -> bool {
    (value - expected).abs() < 1e-9
}

#[test]
fn rows_that_are_three_milliseconds_off_show_three_milliseconds() {
    let truth = three();
    let honest: Vec<Seen> = truth.iter().map(|stamps| seen(stamps, 20_000, |_| 40_000)).collect();
    let judged = judge(&honest, &truth, ALL);
    assert!(close(judged.arrival.unwrap().mean, 0.04) && close(judged.send.unwrap().max, 0.02));

    let shifted: Vec<Seen> = honest
        .iter()
        .map(|answer| Seen { tokens_ns: answer.tokens_ns.iter().map(|at| at + 3 * MS).collect(), ..answer.clone() })
        .collect();
    let judged = judge(&shifted, &truth, ALL);
    let arrival = judged.arrival.unwrap();
    assert!(close(arrival.mean, 3.04) && close(arrival.p50, 3.04) && close(arrival.max, 3.04), "{arrival:?}");
    assert!(close(judged.ttft.unwrap().mean, 3.06), "the time to first token has both errors");
    assert!(close(judged.e2e.unwrap().mean, 3.06));
    assert!(close(judged.send.unwrap().mean, 0.02), "sending is not touched");
    assert!(close(judged.itl.unwrap().max, 0.0), "gaps do not see a shift");
    assert!(close(judged.server_late.unwrap().mean, 0.5));
    assert_eq!((judged.requests_matched, judged.events_matched, judged.mismatches.len()), (3, 6, 0));
}

#[test]
fn what_is_not_one_to_one_is_told() {
    let truth = three();
    let all: Vec<Seen> = truth.iter().map(|stamps| seen(stamps, 20_000, |_| 40_000)).collect();
    let with = |change: &dyn Fn(&mut Vec<Seen>)| {
        let mut answers = all.clone();
        change(&mut answers);
        judge(&answers, &truth, ALL).mismatches
    };
    let id = |at: usize| format!("a-{at}");
    assert_eq!(with(&|_| {}), []);
    assert_eq!(with(&|answers| drop(answers.remove(1))), [Mismatch::Unseen { id: id(1) }]);
    assert_eq!(with(&|answers| answers.push(answers[0].clone())), [Mismatch::Twice { id: id(0) }]);
    assert_eq!(
        with(&|answers| answers[2].id = "other".to_owned()),
        [Mismatch::Unknown { id: "other".to_owned() }, Mismatch::Unseen { id: id(2) }]
    );
    assert_eq!(with(&|answers| answers[1].tokens_ns.truncate(1)), [Mismatch::Events { id: id(1), seen: 1, sent: 2 }]);
    assert_eq!(
        with(&|answers| answers[0].failure = Some("idle_timeout".to_owned())),
        [Mismatch::Failed { message: "idle_timeout".to_owned() }]
    );
    assert_eq!(
        with(&|answers| answers[0].tokens_ns[1] -= 2 * MS),
        [Mismatch::Early { id: id(0), by_ns: 2 * MS - 40_000 }]
    );
    assert_eq!(with(&|answers| answers[0].sent_ns += MS), [Mismatch::Early { id: id(0), by_ns: MS - 20_000 }]);
}

#[test]
fn what_the_server_did_before_the_first_request_is_not_the_readers() {
    let mut truth = three();
    truth.insert(0, sent("probe", -500 * MS, &[-400 * MS]));
    let answers: Vec<Seen> = truth[1..].iter().map(|stamps| seen(stamps, 20_000, |_| 40_000)).collect();
    assert_eq!(judge(&answers, &truth, ALL).mismatches, []);
}

#[test]
fn errors_are_of_what_happened_in_the_window() {
    let truth = three();
    let answers: Vec<Seen> = truth.iter().map(|stamps| seen(stamps, 20_000, |_| 40_000)).collect();
    // The last event of the first answer, all of the second, the receipt of the third.
    let judged = judge(&answers, &truth, Window { from_ns: 40 * MS, until_ns: 220 * MS });
    assert_eq!(judged.events_in_window, 3);
    assert_eq!(judged.send.unwrap().count, 2);
    assert_eq!(judged.itl.unwrap().count, 2);
    assert_eq!((judged.requests_matched, judged.events_matched), (3, 6), "all are matched all the same");
}

proptest! {
    #[test]
    fn errors_come_out_as_they_went_in_whatever_the_order(
        // Of each answer: receipt, how long sending took, and of each event the gap before it and its lateness; us.
        answers in prop::collection::vec(
            (0_i32..1_000_000, 0_i32..500, prop::collection::vec((1_i32..40_000, 0_i32..5000), 1..20)),
            1..20,
        ),
        rotate in 0_usize..20,
    ) {
        let ns = |us: i32| i64::from(us) * 1000;
        let (mut truth, mut seen_all) = (Vec::new(), Vec::new());
        for (at, (received, send, events)) in answers.iter().enumerate() {
            let mut at_ns = ns(*received);
            let events_ns: Vec<i64> = events.iter().map(|(gap, _)| { at_ns += ns(*gap); at_ns }).collect();
            let stamps = sent(&format!("a-{at}"), ns(*received), &events_ns);
            seen_all.push(seen(&stamps, ns(*send), |event| ns(events[event].1)));
            truth.push(stamps);
        }
        let rotated = rotate % seen_all.len();
        seen_all.rotate_left(rotated);
        let judged = judge(&seen_all, &truth, ALL);
        prop_assert!(judged.mismatches.is_empty());

        let sum_us = |figures: Option<super::ErrorFigures>| {
            figures.map_or(0.0, |figures| figures.mean * 1e3 * f64::from(u32::try_from(figures.count).unwrap()))
        };
        let near = |sum: f64, expected: i32| (sum - f64::from(expected)).abs() < 1e-3;
        let events = || answers.iter().flat_map(|(_, _, events)| events.iter().map(|(_, late)| *late));
        prop_assert!(near(sum_us(judged.arrival.clone()), events().sum()));
        prop_assert!(near(judged.arrival.unwrap().max * 1e3, events().max().unwrap()));
        prop_assert!(near(sum_us(judged.send), answers.iter().map(|(_, send, _)| send).sum()));
        prop_assert!(near(sum_us(judged.ttft), answers.iter().map(|(_, send, events)| send + events[0].1).sum()));
        // The gaps' errors of an answer add up to what its last event is later than its first.
        let drift = answers.iter().map(|(_, _, events)| events[events.len() - 1].1 - events[0].1).sum();
        prop_assert!(near(sum_us(judged.itl), drift));
    }
}

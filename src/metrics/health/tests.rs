use super::rules::{RULES, judge};
use super::{ClientHealth, Sends, Verdict};
use crate::record::*;

const MS: i64 = 1_000_000;
const SECOND: i64 = 1000 * MS;

/// An idle machine: what normal runs look like.
fn idle() -> ClientFacts {
    ClientFacts {
        watched_ns: 10 * SECOND,
        loop_lag: Some(LoopLag { samples: 1000, p50_ns: 60_000, p99_ns: 600_000, max_ns: 6 * MS }),
        thread_cpu_ns: Some(2 * SECOND),
        process_cpu_ns: Some(5 * SECOND),
        cores: Some(2),
        thread_wait_ns: Some(300 * MS),
        preemptions: Some(50),
        quota: Some(Throttling { periods: 100, throttled_periods: 0, throttled_ns: 0 }),
        steal: Some(0.001),
        descriptors: Some(80),
        descriptor_limit: Some(1024),
        segments: Some(Segments { sent: 10_000, retransmitted: 3 }),
        journal_backlog: Some(64),
        simulator_inside: false,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the field has it")]
fn lag(p99_ms: i64, max_ms: i64) -> Option<LoopLag> {
    Some(LoopLag { samples: 1000, p50_ns: 0, p99_ns: p99_ms * MS, max_ns: max_ms * MS })
}

#[expect(clippy::unnecessary_wraps, reason = "as the field has it")]
fn quota(throttled_ns: i64) -> Option<Throttling> {
    Some(Throttling { periods: 100, throttled_periods: 1, throttled_ns })
}

fn health(facts: &ClientFacts) -> ClientHealth {
    ClientHealth::of_repeat(Some(facts), &Sends::default())
}

#[test]
fn each_sign_of_a_slow_client_has_its_verdict_and_reason() {
    use Verdict::{Limited, Ok, Suspect};
    let segments = |retransmitted| Some(Segments { sent: 1000, retransmitted });
    for (facts, verdict, reason) in [
        (idle(), Ok, ""),
        (ClientFacts { watched_ns: 10 * SECOND, ..ClientFacts::default() }, Ok, ""),
        (ClientFacts::default(), Ok, ""),
        (ClientFacts { loop_lag: lag(2, 6), ..idle() }, Ok, ""),
        (
            ClientFacts { loop_lag: lag(5, 6), ..idle() },
            Suspect,
            "waited up to 5 ms for the timed loop (p99); give it a processor of its own",
        ),
        (ClientFacts { loop_lag: lag(17, 31), ..idle() }, Limited, "waited up to 17 ms"),
        (
            ClientFacts { loop_lag: lag(17, 31), simulator_inside: true, ..idle() },
            Limited,
            "the simulator in this process shares",
        ),
        (ClientFacts { loop_lag: lag(0, 500), ..idle() }, Suspect, "once stood still for 500 ms"),
        (ClientFacts { thread_cpu_ns: Some(8 * SECOND), ..idle() }, Ok, ""),
        (
            ClientFacts { thread_cpu_ns: Some(9 * SECOND), ..idle() },
            Suspect,
            "busy for 90 % of the time; one client sends no more",
        ),
        (ClientFacts { thread_cpu_ns: Some(9_700 * MS), ..idle() }, Limited, "busy for 97 % of the time"),
        (ClientFacts { process_cpu_ns: Some(19 * SECOND), ..idle() }, Suspect, "took 95 % of the processors"),
        (
            ClientFacts { thread_wait_ns: Some(2 * SECOND), ..idle() },
            Suspect,
            "for 20 % of the time the timed thread had work",
        ),
        (ClientFacts { thread_wait_ns: Some(4 * SECOND), ..idle() }, Limited, "for 40 % of the time"),
        (
            ClientFacts { quota: quota(20 * MS), ..idle() },
            Suspect,
            "held the client back for 0.2 % of the time; raise or remove the quota",
        ),
        (ClientFacts { quota: quota(SECOND), ..idle() }, Limited, "held the client back for 10 % of the time"),
        (ClientFacts { steal: Some(0.12), ..idle() }, Suspect, "the hypervisor gave 12 %"),
        (ClientFacts { segments: segments(30), ..idle() }, Suspect, "sent 3 % of its TCP segments again"),
        (ClientFacts { segments: segments(9), ..idle() }, Ok, ""),
        (ClientFacts { journal_backlog: Some(30_000), ..idle() }, Suspect, "30000 rows waited"),
    ] {
        let health = health(&facts);
        assert_eq!(health.verdict, Some(verdict), "{facts:?}");
        assert_eq!(health.reasons.len(), usize::from(verdict != Ok), "{:?}", health.reasons);
        assert!(health.reasons.concat().contains(reason), "{reason}: {:?}", health.reasons);
    }
}

/// A row that was due, and sent so much later.
fn row(due_ms: i64, late_ms: i64) -> RequestRecord {
    let sent_ns = (due_ms + late_ms) * MS;
    let stamps = Stamps { scheduled_ns: Some(due_ms * MS), sent_ns: Some(sent_ns), ..Stamps::default() };
    RequestRecord {
        request_index: 0,
        phase: Phase::Measure,
        model_id: "m".to_owned(),
        prompt_name: None,
        conversation: None,
        turn: None,
        response_id: None,
        outcome: Outcome::Completed,
        http_status: Some(200),
        attempts: Vec::new(),
        stamps,
        chunks: Vec::new(),
        chunk_times: crate::record::KeptTimes::All,
        token_source: None,
        tokens: TokenCounts::default(),
        finish_reason: None,
        server: ServerReport::default(),
    }
}

fn of_rows(rows: impl IntoIterator<Item = RequestRecord>) -> ClientHealth {
    let mut sends = Sends::default();
    rows.into_iter().for_each(|row| sends.add(&row));
    ClientHealth::of_repeat(Some(&idle()), &sends)
}

#[test]
fn sends_that_are_late_or_fewer_than_due_are_seen() {
    let at = |late: fn(i64) -> i64| of_rows((0..300).map(|k| row(10 * k, late(k))));
    let punctual = at(|_| 1);
    assert_eq!((punctual.verdict, punctual.delivered_rate), (Some(Verdict::Ok), Some(1.0)));
    assert_eq!(punctual.schedule_lag_ms_p99, Some(1.0));
    let late = at(|k| if k % 20 == 0 { 12 } else { 1 });
    assert_eq!(late.verdict, Some(Verdict::Suspect), "{:?}", late.reasons);
    assert!(
        late.reasons[0].starts_with("requests went out up to 12 ms after they were due (p99)"),
        "{:?}",
        late.reasons
    );
    let falling_behind = at(|k| k);
    assert_eq!(falling_behind.verdict, Some(Verdict::Limited), "{:?}", falling_behind.reasons);
    assert!(
        falling_behind.reasons[1].starts_with("only 90.9 % of the intended rate was sent"),
        "{:?}",
        falling_behind.reasons
    );
    let short = of_rows((0..100).map(|k| row(10 * k, k / 10)));
    assert_eq!(short.delivered_rate, None, "a second tells no rate");
}

#[test]
fn connecting_is_no_lateness_and_closed_loops_have_none() {
    let connecting = |mut row: RequestRecord| {
        row.stamps.connect_ns = row.stamps.sent_ns;
        row
    };
    let cold = of_rows((0..100).map(|k| connecting(row(10 * k, 90))));
    assert_eq!((cold.verdict, cold.schedule_lag_ms_p99), (Some(Verdict::Ok), None));
    let closed = of_rows((0..100).map(|k| {
        let mut row = row(10 * k, 90);
        row.stamps.scheduled_ns = None;
        row
    }));
    assert_eq!((closed.schedule_lag_ms_p99, closed.delivered_rate), (None, None));
}

#[test]
fn connections_that_this_machine_refused_limit_it() {
    let failed = |errno: rustix::io::Errno| {
        let message = format!("no connection to h:1: {}", std::io::Error::from(errno));
        RequestRecord { outcome: Outcome::Failed(Failure::new(Cause::Internal, message)), ..row(0, 0) }
    };
    let health = of_rows([failed(rustix::io::Errno::MFILE), row(5, 0), failed(rustix::io::Errno::ADDRNOTAVAIL)]);
    assert_eq!((health.verdict, health.out_of_descriptors, health.out_of_ports), (Some(Verdict::Limited), 1, 1));
    assert!(
        health.reasons[0].contains("ulimit -n") && health.reasons[1].contains("local ports"),
        "{:?}",
        health.reasons
    );
}

#[test]
fn without_facts_there_is_no_verdict() {
    let mut sends = Sends::default();
    sends.add(&row(0, 3));
    let health = ClientHealth::of_repeat(None, &sends);
    assert_eq!((health.verdict, health.schedule_lag_ms_p99), (None, Some(3.0)));
    assert!(health.reasons.is_empty());
}

#[test]
fn a_cell_is_as_healthy_as_its_worst_repeat() {
    let slow = ClientFacts { loop_lag: lag(17, 31), ..idle() };
    let repeats = [
        health(&idle()),
        health(&slow),
        health(&ClientFacts { thread_cpu_ns: Some(9 * SECOND), ..slow.clone() }),
        health(&slow),
    ];
    let of = |repeats: &[ClientHealth]| ClientHealth::of_cell((0..).zip(repeats).collect::<Vec<_>>().into_iter());
    let cell = of(&repeats);
    assert_eq!(
        (cell.verdict, cell.loop_lag_ms_p99, cell.cpu_utilization),
        (Some(Verdict::Limited), Some(17.0), Some(0.9))
    );
    assert_eq!(cell.reasons.len(), 2);
    assert!(cell.reasons[0].starts_with("repeat 1, 2, 3: what was due"), "{:?}", cell.reasons);
    assert!(cell.reasons[1].starts_with("repeat 2: the timed thread"), "{:?}", cell.reasons);
    assert_eq!(of(&repeats[1..2]), repeats[1], "one repeat is the cell");
    assert_eq!(of(&[]), ClientHealth::default());
}

/// `| figure | suspect | limited | why |`, in the order of the table.
#[test]
fn the_methodology_states_every_rule() {
    let page = include_str!("../../../docs/METHODOLOGY.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Client health")).unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let expected = RULES.iter().map(|rule| {
        let limited = rule.limited.map_or_else(|| "-".to_owned(), super::rules::Limit::written);
        format!("| `{}` | {} | {limited} | ", rule.figure, rule.suspect.written())
    });
    let expected: Vec<String> = expected.collect();
    assert_eq!(rows.len(), expected.len());
    for (row, start) in rows.iter().zip(expected) {
        assert!(row.starts_with(&start), "{row}\nshould start with\n{start}");
    }
}

#[test]
fn every_rule_names_a_figure() {
    let json = serde_json::to_value(ClientHealth::default()).unwrap();
    for rule in &RULES {
        assert!(json.get(rule.figure).is_some(), "{}", rule.figure);
    }
    assert!(judge(&ClientHealth::default()).is_empty());
}

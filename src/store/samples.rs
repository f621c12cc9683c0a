//! Rows to test with.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;

use super::{FORMAT_VERSION, Origin, RowSchema, UnitHeader, VarColumn, VarType};
use crate::plan::CellId;
use crate::record::*;

/// Where the sample rows' measured phase begins.
pub(super) const ORIGIN: Origin = Origin { monotonic_ns: 5_000_000_000, unix_ns: 1_795_512_600_000_000_000 };

pub(super) fn header() -> UnitHeader {
    let axes = serde_json::json!({"model": "llama", "mode": "synthetic", "input_tokens": 250,
        "output_tokens": "normal(100,20)", "concurrency": 4, "language": "ko"});
    let serde_json::Value::Object(axes) = axes else { unreachable!() };
    UnitHeader {
        format_version: FORMAT_VERSION,
        cell_id: CellId::new("llama_c4-0a1b2c3d"),
        repeat: 1,
        axes,
        columns: RowSchema {
            vars: vec![VarColumn { name: "language".into(), kind: VarType::Text }],
            server: vec!["server_queue_ms".into()],
        },
        opened: Origin { monotonic_ns: ORIGIN.monotonic_ns - 1_000_000, ..ORIGIN.at(ORIGIN.monotonic_ns - 1_000_000) },
    }
}

/// A measured row of a streamed answer, later with every index.
pub(super) fn record(index: u64) -> RequestRecord {
    let due = ORIGIN.monotonic_ns + i64::try_from(index).unwrap() * 1_000_000;
    let chunk = |number: i64| Chunk { at_ns: due + 40_000_000 + number * 8_000_000, tokens: 1 };
    let chunks: Vec<_> = (0..8).map(chunk).collect();
    RequestRecord {
        request_index: index,
        phase: Phase::Measure,
        model_id: "llama-3.3".into(),
        prompt_name: Some("plain".into()),
        conversation: None,
        turn: None,
        response_id: Some(format!("r{index}")),
        outcome: Outcome::Completed,
        http_status: Some(200),
        attempts: vec![Attempt { sent_ns: Some(due + 500), end_ns: chunks[7].at_ns + 900, cause: None }],
        stamps: Stamps {
            scheduled_ns: Some(due),
            sent_ns: Some(due + 500),
            first_token_ns: Some(chunks[0].at_ns),
            first_visible_ns: Some(chunks[0].at_ns),
            last_token_ns: Some(chunks[7].at_ns),
            end_ns: Some(chunks[7].at_ns + 900),
            ..Stamps::default()
        },
        chunks,
        chunk_times: KeptTimes::All,
        token_source: Some(TokenSource::Usage),
        tokens: TokenCounts { input_server: Some(250), output_server: Some(8), ..TokenCounts::default() },
        finish_reason: Some("length".into()),
        server: ServerReport { extra: BTreeMap::from([("server_queue_ms".into(), 1.5)]), ..ServerReport::default() },
    }
}

fn stamp() -> impl Strategy<Value = i64> {
    -1_000_000_000_000_i64..1_000_000_000_000
}

fn count() -> impl Strategy<Value = Option<u64>> {
    of(0..=u64::from(u32::MAX) << 8)
}

fn text() -> impl Strategy<Value = Option<String>> {
    of("[ -~\u{e9}\u{d55c}\"\\\\\n]{0,12}")
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let failed = (proptest::sample::select(&Cause::ALL[..]), ".{0,20}");
    prop_oneof![
        Just(Outcome::Completed),
        Just(Outcome::Cancelled),
        Just(Outcome::Dropped),
        failed.prop_map(|(cause, message)| Outcome::Failed(Failure { cause, message })),
    ]
}

fn stamps() -> impl Strategy<Value = Stamps> {
    proptest::array::uniform11(of(stamp())).prop_map(|[a, b, c, d, e, f, g, h, i, j, k]| Stamps {
        scheduled_ns: a,
        sent_ns: b,
        dial_ns: j,
        handshake_ns: k,
        connect_ns: c,
        headers_ns: d,
        first_chunk_ns: e,
        first_token_ns: f,
        first_visible_ns: g,
        last_token_ns: h,
        end_ns: i,
    })
}

fn tokens() -> impl Strategy<Value = TokenCounts> {
    proptest::array::uniform9(count()).prop_map(|[a, b, c, d, e, f, g, h, i]| TokenCounts {
        input_requested: a,
        input_client: b,
        input_server: c,
        output_requested: d,
        output_client: e,
        output_server: f,
        reasoning: g,
        cached: h,
        image: i,
    })
}

fn server() -> impl Strategy<Value = ServerReport> {
    // Fractions that a decimal text holds exactly.
    let number = || (0_u32..1 << 20).prop_map(|number| f64::from(number) / 1024.0);
    let extra = btree_map(Just("server_queue_ms".to_owned()), number(), 0..2);
    (of(number()), of(number()), of(number()), count(), extra).prop_map(|(a, b, c, d, extra)| ServerReport {
        ttft_ms: a,
        e2e_ms: b,
        output_tokens_per_s: c,
        batch_size_used: d,
        extra,
    })
}

/// Any row at all, likely or not.
pub(super) fn any_record() -> impl Strategy<Value = RequestRecord> {
    let attempt = (of(stamp()), stamp(), of(proptest::sample::select(&Cause::ALL[..])));
    let attempt = attempt.prop_map(|(sent_ns, end_ns, cause)| Attempt { sent_ns, end_ns, cause });
    let chunk = (stamp(), 0..1_u32 << 31).prop_map(|(at_ns, tokens)| Chunk { at_ns, tokens });
    let source = proptest::sample::select(&[TokenSource::Usage, TokenSource::Tokenizer, TokenSource::Estimate][..]);
    let phase = proptest::sample::select(&[Phase::Warmup, Phase::Measure][..]);
    let names = (".{0,8}", text(), count(), of(any::<i32>().prop_map(i32::unsigned_abs)), text(), text());
    let kept = proptest::sample::select(&[KeptTimes::All, KeptTimes::FirstLast][..]);
    let rest = (of(any::<u16>()), vec(attempt, 0..3), vec(chunk, 0..6), of(source), kept);
    let parts = (0..=u64::MAX >> 1, phase, names, outcome(), rest, stamps(), tokens(), server());
    parts.prop_map(|(request_index, phase, names, outcome, rest, stamps, tokens, server)| {
        let (model_id, prompt_name, conversation, turn, response_id, finish_reason) = names;
        let (http_status, attempts, chunks, token_source, chunk_times) = rest;
        RequestRecord {
            request_index,
            phase,
            model_id,
            prompt_name,
            conversation,
            turn: turn.map(|turn| turn >> 1),
            response_id,
            outcome,
            http_status,
            attempts,
            stamps,
            chunks,
            chunk_times,
            token_source,
            tokens,
            finish_reason,
            server,
        }
    })
}

/// The same row with every stamp moved.
pub(super) fn shifted(mut record: RequestRecord, by: i64) -> RequestRecord {
    let stamps = &mut record.stamps;
    let all = [
        &mut stamps.scheduled_ns,
        &mut stamps.sent_ns,
        &mut stamps.dial_ns,
        &mut stamps.handshake_ns,
        &mut stamps.connect_ns,
        &mut stamps.headers_ns,
        &mut stamps.first_chunk_ns,
        &mut stamps.first_token_ns,
        &mut stamps.first_visible_ns,
        &mut stamps.last_token_ns,
        &mut stamps.end_ns,
    ];
    for stamp in all {
        *stamp = stamp.map(|at| at + by);
    }
    for attempt in &mut record.attempts {
        attempt.sent_ns = attempt.sent_ns.map(|at| at + by);
        attempt.end_ns += by;
    }
    for chunk in &mut record.chunks {
        chunk.at_ns += by;
    }
    record
}

//! Definitions as cases, laws as properties.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::distribution::Distribution;
use super::quantile::Ranked;
use super::*;
use crate::record::samples::completed;
use crate::record::{Cause, Chunk, Failure, Outcome, Phase, RequestRecord, Stamps, TokenCounts, TokenSource};
use crate::scenario::Price;
use crate::statistics::needed;

const MS: i64 = 1_000_000;

/// A completed request sent at `sent` ms whose chunks come at these ms with these tokens.
pub(super) fn answered(sent: i64, chunks: &[(i64, u32)]) -> RequestRecord {
    let chunks: Vec<Chunk> = chunks.iter().map(|(at, tokens)| Chunk { at_ns: at * MS, tokens: *tokens }).collect();
    let last_ns = chunks.last().map(|chunk| chunk.at_ns);
    let tokens: u64 = chunks.iter().map(|chunk| u64::from(chunk.tokens)).sum();
    RequestRecord {
        stamps: Stamps {
            sent_ns: Some(sent * MS),
            first_token_ns: chunks.first().map(|chunk| chunk.at_ns),
            first_visible_ns: chunks.first().map(|chunk| chunk.at_ns),
            last_token_ns: last_ns,
            end_ns: last_ns.map(|ns| ns + 5 * MS),
            ..Stamps::default()
        },
        chunks,
        tokens: TokenCounts {
            input_requested: Some(100),
            input_server: Some(100),
            output_server: Some(tokens),
            ..TokenCounts::default()
        },
        ..completed()
    }
}

fn failed(cause: Cause) -> RequestRecord {
    RequestRecord { outcome: Outcome::Failed(Failure::new(cause, "x")), ..answered(0, &[(10, 1), (20, 1)]) }
}

fn close(a: Option<f64>, b: f64) -> bool {
    a.is_some_and(|a| (a - b).abs() < 1e-9)
}

#[test]
fn metrics_of_a_request_follow_their_definitions() {
    // One token, then bundles of two and one: the first chunk's tokens do not count as decoded.
    let metrics = derive(&answered(100, &[(150, 1), (170, 2), (180, 1)]));
    assert!(close(metrics.ttft_ms, 50.0) && close(metrics.e2e_ms, 80.0));
    assert!(
        close(metrics.tpot_ms, 10.0)
            && close(metrics.tpot_classic_ms, 10.0)
            && close(metrics.output_tokens_per_s, 100.0)
    );
    // Two tokens in the first chunk: TPOT and the classic one differ.
    let metrics = derive(&answered(0, &[(50, 2), (80, 3)]));
    assert!(close(metrics.tpot_ms, 10.0) && close(metrics.tpot_classic_ms, 7.5));
    assert!(metrics.queue_delay_ms.is_none() && metrics.ttft_from_schedule_ms.is_none());
}

#[test]
fn what_is_undefined_is_none_and_never_zero() {
    let one = derive(&answered(0, &[(50, 1)]));
    assert!(one.tpot_ms.is_none() && one.tpot_classic_ms.is_none() && one.output_tokens_per_s.is_none());
    assert_eq!(derive(&failed(Cause::StreamCut)), RequestMetrics::default());
    let mut whole = answered(0, &[]);
    whole.stamps.end_ns = Some(70 * MS);
    let metrics = derive(&whole);
    assert!(metrics.ttft_ms.is_none() && close(metrics.e2e_ms, 70.0));
}

#[test]
fn latencies_between_tokens_share_the_gap_of_their_chunk() {
    let itl = |chunks: &[(i64, u32)]| itl_samples(&answered(0, chunks)).collect::<Vec<_>>();
    assert_eq!(itl(&[(10, 1), (30, 2), (35, 1)]), [(10.0, 2), (5.0, 1)]);
    assert_eq!(itl(&[(10, 1), (20, 0), (40, 2)]), [(15.0, 2)], "a chunk without tokens lengthens the next gap");
    assert_eq!(itl(&[(10, 3)]), []);
    assert_eq!(chunk_gaps(&answered(0, &[(10, 1), (20, 0), (40, 2)])).collect::<Vec<_>>(), [10.0, 20.0]);
}

#[test]
fn needed_counts_follow_their_rule() {
    for percentile in PERCENTILES {
        assert_eq!(percentile.needed, needed(u32::try_from(percentile.permille).unwrap()), "{}", percentile.name);
    }
}

#[test]
fn a_cell_counts_outcomes_tokens_and_its_window() {
    let price = Price { input: 1.0, cached_input: 0.0, output: 10.0 };
    let mut cell = CellAccumulator::new("c", Map::new(), Some(price));
    cell.set_repeat(0, 1, 2);
    for record in [answered(0, &[(100, 1), (495, 4)]), answered(500, &[(600, 1), (995, 4)]), failed(Cause::HttpStatus)]
    {
        cell.add(0, &record);
    }
    cell.add(0, &RequestRecord { phase: Phase::Warmup, ..answered(-5000, &[(0, 9)]) });
    cell.add(0, &RequestRecord { outcome: Outcome::Cancelled, ..answered(10, &[]) });
    let mut off = answered(20, &[(30, 1)]);
    off.tokens.input_server = Some(101);
    cell.add(1, &off);
    let cell = cell.finish();
    assert_eq!((cell.requests.completed, cell.requests.failed, cell.requests.cancelled), (3, 1, 1));
    assert_eq!(cell.requests.causes.get("http_status"), Some(&1));
    assert_eq!(cell.repeats.iter().map(|repeat| repeat.duration_s).collect::<Vec<_>>(), [Some(1.0), Some(0.015)]);
    assert!(close(cell.duration_s, 1.015) && close(cell.output_token_throughput, 11.0 / 1.015));
    assert!(close(cell.error_rate, 0.25) && close(cell.cost_usd, (301.0 + 110.0) / 1e6));
    assert_eq!((cell.metric("ttft_ms").unwrap().count, cell.input_tokens_off), (3, 1));
    assert_eq!(cell.repeats[0].metrics["ttft_ms"].as_ref().unwrap().count, 2);
    assert!(close(cell.mean_in_flight, (0.5 + 0.5 + 0.025 + 0.015) / 1.015), "{:?}", cell.mean_in_flight);
    let json = serde_json::to_value(&cell).unwrap();
    assert!(json["goodput"].is_null() && json["slo"].is_null() && json["client"]["verdict"].is_null());
    assert_eq!(serde_json::from_value::<CellSummary>(json).unwrap(), cell);
}

/// One repeat of those records, without a price.
fn cell_of(records: impl IntoIterator<Item = RequestRecord>) -> CellSummary {
    let mut cell = CellAccumulator::new("c", Map::new(), None);
    records.into_iter().for_each(|record| cell.add(0, &record));
    cell.finish()
}

#[test]
fn an_all_failed_cell_has_no_metric_and_no_figure_that_is_no_number() {
    let cell = cell_of([failed(Cause::HttpStatus)]);
    assert!(cell.metrics.values().all(Option::is_none) && cell.metrics.len() == METRICS.len());
    assert!(close(cell.error_rate, 1.0) && close(cell.output_token_throughput, 0.0));
    assert_eq!(cell.requests.http_statuses.get(&200), Some(&1));
    assert!(!serde_json::to_string(&cell).unwrap().contains("NaN"));
    let nothing = cell_of([]);
    assert!(nothing.duration_s.is_none() && nothing.error_rate.is_none() && nothing.request_throughput.is_none());
}

#[test]
fn a_server_figure_that_is_no_number_is_no_sample() {
    let mut odd = answered(0, &[(10, 1), (20, 1)]);
    odd.server.ttft_ms = Some(f64::NAN);
    odd.server.extra = [("server_queue_ms".to_owned(), 3.0), ("server_x".to_owned(), f64::INFINITY)].into();
    let cell = cell_of([odd]);
    assert!(cell.metric("server_ttft_ms").is_none() && cell.metric("server_x").is_none());
    assert_eq!(cell.metric("server_queue_ms").unwrap().p50, Some(3.0));
    let json = serde_json::to_string(&cell).unwrap();
    assert_eq!(serde_json::from_str::<CellSummary>(&json).unwrap(), cell);
}

/// Due at `due` ms.
fn due(due: i64, mut record: RequestRecord) -> RequestRecord {
    record.stamps.scheduled_ns = Some(due * MS);
    record
}

#[test]
fn requests_that_never_came_are_infinitely_late_from_the_schedule_only() {
    let never = |outcome| due(400, RequestRecord { outcome, ..answered(400, &[]) });
    let mut records: Vec<RequestRecord> = (0..9).map(|k| due(k * 10, answered(k * 10, &[(k * 10 + 50, 1)]))).collect();
    records.extend([never(Outcome::Dropped), never(Outcome::Cancelled)]);
    let cell = cell_of(records.clone());
    let late = cell.metric("ttft_from_schedule_ms").unwrap();
    assert_eq!((late.count, late.p50, late.p99, late.mean), (10, Some(50.0), None, None));
    assert_eq!(late.null_reasons.get("p99").map(String::as_str), Some("censored"));
    assert!(!late.null_reasons.contains_key("p50"));
    assert_eq!((cell.metric("ttft_ms").unwrap().count, cell.metric("queue_delay_ms").unwrap().count), (9, 9));
    // A failed request of a closed loop was not due at any time.
    let closed = cell_of([answered(0, &[(50, 1), (60, 1)]), failed(Cause::StreamCut)]);
    assert!(closed.metric("e2e_from_schedule_ms").is_none());
    let json = serde_json::to_value(closed.metric("ttft_ms")).unwrap();
    assert!(json.get("null_reasons").is_none() && json["stddev"].is_null() && json["ci95"].is_null());
}

#[test]
fn the_offered_rate_is_that_of_the_schedule_whatever_the_server_took() {
    let cell = cell_of((0..5).map(|k| due(k * 250, answered(k * 250, &[(k * 250 + 9000, 1)]))));
    assert!(close(cell.offered_rate, 4.0) && close(cell.request_throughput, 5.0 / 10.005));
    assert_eq!(cell_of([answered(0, &[(50, 1)])]).offered_rate, None);
    assert_eq!(cell_of([due(0, answered(0, &[(50, 1)])), due(0, answered(0, &[(50, 1)]))]).offered_rate, None);
}

#[test]
fn the_sent_rate_tells_what_went_out_of_what_was_due() {
    let delivered = |records: Vec<RequestRecord>| {
        let cell = cell_of(records);
        assert!(close(cell.offered_rate, 4.0), "{:?}", cell.offered_rate);
        cell.sent_rate
    };
    let sent = |due_ms: i64, lag_ms: i64| due(due_ms, answered(due_ms + lag_ms, &[(due_ms + lag_ms + 50, 1)]));
    let never =
        |due_ms: i64, outcome| due(due_ms, RequestRecord { outcome, stamps: Stamps::default(), ..answered(0, &[]) });
    assert!(close(delivered((0..5).map(|k| sent(k * 250, 0)).collect()), 4.0));
    // A lag that all have alike takes nothing away; one that grows does.
    assert!(close(delivered((0..5).map(|k| sent(k * 250, 30)).collect()), 4.0));
    assert!(close(delivered((0..5).map(|k| sent(k * 250, k * 250)).collect()), 2.0));
    // Of five that were due two were dropped, or had no connection.
    let mut some: Vec<RequestRecord> = [0, 250, 1000].map(|at| sent(at, 0)).into();
    some.extend([never(500, Outcome::Dropped), never(750, Outcome::Failed(Failure::new(Cause::Connect, "x")))]);
    assert!(close(delivered(some), 2.0));
    let at_the_end =
        [0, 250].map(|at| sent(at, 0)).into_iter().chain([500, 750, 1000].map(|at| never(at, Outcome::Dropped)));
    assert!(close(delivered(at_the_end.collect()), 1.0), "over the time in which they were due");
    assert_eq!(cell_of([answered(0, &[(50, 1)]), answered(9, &[(50, 1)])]).sent_rate, None, "closed loop");
    // All at once: nothing to deliver it against, but how fast they went out is known.
    let at_once = cell_of((0..5).map(|k| due(0, answered(k * 10, &[(90, 1)]))));
    assert!(at_once.offered_rate.is_none() && close(at_once.sent_rate, 100.0));
}

#[test]
fn what_nobody_counted_is_null() {
    let price = Price { input: 1.0, cached_input: 0.5, output: 10.0 };
    let cost = |tokens: TokenCounts| {
        let mut cell = CellAccumulator::new("c", Map::new(), Some(price));
        cell.add(0, &RequestRecord { tokens, ..answered(0, &[(50, 1)]) });
        cell.finish()
    };
    let counted =
        TokenCounts { input_server: Some(1000), output_server: Some(100), cached: Some(400), ..TokenCounts::default() };
    assert!(close(cost(counted).cost_usd, (600.0 + 200.0 + 1000.0) / 1e6));
    let uncounted = cost(TokenCounts { output_server: None, output_client: None, ..counted });
    assert_eq!((uncounted.cost_usd, uncounted.output_token_throughput), (None, None));
    let streamed = cell_of([RequestRecord {
        token_source: Some(TokenSource::Estimate),
        tokens: TokenCounts::default(),
        ..answered(0, &[(50, 2), (95, 3)])
    }]);
    assert!(close(streamed.output_token_throughput, 50.0) && streamed.total_token_throughput.is_none());
    assert_eq!(streamed.itl_estimated, 1);
}

#[test]
fn images_and_conversations_do_not_make_input_off() {
    let mut image = answered(0, &[(50, 1)]);
    (image.tokens.input_server, image.tokens.image) = (Some(356), Some(256));
    let mut turn = answered(0, &[(50, 1)]);
    (turn.tokens.input_server, turn.conversation) = (Some(900), Some(0));
    assert_eq!(cell_of([image, turn]).input_tokens_off, 0);
}

#[test]
fn input_with_pictures_is_off_only_where_the_server_tells_their_tokens() {
    for (size, server, image, off) in [
        ("500x500", 500, None, 0),
        ("500x500", 356, Some(256), 0),
        ("500x500", 358, Some(256), 0),
        ("500x500", 456, Some(256), 1),
        ("500x500", 350, Some(256), 1),
        ("na", 102, None, 1),
        ("na", 100, None, 0),
    ] {
        let axes = json!({ "image_size": size }).as_object().cloned().unwrap();
        let mut cell = CellAccumulator::new("c", axes, None);
        let mut record = answered(0, &[(50, 1)]);
        (record.tokens.input_server, record.tokens.image) = (Some(server), image);
        assert_eq!(record.tokens.input_requested, Some(100));
        cell.add(0, &record);
        assert_eq!(cell.finish().input_tokens_off, off, "{size} {server} {image:?}");
    }
}

#[test]
fn the_summary_has_the_shape_of_the_contract() {
    let mut cell = CellAccumulator::new("c", json!({"concurrency": 4}).as_object().cloned().unwrap(), None);
    cell.set_repeat(0, 17, 19);
    cell.add(0, &RequestRecord { finish_reason: Some("length".to_owned()), ..answered(0, &[(50, 1), (60, 1)]) });
    let json =
        serde_json::to_value(Summary::new([("a".to_owned(), "b".to_owned())].into(), vec![cell.finish()])).unwrap();
    assert_eq!((&json["format_version"], &json["labels"]["a"]), (&json!(1), &json!("b")));
    let has = |value: &serde_json::Value, keys: &str| {
        keys.split(' ').for_each(|key| assert!(value.get(key).is_some(), "{key} in {value}"));
    };
    let cell = &json["cells"][0];
    has(cell, "cell_id axes requests duration_s offered_rate sent_rate request_throughput output_token_throughput");
    has(cell, "total_token_throughput mean_in_flight error_rate goodput slo metrics client repeats cost_usd");
    has(&cell["requests"], "completed failed cancelled dropped causes");
    has(&cell["client"], "verdict reasons schedule_lag_ms_p99 loop_lag_ms_p99 cpu_utilization");
    has(&cell["repeats"][0], "repeat start_unix_ns start_monotonic_ns duration_s metrics");
    has(&cell["metrics"]["ttft_ms"], "count mean stddev min p5 p25 p50 p75 p90 p95 p99 p99_9 max needed ci95");
    for metric in METRICS {
        has(&cell["metrics"], metric.name);
    }
    assert_eq!(cell["metrics"]["ttft_ms"]["needed"]["p99"], 662);
    assert_eq!(cell["repeats"][0]["start_unix_ns"], 17);
    assert_eq!(cell["finish_reasons"], json!({"length": 1}));
}

#[test]
fn the_methodology_states_every_metric() {
    let text = include_str!("../../docs/METHODOLOGY.md");
    for metric in METRICS {
        let line = format!("| `{}` | {} | {} |", metric.name, metric.unit, metric.definition);
        assert!(text.contains(&line), "missing: {line}");
    }
    for percentile in PERCENTILES {
        let line = format!("| {} | {} |", percentile.name, percentile.needed);
        assert!(text.contains(&line), "missing: {line}");
    }
}

#[test]
fn live_quantiles_are_near_and_extremes_exact() {
    let mut live = LiveDistribution::new();
    assert_eq!((live.quantile(0.5), live.min(), live.max()), (None, None, None));
    (1..=99).for_each(|ms| live.record(f64::from(ms) + 0.000_25));
    assert!((live.quantile(0.5).unwrap() - 50.0).abs() < 0.1);
    assert_eq!((live.min(), live.max(), live.quantile(1.0)), (Some(1.000_25), Some(99.000_25), Some(99.000_25)));
    live.record(f64::NAN);
    assert_eq!(live.min(), Some(0.0));
}

#[test]
fn folding_equal_samples_changes_no_figure() {
    let (mut many, mut few) = (Distribution::default(), Distribution::default());
    for k in 0..200_000_u32 {
        many.add(f64::from(k % 7), 1 + u64::from(k % 2));
    }
    // 7 divides neither 200 000 nor 2: each value's share is counted by hand.
    for value in 0..7_u32 {
        let weight: u32 = (0..200_000).filter(|k| k % 7 == value).map(|k| 1 + k % 2).sum();
        few.add(f64::from(value), u64::from(weight));
    }
    assert_eq!(many.summary().unwrap(), few.summary().unwrap());
    assert_eq!(many.summary().unwrap().count, 300_000);
}

/// The percentile by its textbook definition, on the expanded list.
fn naive(values: &[f64], permille: u64) -> f64 {
    let rank = (values.len() as u64 - 1) * permille;
    let at = |index: u64| values[usize::try_from(index).unwrap()];
    #[expect(clippy::cast_precision_loss, reason = "below a thousand")]
    let share = (rank % 1000) as f64 / 1000.0;
    at(rank / 1000) + (at(rank.div_ceil(1000)) - at(rank / 1000)) * share
}

proptest! {
    #[test]
    fn weighted_samples_have_the_figures_of_the_expanded_list(
        samples in prop::collection::vec((prop_oneof![0.0..1e4_f64, (0..5_u32).prop_map(f64::from)], 1..6_u64), 1..60),
    ) {
        let mut weighted = Distribution::default();
        let mut expanded = Vec::new();
        for (value, weight) in samples {
            weighted.add(value, weight);
            expanded.extend(std::iter::repeat_n(value, usize::try_from(weight).unwrap()));
        }
        expanded.sort_by(f64::total_cmp);
        let summary = weighted.summary().unwrap();
        let near = |got: Option<f64>, expected: f64| (got.unwrap() - expected).abs() <= 1e-9 * expected.abs().max(1.0);
        for percentile in PERCENTILES {
            prop_assert!(near(summary.figure(percentile.name), naive(&expanded, percentile.permille)), "{percentile:?}");
        }
        #[expect(clippy::cast_precision_loss, reason = "few values")]
        let count = expanded.len() as f64;
        let mean = expanded.iter().sum::<f64>() / count;
        prop_assert!(near(summary.mean, mean));
        let spread: f64 = expanded.iter().map(|value| (value - mean).powi(2)).sum();
        if expanded.len() > 1 {
            prop_assert!((summary.stddev.unwrap() - (spread / (count - 1.0)).sqrt()).abs() <= 1e-6);
        } else {
            prop_assert_eq!(summary.stddev, None);
        }
    }

    #[test]
    fn figures_do_not_depend_on_the_order_of_arrival(
        samples in prop::collection::vec((0.0..1e3_f64, 1..4_u64), 1..40), turn in 0..40_usize,
    ) {
        let of = |samples: &[(f64, u64)]| {
            let mut distribution = Distribution::default();
            for (value, weight) in samples {
                distribution.add(*value, *weight);
            }
            distribution.summary()
        };
        let mut turned = samples.clone();
        turned.rotate_left(turn % samples.len());
        prop_assert_eq!(of(&samples), of(&turned));
    }

    #[test]
    fn a_percentile_never_leaves_the_samples(
        mut values in prop::collection::vec(0.0..1e6_f64, 1..50), infinite in 0..5_u64, permille in 0..=1000_u64,
    ) {
        values.sort_by(f64::total_cmp);
        let ranked = Ranked::new(values.iter().map(|value| (*value, 1)).collect(), infinite);
        let got = ranked.percentile(permille);
        prop_assert!(got.is_some() || infinite > 0);
        prop_assert!(got.is_none_or(|got| values[0] <= got && got <= values[values.len() - 1]));
    }
}

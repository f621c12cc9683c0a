//! Definitions as cases, laws as properties.

use proptest::prelude::*;
use serde_json::Map;

use super::quantile::{needed, weighted_quantile};
use super::*;
use crate::record::{Cause, Chunk, Failure, Outcome, Phase, RequestRecord, ServerReport, Stamps, TokenCounts};
use crate::scenario::Price;

const MS: i64 = 1_000_000;

/// A completed request sent at `sent` ms whose chunks come at these ms with these tokens.
fn answered(sent: i64, chunks: &[(i64, u32)]) -> RequestRecord {
    let chunks: Vec<Chunk> = chunks.iter().map(|(at, tokens)| Chunk { at_ns: at * MS, tokens: *tokens }).collect();
    let last_ns = chunks.last().map(|chunk| chunk.at_ns);
    let tokens: u64 = chunks.iter().map(|chunk| u64::from(chunk.tokens)).sum();
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
        stamps: Stamps {
            sent_ns: Some(sent * MS),
            first_token_ns: chunks.first().map(|chunk| chunk.at_ns),
            first_visible_ns: chunks.first().map(|chunk| chunk.at_ns),
            last_token_ns: last_ns,
            end_ns: last_ns.map(|ns| ns + 5 * MS),
            ..Stamps::default()
        },
        chunks,
        token_source: None,
        tokens: TokenCounts {
            input_requested: Some(100),
            input_server: Some(100),
            output_server: Some(tokens),
            ..TokenCounts::default()
        },
        finish_reason: None,
        server: ServerReport::default(),
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
        assert_eq!(percentile.needed, needed(percentile.share), "{}", percentile.name);
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
    assert_eq!((cell.metrics["ttft_ms"].count, cell.input_tokens_off), (3, 1));
    let json = serde_json::to_value(&cell).unwrap();
    assert!(json["goodput"].is_null() && json["slo"].is_null() && json["client"]["verdict"].is_null());
    assert_eq!(serde_json::from_value::<CellSummary>(json).unwrap(), cell);
}

#[test]
fn an_all_failed_cell_has_no_metric_and_no_figure_that_is_no_number() {
    let mut cell = CellAccumulator::new("c", Map::new(), None);
    cell.add(0, &failed(Cause::Connect));
    let cell = cell.finish();
    assert!(cell.metrics.is_empty() && close(cell.error_rate, 1.0));
    assert!(!serde_json::to_string(&cell).unwrap().contains("NaN"));
}

#[test]
fn the_methodology_states_every_metric() {
    let text = include_str!("../../docs/METHODOLOGY.md");
    for metric in METRICS {
        assert!(text.contains(&format!("`{}`", metric.name)), "{} is missing", metric.name);
        assert!(text.contains(metric.definition), "{}: {}", metric.name, metric.definition);
    }
}

#[test]
fn live_quantiles_are_near() {
    let mut live = LiveDistribution::new();
    assert_eq!(live.quantile(0.5), None);
    (1..=99).for_each(|ms| live.record(f64::from(ms)));
    assert!((live.quantile(0.5).unwrap() - 50.0).abs() < 0.1);
}

/// The percentile by its textbook definition, on the expanded list.
fn naive(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "few values")]
    let rank = (values.len() - 1) as f64 * share;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few values")]
    let (low, high) = (values[rank.floor() as usize], values[rank.ceil() as usize]);
    low + (high - low) * rank.fract()
}

proptest! {
    #[test]
    fn a_weighted_percentile_is_that_of_the_expanded_list(
        mut samples in prop::collection::vec((0.0..1e4_f64, 1..6_u64), 1..60), share in 0.0..=1.0_f64,
    ) {
        let mut expanded: Vec<f64> =
            samples.iter().flat_map(|(value, weight)| std::iter::repeat_n(*value, usize::try_from(*weight).unwrap())).collect();
        samples.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = expanded.len() as u64;
        let got = weighted_quantile(&samples, total, share).unwrap();
        let expected = naive(&mut expanded, share);
        prop_assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{} {}", got, expected);
    }
}

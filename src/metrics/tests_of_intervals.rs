//! Intervals of a cell's figures, gone through in passes as a run does.

use serde_json::Map;

use super::tests::answered;
use super::*;
use crate::record::{Cause, Failure, Outcome, RequestRecord};
use crate::scenario::Slo;
use crate::statistics::{Estimate, mean_of, percentile_of};

const MS: i64 = 1_000_000;

/// A figure that looks random, from 0 to 999.
fn scattered(k: i64) -> i64 {
    k * 7919 % 1000
}

/// One after another, with these times to first token.
fn sequence(ttfts: impl IntoIterator<Item = i64>) -> Vec<RequestRecord> {
    let at = |(k, ttft): (usize, i64)| {
        let sent = i64::try_from(k).unwrap() * 2000;
        answered(sent, &[(sent + ttft, 1), (sent + ttft + 10, 1), (sent + ttft + 20, 2)])
    };
    ttfts.into_iter().enumerate().map(at).collect()
}

fn cell_of(slo: Option<Slo>, repeats: &[Vec<RequestRecord>]) -> CellSummary {
    let mut cell = CellAccumulator::new("c", Map::new(), None).with_slo(slo);
    while let Some(_pass) = cell.next_pass() {
        for (repeat, records) in repeats.iter().enumerate() {
            for record in records {
                cell.add(u32::try_from(repeat).unwrap(), record);
            }
        }
    }
    cell.finish()
}

fn ttfts(seed: i64, count: i64) -> Vec<i64> {
    (0..count).map(|k| 100 + scattered(k * 31 + seed * 101)).collect()
}

/// Bounds as near as the stored digits are.
fn is_near(stored: Option<Interval>, estimate: &Estimate) -> bool {
    let Some(([Some(low), Some(high)], of)) = stored.zip(estimate.interval) else { return false };
    (low - of.low).abs() < 1e-6 * of.low.abs() && (high - of.high).abs() < 1e-6 * of.high.abs()
}

#[test]
fn a_cells_intervals_are_those_of_its_samples() {
    for repeats in [vec![ttfts(0, 300)], vec![ttfts(0, 300), ttfts(1, 200), ttfts(2, 300)]] {
        let cell = cell_of(None, &repeats.iter().cloned().map(sequence).collect::<Vec<_>>());
        let samples: Vec<Vec<f64>> =
            repeats.iter().map(|of| of.iter().map(|ms| f64::from(i32::try_from(*ms).unwrap())).collect()).collect();
        let slices: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
        let ttft = cell.metric("ttft_ms").unwrap();
        let stored = |word: &str| ttft.ci95.as_ref().unwrap().get(word).copied();
        assert!(is_near(stored("mean"), &mean_of(&slices).unwrap()), "{:?} {:?}", stored("mean"), mean_of(&slices));
        for percentile in PERCENTILES {
            let expected = percentile_of(&slices, u32::try_from(percentile.permille).unwrap()).unwrap();
            assert!(
                is_near(stored(percentile.name), &expected),
                "{} {:?} {expected:?}",
                percentile.name,
                stored(percentile.name)
            );
            let back = ttft.estimate(percentile.name, expected.repeats).unwrap();
            assert!((back.standard_error - expected.standard_error).abs() < 1e-6 * expected.standard_error);
        }
        let own = cell.repeats[0].metrics["ttft_ms"].as_ref().unwrap();
        let median = own.ci95.as_ref().unwrap().get("p50").copied();
        assert!(is_near(median, &percentile_of(&slices[..1], 500).unwrap()));
        let json = serde_json::to_value(&cell).unwrap();
        assert_eq!(serde_json::from_value::<CellSummary>(json).unwrap(), cell);
    }
}

#[test]
fn what_is_counted_in_bins_has_nearly_the_intervals_of_what_is_kept() {
    // More different inter-token latencies than are kept: bounds come from bins.
    let rows: Vec<RequestRecord> = (0..2000_i64)
        .map(|row| {
            let mut at = row * 2000 * MS;
            let mut record = answered(row * 2000, &[(row * 2000, 1)]);
            let first = record.chunks[0];
            record.chunks = (0..40)
                .map(|k| {
                    at += 5 * MS + (row * 40 + k) * 7919 % 3_999_971;
                    crate::record::Chunk { at_ns: at, ..first }
                })
                .collect();
            record.stamps.last_token_ns = Some(at);
            record
        })
        .collect();
    let cell = cell_of(None, std::slice::from_ref(&rows));
    let samples: Vec<f64> = rows.iter().flat_map(itl_samples).map(|(ms, _)| ms).collect();
    let itl = cell.metric("itl_ms").unwrap();
    assert_eq!(itl.count, 78_000);
    for (word, permille) in [("p50", 500), ("p99", 990)] {
        let [Some(low), Some(high)] = itl.ci95.as_ref().unwrap()[word] else { panic!("{word}") };
        let value = itl.figure(word).unwrap();
        let expected = percentile_of(&[&samples], permille).unwrap().interval.unwrap();
        assert!(low < value && value < high, "{low} {value} {high}");
        // Rows are batched whole there and single samples here, which differs by what chance does.
        let widths = (high - low) / (expected.high - expected.low);
        assert!((0.5..2.0).contains(&widths), "{word}: {widths}");
    }
}

#[test]
fn a_percentile_is_sure_by_what_its_samples_are_worth() {
    let sure = |ttfts: Vec<i64>| cell_of(None, &[sequence(ttfts)]).metric("ttft_ms").unwrap().is_sure("p90");
    assert!(sure(ttfts(0, 300)));
    // As many, of a server that is fast for a long time and then slow.
    assert!(!sure((0..300).map(|k| if k < 150 { 100 + k } else { 900 + k }).collect()));
}

#[test]
fn an_interval_has_no_upper_bound_where_requests_never_came() {
    let due = |(k, mut record): (usize, RequestRecord)| {
        record.stamps.scheduled_ns = record.stamps.sent_ns;
        if k % 14 == 13 {
            record.outcome = Outcome::Failed(Failure::new(Cause::Connect, "x"));
        }
        record
    };
    let rows: Vec<RequestRecord> = sequence(ttfts(0, 200)).into_iter().enumerate().map(due).collect();
    let cell = cell_of(None, &[rows]);
    let late = cell.metric("ttft_from_schedule_ms").unwrap();
    let intervals = late.ci95.as_ref().unwrap();
    assert!(matches!(intervals["p50"], [Some(_), Some(_)]));
    assert!(matches!(intervals["p90"], [Some(_), None]), "{:?}", intervals["p90"]);
    assert!(!intervals.contains_key("p99") && !intervals.contains_key("mean"));
    // 14 of 200 failed.
    let [Some(low), Some(high)] = cell.ci95.as_ref().unwrap()["error_rate"] else { panic!() };
    assert!(low > 0.03 && low < 0.07 && high > 0.07 && high < 0.13, "{low} {high}");
}

#[test]
fn goodput_counts_requests_that_meet_every_limit() {
    let slo = Slo {
        ttft: Some(std::time::Duration::from_millis(600)),
        tpot: Some(std::time::Duration::from_millis(50)),
        e2e: None,
        attainment: 0.4,
    };
    let mut rows = sequence(ttfts(0, 400));
    rows.extend(
        [Outcome::Failed(Failure::new(Cause::Connect, "x")), Outcome::Dropped, Outcome::Cancelled]
            .map(|outcome| RequestRecord { outcome, ..answered(0, &[]) }),
    );
    let cell = cell_of(Some(slo), std::slice::from_ref(&rows));
    let good = ttfts(0, 400).iter().filter(|ms| **ms <= 600).count();
    let share = f64::from(u32::try_from(good).unwrap()) / 402.0;
    let told = cell.slo.as_ref().unwrap();
    assert!((told.good_share - share).abs() < 1e-12, "{told:?}");
    let Some([Some(low), Some(high)]) = told.ci95 else { panic!("{told:?}") };
    assert!(low < share && share < high && high - low < 0.15);
    assert_eq!(told.pass, Some(true));
    let goodput = share * 402.0 / cell.duration_s.unwrap();
    assert!((cell.goodput.unwrap() - goodput).abs() < 1e-9);
    let strict = cell_of(Some(Slo { attainment: 0.52, ..slo }), std::slice::from_ref(&rows));
    assert_eq!(strict.slo.unwrap().pass, Some(false));
    let slower = cell_of(Some(Slo { tpot: Some(std::time::Duration::from_millis(5)), ..slo }), &[rows]);
    assert!(slower.slo.unwrap().good_share.abs() < 1e-12 && slower.goodput == Some(0.0));
}

#[test]
fn rates_have_intervals_around_them() {
    let cell = cell_of(None, &[sequence(ttfts(0, 300)), sequence(ttfts(1, 300))]);
    let intervals = cell.ci95.as_ref().unwrap();
    for (name, value) in [
        ("request_throughput", cell.request_throughput),
        ("output_token_throughput", cell.output_token_throughput),
        ("total_token_throughput", cell.total_token_throughput),
        ("mean_in_flight", cell.mean_in_flight),
    ] {
        let ([Some(low), Some(high)], Some(value)) = (intervals[name], value) else { panic!("{name}") };
        assert!(low < value && value < high && high - low < 0.2 * value, "{name}: {low} {value} {high}");
    }
}

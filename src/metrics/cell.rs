use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::cost::Cost;
use super::repeat::{Repeat, Samples};
use super::summary::{CellSummary, ClientHealth, RepeatSummary, RequestCounts};
use crate::record::{Outcome, Phase, RequestRecord, TokenSource};
use crate::scenario::Price;
use crate::time::MonotonicNs;

/// Sums a cell up, row by row.
#[derive(Debug)]
pub struct CellAccumulator {
    cell_id: String,
    axes: Map<String, Value>,
    repeats: BTreeMap<u32, Repeat>,
    counts: RequestCounts,
    cost: Option<Cost>,
    /// `None` while nobody counted any.
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    input_tokens_off: u64,
    itl_estimated: u64,
    finish_reasons: BTreeMap<String, u64>,
}

impl CellAccumulator {
    /// An empty one for a cell; the price makes its cost known.
    #[must_use]
    pub fn new(cell_id: &str, axes: Map<String, Value>, price: Option<Price>) -> Self {
        Self {
            cell_id: cell_id.to_owned(),
            axes,
            repeats: BTreeMap::new(),
            counts: RequestCounts::default(),
            cost: price.map(Cost::new),
            input_tokens: None,
            output_tokens: None,
            input_tokens_off: 0,
            itl_estimated: 0,
            finish_reasons: BTreeMap::new(),
        }
    }

    /// Tells when a repeat's measured phase started.
    pub fn set_repeat(&mut self, repeat: u32, start_unix_ns: i64, start_monotonic_ns: MonotonicNs) {
        self.repeats.entry(repeat).or_default().set_start(start_unix_ns, start_monotonic_ns);
    }

    /// Takes a row of a repeat. Warm-up rows do not count.
    pub fn add(&mut self, repeat: u32, record: &RequestRecord) {
        if record.phase != Phase::Measure {
            return;
        }
        self.repeats.entry(repeat).or_default().add(record);
        match &record.outcome {
            Outcome::Completed => self.add_completed(record),
            Outcome::Cancelled => self.counts.cancelled += 1,
            Outcome::Dropped => self.counts.dropped += 1,
            Outcome::Failed(failure) => {
                self.counts.failed += 1;
                *self.counts.causes.entry(failure.cause.as_str().to_owned()).or_default() += 1;
                if let Some(status) = record.http_status {
                    *self.counts.http_statuses.entry(status).or_default() += 1;
                }
            }
        }
    }

    fn add_completed(&mut self, record: &RequestRecord) {
        self.counts.completed += 1;
        let tokens = &record.tokens;
        add_known(&mut self.input_tokens, tokens.input_server.or(tokens.input_client));
        add_known(&mut self.output_tokens, tokens.output_server.or(tokens.output_client).or_else(|| streamed(record)));
        self.input_tokens_off += u64::from(is_input_off(record));
        self.itl_estimated += u64::from(record.token_source == Some(TokenSource::Estimate));
        if let Some(reason) = &record.finish_reason {
            *self.finish_reasons.entry(reason.clone()).or_default() += 1;
        }
        if let Some(cost) = &mut self.cost {
            cost.add(tokens);
        }
    }

    /// The figures of all rows so far.
    #[must_use]
    pub fn finish(self) -> CellSummary {
        let repeats: Vec<RepeatSummary> = self.repeats.iter().map(|(number, repeat)| repeat.summary(*number)).collect();
        let seconds: f64 = repeats.iter().filter_map(|repeat| repeat.duration_s).sum();
        let duration_s = Some(seconds).filter(|seconds| *seconds > 0.0);
        let rate = |count: u64| duration_s.map(|seconds| as_float(count) / seconds);
        // Requests that all failed brought no token; answers whose tokens nobody counted brought an unknown number.
        let tokens = |known: Option<u64>| known.or((self.counts.completed == 0).then_some(0));
        let (input, output) = (tokens(self.input_tokens), tokens(self.output_tokens));
        let ended = self.counts.completed + self.counts.failed;
        CellSummary {
            duration_s,
            offered_rate: gap_rate(self.repeats.values().map(Repeat::due)),
            delivered_rate: gap_rate(self.repeats.values().map(Repeat::sends)),
            request_throughput: rate(self.counts.completed),
            output_token_throughput: output.and_then(rate),
            total_token_throughput: input.zip(output).and_then(|(input, output)| rate(input + output)),
            mean_in_flight: duration_s.map(|seconds| in_flight_s(self.repeats.values()) / seconds),
            error_rate: (ended > 0).then(|| as_float(self.counts.failed) / as_float(ended)),
            goodput: None,
            slo: None,
            metrics: match repeats.as_slice() {
                [only] => only.metrics.clone(),
                _ => Samples::pooled(self.repeats.values().map(Repeat::samples)).summaries(),
            },
            client: ClientHealth::default(),
            repeats,
            cost_usd: self.cost.and_then(Cost::usd),
            input_tokens_off: self.input_tokens_off,
            itl_estimated: self.itl_estimated,
            finish_reasons: self.finish_reasons,
            requests: self.counts,
            cell_id: self.cell_id,
            axes: self.axes,
        }
    }
}

fn add_known(sum: &mut Option<u64>, count: Option<u64>) {
    if let Some(count) = count {
        *sum = Some(sum.unwrap_or(0) + count);
    }
}

/// Tokens of an answer's chunks, where there are any.
fn streamed(record: &RequestRecord) -> Option<u64> {
    record.token_source.map(|_| record.chunks.iter().map(|chunk| u64::from(chunk.tokens)).sum())
}

/// Whether the server counted other input than the cell asks for. Images are no text tokens, and a conversation's
/// context grows beyond what its turn adds.
fn is_input_off(record: &RequestRecord) -> bool {
    let tokens = &record.tokens;
    let text = tokens.input_server.map(|input| input.saturating_sub(tokens.image.unwrap_or(0)));
    record.conversation.is_none() && text.zip(tokens.input_requested).is_some_and(|(text, asked)| text != asked)
}

/// Gaps a second: their number over the nanoseconds that they span, both added up over the repeats.
fn gap_rate(repeats: impl Iterator<Item = (u64, i64)>) -> Option<f64> {
    let (gaps, span_ns) = repeats.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    (span_ns > 0).then(|| as_float(gaps) / seconds_of(span_ns))
}

fn in_flight_s<'r>(repeats: impl Iterator<Item = &'r Repeat>) -> f64 {
    seconds_of(repeats.map(Repeat::in_flight_ns).sum())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "2^52 ns are 52 days; beyond them a nanosecond is lost")]
pub(super) fn seconds_of(ns: i64) -> f64 {
    ns as f64 / 1e9
}

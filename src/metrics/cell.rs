use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::samples::Samples;
use super::summary::{CellSummary, ClientHealth, RepeatSummary, RequestCounts};
use crate::record::{Outcome, Phase, RequestRecord};
use crate::scenario::Price;
use crate::time::MonotonicNs;

/// Sums a cell up, row by row.
#[derive(Debug)]
pub struct CellAccumulator {
    cell_id: String,
    axes: Map<String, Value>,
    price: Option<Price>,
    counts: RequestCounts,
    repeats: BTreeMap<u32, Repeat>,
    input_tokens: u64,
    output_tokens: u64,
    cost_usd: f64,
    in_flight_ns: i64,
    scheduled: u64,
    input_tokens_off: u64,
}

#[derive(Debug, Default)]
struct Repeat {
    start_unix_ns: i64,
    start_monotonic_ns: MonotonicNs,
    first_ns: Option<MonotonicNs>,
    last_ns: Option<MonotonicNs>,
    samples: Samples,
}

impl CellAccumulator {
    /// An empty one for a cell; the price makes its cost known.
    #[must_use]
    pub fn new(cell_id: &str, axes: Map<String, Value>, price: Option<Price>) -> Self {
        Self {
            cell_id: cell_id.to_owned(),
            axes,
            price,
            counts: RequestCounts::default(),
            repeats: BTreeMap::new(),
            input_tokens: 0,
            output_tokens: 0,
            cost_usd: 0.0,
            in_flight_ns: 0,
            scheduled: 0,
            input_tokens_off: 0,
        }
    }

    /// Tells when a repeat's measured phase started.
    pub fn set_repeat(&mut self, repeat: u32, start_unix_ns: i64, start_monotonic_ns: MonotonicNs) {
        let known = self.repeats.entry(repeat).or_default();
        known.start_unix_ns = start_unix_ns;
        known.start_monotonic_ns = start_monotonic_ns;
    }

    /// Takes a row of a repeat. Warm-up rows do not count.
    pub fn add(&mut self, repeat: u32, record: &RequestRecord) {
        if record.phase != Phase::Measure {
            return;
        }
        self.count(record);
        let known = self.repeats.entry(repeat).or_default();
        let stamps = &record.stamps;
        // In open loop a request starts when it is due, whether or not we were in time.
        let began_ns = stamps.scheduled_ns.into_iter().chain(stamps.sent_ns).min();
        known.first_ns = known.first_ns.into_iter().chain(began_ns).min();
        known.last_ns = known.last_ns.into_iter().chain(stamps.end_ns).max();
        if let (Some(sent_ns), Some(end_ns)) = (stamps.sent_ns, stamps.end_ns) {
            self.in_flight_ns += end_ns - sent_ns;
        }
        known.samples.add(record);
    }

    fn count(&mut self, record: &RequestRecord) {
        self.scheduled += u64::from(record.stamps.scheduled_ns.is_some());
        match &record.outcome {
            Outcome::Completed => self.counts.completed += 1,
            Outcome::Cancelled => self.counts.cancelled += 1,
            Outcome::Dropped => self.counts.dropped += 1,
            Outcome::Failed(failure) => {
                self.counts.failed += 1;
                *self.counts.causes.entry(failure.cause.as_str().to_owned()).or_default() += 1;
            }
        }
        if record.outcome != Outcome::Completed {
            return;
        }
        let tokens = &record.tokens;
        let input = tokens.input_server.or(tokens.input_client).unwrap_or(0);
        let output = tokens.output_server.or(tokens.output_client).unwrap_or(0);
        self.input_tokens += input;
        self.output_tokens += output;
        if let (Some(server), Some(requested)) = (tokens.input_server, tokens.input_requested) {
            self.input_tokens_off += u64::from(server != requested);
        }
        if let Some(price) = self.price {
            let cached = tokens.cached.unwrap_or(0).min(input);
            let input_usd = as_float(input - cached) * price.input + as_float(cached) * price.cached_input;
            self.cost_usd += (input_usd + as_float(output) * price.output) / 1e6;
        }
    }

    /// The figures of all rows so far.
    #[must_use]
    pub fn finish(self) -> CellSummary {
        let mut pooled = Samples::default();
        let mut repeats = Vec::with_capacity(self.repeats.len());
        for (number, mut repeat) in self.repeats {
            repeats.push(repeat.summary(number));
            pooled.append(repeat.samples);
        }
        let durations: Vec<f64> = repeats.iter().filter_map(|repeat| repeat.duration_s).collect();
        let duration_s =
            (!durations.is_empty()).then(|| durations.iter().sum::<f64>()).filter(|seconds| *seconds > 0.0);
        let rate = |count: u64| duration_s.map(|seconds| as_float(count) / seconds);
        let ended = self.counts.completed + self.counts.failed;
        CellSummary {
            duration_s,
            offered_rate: if self.scheduled > 0 { rate(self.scheduled) } else { None },
            request_throughput: rate(self.counts.completed),
            output_token_throughput: rate(self.output_tokens),
            total_token_throughput: rate(self.input_tokens + self.output_tokens),
            mean_in_flight: duration_s.map(|seconds| seconds_of(self.in_flight_ns) / seconds),
            error_rate: (ended > 0).then(|| as_float(self.counts.failed) / as_float(ended)),
            goodput: None,
            slo: None,
            metrics: pooled.summaries(),
            client: ClientHealth::default(),
            repeats,
            cost_usd: self.price.map(|_| self.cost_usd),
            input_tokens_off: self.input_tokens_off,
            requests: self.counts,
            cell_id: self.cell_id,
            axes: self.axes,
        }
    }
}

impl Repeat {
    fn summary(&mut self, number: u32) -> RepeatSummary {
        RepeatSummary {
            repeat: number,
            start_unix_ns: self.start_unix_ns,
            start_monotonic_ns: self.start_monotonic_ns,
            duration_s: self.first_ns.zip(self.last_ns).map(|(first, last)| seconds_of(last - first)),
            metrics: self.samples.summaries(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a repeat lasts less than 2^52 ns, 52 days")]
fn seconds_of(ns: i64) -> f64 {
    ns as f64 / 1e9
}

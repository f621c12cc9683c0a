use std::collections::BTreeMap;

use super::drift::{Latencies, Trend, trend_of_rate};
use super::slices::{Slices, slice_of};
use super::window::{Unsteady, Window};
use crate::metrics::cell::{output_tokens, seconds_of};
use crate::metrics::derive::derive;
use crate::record::{KeptTimes, Outcome, RequestRecord};
use crate::time::MonotonicNs;
use crate::units::as_float;

/// Completed requests that a window needs: as many as its median.
const NEEDED: u64 = 11;

/// What happened in the steady window of one repeat.
#[derive(Debug)]
pub(in crate::metrics) struct Tally {
    pub(in crate::metrics) window: Window,
    /// Completed requests that count.
    pub(super) requests: u64,
    life_ns: i64,
    pub(super) in_flight_ns: i64,
    /// Completed requests, of each the part of its life that lies in the window.
    pub(super) completed: f64,
    /// Tokens of completed requests; `None` while nobody counted any.
    pub(super) input: Option<f64>,
    output: Option<Slices>,
    ttft: Latencies,
}

impl Tally {
    pub(in crate::metrics) fn new(window: Window) -> Self {
        Self {
            window,
            requests: 0,
            life_ns: 0,
            in_flight_ns: 0,
            completed: 0.0,
            input: None,
            output: None,
            ttft: Latencies::default(),
        }
    }

    /// Takes a row of any phase and outcome.
    pub(in crate::metrics) fn add(&mut self, record: &RequestRecord) {
        let stamps = &record.stamps;
        let (Some(sent), Some(end)) = (stamps.sent_ns, stamps.end_ns) else { return };
        self.in_flight_ns += self.window.overlap_ns(sent, end);
        if record.outcome != Outcome::Completed {
            return;
        }
        self.completed += self.window.share(sent, end);
        if let Some(input) = record.tokens.input_server.or(record.tokens.input_client) {
            let read_by = stamps.first_token_ns.unwrap_or(end);
            *self.input.get_or_insert(0.0) += as_float(input) * self.window.share(sent, read_by);
        }
        if let Some(output) = output_tokens(record) {
            let (window, slices) = (&self.window, self.output.get_or_insert_default());
            each_piece(record, (sent, end), |part, from, to| slices.add(window, as_float(output) * part, from, to));
        }
        if self.window.counts(record) {
            self.requests += 1;
            self.life_ns += end - sent;
            if let (Some(slice), Some(ms)) = (slice_of(&self.window, sent), derive(record).ttft_ms) {
                self.ttft.add(slice, ms);
            }
        }
    }

    /// Why the window is none after all.
    pub(super) fn judge(&self) -> Result<(), Unsteady> {
        if self.requests < NEEDED {
            return Err(Unsteady::TooFew { requests: self.requests, needed: NEEDED });
        }
        let request_s = seconds_of(self.life_ns) / as_float(self.requests);
        let window_s = seconds_of(self.window.length_ns());
        if window_s < request_s { Err(Unsteady::TooShort { window_s, request_s }) } else { Ok(()) }
    }

    pub(super) fn output(&self) -> Option<f64> {
        self.output.map(|slices| slices.total())
    }

    /// What still changed from the beginning of the window to its end; `None` when nothing can be said.
    pub(super) fn drift(&self) -> Option<BTreeMap<String, f64>> {
        let ttft = self.ttft.trend();
        if ttft == Trend::TooFew {
            return None;
        }
        let rate = self.output.map_or(Trend::TooFew, |slices| trend_of_rate(&slices.0));
        let changes = [("ttft_ms", ttft), ("output_token_throughput", rate)].into_iter().filter_map(|(name, trend)| {
            let Trend::Changes(change) = trend else { return None };
            Some((name.to_owned(), change))
        });
        Some(changes.collect())
    }
}

/// The tokens of an answer as they came: which part of them, from when to when.
///
/// Those of a chunk came at its stamp; between the first and the last chunk of a row that has no others, and over the
/// life of a request without streaming, evenly.
fn each_piece(
    record: &RequestRecord,
    (sent, end): (MonotonicNs, MonotonicNs),
    mut take: impl FnMut(f64, MonotonicNs, MonotonicNs),
) {
    let chunks = record.chunks.as_slice();
    let all: u64 = chunks.iter().map(|chunk| u64::from(chunk.tokens)).sum();
    // Chunks that nobody counted brought as much each.
    let part = |tokens: u32| match all {
        0 => 1.0 / as_float(chunks.len() as u64),
        _ => f64::from(tokens) / as_float(all),
    };
    match (record.chunk_times, chunks) {
        (_, []) => take(1.0, sent, end),
        (KeptTimes::FirstLast, [first, last]) => {
            take(part(first.tokens), first.at_ns, first.at_ns);
            take(part(last.tokens), first.at_ns, last.at_ns);
        }
        _ => chunks.iter().for_each(|chunk| take(part(chunk.tokens), chunk.at_ns, chunk.at_ns)),
    }
}

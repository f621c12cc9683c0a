use super::RequestMetrics;
use super::derive::{derive, gaps_of, itl_of};
use crate::record::{Chunk, Outcome, RequestRecord};

/// Which way a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither.
    Neither,
}

/// One metric of the summary.
#[derive(Debug, Clone, Copy)]
pub struct MetricDefinition {
    /// Its name: JSON key, column, word.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Which way it is better.
    pub better: Better,
    /// What it is, in one sentence.
    pub definition: &'static str,
    /// Whether a request that was due and never answered counts as infinitely late.
    pub censored: bool,
    /// How a completed request gives its samples.
    pub(super) take: Take,
}

/// How a completed request gives its samples of a metric.
#[derive(Debug, Clone, Copy)]
pub(super) enum Take {
    /// At most one.
    One(fn(&RequestRecord, &RequestMetrics) -> Option<f64>),
    /// Many, from its chunks, each with how often it counts.
    Many(fn(&[Chunk], &mut dyn FnMut(f64, u64))),
}

impl MetricDefinition {
    /// The request's sample, in the metric's unit: infinite where it was due and never came and that counts. `None` when
    /// it has none, and for a metric that has many a request.
    #[must_use]
    pub fn sample(&self, record: &RequestRecord) -> Option<f64> {
        match (self.take, &record.outcome) {
            (Take::One(of), Outcome::Completed) => of(record, &derive(record)),
            (Take::One(_), Outcome::Failed(_) | Outcome::Dropped) => {
                (self.censored && record.stamps.scheduled_ns.is_some()).then_some(f64::INFINITY)
            }
            _ => None,
        }
    }
}

use Better::{Higher, Lower, Neither};
use Take::{Many, One};

/// Every metric, in the order of tables. Metrics of a scenario's `server_metrics` come after them.
pub const METRICS: [MetricDefinition; 18] = [
    metric("ttft_ms", "ms", Lower, TTFT, One(|_, m| m.ttft_ms)),
    from_schedule(
        "ttft_from_schedule_ms",
        "First content token minus due, in open loop.",
        One(|_, m| m.ttft_from_schedule_ms),
    ),
    metric(
        "first_visible_ms",
        "ms",
        Lower,
        "First content that is not reasoning, minus sent.",
        One(|_, m| m.first_visible_ms),
    ),
    metric("itl_ms", "ms", Lower, ITL, Many(|chunks, add| itl_of(chunks).for_each(|(ms, count)| add(ms, count)))),
    metric(
        "chunk_gap_ms",
        "ms",
        Lower,
        "The plain gap between two chunks that bring content.",
        Many(|chunks, add| gaps_of(chunks).for_each(|ms| add(ms, 1))),
    ),
    metric("tpot_ms", "ms", Lower, TPOT, One(|_, m| m.tpot_ms)),
    metric("tpot_classic_ms", "ms", Lower, TPOT_CLASSIC, One(|_, m| m.tpot_classic_ms)),
    metric("e2e_ms", "ms", Lower, "Last token minus sent; end minus sent without streaming.", One(|_, m| m.e2e_ms)),
    from_schedule("e2e_from_schedule_ms", "Last token minus due, in open loop.", One(|_, m| m.e2e_from_schedule_ms)),
    metric("queue_delay_ms", "ms", Lower, "Sent minus due, in open loop.", One(|_, m| m.queue_delay_ms)),
    metric("connect_ms", "ms", Lower, CONNECT, One(|_, m| m.connect_ms)),
    metric("tls_ms", "ms", Lower, "The TLS handshake of a connection that the request opened.", One(|_, m| m.tls_ms)),
    metric(
        "output_tokens_per_s",
        "tokens/s",
        Higher,
        "1000 / tpot_ms, per request.",
        One(|_, m| m.output_tokens_per_s),
    ),
    metric(
        "input_tokens_server",
        "tokens",
        Neither,
        "Input tokens by the server's count.",
        One(|r, _| count(r.tokens.input_server)),
    ),
    metric(
        "output_tokens_server",
        "tokens",
        Neither,
        "Output tokens by the server's count.",
        One(|r, _| count(r.tokens.output_server)),
    ),
    metric("server_ttft_ms", "ms", Lower, "The server's own time to first token.", One(|r, _| r.server.ttft_ms)),
    metric("server_e2e_ms", "ms", Lower, "The server's own end-to-end latency.", One(|r, _| r.server.e2e_ms)),
    metric(
        "server_output_tokens_per_s",
        "tokens/s",
        Higher,
        "The server's own output tokens a second after the first.",
        One(|r, _| r.server.output_tokens_per_s),
    ),
];

const CONNECT: &str =
    "Name lookup and connection, a proxy's tunnel included, of a connection that the request opened; no part of TTFT.";
const TTFT: &str = "First content token minus sent; reasoning counts, role-only and empty chunks do not.";
const ITL: &str = "A chunk of k tokens after a gap g counts as k samples of g/k; the first chunk is left out.";
const TPOT: &str = "(last token - first token) / (streamed tokens - tokens of the first chunk).";
const TPOT_CLASSIC: &str = "(last token - first token) / (output tokens - 1), as other tools have it.";

const fn metric(
    name: &'static str,
    unit: &'static str,
    better: Better,
    definition: &'static str,
    take: Take,
) -> MetricDefinition {
    MetricDefinition { name, unit, better, definition, censored: false, take }
}

const fn from_schedule(name: &'static str, definition: &'static str, take: Take) -> MetricDefinition {
    MetricDefinition { censored: true, ..metric(name, "ms", Lower, definition, take) }
}

#[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
fn count(tokens: Option<u64>) -> Option<f64> {
    tokens.map(|tokens| tokens as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::GATE_METRICS;

    #[test]
    fn a_gate_can_judge_every_metric_and_no_other() {
        assert_eq!(METRICS.map(|metric| metric.name), GATE_METRICS);
    }
}

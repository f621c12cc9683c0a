use super::RequestMetrics;
use crate::record::RequestRecord;

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
    /// How one completed request gives its sample; `None` for the two that give many.
    pub(super) of_request: Option<fn(&RequestRecord, &RequestMetrics) -> Option<f64>>,
}

/// Every metric, in the order of tables. Metrics of a scenario's `server_metrics` come after them.
pub const METRICS: [MetricDefinition; 16] = [
    metric(
        "ttft_ms",
        "ms",
        Better::Lower,
        "First content token minus sent; reasoning counts, role-only and empty chunks do not.",
        |_, m| m.ttft_ms,
    ),
    metric("ttft_from_schedule_ms", "ms", Better::Lower, "First content token minus due, in open loop.", |_, m| {
        m.ttft_from_schedule_ms
    }),
    metric("first_visible_ms", "ms", Better::Lower, "First content that is not reasoning, minus sent.", |_, m| {
        m.first_visible_ms
    }),
    many("itl_ms", "A chunk of k tokens after a gap g counts as k samples of g/k; the first chunk is left out."),
    many("chunk_gap_ms", "The plain gap between two chunks that bring content."),
    metric(
        "tpot_ms",
        "ms",
        Better::Lower,
        "(last token - first token) / (streamed tokens - tokens of the first chunk).",
        |_, m| m.tpot_ms,
    ),
    metric(
        "tpot_classic_ms",
        "ms",
        Better::Lower,
        "(last token - first token) / (output tokens - 1), as other tools have it.",
        |_, m| m.tpot_classic_ms,
    ),
    metric("e2e_ms", "ms", Better::Lower, "Last token minus sent; end minus sent without streaming.", |_, m| m.e2e_ms),
    metric("e2e_from_schedule_ms", "ms", Better::Lower, "Last token minus due, in open loop.", |_, m| {
        m.e2e_from_schedule_ms
    }),
    metric("queue_delay_ms", "ms", Better::Lower, "Sent minus due, in open loop.", |_, m| m.queue_delay_ms),
    metric("output_tokens_per_s", "tokens/s", Better::Higher, "1000 / tpot_ms, per request.", |_, m| {
        m.output_tokens_per_s
    }),
    metric("input_tokens_server", "tokens", Better::Neither, "Input tokens by the server's count.", |r, _| {
        count(r.tokens.input_server)
    }),
    metric("output_tokens_server", "tokens", Better::Neither, "Output tokens by the server's count.", |r, _| {
        count(r.tokens.output_server)
    }),
    metric("server_ttft_ms", "ms", Better::Lower, "The server's own time to first token.", |r, _| r.server.ttft_ms),
    metric("server_e2e_ms", "ms", Better::Lower, "The server's own end-to-end latency.", |r, _| r.server.e2e_ms),
    metric(
        "server_output_tokens_per_s",
        "tokens/s",
        Better::Higher,
        "The server's own output tokens a second after the first.",
        |r, _| r.server.output_tokens_per_s,
    ),
];

const fn metric(
    name: &'static str,
    unit: &'static str,
    better: Better,
    definition: &'static str,
    of_request: fn(&RequestRecord, &RequestMetrics) -> Option<f64>,
) -> MetricDefinition {
    MetricDefinition { name, unit, better, definition, of_request: Some(of_request) }
}

const fn many(name: &'static str, definition: &'static str) -> MetricDefinition {
    MetricDefinition { name, unit: "ms", better: Better::Lower, definition, of_request: None }
}

#[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
fn count(tokens: Option<u64>) -> Option<f64> {
    tokens.map(|tokens| tokens as f64)
}

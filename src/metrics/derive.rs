use super::RequestMetrics;
use crate::record::{Chunk, KeptTimes, Outcome, RequestRecord};
use crate::time::MonotonicNs;
use crate::units::as_float;

/// The metrics of one request, from its facts. A request that did not complete has none.
#[must_use]
pub fn derive(record: &RequestRecord) -> RequestMetrics {
    if record.outcome != Outcome::Completed {
        return RequestMetrics::default();
    }
    let stamps = &record.stamps;
    // Without streaming there are no token stamps: the answer's end is all there is.
    let last_ns = stamps.last_token_ns.or(stamps.end_ns);
    let decode_ms = span_ms(stamps.first_token_ns, stamps.last_token_ns);
    let tpot_ms = decode_ms.zip(tokens_after_first(record)).map(|(ms, tokens)| ms / tokens);
    let classic = record.tokens.output_server.or(record.tokens.output_client).filter(|tokens| *tokens > 1);
    RequestMetrics {
        ttft_ms: span_ms(stamps.sent_ns, stamps.first_token_ns),
        ttft_from_schedule_ms: span_ms(stamps.scheduled_ns, stamps.first_token_ns),
        first_visible_ms: span_ms(stamps.sent_ns, stamps.first_visible_ns),
        connect_ms: span_ms(stamps.dial_ns, stamps.handshake_ns.or(stamps.connect_ns)),
        tls_ms: span_ms(stamps.handshake_ns, stamps.connect_ns),
        queue_delay_ms: span_ms(stamps.scheduled_ns, stamps.sent_ns),
        tpot_ms,
        tpot_classic_ms: decode_ms.zip(classic).map(|(ms, tokens)| ms / as_float(tokens - 1)),
        e2e_ms: span_ms(stamps.sent_ns, last_ns),
        e2e_from_schedule_ms: span_ms(stamps.scheduled_ns, last_ns),
        output_tokens_per_s: tpot_ms.filter(|ms| *ms > 0.0).map(|ms| 1000.0 / ms),
    }
}

/// Streamed tokens less those of the first chunk; `None` when that is nothing.
fn tokens_after_first(record: &RequestRecord) -> Option<f64> {
    let after: u64 = record.chunks.iter().skip(1).map(|chunk| u64::from(chunk.tokens)).sum();
    (after > 0).then(|| as_float(after))
}

/// Inter-token latencies, as (milliseconds, how many samples of it); none of a row that has not every chunk.
///
/// A chunk that brings no token (half of a character, say) lengthens the gap of the next one.
pub fn itl_samples(record: &RequestRecord) -> impl Iterator<Item = (f64, u64)> {
    itl_of(every_chunk(record, MonotonicNs::MAX))
}

/// The plain gaps between chunks, milliseconds; none of a row that has not every chunk.
pub fn chunk_gaps(record: &RequestRecord) -> impl Iterator<Item = f64> {
    gaps_of(every_chunk(record, MonotonicNs::MAX))
}

pub(super) fn itl_of(chunks: &[Chunk]) -> impl Iterator<Item = (f64, u64)> {
    let mut last_ns = chunks.first().map(|chunk| chunk.at_ns);
    chunks.iter().skip(1).filter_map(move |chunk| {
        if chunk.tokens == 0 {
            return None;
        }
        let gap_ms = span_ms(last_ns.replace(chunk.at_ns), Some(chunk.at_ns))?;
        Some((gap_ms / f64::from(chunk.tokens), u64::from(chunk.tokens)))
    })
}

pub(super) fn gaps_of(chunks: &[Chunk]) -> impl Iterator<Item = f64> {
    chunks.windows(2).filter_map(|pair| span_ms(Some(pair[0].at_ns), Some(pair[1].at_ns)))
}

/// The chunks before a moment, in order of arrival; none where some are left out.
pub(super) fn every_chunk(record: &RequestRecord, until_ns: MonotonicNs) -> &[Chunk] {
    match record.chunk_times {
        KeptTimes::All => &record.chunks[..record.chunks.partition_point(|chunk| chunk.at_ns < until_ns)],
        KeptTimes::FirstLast => &[],
    }
}

fn span_ms(from_ns: Option<MonotonicNs>, to_ns: Option<MonotonicNs>) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a request lasts less than 2^52 ns, 52 days")]
    Some((to_ns? - from_ns?) as f64 / 1e6)
}

use super::RequestMetrics;
use crate::record::RequestRecord;

/// The metrics of one request, from its facts.
pub fn derive(record: &RequestRecord) -> RequestMetrics {
    let stamps = record.stamps;
    let ms = |from: Option<i64>, to: Option<i64>| {
        #[expect(clippy::cast_precision_loss, reason = "a request lasts less than 2^52 ns")]
        Some((to? - from?) as f64 / 1e6)
    };
    RequestMetrics {
        ttft_ms: ms(stamps.sent_ns, stamps.first_token_ns),
        e2e_ms: ms(stamps.sent_ns, stamps.last_token_ns),
        queue_delay_ms: ms(stamps.scheduled_ns, stamps.sent_ns),
        ..RequestMetrics::default()
    }
}

/// The metrics of one request; `None` where undefined, never 0. `docs/METHODOLOGY.md` has the formulas.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RequestMetrics {
    /// First content token minus sent.
    pub ttft_ms: Option<f64>,
    /// First content token minus due.
    pub ttft_from_schedule_ms: Option<f64>,
    /// First content that is not reasoning, minus sent.
    pub first_visible_ms: Option<f64>,
    /// Name lookup and connection, a proxy's tunnel included, for one that the request opened.
    pub connect_ms: Option<f64>,
    /// The TLS handshake of a connection that the request opened.
    pub tls_ms: Option<f64>,
    /// Sent minus due.
    pub queue_delay_ms: Option<f64>,
    /// (last token - first token) / (streamed tokens - tokens of the first chunk).
    pub tpot_ms: Option<f64>,
    /// (last token - first token) / (output tokens - 1), as other tools have it.
    pub tpot_classic_ms: Option<f64>,
    /// Last token minus sent; end minus sent without streaming.
    pub e2e_ms: Option<f64>,
    /// Last token minus due.
    pub e2e_from_schedule_ms: Option<f64>,
    /// 1000 / `tpot_ms`.
    pub output_tokens_per_s: Option<f64>,
}

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `summary.json`: one entry a cell. What is not measured yet is there and null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Of this layout.
    pub format_version: u32,
    /// The scenario's labels.
    pub labels: BTreeMap<String, String>,
    /// The cells that have a complete repeat, in the order of the plan.
    pub cells: Vec<CellSummary>,
}

impl Summary {
    /// The layout that this version writes.
    pub const FORMAT_VERSION: u32 = 1;

    /// A summary of these cells.
    #[must_use]
    pub fn new(labels: BTreeMap<String, String>, cells: Vec<CellSummary>) -> Self {
        Self { format_version: Self::FORMAT_VERSION, labels, cells }
    }
}

/// All figures of one cell, over its repeats. Only the measured phase counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellSummary {
    /// The cell.
    pub cell_id: String,
    /// Its axes.
    pub axes: Map<String, Value>,
    /// How requests ended.
    pub requests: RequestCounts,
    /// First measured start to last measured end, added up over the repeats; seconds.
    pub duration_s: Option<f64>,
    /// Requests a second that were due; null in closed loop.
    pub offered_rate: Option<f64>,
    /// Completed requests a second.
    pub request_throughput: Option<f64>,
    /// Output tokens of completed requests a second.
    pub output_token_throughput: Option<f64>,
    /// Input and output tokens of completed requests a second.
    pub total_token_throughput: Option<f64>,
    /// Requests in flight, on average over the window.
    pub mean_in_flight: Option<f64>,
    /// Failed requests over those that ended by themselves.
    pub error_rate: Option<f64>,
    /// Good requests a second; null without an SLO.
    pub goodput: Option<f64>,
    /// The share of good requests; null without an SLO.
    pub slo: Option<SloSummary>,
    /// The metrics that have a sample, by name.
    pub metrics: BTreeMap<String, MetricSummary>,
    /// Whether the client was fast enough.
    pub client: ClientHealth,
    /// Each repeat by itself.
    pub repeats: Vec<RepeatSummary>,
    /// Dollars, where the model has a price.
    pub cost_usd: Option<f64>,
    /// Completed requests whose input tokens the server counted otherwise than the cell asks for.
    pub input_tokens_off: u64,
}

/// How requests of the measured phase ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// The whole answer came.
    pub completed: u64,
    /// An error.
    pub failed: u64,
    /// Stopped by us.
    pub cancelled: u64,
    /// Due but never sent.
    pub dropped: u64,
    /// Failed ones by cause.
    pub causes: BTreeMap<String, u64>,
}

/// How well the service-level objective was met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SloSummary {
    /// Good requests over all that were due.
    pub good_share: f64,
    /// Its 95 % interval.
    pub ci95: Option<Interval>,
    /// Whether the cell passes.
    pub pass: Option<bool>,
}

/// Lower and upper bound.
pub type Interval = [f64; 2];

/// The figures of one metric, in its unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// Samples.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation; null for one sample.
    pub stddev: Option<f64>,
    /// Least.
    pub min: f64,
    /// 5th percentile.
    pub p5: f64,
    /// 25th percentile.
    pub p25: f64,
    /// Median.
    pub p50: f64,
    /// 75th percentile.
    pub p75: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p99_9: f64,
    /// Greatest.
    pub max: f64,
    /// How many samples each percentile needs, whether there are so many or not.
    pub needed: BTreeMap<String, u64>,
    /// 95 % intervals; null until they are computed.
    pub ci95: Option<BTreeMap<String, Interval>>,
}

impl MetricSummary {
    /// The figures by their words, in the order of columns; an undefined one is `None`.
    #[must_use]
    pub fn figures(&self) -> [(&'static str, Option<f64>); 12] {
        [
            ("mean", Some(self.mean)),
            ("stddev", self.stddev),
            ("min", Some(self.min)),
            ("p5", Some(self.p5)),
            ("p25", Some(self.p25)),
            ("p50", Some(self.p50)),
            ("p75", Some(self.p75)),
            ("p90", Some(self.p90)),
            ("p95", Some(self.p95)),
            ("p99", Some(self.p99)),
            ("p99_9", Some(self.p99_9)),
            ("max", Some(self.max)),
        ]
    }

    /// Whether there are as many samples as a percentile needs; anything else needs one.
    #[must_use]
    pub fn is_sure(&self, stat: &str) -> bool {
        self.needed.get(stat).is_none_or(|needed| self.count >= *needed)
    }
}

/// Whether the client was fast enough; null until it is measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientHealth {
    /// `ok`, `suspect` or `limited`.
    pub verdict: Option<String>,
    /// Why.
    pub reasons: Vec<String>,
    /// Sent after due, 99th percentile.
    pub schedule_lag_ms_p99: Option<f64>,
    /// How late the engine's own loop was, 99th percentile.
    pub loop_lag_ms_p99: Option<f64>,
    /// Processor time over wall time.
    pub cpu_utilization: Option<f64>,
}

/// One repeat of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RepeatSummary {
    /// From 0.
    pub repeat: u32,
    /// The first measured start, nanoseconds since the Unix epoch.
    pub start_unix_ns: i64,
    /// The same on the monotonic clock.
    pub start_monotonic_ns: i64,
    /// First measured start to last measured end; seconds.
    pub duration_s: Option<f64>,
    /// Its metrics by name.
    pub metrics: BTreeMap<String, MetricSummary>,
}

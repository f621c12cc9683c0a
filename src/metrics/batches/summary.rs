use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::MetricSummary;

/// The batches of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchSummary {
    /// Who says so.
    pub source: BatchSource,
    /// Completed requests by the size of their batch; of an estimate, the next power of two.
    pub requests: BTreeMap<u64, u64>,
    /// The size that more than half of the requests had; null when none is so common.
    pub representative: Option<u64>,
    /// The figures of each size, ascending; none of an estimate.
    pub groups: Vec<BatchGroup>,
}

/// Where batch sizes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchSource {
    /// The server's `batch_size_used`.
    Server,
    /// A guess: requests in flight together whose first tokens came together after the same server time.
    Estimate,
}

/// The figures of the requests of one batch size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchGroup {
    /// The size.
    pub batch_size: u64,
    /// Completed requests.
    pub requests: u64,
    /// Output tokens a second of a whole batch: their mean for one request, times the size; the server's rates where it has
    /// them, else ours.
    pub batch_tokens_per_s: Option<f64>,
    /// Metrics by name; null for one without a sample.
    pub metrics: BTreeMap<String, Option<Spread>>,
}

/// A metric of some requests, in short.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Samples.
    pub count: u64,
    /// Mean.
    pub mean: Option<f64>,
    /// 5th percentile.
    pub p5: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
}

impl From<&MetricSummary> for Spread {
    fn from(all: &MetricSummary) -> Self {
        Self { count: all.count, mean: all.mean, p5: all.p5, p50: all.p50, p95: all.p95 }
    }
}

impl BatchSummary {
    /// A summary of requests by batch size; `None` without any.
    pub(super) fn new(source: BatchSource, requests: BTreeMap<u64, u64>, groups: Vec<BatchGroup>) -> Option<Self> {
        let all: u64 = requests.values().sum();
        let common = requests.iter().max_by_key(|(_, count)| **count)?;
        let representative = (2 * common.1 > all).then_some(*common.0);
        Some(Self { source, requests, representative, groups })
    }
}

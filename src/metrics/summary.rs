use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::batches::BatchSummary;
use super::scraped::ScrapeSummary;
use super::steady::SteadySummary;
use super::switching::SwitchingSummary;
use super::{ClientHealth, SearchSummary};
use crate::scenario::StopReason;
use crate::statistics::{self, Estimate};
use crate::units::as_float;

/// `summary.json`: one entry a cell. What is not measured yet is there and null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Of this layout.
    pub format_version: u32,
    /// The scenario's labels.
    pub labels: BTreeMap<String, String>,
    /// The cells that have a complete repeat, in the order of the plan.
    pub cells: Vec<CellSummary>,
    /// What searches came to, in the order of the plan; absent without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searches: Vec<SearchSummary>,
}

impl Summary {
    /// The layout that this version writes.
    pub const FORMAT_VERSION: u32 = 1;

    /// A summary of these cells, without a search.
    #[must_use]
    pub fn new(labels: BTreeMap<String, String>, cells: Vec<CellSummary>) -> Self {
        Self { format_version: Self::FORMAT_VERSION, labels, cells, searches: Vec::new() }
    }
}

/// A [`Summary`] of these cells as JSON, without a copy of them.
pub fn summary_json(
    labels: &BTreeMap<String, String>,
    cells: &[CellSummary],
    searches: &[SearchSummary],
) -> serde_json::Result<Vec<u8>> {
    /// Fields as those of [`Summary`].
    #[derive(Serialize)]
    struct Borrowed<'s> {
        format_version: u32,
        labels: &'s BTreeMap<String, String>,
        cells: &'s [CellSummary],
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        searches: &'s [SearchSummary],
    }
    serde_json::to_vec_pretty(&Borrowed { format_version: Summary::FORMAT_VERSION, labels, cells, searches })
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
    /// Requests a second that were due, by the gaps between their times; null in closed loop and when all were due at once.
    pub offered_rate: Option<f64>,
    /// Of these, requests a second that were sent, over the same time or the longer one that late sends take.
    #[serde(default)]
    pub sent_rate: Option<f64>,
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
    /// 95 % intervals of the rates and shares above and of the goodput, by name; null when nobody computed them.
    #[serde(default)]
    pub ci95: Option<BTreeMap<String, Interval>>,
    /// Of Student's t that belong to them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub degrees_of_freedom: BTreeMap<String, f64>,
    /// Good requests a second; null without an SLO.
    pub goodput: Option<f64>,
    /// The share of good requests; null without an SLO.
    pub slo: Option<SloSummary>,
    /// Every metric by name; null for one without a sample.
    pub metrics: BTreeMap<String, Option<MetricSummary>>,
    /// The figures of the steady windows alone; null when nobody looked for them.
    #[serde(default)]
    pub steady: Option<SteadySummary>,
    /// How many requests the server took together; null when it tells neither that nor its time to first token.
    #[serde(default)]
    pub batches: Option<BatchSummary>,
    /// What it costs to use this model after another one; null when no repeat began so.
    #[serde(default)]
    pub switching: Option<SwitchingSummary>,
    /// What the server's Prometheus page said meanwhile; null when none was scraped.
    #[serde(default)]
    pub scraped: Option<ScrapeSummary>,
    /// Whether the client was fast enough.
    pub client: ClientHealth,
    /// Each repeat by itself.
    pub repeats: Vec<RepeatSummary>,
    /// Dollars; null without a price, and when the server did not count every completed request's tokens.
    pub cost_usd: Option<f64>,
    /// Completed requests whose input tokens, images apart, the server counted otherwise than the cell asks for.
    pub input_tokens_off: u64,
    /// Completed requests whose output tokens the server counted otherwise than the cell asks for.
    #[serde(default)]
    pub output_tokens_off: u64,
    /// Completed requests whose chunks' tokens are estimates.
    pub itl_estimated: u64,
    /// Completed requests that have no inter-token latencies, because their rows keep the first and last stamp only.
    #[serde(default)]
    pub itl_left_out: u64,
    /// Why completed answers stopped, in the server's words.
    pub finish_reasons: BTreeMap<String, u64>,
    /// Whether the certificate of its server was not checked.
    #[serde(default)]
    pub unverified: bool,
    /// What did not go as the scenario asks for, though the cell was measured: a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl CellSummary {
    /// A metric's figures; `None` when it has no sample.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&MetricSummary> {
        self.metrics.get(name)?.as_ref()
    }
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
    /// What was said of the first of each cause, in the order of the rows.
    #[serde(default)]
    pub first_messages: BTreeMap<String, String>,
    /// Requests, however they ended, of which more than one attempt was made.
    #[serde(default)]
    pub sent_again: u64,
    /// The attempts that were not the last of their request, by why they failed.
    #[serde(default)]
    pub attempt_causes: BTreeMap<String, u64>,
    /// Failed ones that had an HTTP status, by it.
    pub http_statuses: BTreeMap<u16, u64>,
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
    /// Independent requests that would tell as much as these.
    #[serde(default)]
    pub effective_n: Option<f64>,
}

/// Lower and upper bound; null where nothing bounds a figure, as when a request that never came may be beyond it.
pub type Interval = [Option<f64>; 2];

/// The figures of one metric, in its unit.
///
/// A figure is null when it would hang on a request that never came (`null_reasons` says `censored`), and `stddev` for
/// a single sample.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// Samples; an infinitely late one counts.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Sample standard deviation.
    pub stddev: Option<f64>,
    /// Least.
    pub min: Option<f64>,
    /// 5th percentile.
    pub p5: Option<f64>,
    /// 25th percentile.
    pub p25: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 75th percentile.
    pub p75: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// 99.9th percentile.
    pub p99_9: Option<f64>,
    /// Greatest.
    pub max: Option<f64>,
    /// How many samples each percentile needs, whether there are so many or not.
    pub needed: BTreeMap<String, u64>,
    /// 95 % intervals of the mean and the percentiles; null when nobody computed them or there is only one sample.
    pub ci95: Option<BTreeMap<String, Interval>>,
    /// How many independent samples would tell as much of a figure, by what varies within repeats.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub effective_n: BTreeMap<String, f64>,
    /// Of Student's t that belong to an interval.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub degrees_of_freedom: BTreeMap<String, f64>,
    /// Why a figure is null although there are samples; absent when none is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub null_reasons: BTreeMap<String, String>,
}

impl MetricSummary {
    /// The words of the figures, in the order of columns.
    pub const FIGURES: [&'static str; 12] =
        ["mean", "stddev", "min", "p5", "p25", "p50", "p75", "p90", "p95", "p99", "p99_9", "max"];

    /// The figure of a word of [`Self::FIGURES`].
    #[must_use]
    pub fn figure(&self, word: &str) -> Option<f64> {
        match word {
            "mean" => self.mean,
            "stddev" => self.stddev,
            "min" => self.min,
            "p5" => self.p5,
            "p25" => self.p25,
            "p50" => self.p50,
            "p75" => self.p75,
            "p90" => self.p90,
            "p95" => self.p95,
            "p99" => self.p99,
            "p99_9" => self.p99_9,
            "max" => self.max,
            _ => None,
        }
    }

    /// Whether there are as many samples as a percentile needs; anything else needs one.
    ///
    /// Samples count by their effective number: the percentile's own or the mean's, whichever is less, since what is
    /// rare tells little of how it comes in bursts.
    #[must_use]
    pub fn is_sure(&self, figure: &str) -> bool {
        let Some(needed) = self.needed.get(figure) else { return true };
        let effective = [figure, "mean"].into_iter().filter_map(|word| self.effective_n.get(word));
        let worth = effective.fold(as_float(self.count), |least, n| least.min(*n));
        worth >= as_float(*needed)
    }

    /// A figure and how sure it is, over so many repeats; `None` where it is null or has no interval.
    #[must_use]
    pub fn estimate(&self, figure: &str, repeats: u32) -> Option<Estimate> {
        let value = self.figure(figure)?;
        let [low, high] = self.ci95.as_ref()?.get(figure)?;
        let interval = statistics::Interval {
            low: low.unwrap_or(f64::NEG_INFINITY),
            high: high.unwrap_or(f64::INFINITY),
            level: statistics::LEVEL,
        };
        let degrees = self.degrees_of_freedom.get(figure).copied().unwrap_or(f64::INFINITY);
        let effective_n = self.effective_n.get(figure).copied().unwrap_or(as_float(self.count));
        Some(Estimate::stored(value, interval, degrees, (self.count, effective_n), repeats))
    }

    /// Keeps what an estimate says of a figure besides its value.
    pub(super) fn add_estimate(&mut self, figure: &str, estimate: &Estimate) {
        let Some(interval) = estimate.interval else { return };
        self.ci95.get_or_insert_default().insert(figure.to_owned(), bounds(&interval));
        // A tenth of a sample is more than anyone knows.
        self.effective_n.insert(figure.to_owned(), (estimate.effective_n * 10.0).round() / 10.0);
        self.degrees_of_freedom.insert(figure.to_owned(), estimate.degrees_of_freedom.clamp(0.0, MOST_DEGREES));
    }

    /// Gives every null figure its reason: requests that never came.
    pub(super) fn with_nulls_censored(mut self) -> Self {
        self.null_reasons = Self::FIGURES
            .into_iter()
            .filter(|word| self.figure(word).is_none())
            .map(|word| (word.to_owned(), "censored".to_owned()))
            .collect();
        self
    }
}

/// Degrees of freedom are stored up to so many: beyond, Student's t is the normal law.
pub(super) const MOST_DEGREES: f64 = 1e9;

/// The bounds of an interval as they are stored.
pub(super) fn bounds(interval: &statistics::Interval) -> Interval {
    [interval.low, interval.high].map(|bound| Some(bound).filter(|bound| bound.is_finite()))
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
    /// The TTFT of the request that was sent first, be it of the warm-up; null when it failed.
    #[serde(default)]
    pub first_ttft_ms: Option<f64>,
    /// Every metric by name, of this repeat alone; null for one without a sample.
    pub metrics: BTreeMap<String, Option<MetricSummary>>,
    /// What the server's Prometheus page said meanwhile; null when none was scraped.
    #[serde(default)]
    pub scraped: Option<ScrapeSummary>,
    /// Whether the client was fast enough in it.
    #[serde(default)]
    pub client: ClientHealth,
    /// Why it ended, where `load.stop_when` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<StopReason>,
    /// The earlier run that measured it; null when this one did.
    #[serde(default)]
    pub reused: Option<ReusedRepeat>,
}

/// Where a repeat comes from that was not measured by the run that shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReusedRepeat {
    /// The run directory, by name, in which it was measured.
    pub from: String,
    /// How old it was when it was taken over, seconds.
    pub age_s: f64,
}

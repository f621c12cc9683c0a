use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a search came to: the highest load that meets the SLOs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchSummary {
    /// The search.
    pub search_id: String,
    /// What its cells have in common.
    pub axes: Map<String, Value>,
    /// The load that was searched for: `concurrency` or `qps`.
    pub axis: String,
    /// What it counts.
    pub unit: String,
    /// The lowest and the highest load that might be tried.
    pub bounds: [f64; 2],
    /// How far the answer may be off, as a share of it.
    pub tolerance: f64,
    /// The good share that is asked for.
    pub attainment: f64,
    /// The highest load that meets the SLOs by the good share itself; null when none does, and before the end.
    pub answer: Option<f64>,
    /// The highest load that meets the SLOs beyond doubt, and the lowest that misses them beyond doubt.
    pub bracket: [Option<f64>; 2],
    /// Whether the answer is within the tolerance of both.
    pub resolved: bool,
    /// Why it is not: what to set.
    pub why: Option<String>,
    /// Every load that was measured, ascending.
    pub probes: Vec<ProbeSummary>,
}

/// One load of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeSummary {
    /// The load.
    pub level: f64,
    /// Its cell.
    pub cell_id: String,
    /// Complete repeats.
    pub repeats: u32,
    /// Good requests over all that were due; null when there was none.
    pub good_share: Option<f64>,
    /// The interval by which it is judged.
    pub interval: Option<[f64; 2]>,
    /// `met`, `missed` or `unclear`.
    pub verdict: ProbeVerdict,
    /// Whether the client was the bottleneck.
    pub client_limited: bool,
}

/// Whether a load meets the SLOs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeVerdict {
    /// Beyond doubt.
    Met,
    /// Beyond doubt not.
    Missed,
    /// The interval holds what is asked for.
    Unclear,
}

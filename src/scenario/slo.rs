use std::collections::BTreeMap;
use std::time::Duration;

use super::{AxisName, AxisValue};

/// A request is good when it meets all of these that are defined for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slo {
    /// Time to the first token.
    pub ttft: Option<Duration>,
    /// Time per output token.
    pub tpot: Option<Duration>,
    /// End-to-end latency.
    pub e2e: Option<Duration>,
    /// A cell passes when the lower bound of its good share is at least this.
    pub attainment: f64,
}

/// A limit that fails a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// A metric's name.
    pub metric: String,
    /// A statistic's name: `p95`, `mean`, ...
    pub stat: String,
    /// The limit, in the metric's own unit.
    pub bound: Bound,
    /// Only cells with these values.
    pub only: BTreeMap<AxisName, Vec<AxisValue>>,
    /// By the point or by the interval.
    pub judge: Judge,
}

/// Which side of a limit is good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Good up to here.
    Max(f64),
    /// Good from here.
    Min(f64),
}

/// How a gate is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// By the value.
    Point,
    /// Missed only when the whole interval lies beyond the limit.
    Interval,
}

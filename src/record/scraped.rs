use serde::{Deserialize, Serialize};

use crate::scenario::MetricKind;
use crate::time::MonotonicNs;

/// A column of a file of scraped metrics: the known ones and the scenario's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrapedColumn {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: MetricKind,
}

/// What one scrape of a Prometheus page brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScrapedSample {
    /// When the page, or why there is none, had arrived. The values are those of a moment up to `scrape_ns` before.
    pub at_ns: MonotonicNs,
    /// From the request for the page to then, nanoseconds.
    pub scrape_ns: i64,
    /// Scrapes that were due before this one and left out because the one before took so long.
    pub missed: u32,
    /// What was wrong with the page, one line, secrets struck out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// A value for each column; `None` for one that the page does not have or that is no finite number. Empty when there is
    /// no page.
    pub values: Vec<Option<f64>>,
}

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::Series;

/// A Prometheus page that is scraped while a cell runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Scrape {
    /// An http or https URL, or a path from the server's root.
    pub url: String,
    /// Between two scrapes.
    pub interval: Duration,
    /// Columns besides the known ones, by name.
    pub columns: BTreeMap<String, ScrapedMetric>,
    /// Whether the endpoint's key and headers go with a scrape; `None`: only to the endpoint's own origin.
    pub auth: Option<bool>,
}

impl Scrape {
    /// Between two scrapes, unless the scenario says otherwise.
    pub const INTERVAL: Duration = Duration::from_millis(500);
    /// The least time between two scrapes.
    pub const LEAST_INTERVAL: Duration = Duration::from_millis(10);
}

/// A column that a scenario reads from a Prometheus page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapedMetric {
    /// The series that are added up in it.
    pub series: Series,
    /// What it is.
    pub kind: MetricKind,
}

/// What the values of a metric are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// A state that rises and falls.
    Gauge,
    /// A count since the server started, which only rises.
    Counter,
}

impl MetricKind {
    /// What a metric of that name is by custom.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let counts = ["_total", "_sum", "_count", "_bucket"].iter().any(|end| name.ends_with(end));
        if counts { Self::Counter } else { Self::Gauge }
    }
}

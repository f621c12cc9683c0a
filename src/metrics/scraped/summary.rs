use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The figures of a server's Prometheus page over the measured windows of a cell, or of a repeat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScrapeSummary {
    /// Scrapes, from before the first request to after the last one.
    pub scrapes: u64,
    /// Of those, without a page that could be read.
    pub failed: u64,
    /// Scrapes that were due and left out because the one before took so long.
    pub missed: u64,
    /// What was wrong with pages, and how often; the first few kinds.
    pub faults: BTreeMap<String, u64>,
    /// How often the server was another process than in the scrape before, or its counters had gone back.
    pub restarts: u64,
    /// The longest scrape, milliseconds.
    pub scrape_ms_max: Option<f64>,
    /// Every gauge by name, in the measured window; null for one without a value.
    pub gauges: BTreeMap<String, Option<GaugeSummary>>,
    /// Every counter by name; null for one without a value on both sides.
    pub counters: BTreeMap<String, Option<CounterSummary>>,
    /// Hits over queries of the prefix cache, by their counters; null without queries.
    pub prefix_cache_hit_share: Option<f64>,
}

/// A gauge in the measured window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GaugeSummary {
    /// Scrapes with a value.
    pub samples: u64,
    /// Their arithmetic mean.
    pub mean: f64,
    /// Least.
    pub min: f64,
    /// Greatest.
    pub max: f64,
}

/// A counter from the last scrape before the measured window to the first one after it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CounterSummary {
    /// By how much it rose; after a restart it counts from 0.
    pub increase: f64,
    /// The time between the two scrapes, seconds; added up over the repeats.
    pub seconds: f64,
    /// The one over the other; null for no time.
    pub per_s: Option<f64>,
}

impl ScrapeSummary {
    /// A figure of a metric, whichever kind it is, by its word in `summary.json`.
    #[must_use]
    pub fn figure(&self, name: &str, word: &str) -> Option<f64> {
        match (word, self.gauge(name), self.counter(name)) {
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            ("samples", Some(gauge), _) => Some(gauge.samples as f64),
            ("mean", Some(gauge), _) => Some(gauge.mean),
            ("min", Some(gauge), _) => Some(gauge.min),
            ("max", Some(gauge), _) => Some(gauge.max),
            ("increase", _, Some(counter)) => Some(counter.increase),
            ("seconds", _, Some(counter)) => Some(counter.seconds),
            ("per_s", _, Some(counter)) => counter.per_s,
            _ => None,
        }
    }

    /// A gauge's figures; `None` when it has no value.
    #[must_use]
    pub fn gauge(&self, name: &str) -> Option<&GaugeSummary> {
        self.gauges.get(name)?.as_ref()
    }

    /// A counter's figures; `None` when it has none.
    #[must_use]
    pub fn counter(&self, name: &str) -> Option<&CounterSummary> {
        self.counters.get(name)?.as_ref()
    }
}

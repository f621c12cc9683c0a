//! Numbers from facts: metrics of one request, summaries of a cell. Pure.
//!
//! `docs/METHODOLOGY.md` states every formula; a test holds it against [`METRICS`].

mod cell;
mod cost;
mod definition;
mod derive;
mod distribution;
mod health;
mod live;
mod quantile;
mod repeat;
mod request;
mod summary;
#[cfg(test)]
mod tests;

pub use cell::CellAccumulator;
pub use definition::{Better, METRICS, MetricDefinition};
pub use derive::{chunk_gaps, derive, itl_samples};
pub use health::{ClientHealth, Verdict};
pub use live::LiveDistribution;
pub use quantile::{PERCENTILES, Percentile};
pub use request::RequestMetrics;
pub use summary::{CellSummary, Interval, MetricSummary, RepeatSummary, RequestCounts, SloSummary, Summary};

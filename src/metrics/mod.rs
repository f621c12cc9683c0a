//! Numbers from facts: metrics of one request, summaries of a cell. Pure.
//!
//! `docs/METHODOLOGY.md` states every formula; a test holds it against [`METRICS`].

mod batches;
mod cell;
mod cost;
mod counts;
mod definition;
mod derive;
mod distribution;
mod exact_sum;
mod figure;
mod gather;
mod goodness;
mod health;
mod key;
mod live;
mod lookup;
mod quantile;
mod range;
mod rates;
mod repeat;
mod request;
mod samples;
mod scraped;
mod search;
mod series;
mod steady;
mod summary;
mod switching;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_intervals;
mod tracked;

pub use batches::{BatchGroup, BatchSource, BatchSummary, Spread};
pub use cell::{CellAccumulator, Pass};
pub use definition::{Better, METRICS, MetricDefinition};
pub use derive::{chunk_gaps, derive, itl_samples};
pub use figure::{Figure, UnknownFigure};
pub use health::{ClientHealth, Verdict};
pub use live::LiveDistribution;
pub use quantile::{PERCENTILES, Percentile};
pub use request::RequestMetrics;
pub use scraped::{CounterSummary, GaugeSummary, ScrapeSummary, ScrapeTally};
pub use search::{ProbeSummary, ProbeVerdict, SearchSummary};
pub use steady::{SteadyRepeat, SteadySummary};
pub use summary::{
    CellSummary, Interval, MetricSummary, RepeatSummary, RequestCounts, ReusedRepeat, SloSummary, Summary, summary_json,
};
pub use switching::{SwitchingSummary, note_switching};

//! What a figure is worth: intervals that hold when samples hang together. Pure; knows no metric, request or file.
//!
//! Samples of one repeat, in the order of time, are summed up in [`Batches`]. How their sums vary from batch to batch
//! gives the variance of a mean or of a share ([`mean_parts`], [`share_parts`]), whatever the correlation within a batch is, and so
//! an effective size: how many independent samples would tell as much. Repeats stand above batches in a hierarchy and
//! are never put end to end ([`mean`], [`percentile`], [`share`]). [`change`] holds two sides against one another.
//! `docs/METHODOLOGY.md`, "Intervals", has the rules, their sources and how well they hold.

mod batches;
mod change;
mod estimate;
mod hierarchy;
mod law;
mod long_run;
mod needed;
#[cfg(test)]
mod processes;
mod share;
#[cfg(test)]
mod tests;
mod values;

pub use batches::{Batches, mean_parts, share_parts};
pub use change::{Change, change};
pub use estimate::{Estimate, Interval, LEVEL};
pub use hierarchy::{Part, RepeatQuantiles, mean, percentile};
pub use needed::needed;
pub use share::{share, wilson};
pub use values::{mean_of, percentile_of};

/// A count as a float; `units` has the same, on the floor that this module stands on itself.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts are far below 2^53, or so great that they only have to be greater"
)]
const fn as_float(count: u64) -> f64 {
    count as f64
}

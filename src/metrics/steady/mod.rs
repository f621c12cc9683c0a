//! The part of a repeat in which its load was what was asked for, and the figures of that part alone.
//!
//! [`WindowFinder`] finds it from when requests began and ended; `tally` counts what happened in it; `drift` tells
//! whether it went on changing. `docs/METHODOLOGY.md`, "Steady state", has the rules and why they are so.

mod drift;
mod slices;
mod summary;
mod tally;
#[cfg(test)]
pub(super) mod tests;
mod window;

pub(super) use summary::{Repeat as RepeatTally, of_cell};
pub use summary::{SteadyRepeat, SteadySummary};
pub(super) use window::{Rule, WindowFinder};

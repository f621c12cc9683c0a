//! Verdicts: what is better, worse, the same or unclear between two sides, and whether limits are kept. Pure.
//!
//! `docs/COMPARE.md` says what is held against what, `docs/METHODOLOGY.md` how a verdict comes about.

mod change;
mod check;
mod comparable;
mod comparison;
mod evidence;
mod figures;
mod gate;
mod guard;
mod margin;
mod matching;
mod regression;
mod side;
mod verdict;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use change::Change;
pub use check::{Check, Outcome, Tally};
pub use comparable::Objection;
pub use comparison::{ComparedCell, Comparison, Rules, compare};
pub use gate::judge_gates;
pub use margin::{BadMargin, Margin};
pub use regression::{BadGate, RegressionGate, judge_regressions};
pub use side::{Planned, Side, SideCell};
pub use verdict::{Interval, Verdict};

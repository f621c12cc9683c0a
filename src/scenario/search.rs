use super::AxisName;
use crate::statistics::{LEVEL, wilson};

/// Finds the highest load that still meets the SLOs.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Search {
    /// The load that is searched for.
    pub axis: SearchAxis,
    /// The lowest that is tried.
    pub min: f64,
    /// The highest that is tried.
    pub max: f64,
    /// How far the answer may be off, as a share of it.
    pub tolerance: f64,
    /// How often a load is tried at most whose verdict is unclear.
    pub repeats: u32,
}

/// A load that can be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchAxis {
    /// Closed loop: requests in flight.
    Concurrency,
    /// Open loop: requests a second.
    Qps,
}

impl SearchAxis {
    /// The axis of cells.
    #[must_use]
    pub fn name(self) -> AxisName {
        match self {
            Self::Concurrency => AxisName::Concurrency,
            Self::Qps => AxisName::Qps,
        }
    }

    /// What its numbers count.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Concurrency => "requests in flight",
            Self::Qps => "requests a second",
        }
    }
}

impl Search {
    /// The level of the interval by which a load is judged. A load may be looked at several times, each look another
    /// chance to err: together they err in 5 of 100.
    #[must_use]
    pub fn level(&self) -> f64 {
        1.0 - (1.0 - LEVEL) / f64::from(self.repeats.max(1))
    }

    /// How many requests show at that level that a share of them is good, when all are (Wilson's interval); `None`
    /// when none do.
    #[must_use]
    pub fn needed(&self, share: f64) -> Option<u64> {
        // The lower bound of n out of n is n / (n + z^2).
        let of_one = wilson(1.0, 1.0, self.level())?.low;
        let needed = (1.0 / of_one - 1.0) * share / (1.0 - share);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "finite and not negative; saturates"
        )]
        needed.is_finite().then(|| needed.ceil() as u64)
    }
}

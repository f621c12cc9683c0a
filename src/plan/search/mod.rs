//! Searches: which loads may be tried, which one is next, and what came of it. Pure; `run` measures.

mod ladder;
mod seek;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_on_queues;

pub(super) use ladder::levels;
pub use seek::{Evidence, Finding, Standing, Step, Unresolved, judge, seek};

use super::Cell;
use crate::scenario::{Axes, Search};

/// The search for the highest load that meets the SLOs, for one combination of the other axes.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPlan {
    /// A name of the same kind as a cell's.
    pub id: String,
    /// The axes that all its cells share.
    pub axes: Axes,
    /// What the scenario says of it.
    pub search: Search,
    /// Every load that may be tried, ascending.
    pub levels: Vec<f64>,
    /// The cell of each.
    pub ladder: Vec<Cell>,
}

impl SearchPlan {
    /// The cells that a search measures at most when every verdict is clear at once: doubling up to the highest load,
    /// halving of what lies below that, and one more for certainty on either side. They stand for the dearest way.
    #[must_use]
    pub fn dearest(&self) -> Vec<&Cell> {
        let (Some(last), Some(highest)) = (self.ladder.last(), self.levels.last()) else { return Vec::new() };
        let mut tried = Vec::new();
        let mut next = 0.0;
        for (level, cell) in self.levels.iter().zip(&self.ladder) {
            if *level >= next && *level < *highest {
                tried.push(cell);
                next = level * 2.0;
            }
        }
        let between = self.levels.iter().filter(|level| **level > highest / 2.0).count();
        let halvings = between.next_power_of_two().trailing_zeros() as usize;
        tried.extend(std::iter::repeat_n(last, 1 + halvings + 2));
        tried.truncate(self.ladder.len());
        tried
    }

    /// The lowest and the highest load that it may try.
    #[must_use]
    pub fn bounds(&self) -> [f64; 2] {
        [self.search.min, self.search.max]
    }
}

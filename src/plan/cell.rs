use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DigestParts, SearchPlan};
use crate::scenario::{Axes, Load, Mode};

/// A readable, file-safe, stable name of a cell: its axes and 8 hex digits of their hash.
///
/// It depends on the cell's own axes only, so it stays when other cells come or go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CellId(String);

impl CellId {
    /// Takes a name as it is, from a stored plan or from [`Cell`]'s maker.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256, in hex, of everything that can change a cell's result: the incremental key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CellDigest(pub String);

/// One combination of axis values and what it takes to measure it once.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its name.
    pub id: CellId,
    /// Its values; only axes that the mode takes, `vars` always.
    pub axes: Axes,
    /// Measured requests of one repeat, conversations in mode chat; `None` when only the duration ends it, and in
    /// mode custom before the rows are counted.
    pub requests: Option<u64>,
    /// Mean input tokens of a dataset's row, guessed by its length; `None` where the axes say the size.
    pub row_tokens: Option<f64>,
    /// Whether its server's certificate is not checked.
    pub unverified: bool,
    /// The incremental key.
    pub digest: CellDigest,
    /// What it is made of besides axes and requests, shared with the cells that have the same.
    pub parts: Arc<DigestParts>,
}

/// All cells of a scenario, in the order of the file, and its searches, whose cells come as they go on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The cells; no two are equal.
    pub cells: Vec<Cell>,
    /// The searches.
    pub searches: Vec<SearchPlan>,
    /// Worth a look: an `exclude` that matches nothing, for one.
    pub warnings: Vec<String>,
}

impl Plan {
    /// The same plan of a dataset with so many rows, of so many tokens each: a cell of mode custom that nothing else
    /// ends sends each row once.
    #[must_use]
    pub fn with_rows(mut self, rows: u64, row_tokens: f64, load: &Load) -> Self {
        let searched = self.searches.iter_mut().flat_map(|search| &mut search.ladder);
        for cell in self.cells.iter_mut().chain(searched).filter(|cell| cell.axes.mode() == Mode::Custom) {
            cell.row_tokens = Some(row_tokens);
            if cell.requests.is_none() && load.duration.is_none() {
                cell.requests = Some(rows);
            }
        }
        self
    }

    /// The same with every cell that a search may measure: what a run must be able to reach and to carry.
    #[must_use]
    pub fn in_full(&self) -> Self {
        let searched = self.searches.iter().flat_map(|search| &search.ladder);
        Self { cells: self.cells.iter().chain(searched).cloned().collect(), ..Self::default() }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.searches.is_empty()
    }
}

/// The unit of work, of files, of resume and of reuse: one repeat of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit {
    /// Index into [`Plan::cells`].
    pub cell: usize,
    /// From 0.
    pub repeat: u32,
}

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{FORMAT_VERSION, RowSchema, UnitId};
use crate::plan::{Cell, CellId};
use crate::time::MonotonicNs;

/// What the rows of a repeat have in common: the first line of its journal and part of its Parquet footer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitHeader {
    /// Version of the run directory's files.
    pub format_version: u64,
    /// The cell.
    pub cell_id: CellId,
    /// The repeat, from 0.
    pub repeat: u32,
    /// The cell's values by axis.
    pub axes: Map<String, Value>,
    /// The run's columns.
    pub columns: RowSchema,
    /// One moment of the repeat on both clocks, its journal's opening.
    pub opened: Origin,
}

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// On the monotonic clock.
    pub monotonic_ns: MonotonicNs,
    /// Since the Unix epoch.
    pub unix_ns: i64,
}

impl UnitHeader {
    /// The header of a cell's repeat, whose journal is opened at `opened`.
    pub fn new(cell: &Cell, repeat: u32, columns: RowSchema, opened: Origin) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            cell_id: cell.id.clone(),
            repeat,
            axes: cell.axes.to_json(),
            columns,
            opened,
        }
    }

    /// The repeat's name.
    pub fn unit(&self) -> UnitId {
        UnitId::new(self.cell_id.clone(), self.repeat)
    }
}

impl Origin {
    /// The moment of a stamp, by this moment on both clocks.
    #[must_use]
    pub fn at(&self, monotonic_ns: MonotonicNs) -> Self {
        let after = monotonic_ns.saturating_sub(self.monotonic_ns);
        Self { monotonic_ns, unix_ns: self.unix_ns.saturating_add(after) }
    }
}

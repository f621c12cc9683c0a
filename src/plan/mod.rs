//! The cells: what a scenario's matrix comes to, each with a stable name and a digest.

mod cell;

pub use cell::{Cell, CellDigest, CellId, Plan, Unit};

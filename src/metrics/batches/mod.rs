//! How many requests the server took together: as it says, else a guess from its times to first token.

mod groups;
mod guess;
mod summary;

pub(super) use groups::BatchTally;
pub use summary::{BatchGroup, BatchSource, BatchSummary, Spread};

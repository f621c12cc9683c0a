//! What earlier runs of a scenario have already: taken over by `--reuse`, told by `plan --reuse`.
//!
//! [`Reuse`] knows the earlier runs by their manifests and plans alone and looks every unit of a plan up in them;
//! an [`Outlook`] is what comes of it, and why.

mod judge;
mod ledger;
mod neighbours;
mod outlook;
#[cfg(test)]
mod tests;

pub use ledger::{Reuse, Servers};
pub(super) use outlook::reasons;
pub use outlook::{CellOutlook, Outlook, Source};

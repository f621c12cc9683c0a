//! The cells: what a scenario's matrix comes to, each with a stable name and a digest. Pure.

mod cell;
mod digest;
mod estimate;
mod expand;
mod filter;
mod id;
mod order;
mod parts;
mod search;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_open_loops;
#[cfg(test)]
mod tests_of_sources;
mod view;

pub use cell::{Cell, CellDigest, CellId, Plan, Unit};
pub use digest::{ContentHashes, content_files, digest_of, pictures_of};
pub use estimate::{Estimate, mean_in_flight};
pub use expand::expand;
pub use filter::{Filter, FilterError};
pub use order::units;
pub use parts::DigestParts;
pub use search::{Evidence, Finding, SearchPlan, Standing, Step, Unresolved, judge, seek};
pub use view::{CellState, CellView, PlanView, SearchView};

//! What a server said of itself on its Prometheus page while a repeat ran.

mod summary;
mod tally;

pub use summary::{CounterSummary, GaugeSummary, ScrapeSummary};
pub use tally::ScrapeTally;

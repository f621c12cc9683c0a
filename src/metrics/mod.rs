//! Numbers from facts: metrics of one request, summaries of a cell. Pure.

mod derive;
mod request;

pub use derive::derive;
pub use request::RequestMetrics;

//! Numbers from facts: metrics of one request, summaries of a cell. Pure.

mod request;

pub use request::RequestMetrics;

//! Time: one monotonic clock for every stamp, an alarm that keeps to it, one wall clock for dates.

mod alarm;
mod clock;

pub use alarm::Alarm;
pub use clock::{Clock, MonotonicNs, duration_ns, rfc3339, unix_ns};

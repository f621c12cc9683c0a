//! Units: durations, sizes, rates and token-size specifications as people write and read them.

mod amount;
mod arrivals;
mod duration;
mod image_size;
mod number;
mod series;
mod size_file;
mod size_spec;

pub use amount::{Amount, RequestCount};
pub use arrivals::{ArrivalDistribution, Qps};
pub use duration::{format_age, format_duration, parse_age, parse_duration};
pub use image_size::ImageSize;
pub use number::{as_float, format_count, format_significant};
pub use series::Series;
pub use size_file::{SizeFault, SizeFile};
pub use size_spec::SizeSpec;

/// Why a text is not a value of the unit: what it should look like, with an example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{wrong}; write {expected}")]
pub struct UnitError {
    /// What is wrong with the text.
    pub wrong: String,
    /// What to write instead, with an example.
    pub expected: &'static str,
}

impl UnitError {
    pub(crate) fn new(wrong: impl Into<String>, expected: &'static str) -> Self {
        Self { wrong: wrong.into(), expected }
    }
}

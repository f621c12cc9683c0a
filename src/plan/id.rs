use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::CellId;
use super::expand::home_endpoint;
use crate::scenario::{Axes, AxisName, AxisValue, Loop, Mode, Scenario};
use crate::text::slug;
use crate::units::{ArrivalDistribution, ImageSize};

/// The longest id, in bytes.
const LONGEST: usize = 120;
/// Hex digits of the hash at its end.
const HASH_DIGITS: usize = 8;

/// The id of a cell: a readable part and the hash of all its axes.
///
/// Which axes the readable part shows depends on the cell and the model's own table only, never on other
/// cells: the size and load axes that apply always, the others where they differ from their default.
pub(super) fn cell_id(axes: &Axes, scenario: &Scenario) -> CellId {
    let parts: Vec<String> = axes.iter().filter_map(|(axis, value)| part(axis, value, axes, scenario)).collect();
    let mut readable = parts.join("_");
    readable.truncate(LONGEST - HASH_DIGITS - 1);
    CellId::new(format!("{}-{}", readable.trim_end_matches(['-', '_', '.']), hash(axes)))
}

fn part(name: &AxisName, value: &AxisValue, axes: &Axes, scenario: &Scenario) -> Option<String> {
    let shown = slug(&value.to_string());
    match (name, value) {
        (AxisName::Model, _) => Some(if shown.is_empty() { "model".to_owned() } else { shown }),
        (AxisName::Endpoint, AxisValue::Text(endpoint)) => {
            (home_endpoint(axes.model(), scenario) != Some(endpoint.as_str())).then_some(shown)
        }
        (AxisName::Mode, AxisValue::Mode(Mode::Synthetic))
        | (AxisName::ImageSize, AxisValue::Image(ImageSize::Na))
        | (AxisName::Loop, AxisValue::Loop(Loop::Closed))
        | (AxisName::QpsDistribution, AxisValue::Arrivals(ArrivalDistribution::Constant)) => None,
        (AxisName::InputTokens, _) => Some(format!("in{shown}")),
        (AxisName::OutputTokens, _) => Some(format!("out{shown}")),
        (AxisName::ImageSize, _) => Some(format!("img{shown}")),
        (AxisName::Concurrency, _) => Some(format!("c{shown}")),
        (AxisName::Qps, _) => Some(format!("q{shown}")),
        (AxisName::Var(var), _) => Some(format!("{var}-{shown}")),
        _ => Some(shown),
    }
}

/// The first hex digits of the SHA-256 of the axes, each as `name=value` on a line.
fn hash(axes: &Axes) -> String {
    let mut text = String::new();
    for (axis, value) in axes {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{axis}={value:?}");
    }
    crate::text::hex(&Sha256::digest(text.as_bytes()))[..HASH_DIGITS].to_owned()
}

use crate::scenario::{Search, SearchAxis};
use crate::units::format_significant;

/// Significant digits of a rate: finer than any tolerance, short in a name.
const DIGITS: i32 = 4;

/// The loads that a search may try, ascending, from the lowest to the highest that it is allowed. Two neighbours are
/// somewhat less than half the tolerance apart, so that two steps stay within it however they are rounded; or one where
/// only whole numbers are loads. What lies between a load that meets the SLOs and the next that does not is a part of the
/// tolerance only, and the rest of it is left for noise.
pub(in crate::plan) fn levels(search: &Search) -> Vec<f64> {
    let step = (1.0 + search.tolerance).powf(0.48);
    let nearest = |level: f64| match search.axis {
        SearchAxis::Concurrency => level.round(),
        SearchAxis::Qps => format_significant(level, DIGITS).parse().unwrap_or(level),
    };
    let mut levels = vec![search.min];
    let mut level = search.min;
    while level * step < search.max {
        level = match search.axis {
            SearchAxis::Concurrency => (level * step).max(level + 1.0),
            SearchAxis::Qps => level * step,
        };
        let shown = nearest(level);
        if shown < search.max && levels.last().is_none_or(|last| shown > *last) {
            levels.push(shown);
        }
    }
    levels.push(search.max);
    levels.dedup();
    levels
}

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::side::{Side, SideCell, word};

/// Which cells of two sides belong together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matching<'s> {
    /// Cells of both.
    pub(super) pairs: Vec<CellPair<'s>>,
    /// Ids of cells that only the first side has.
    pub(super) only_a: Vec<String>,
    /// Ids of cells that only the second side has.
    pub(super) only_b: Vec<String>,
    /// Axes that each side has one value of, another one than the other side: they are what is compared.
    pub(super) apart: Vec<String>,
}

/// A cell of either side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CellPair<'s> {
    pub(super) a: &'s SideCell,
    pub(super) b: &'s SideCell,
}

impl CellPair<'_> {
    /// Whether all that can change a result is the same.
    pub(super) fn is_same_work(&self) -> bool {
        let planned = self.a.planned.as_ref().zip(self.b.planned.as_ref());
        planned.is_some_and(|(a, b)| a.digest == b.digest)
    }
}

/// Pairs up cells: those of one digest, else those of the same axes. Axes that tell the sides apart as a whole (one
/// value on each, or `by`) are passed over.
pub(super) fn pair_up<'s>(a: &'s Side, b: &'s Side, by: Option<&str>) -> Matching<'s> {
    let apart = apart(a, b, by);
    let mut left: Vec<&SideCell> = b.cells.iter().collect();
    let (mut pairs, mut only_a) = (Vec::new(), Vec::new());
    let digest = |cell: &SideCell| cell.planned.as_ref().map(|planned| planned.digest.clone());
    let mut by_digest: BTreeMap<String, &SideCell> =
        left.iter().filter_map(|cell| Some((digest(cell)?, *cell))).collect();
    let mut by_axes: BTreeMap<String, &SideCell> = left.iter().map(|cell| (key(cell, &apart), *cell)).rev().collect();
    for cell in &a.cells {
        let partner = digest(cell)
            .and_then(|digest| by_digest.remove(&digest))
            .or_else(|| by_axes.get(&key(cell, &apart)).copied())
            .filter(|partner| left.iter().any(|free| std::ptr::eq(*free, *partner)));
        match partner {
            Some(partner) => {
                left.retain(|free| !std::ptr::eq(*free, partner));
                by_axes.retain(|_, free| !std::ptr::eq(*free, partner));
                pairs.push(CellPair { a: cell, b: partner });
            }
            None => only_a.push(cell.summary.cell_id.clone()),
        }
    }
    let only_b = left.into_iter().map(|cell| cell.summary.cell_id.clone()).collect();
    let apart = apart.into_iter().map(str::to_owned).collect();
    Matching { pairs, only_a, only_b, apart }
}

/// What a cell is known by: its axes but for those that tell the sides apart.
fn key(cell: &SideCell, apart: &BTreeSet<&str>) -> String {
    let axes = cell.summary.axes.iter().filter(|(axis, _)| !apart.contains(axis.as_str()));
    // No picture, and a mode without pictures, are one.
    let axes = axes.filter(|(axis, value)| *axis != "image_size" || *value != "na");
    let mut words: Vec<String> = axes.map(|(axis, value)| format!("{axis}\u{1}{}", word(value))).collect();
    words.sort();
    words.join("\u{0}")
}

/// The one value that all cells of a side have; of cells without the axis, null.
fn only_value<'s>(side: &'s Side, axis: &str) -> Option<&'s Value> {
    let mut values = side.cells.iter().map(|cell| cell.summary.axes.get(axis).unwrap_or(&Value::Null));
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

fn apart<'s>(a: &'s Side, b: &'s Side, by: Option<&'s str>) -> BTreeSet<&'s str> {
    let differs = |axis: &str| match (only_value(a, axis), only_value(b, axis)) {
        (Some(of_a), Some(of_b)) => of_a != of_b,
        _ => false,
    };
    let mut apart: BTreeSet<&str> = a.axes().union(&b.axes()).copied().filter(|axis| differs(axis)).collect();
    apart.extend(by);
    apart
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::samples::{cell, planned, side};

    fn ids(matching: &Matching<'_>) -> Vec<String> {
        let both = |pair: &CellPair<'_>| format!("{}+{}", pair.a.summary.cell_id, pair.b.summary.cell_id);
        matching.pairs.iter().map(both).collect()
    }

    #[test]
    fn cells_are_matched_by_digest_else_by_axes() {
        let a = side(
            "a",
            vec![
                planned(cell("a1", &[("model", "m"), ("concurrency", "1")]), "d1"),
                planned(cell("a4", &[("model", "m"), ("concurrency", "4")]), "d2"),
                planned(cell("a8", &[("model", "m"), ("concurrency", "8")]), "d3"),
            ],
        );
        let b = side(
            "b",
            vec![
                planned(cell("b16", &[("model", "m"), ("concurrency", "16")]), "d9"),
                planned(cell("b4", &[("model", "m"), ("concurrency", "4")]), "other"),
                planned(cell("b1", &[("model", "m"), ("concurrency", "1")]), "d1"),
            ],
        );
        let matching = pair_up(&a, &b, None);
        assert_eq!(ids(&matching), ["a1+b1", "a4+b4"]);
        assert_eq!(
            (matching.only_a.as_slice(), matching.only_b.as_slice()),
            (&["a8".to_owned()][..], &["b16".to_owned()][..])
        );
        assert!(matching.pairs[0].is_same_work() && !matching.pairs[1].is_same_work());
    }

    #[test]
    fn an_axis_of_one_value_on_each_side_is_what_is_compared() {
        let a = side(
            "a",
            vec![
                cell("x", &[("endpoint", "old"), ("concurrency", "1")]),
                cell("y", &[("endpoint", "old"), ("concurrency", "4")]),
            ],
        );
        let b = side("b", vec![cell("z", &[("endpoint", "new"), ("concurrency", "4")])]);
        let matching = pair_up(&a, &b, None);
        assert_eq!((ids(&matching), matching.apart.as_slice()), (vec!["y+z".to_owned()], &["endpoint".to_owned()][..]));
        assert_eq!(matching.only_a, ["x"]);
    }

    #[test]
    fn no_cell_is_taken_twice() {
        let twice = || vec![cell("p", &[("model", "m")]), cell("q", &[("model", "m")])];
        let (a, b) = (side("a", twice()), side("b", twice()));
        let matching = pair_up(&a, &b, None);
        assert_eq!(ids(&matching), ["p+p"]);
        assert_eq!((matching.only_a, matching.only_b), (vec!["q".to_owned()], vec!["q".to_owned()]));
    }

    #[test]
    fn a_run_splits_by_the_values_of_an_axis() {
        let run = side(
            "r",
            vec![
                cell("1", &[("model", "small"), ("concurrency", "1")]),
                cell("2", &[("model", "large"), ("concurrency", "1")]),
                cell("3", &[("model", "small"), ("concurrency", "4")]),
                cell("4", &[("concurrency", "4")]),
            ],
        );
        let sides = run.split("model");
        let names: Vec<(&str, usize)> = sides.iter().map(|side| (side.name.as_str(), side.cells.len())).collect();
        assert_eq!(names, [("model = small", 2), ("model = large", 1)]);
        assert_eq!(ids(&pair_up(&sides[0], &sides[1], Some("model"))), ["1+2"]);
    }
}

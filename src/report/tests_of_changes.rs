//! A table that is held against earlier results, as it is read.

use super::tests::sweep;
use super::*;
use crate::metrics::CellSummary;

/// What was measured before: one cell not at all, one with other figures, one by the very same measurement.
fn earlier(cells: &[CellSummary]) -> Earlier {
    let mut earlier = Earlier::new();
    for (cell, other) in [(1, 3), (2, 2), (3, 5)] {
        let known = CellSummary { cell_id: cells[cell].cell_id.clone(), ..cells[other].clone() };
        earlier.insert(known.cell_id.clone(), known);
    }
    // The others began at another time.
    for cell in [1, 3] {
        if let Some(known) = earlier.get_mut(&cells[cell].cell_id) {
            known.repeats[0].start_unix_ns -= 1;
        }
    }
    earlier
}

#[test]
fn changes_stand_beside_the_figures() {
    let cells = &sweep()[..4];
    let table = comparison_since("edited", cells, &earlier(cells));
    let drawn = table.terminal(100, false);
    let expected = "";
    assert_eq!(drawn, expected, "\n{drawn}\n");
    assert!(drawn.starts_with(&table.brief(100, false)), "the brief one is the same without notes");
}

#[test]
fn without_an_earlier_result_there_is_no_change_to_tell() {
    let cells = sweep();
    assert_eq!(comparison_since("first", &cells, &Earlier::new()), comparison("first", &cells));
}

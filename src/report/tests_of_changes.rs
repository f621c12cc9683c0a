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
    let cells = sweep();
    let table = comparison_since("edited", &cells[..4], &earlier(&cells));
    let drawn = table.terminal(100, false);
    let expected = "\
edited · mode = synthetic · input_tokens = 64

                    TTFT ms             ITL ms            E2E ms           tokens/s
model   conc   p50   change   p99     p50   change  p50   change  p99   total   change  errors
──────  ────  ────────────────────  ──────────────  ──────────────────  ──────────────  ──────
small      1  42.0▲     new  43.0~   8.00▲          290▲          291~    107▲               -
small      4  45.0▲   -47 %  46.0~   8.00▲   -50 %  293▲   -50 %  294~    107▲  +4.8 %       -

medium     1  82.0     same  83.0~  16.00           578           579~    102                -
medium     4  85.0    -32 %  86.0~  16.00    -33 %  581    -33 %  582~    102   +4.6 %       -

▲ best among cells that differ in nothing but model or endpoint
~ too few samples to rely on: p50 needs 11, p99 needs 662
change: against the cell's previous result; same: not measured again; new: no previous result
no room for ITL ms p99, TPOT ms p50, TPOT ms p99, tokens/s each, req/s (summary.csv has all)";
    assert_eq!(drawn, expected, "\n{drawn}\n");
    assert!(drawn.starts_with(&table.brief(100, false)), "the brief one is the same without notes");
}

#[test]
fn without_an_earlier_result_there_is_no_change_to_tell() {
    let cells = sweep();
    assert_eq!(comparison_since("first", &cells, &Earlier::new()), comparison("first", &cells));
}

use std::collections::BTreeMap;

use super::grid::{Cell, Emphasis};
use super::marks::UNSURE;
use crate::metrics::{Better, CellSummary};

/// The results that a table is held against, by cell.
pub type Earlier = BTreeMap<String, CellSummary>;

/// A change from here on is coloured, in per cent.
const WORTH_A_LOOK: f64 = 1.0;

/// What a cell's result is beside an earlier one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Past<'e> {
    /// There is none.
    New,
    /// It is the same measurement.
    Same,
    /// The cell was measured again since.
    Measured(&'e CellSummary),
}

/// The past of each cell.
pub(super) fn pasts<'e>(cells: &[CellSummary], earlier: &'e Earlier) -> Vec<Past<'e>> {
    let past = |cell: &CellSummary| match earlier.get(&cell.cell_id) {
        None => Past::New,
        Some(known) if starts(known).eq(starts(cell)) => Past::Same,
        Some(known) => Past::Measured(known),
    };
    cells.iter().map(past).collect()
}

/// A repeat that was taken over keeps its start, and no two begin at the same nanosecond.
fn starts(cell: &CellSummary) -> impl Iterator<Item = (u32, i64)> {
    cell.repeats.iter().map(|repeat| (repeat.repeat, repeat.start_unix_ns))
}

/// A change from one value to another as it stands in the table; `sure` when both have the samples they need.
pub(super) fn change(from: Option<f64>, to: Option<f64>, better: Better, sure: bool) -> Cell {
    let (Some(from), Some(to)) = (from, to) else { return dim("-") };
    if from == 0.0 {
        return dim(if to == 0.0 { "0.0 %" } else { "-" });
    }
    let percent = (to / from - 1.0) * 100.0;
    let text = match percent.abs() {
        size if size < 0.05 => "0.0 %".to_owned(),
        size if size < 9.95 => format!("{percent:+.1} %"),
        size if size < 999.5 => format!("{percent:+.0} %"),
        _ => format!("x{:.0}", to / from),
    };
    if !sure {
        return Cell { mark: Some(UNSURE), ..dim(&text) };
    }
    let is_better = match better {
        Better::Lower => Some(percent < 0.0),
        Better::Higher => Some(percent > 0.0),
        Better::Neither => None,
    };
    let emphasis = match is_better.filter(|_| percent.abs() >= WORTH_A_LOOK) {
        Some(true) => Emphasis::Best,
        Some(false) => Emphasis::Worst,
        None => Emphasis::Plain,
    };
    Cell { emphasis, ..Cell::plain(text) }
}

/// What stands where there is no change to tell.
pub(super) fn word(past: Past<'_>) -> Option<Cell> {
    match past {
        Past::New => Some(Cell::plain("new")),
        Past::Same => Some(dim("same")),
        Past::Measured(_) => None,
    }
}

fn dim(text: &str) -> Cell {
    Cell { emphasis: Emphasis::Dim, ..Cell::plain(text) }
}

/// What the columns of changes mean.
pub(super) fn legend(pasts: &[Past<'_>]) -> Option<String> {
    let has = |wanted: fn(&Past<'_>) -> bool| pasts.iter().any(wanted);
    let mut words = Vec::new();
    if has(|past| matches!(past, Past::Measured(_))) {
        words.push("change: against the cell's previous result");
    }
    if has(|past| matches!(past, Past::Same)) {
        words.push("same: not measured again");
    }
    if has(|past| matches!(past, Past::New)) {
        words.push("new: no previous result");
    }
    (!words.is_empty()).then(|| words.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_per_cent() {
        for (from, to, sure, expected) in [
            (Some(100.0), Some(96.8), true, "-3.2 % Best"),
            (Some(100.0), Some(112.0), true, "+12 % Worst"),
            (Some(100.0), Some(100.9), true, "+0.9 % Plain"),
            (Some(100.0), Some(100.04), true, "0.0 % Plain"),
            (Some(100.0), Some(109.96), true, "+10 % Worst"),
            (Some(1.0), Some(25.0), true, "x25 Worst"),
            (Some(100.0), Some(50.0), false, "-50 %~ Dim"),
            (Some(0.0), Some(1.0), true, "- Dim"),
            (Some(0.0), Some(0.0), true, "0.0 % Dim"),
            (None, Some(1.0), true, "- Dim"),
            (Some(1.0), None, true, "- Dim"),
        ] {
            let Cell { text, mark, emphasis } = change(from, to, Better::Lower, sure);
            let shown = format!("{text}{} {emphasis:?}", mark.map(String::from).unwrap_or_default());
            assert_eq!(shown, expected, "{from:?} to {to:?}");
        }
        let up = |better| change(Some(1.0), Some(2.0), better, true).emphasis;
        assert_eq!((up(Better::Higher), up(Better::Neither)), (Emphasis::Best, Emphasis::Plain));
    }
}

use super::figures::column;
use super::grid::{Cell, Column};
use crate::metrics::CellSummary;
use crate::scenario::StopReason;

fn counts(cell: &CellSummary) -> (usize, usize) {
    let ended = cell.repeats.iter().filter_map(|repeat| repeat.stopped);
    let (certain, limit): (Vec<_>, Vec<_>) = ended.partition(|reason| *reason == StopReason::Certain);
    (certain.len(), limit.len())
}

/// Why repeats ended, where `load.stop_when` is set.
pub(super) fn stopped_column(cells: &[CellSummary]) -> Option<Column> {
    cells.iter().any(|cell| counts(cell) != (0, 0)).then(|| Column {
        expendable: 11,
        ..column("ended", cells, |cell| {
            Cell::plain(match counts(cell) {
                (0, 0) => "-".to_owned(),
                (_, 0) => "certain".to_owned(),
                (0, _) => "limit".to_owned(),
                (certain, limit) => format!("certain {certain} of {}", certain + limit),
            })
        })
    })
}

/// What to do where the figure was not certain in time.
pub(super) fn stopped_note(cells: &[CellSummary]) -> Option<String> {
    cells.iter().any(|cell| counts(cell).1 > 0).then(|| {
        "ended by limit: load.requests, load.duration or cell_timeout came before load.stop_when was certain".to_owned()
    })
}

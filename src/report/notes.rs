use super::grid::Grid;
use super::marks::{BEST, UNSURE, WORST};
use crate::metrics::{CellSummary, PERCENTILES};
use crate::text::plural;

/// What a reader must know besides the numbers: the marks that are there, what failed, what is off.
pub(super) fn notes(cells: &[CellSummary], grid: &Grid) -> Vec<String> {
    let mut notes = marks(grid);
    for cell in cells {
        let counts = &cell.requests;
        if counts.failed > 0 {
            let causes: Vec<String> = counts.causes.iter().map(|(cause, count)| format!("{count} {cause}")).collect();
            notes.push(format!("{}: {} failed: {}", cell.cell_id, requests(counts.failed), causes.join(", ")));
        }
        if counts.cancelled > 0 {
            notes.push(format!("{}: {} cancelled", cell.cell_id, requests(counts.cancelled)));
        }
        if counts.dropped > 0 {
            notes.push(format!("{}: {} dropped beyond max_in_flight", cell.cell_id, requests(counts.dropped)));
        }
    }
    let off: u64 = cells.iter().map(|cell| cell.input_tokens_off).sum();
    if off > 0 {
        notes.push(format!("input tokens: the server counted otherwise than asked for in {}", requests(off)));
    }
    notes
}

/// The marks that the grid shows, explained.
fn marks(grid: &Grid) -> Vec<String> {
    let mut notes = Vec::new();
    let marked: Vec<&str> =
        grid.columns.iter().filter(|column| column.shows(UNSURE)).map(|column| column.name.as_str()).collect();
    if grid.columns.iter().any(|column| column.shows(BEST) || column.shows(WORST)) {
        notes.push(format!("{BEST} best, {WORST} worst among cells that differ in nothing but model or endpoint"));
    }
    if !marked.is_empty() {
        let needs: Vec<String> = PERCENTILES
            .iter()
            .filter(|percentile| marked.iter().any(|name| name.contains(percentile.name)))
            .map(|percentile| format!("{} needs {}", percentile.name, percentile.needed))
            .collect();
        notes.push(format!("{UNSURE} too few samples to rely on: {}", needs.join(", ")));
    }
    notes
}

fn requests(count: u64) -> String {
    plural(usize::try_from(count).unwrap_or(usize::MAX), "request", "requests")
}

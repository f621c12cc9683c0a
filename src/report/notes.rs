use super::grid::Grid;
use super::marks::{BEST, UNSURE, WORST};
use crate::metrics::CellSummary;
use crate::text::plural;

/// What a reader must know besides the numbers: the marks that are there, what failed, what is off.
pub(super) fn notes(cells: &[CellSummary], grid: &Grid) -> Vec<String> {
    let has = |mark: char| grid.columns.iter().flat_map(|column| &column.cells).any(|cell| cell.text.contains(mark));
    let mut notes = Vec::new();
    if has(BEST) {
        notes.push(format!("{BEST} best, {WORST} worst among cells that differ in nothing but model or endpoint"));
    }
    if has(UNSURE) {
        notes.push(format!("{UNSURE} too few samples to rely on: p50 needs 11, p99 needs 662"));
    }
    for cell in cells.iter().filter(|cell| cell.requests.failed > 0) {
        let causes: Vec<String> =
            cell.requests.causes.iter().map(|(cause, count)| format!("{count} {cause}")).collect();
        notes.push(format!(
            "{}: {} failed: {}",
            cell.cell_id,
            plural_requests(cell.requests.failed),
            causes.join(", ")
        ));
    }
    for cell in cells.iter().filter(|cell| cell.requests.cancelled > 0) {
        notes.push(format!("{}: {} cancelled at cell_timeout", cell.cell_id, plural_requests(cell.requests.cancelled)));
    }
    let off: u64 = cells.iter().map(|cell| cell.input_tokens_off).sum();
    if off > 0 {
        notes.push(format!("input tokens: the server counted otherwise than asked for in {}", plural_requests(off)));
    }
    notes
}

fn plural_requests(count: u64) -> String {
    plural(usize::try_from(count).unwrap_or(usize::MAX), "request", "requests")
}

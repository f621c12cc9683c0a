use super::notes::MOST_NAMED;
use crate::metrics::CellSummary;
use crate::text::plural;

/// Whose certificate was not checked: a sentence below every table that has such a cell.
pub(super) fn unverified_note(cells: &[CellSummary], name: impl Fn(&CellSummary) -> String) -> Option<String> {
    let having: Vec<&CellSummary> = cells.iter().filter(|cell| cell.unverified).collect();
    let of = match having.len() {
        0 => return None,
        count if count == cells.len() => "all cells".to_owned(),
        1..=MOST_NAMED => having.into_iter().map(name).collect::<Vec<_>>().join("; "),
        count => plural(count, "cell", "cells"),
    };
    Some(format!(
        "{of}: NOT VERIFIED, anyone may have answered: tls.verify = false, the server's certificate was not checked"
    ))
}

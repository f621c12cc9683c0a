use super::figures::column;
use super::grid::{Cell, Column, Emphasis};
use super::notes::MOST_NAMED;
use crate::metrics::{CellSummary, ClientHealth, Verdict};
use crate::text::plural;
use crate::units::format_significant;

/// The verdict on the client, where it is not `ok` everywhere.
pub(super) fn client_column(cells: &[CellSummary]) -> Option<Column> {
    cells.iter().any(|cell| is_doubtful(cell)).then(|| {
        column("client", cells, |cell| match cell.client.verdict {
            Some(Verdict::Limited) => Cell::bad("limited"),
            Some(Verdict::Suspect) => Cell::plain("suspect"),
            Some(Verdict::Ok) => Cell { emphasis: Emphasis::Dim, ..Cell::plain("ok") },
            None => Cell { emphasis: Emphasis::Dim, ..Cell::plain("-") },
        })
    })
}

/// Why clients are not `ok`, the worst first, and how they did altogether.
pub(super) fn notes(cells: &[CellSummary], name: impl Fn(&CellSummary) -> String) -> Vec<String> {
    let mut doubtful: Vec<&CellSummary> = cells.iter().filter(|cell| is_doubtful(cell)).collect();
    doubtful.sort_by_key(|cell| std::cmp::Reverse(cell.client.verdict));
    let note = |cell: &&CellSummary| {
        let verdict = cell.client.verdict.map_or("", Verdict::as_str);
        format!("{}: client {verdict}: {}", name(cell), cell.client.reasons.join("; "))
    };
    let mut notes: Vec<String> = doubtful.iter().take(MOST_NAMED).map(note).collect();
    let rest = doubtful.len().saturating_sub(MOST_NAMED);
    if let (Some(last), true) = (notes.last_mut(), rest > 0) {
        *last = format!("{last}; {} more of the like", plural(rest, "cell", "cells"));
    }
    notes.extend(whole(cells));
    notes
}

/// `client: ok (loop lag p99 0.3 ms, CPU 12 %)`: the worst verdict and figures of all cells.
fn whole(cells: &[CellSummary]) -> Option<String> {
    let worst = cells.iter().filter_map(|cell| cell.client.verdict).max()?;
    let greatest =
        |of: fn(&ClientHealth) -> Option<f64>| cells.iter().filter_map(|cell| of(&cell.client)).reduce(f64::max);
    let lag =
        greatest(|client| client.loop_lag_ms_p99).map(|ms| format!("loop lag p99 {} ms", format_significant(ms, 2)));
    let cpu = greatest(|client| client.cpu_utilization).map(|share| format!("CPU {:.0} %", share * 100.0));
    let sends = greatest(|client| client.schedule_lag_ms_p99)
        .map(|ms| format!("schedule lag p99 {} ms", format_significant(ms, 2)));
    let figures: Vec<String> = lag.into_iter().chain(cpu).chain(sends).collect();
    let at_most = if cells.len() > 1 { "at most " } else { "" };
    let words = if worst == Verdict::Ok { "ok".to_owned() } else { counts(cells) };
    Some(if figures.is_empty() {
        format!("client: {words}")
    } else {
        format!("client: {words} ({at_most}{})", figures.join(", "))
    })
}

/// `limited in 1 cell, suspect in 2 cells`.
fn counts(cells: &[CellSummary]) -> String {
    let of = |verdict: Verdict| {
        let count = cells.iter().filter(|cell| cell.client.verdict == Some(verdict)).count();
        (count > 0).then(|| format!("{verdict} in {}", plural(count, "cell", "cells")))
    };
    of(Verdict::Limited).into_iter().chain(of(Verdict::Suspect)).collect::<Vec<_>>().join(", ")
}

fn is_doubtful(cell: &CellSummary) -> bool {
    cell.client.verdict.is_some_and(|verdict| verdict > Verdict::Ok)
}

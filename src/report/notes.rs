use super::axes::{shown, value};
use super::clients;
use super::failures::{causes, first_messages, sent_again};
use super::grid::Grid;
use super::marks::{BEST, UNSURE, WORST};
use super::reused::reused_note;
use super::scraped;
use super::servers;
use super::steady;
use super::stopped::stopped_note;
use crate::metrics::{CellSummary, PERCENTILES};
use crate::text::plural;
use crate::units::format_significant;

/// So many cells are named in a kind of note; the rest is counted.
pub(super) const MOST_NAMED: usize = 5;

/// What the marks mean: those that are there.
pub(super) fn legend(grid: &Grid) -> Vec<String> {
    let has = |mark: char| grid.columns.iter().flat_map(|column| &column.cells).any(|cell| cell.mark == Some(mark));
    let mut lines = Vec::new();
    if has(BEST) {
        let worst = if has(WORST) { format!(", {WORST} worst") } else { String::new() };
        lines.push(format!("{BEST} best{worst} among cells that differ in nothing but model or endpoint"));
    }
    if has(UNSURE) {
        let there = |name: &str| grid.columns.iter().any(|column| column.name == name);
        // A column of another name holds medians.
        let medians = !PERCENTILES.iter().any(|percentile| there(percentile.name));
        let needs: Vec<String> = PERCENTILES
            .iter()
            .filter(|percentile| there(percentile.name) || (medians && percentile.name == "p50"))
            .map(|percentile| format!("{} needs {}", percentile.name, percentile.needed))
            .collect();
        lines.push(format!("{UNSURE} too few samples to rely on: {}", needs.join(", ")));
    }
    lines
}

/// What a reader must know of the cells besides their numbers. A cell is named by what varies.
pub(super) fn facts(cells: &[CellSummary], varying: &[&str]) -> Vec<String> {
    let mut notes = each(
        cells,
        varying,
        |cell| cell.requests.failed,
        |cell, count| format!("{count} of {} failed: {}", requests(asked(cell)), causes(cell)),
    );
    notes.extend(first_messages(cells));
    notes.extend(each(cells, varying, |cell| cell.requests.sent_again, sent_again));
    notes.extend(each(
        cells,
        varying,
        |cell| cell.requests.dropped,
        |cell, count| format!("{count} of {} dropped: due while max_in_flight were in flight", requests(asked(cell))),
    ));
    notes.extend(each(
        cells,
        varying,
        |cell| cell.requests.cancelled,
        |cell, count| {
            format!(
                "{count} of {} cancelled: in flight at cell_timeout or when the run was stopped",
                requests(asked(cell))
            )
        },
    ));
    notes.extend(each(cells, varying, |cell| cell.input_tokens_off, input_tokens));
    notes.extend(each(cells, varying, |cell| cell.output_tokens_off, output_tokens));
    notes.extend(each(cells, varying, ends_otherwise, |cell, _| finish_reasons(cell)));
    let estimated: u64 = cells.iter().map(|cell| cell.itl_estimated).sum();
    if estimated > 0 {
        notes.push(format!("ITL and TPOT are estimates in {}: tokens were shared out by bytes", requests(estimated)));
    }
    notes.extend(sampled(cells));
    notes.extend(told_by_the_run(cells, varying));
    notes.extend(stopped_note(cells));
    notes.extend(reused_note(cells));
    notes.extend(steady::notes(cells, varying));
    notes.extend(servers::switching_notes(cells, varying));
    notes.extend(scraped::notes(cells, varying));
    notes.extend(clients::notes(cells, |cell| name(cell, varying)));
    notes
}

/// Answers that did not end for the reason that most of the cell's did.
fn ends_otherwise(cell: &CellSummary) -> u64 {
    let counts = cell.finish_reasons.values();
    counts.clone().sum::<u64>() - counts.max().copied().unwrap_or(0)
}

fn finish_reasons(cell: &CellSummary) -> String {
    let mut reasons: Vec<(&String, &u64)> = cell.finish_reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    format!("answers ended for different reasons: {}", reasons.join(", "))
}

/// Where inter-token latencies are those of some requests only.
fn sampled(cells: &[CellSummary]) -> Option<String> {
    let some = cells.iter().filter(|cell| cell.itl_left_out > 0 && cell.metric("itl_ms").is_some());
    let (left_out, all) =
        some.fold((0, 0), |(left_out, all), cell| (left_out + cell.itl_left_out, all + cell.requests.completed));
    (left_out > 0).then(|| format!("ITL is that of {} of {}: output.chunk_times", all - left_out, requests(all)))
}

/// What the run noted of its cells: each note once, with the cells that have it.
fn told_by_the_run(cells: &[CellSummary], varying: &[&str]) -> Vec<String> {
    let mut having: Vec<(&str, Vec<String>)> = Vec::new();
    for cell in cells {
        for note in &cell.notes {
            match having.iter_mut().find(|(known, _)| known == note) {
                Some((_, names)) => names.push(name(cell, varying)),
                None => having.push((note, vec![name(cell, varying)])),
            }
        }
    }
    let said = |(note, names): (&str, Vec<String>)| match names.len() {
        1..=MOST_NAMED => format!("{}: {note}", names.join("; ")),
        count if count == cells.len() => format!("all cells: {note}"),
        count => format!("{}: {note}", plural(count, "cell", "cells")),
    };
    having.into_iter().map(said).collect()
}

/// A note for each cell that has some of it, the most first.
pub(super) fn each(
    cells: &[CellSummary],
    varying: &[&str],
    count: fn(&CellSummary) -> u64,
    says: fn(&CellSummary, u64) -> String,
) -> Vec<String> {
    let mut having: Vec<&CellSummary> = cells.iter().filter(|cell| count(cell) > 0).collect();
    having.sort_by_key(|cell| std::cmp::Reverse(count(cell)));
    let named = having.iter().take(MOST_NAMED);
    let mut notes: Vec<String> =
        named.map(|cell| format!("{}: {}", name(cell, varying), says(cell, count(cell)))).collect();
    let rest = having.get(MOST_NAMED..).unwrap_or_default();
    if let (Some(last), false) = (notes.last_mut(), rest.is_empty()) {
        let more: u64 = rest.iter().map(|cell| count(cell)).sum();
        *last = format!("{last}; {more} more in {}", plural(rest.len(), "other cell", "other cells"));
    }
    notes
}

/// The cell by what varies, as `--only` takes it.
pub(super) fn name(cell: &CellSummary, varying: &[&str]) -> String {
    if varying.is_empty() {
        return cell.cell_id.clone();
    }
    let parts: Vec<String> = varying
        .iter()
        .map(|axis| (axis, value(cell, axis)))
        .filter(|(_, value)| !value.is_null())
        .map(|(axis, value)| format!("{axis}={}", shown(value)))
        .collect();
    parts.join(" ")
}

fn input_tokens(cell: &CellSummary, count: u64) -> String {
    tokens(cell, count, "input_tokens", "input_tokens_server", "input tokens")
}

fn output_tokens(cell: &CellSummary, count: u64) -> String {
    tokens(cell, count, "output_tokens", "output_tokens_server", "output tokens")
}

/// Tokens that the server counted otherwise than an axis asks for.
fn tokens(cell: &CellSummary, count: u64, axis: &str, metric: &str, what: &str) -> String {
    let rows = format!("{count} of {}", requests(cell.requests.completed));
    let asked = value(cell, axis);
    match cell.metric(metric).and_then(|summary| summary.p50) {
        Some(median) if asked.is_number() => {
            let server = format_significant(median, 6);
            format!("{what}: the server counted {server} (median), {} asked for, in {rows}", shown(asked))
        }
        _ => format!("{what}: the server counted otherwise than asked for in {rows}"),
    }
}

/// All measured requests of a cell.
pub(super) fn asked(cell: &CellSummary) -> u64 {
    let counts = &cell.requests;
    counts.completed + counts.failed + counts.cancelled + counts.dropped
}

pub(super) fn requests(count: u64) -> String {
    plural(usize::try_from(count).unwrap_or(usize::MAX), "request", "requests")
}

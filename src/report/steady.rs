use super::notes::{MOST_NAMED, name};
use crate::metrics::{CellSummary, SteadySummary};
use crate::text::plural;
use crate::units::format_significant;

/// From this relative difference on, raw and steady figures are told apart.
const DIFFERS: f64 = 0.05;
/// The same for medians of a latency, which fluctuate more.
const MEDIAN_DIFFERS: f64 = 0.10;

/// The cells with the figures of their steady windows in place of the raw ones; none where there is no window.
pub(super) fn in_steady_state(cells: &[CellSummary]) -> Vec<CellSummary> {
    let steady_only = |cell: &CellSummary| {
        let mut view = cell.clone();
        let steady = view.steady.take();
        let figure = |of: fn(&SteadySummary) -> Option<f64>| steady.as_ref().and_then(of);
        view.duration_s = figure(|steady| steady.duration_s);
        view.request_throughput = figure(|steady| steady.request_throughput);
        view.output_token_throughput = figure(|steady| steady.output_token_throughput);
        view.total_token_throughput = figure(|steady| steady.total_token_throughput);
        view.mean_in_flight = figure(|steady| steady.mean_in_flight);
        view.metrics = steady.map(|steady| steady.metrics).unwrap_or_default();
        view
    };
    cells.iter().map(steady_only).collect()
}

/// Whether some cell has a steady window.
pub(super) fn has_steady_state(cells: &[CellSummary]) -> bool {
    cells.iter().any(|cell| window(cell).is_some())
}

/// The output tokens a second in steady state, of every cell, once they differ from the raw ones in one.
pub(super) fn throughput(cell: &CellSummary) -> Option<f64> {
    window(cell)?.output_token_throughput
}

/// Whether raw and steady throughput tell different stories somewhere.
pub(super) fn throughput_differs(cells: &[CellSummary]) -> bool {
    cells.iter().any(|cell| differ(cell.output_token_throughput, throughput(cell), DIFFERS))
}

/// What a reader must know of the cells' steady windows: a line a kind.
pub(super) fn notes(cells: &[CellSummary], varying: &[&str]) -> Vec<String> {
    let lacking = each(cells, varying, 1, |cell| cell.steady.as_ref()?.reason.clone());
    let drifting = each(cells, varying, MOST_NAMED, drift);
    let medians = each(cells, varying, MOST_NAMED, median);
    let mut notes = Vec::new();
    if throughput_differs(cells) {
        notes.push("steady: tokens/s between ramp and drain; `show RUN --steady` draws every figure so".to_owned());
    }
    notes.extend(medians.map(|cells| format!("TTFT p50 in steady state: {cells}")));
    notes.extend(drifting.map(|cells| format!("still changing in its steady window, run it longer: {cells}")));
    notes.extend(lacking.map(|cells| format!("no steady state, figures hold ramp and drain: {cells}")));
    notes
}

fn window(cell: &CellSummary) -> Option<&SteadySummary> {
    cell.steady.as_ref().filter(|steady| steady.reason.is_none())
}

fn differ(raw: Option<f64>, steady: Option<f64>, by: f64) -> bool {
    raw.zip(steady).is_some_and(|(raw, steady)| (raw - steady).abs() > by * raw.abs())
}

/// `TTFT +43 %, tokens/s -12 %`.
fn drift(cell: &CellSummary) -> Option<String> {
    let changes = window(cell)?.drift();
    let text = |(metric, change): (&&str, &f64)| {
        let word = if *metric == "ttft_ms" { "TTFT" } else { "tokens/s" };
        format!("{word} {:+.0} %", change * 100.0)
    };
    let texts: Vec<String> = changes.iter().map(text).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// `812 ms, 1402 over all`, where that is worth a word and both have the samples they need.
fn median(cell: &CellSummary) -> Option<String> {
    let (raw, steady) = (cell.metric("ttft_ms")?, window(cell)?.metric("ttft_ms")?);
    let worth = raw.is_sure("p50") && steady.is_sure("p50") && differ(raw.p50, steady.p50, MEDIAN_DIFFERS);
    let (raw, steady) = raw.p50.zip(steady.p50).filter(|_| worth)?;
    Some(format!("{} ms, {} over all", format_significant(steady, 4), format_significant(raw, 4)))
}

/// The cells that have something to say, the first ones by name.
fn each(
    cells: &[CellSummary],
    varying: &[&str],
    most: usize,
    says: fn(&CellSummary) -> Option<String>,
) -> Option<String> {
    let said: Vec<(&CellSummary, String)> = cells.iter().filter_map(|cell| Some((cell, says(cell)?))).collect();
    let texts = said.iter().take(most).map(|(cell, text)| format!("{}: {text}", name(cell, varying)));
    let mut texts: Vec<String> = texts.collect();
    if let Some(more) = said.len().checked_sub(most).filter(|more| *more > 0) {
        texts.push(format!("and {}", plural(more, "other cell", "other cells")));
    }
    (!texts.is_empty()).then(|| texts.join("; "))
}

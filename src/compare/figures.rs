use std::collections::BTreeSet;

use super::matching::CellPair;
use crate::metrics::{Better, Figure, METRICS};

/// The statistics of a metric that are judged unless other figures are asked for: its middle, its mean and its tail.
const STATS: [&str; 3] = ["mean", "p50", "p99"];
/// Figures of a cell as a whole that are judged.
const WHOLE: [&str; 4] = ["request_throughput", "output_token_throughput", "goodput", "error_rate"];
/// Metrics that say again what another one says: they are judged only where they are asked for, so that the guard over
/// all figures costs no more than it must.
const AGAIN: [&str; 3] = ["tpot_classic_ms", "output_tokens_per_s", "chunk_gap_ms"];

/// The figures by which a pair of cells is judged: those that are asked for, else all that both have and that have a good
/// side; and those that a gate asks for.
pub(super) fn judged(pair: &CellPair<'_>, asked: &[Figure], gated: &[Figure]) -> Vec<Figure> {
    let usual = || {
        let metrics = METRICS.iter().filter(|metric| metric.better != Better::Neither && !AGAIN.contains(&metric.name));
        let of_metrics = metrics.flat_map(|metric| STATS.map(|stat| Figure::of_metric(metric.name, stat)));
        of_metrics.chain(WHOLE.map(Figure::of_whole)).collect::<Vec<_>>()
    };
    let figures = if asked.is_empty() { usual() } else { asked.to_vec() };
    let mut seen = BTreeSet::new();
    let wanted = |figure: &Figure| {
        let has = |cell: &crate::metrics::CellSummary| match figure.stat() {
            // A figure that hangs on requests that never came is one, though it has no number.
            Some(_) => cell.metric(figure.name()).is_some(),
            None => figure.of(cell).is_some(),
        };
        has(&pair.a.summary) || has(&pair.b.summary)
    };
    figures
        .into_iter()
        .chain(gated.iter().cloned())
        .filter(wanted)
        .filter(|figure| seen.insert(figure.clone()))
        .collect()
}

/// Whether a figure is shown even where nothing is to be said of it.
#[must_use]
pub(super) fn is_main(figure: &Figure) -> bool {
    const MAIN: [(&str, &str); 6] = [
        ("ttft_ms", "p50"),
        ("ttft_ms", "p99"),
        ("itl_ms", "p50"),
        ("tpot_ms", "p50"),
        ("e2e_ms", "p50"),
        ("e2e_ms", "p99"),
    ];
    match figure.stat() {
        Some(stat) => MAIN.contains(&(figure.name(), stat)),
        None => figure.name() == "output_token_throughput",
    }
}

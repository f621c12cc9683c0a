use serde_json::Value;

use crate::metrics::{CellSummary, METRICS, MetricSummary};
use crate::scenario::AxisName;

/// The summaries as CSV (RFC 4180): one row a cell, every number as it is, an undefined one empty.
#[must_use]
pub fn summary_csv(cells: &[CellSummary]) -> String {
    let axes = axis_names(cells);
    let metrics = metric_names(cells);
    let mut header: Vec<String> = vec!["cell_id".to_owned()];
    header.extend(axes.iter().cloned());
    header.extend(FIGURES.iter().map(|(name, _)| (*name).to_owned()));
    for metric in &metrics {
        header.push(format!("{metric}_count"));
        header.extend(MetricSummary::default().figures().iter().map(|(stat, _)| format!("{metric}_{stat}")));
    }
    let mut lines = vec![line(&header)];
    for cell in cells {
        let mut fields = vec![cell.cell_id.clone()];
        fields.extend(axes.iter().map(|axis| match cell.axes.get(axis) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }));
        fields.extend(FIGURES.iter().map(|(_, of)| number(of(cell))));
        for metric in &metrics {
            let summary = cell.metrics.get(metric);
            fields.push(summary.map_or_else(String::new, |summary| summary.count.to_string()));
            let figures = summary.map(MetricSummary::figures);
            fields.extend((0..12).map(|at| number(figures.and_then(|figures| figures[at].1))));
        }
        lines.push(line(&fields));
    }
    lines.join("")
}

type OfCell = fn(&CellSummary) -> Option<f64>;

const FIGURES: [(&str, OfCell); 13] = [
    ("completed", |cell| Some(count(cell.requests.completed))),
    ("failed", |cell| Some(count(cell.requests.failed))),
    ("cancelled", |cell| Some(count(cell.requests.cancelled))),
    ("dropped", |cell| Some(count(cell.requests.dropped))),
    ("duration_s", |cell| cell.duration_s),
    ("offered_rate", |cell| cell.offered_rate),
    ("request_throughput", |cell| cell.request_throughput),
    ("output_token_throughput", |cell| cell.output_token_throughput),
    ("total_token_throughput", |cell| cell.total_token_throughput),
    ("mean_in_flight", |cell| cell.mean_in_flight),
    ("error_rate", |cell| cell.error_rate),
    ("goodput", |cell| cell.goodput),
    ("cost_usd", |cell| cell.cost_usd),
];

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(count: u64) -> f64 {
    count as f64
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn axis_names(cells: &[CellSummary]) -> Vec<String> {
    let mut names: Vec<AxisName> =
        cells.iter().flat_map(|cell| cell.axes.keys()).map(|axis| AxisName::from_word(axis)).collect();
    names.sort();
    names.dedup();
    names.iter().map(|name| name.as_str().to_owned()).collect()
}

/// The metrics of the list, then those of `server_metrics` that a cell has.
fn metric_names(cells: &[CellSummary]) -> Vec<String> {
    let mut names: Vec<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    let mut extra: Vec<String> =
        cells.iter().flat_map(|cell| cell.metrics.keys()).filter(|name| !names.contains(name)).cloned().collect();
    extra.sort();
    extra.dedup();
    names.extend(extra);
    names
}

fn line(fields: &[String]) -> String {
    let quoted: Vec<String> = fields
        .iter()
        .map(|field| {
            if field.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", field.replace('"', "\"\""))
            } else {
                field.clone()
            }
        })
        .collect();
    quoted.join(",") + "\r\n"
}

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::Value;

use super::axes::{axis_names, value};
use crate::metrics::{CellSummary, METRICS, MetricSummary};

/// The summaries as CSV (RFC 4180): one row a cell, every number as it is, an undefined one empty.
#[must_use]
pub fn summary_csv(cells: &[CellSummary]) -> String {
    let axes = axis_names(cells);
    let metrics = metric_names(cells);
    let of_metrics = metrics
        .iter()
        .flat_map(|metric| ["count"].iter().chain(&MetricSummary::FIGURES).map(move |word| format!("{metric}_{word}")));
    let figures = FIGURES.iter().map(|(name, _)| (*name).to_owned());
    let header: Vec<String> =
        ["cell_id".to_owned()].into_iter().chain(axes.iter().cloned()).chain(figures).chain(of_metrics).collect();
    let mut text = line(&header);
    for cell in cells {
        let mut fields = vec![cell.cell_id.clone()];
        fields.extend(axes.iter().map(|axis| match value(cell, axis) {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }));
        fields.extend(FIGURES.iter().map(|(_, of)| of(cell)));
        for metric in &metrics {
            let summary = cell.metric(metric);
            fields.push(known(summary.map(|summary| summary.count)));
            let figure = |word: &&str| known(summary.and_then(|summary| summary.figure(word)));
            fields.extend(MetricSummary::FIGURES.iter().map(figure));
        }
        text += &line(&fields);
    }
    text
}

type OfCell = fn(&CellSummary) -> String;

/// Every figure of a cell that belongs to no metric; a test holds the list against `summary.json`.
const FIGURES: [(&str, OfCell); 27] = [
    ("completed", |cell| cell.requests.completed.to_string()),
    ("failed", |cell| cell.requests.failed.to_string()),
    ("cancelled", |cell| cell.requests.cancelled.to_string()),
    ("dropped", |cell| cell.requests.dropped.to_string()),
    ("causes", |cell| counts(&cell.requests.causes)),
    ("http_statuses", |cell| counts(&cell.requests.http_statuses)),
    ("finish_reasons", |cell| counts(&cell.finish_reasons)),
    ("duration_s", |cell| known(cell.duration_s)),
    ("offered_rate", |cell| known(cell.offered_rate)),
    ("delivered_rate", |cell| known(cell.delivered_rate)),
    ("request_throughput", |cell| known(cell.request_throughput)),
    ("output_token_throughput", |cell| known(cell.output_token_throughput)),
    ("total_token_throughput", |cell| known(cell.total_token_throughput)),
    ("mean_in_flight", |cell| known(cell.mean_in_flight)),
    ("error_rate", |cell| known(cell.error_rate)),
    ("goodput", |cell| known(cell.goodput)),
    ("slo_good_share", |cell| known(cell.slo.as_ref().map(|slo| slo.good_share))),
    ("slo_pass", |cell| known(cell.slo.as_ref().and_then(|slo| slo.pass))),
    ("client_verdict", |cell| known(cell.client.verdict.as_ref())),
    ("client_reasons", |cell| cell.client.reasons.join("; ")),
    ("client_schedule_lag_ms_p99", |cell| known(cell.client.schedule_lag_ms_p99)),
    ("client_loop_lag_ms_p99", |cell| known(cell.client.loop_lag_ms_p99)),
    ("client_cpu_utilization", |cell| known(cell.client.cpu_utilization)),
    ("repeats", |cell| cell.repeats.len().to_string()),
    ("cost_usd", |cell| known(cell.cost_usd)),
    ("input_tokens_off", |cell| cell.input_tokens_off.to_string()),
    ("itl_estimated", |cell| cell.itl_estimated.to_string()),
];

fn known(value: Option<impl Display>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// `503=2; 500=1`, by key.
fn counts<K: Display>(counts: &BTreeMap<K, u64>) -> String {
    counts.iter().map(|(key, count)| format!("{key}={count}")).collect::<Vec<_>>().join("; ")
}

/// The metrics of the list, then those of `server_metrics` that a cell has.
fn metric_names(cells: &[CellSummary]) -> Vec<String> {
    let listed: Vec<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    let mut extra: Vec<String> =
        cells.iter().flat_map(|cell| cell.metrics.keys()).filter(|name| !listed.contains(name)).cloned().collect();
    extra.sort();
    extra.dedup();
    listed.into_iter().chain(extra).collect()
}

fn line(fields: &[String]) -> String {
    let quoted = fields.iter().map(|field| {
        let bare = !field.contains([',', '"', '\n', '\r']);
        if bare { field.clone() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}

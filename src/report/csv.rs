use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::Value;

use super::axes::{axis_names, value};
use super::scraped::csv_columns;
use crate::metrics::{
    BatchSource, BatchSummary, CellSummary, Interval, METRICS, MetricSummary, SteadySummary, SwitchingSummary,
};

/// The summaries as CSV (RFC 4180): one row a cell, every number as it is, an undefined one empty.
#[must_use]
pub fn summary_csv(cells: &[CellSummary]) -> String {
    let axes = axis_names(cells);
    let metrics = metric_names(cells);
    let of_metrics = metrics.iter().flat_map(|metric| {
        ["count"].iter().chain(&MetricSummary::FIGURES).chain(&["ci95"]).map(move |word| format!("{metric}_{word}"))
    });
    let of_metrics: Vec<String> = of_metrics.collect();
    let figures = FIGURES.iter().map(|(name, _)| (*name).to_owned());
    let mut header: Vec<String> =
        ["cell_id".to_owned()].into_iter().chain(axes.iter().cloned()).chain(figures).collect();
    header.extend(of_metrics.iter().cloned());
    header.extend(STEADY.iter().map(|(name, _)| (*name).to_owned()));
    header.extend(of_metrics.iter().map(|name| format!("steady_{name}")));
    let pages = csv_columns(cells);
    header.extend(pages.iter().map(|(name, _)| name.clone()));
    let mut text = line(&header);
    for cell in cells {
        let mut fields = vec![cell.cell_id.clone()];
        fields.extend(axes.iter().map(|axis| match value(cell, axis) {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }));
        fields.extend(FIGURES.iter().map(|(_, of)| of(cell)));
        fields.extend(metrics.iter().flat_map(|metric| metric_fields(cell.metric(metric))));
        let steady = cell.steady.as_ref();
        fields.extend(STEADY.iter().map(|(_, of)| steady.map_or_else(String::new, of)));
        fields.extend(metrics.iter().flat_map(|metric| metric_fields(steady.and_then(|steady| steady.metric(metric)))));
        let scraped = cell.scraped.as_ref();
        fields.extend(pages.iter().map(|(_, of)| scraped.and_then(of).unwrap_or_default()));
        text += &line(&fields);
    }
    text
}

/// A metric's count, figures and intervals.
fn metric_fields(summary: Option<&MetricSummary>) -> impl Iterator<Item = String> {
    let count = known(summary.map(|summary| summary.count));
    let figure = move |word: &&str| known(summary.and_then(|summary| summary.figure(word)));
    let ci95 = summary.map_or_else(String::new, |summary| intervals(summary.ci95.as_ref()));
    std::iter::once(count).chain(MetricSummary::FIGURES.iter().map(figure)).chain([ci95])
}

type OfCell = fn(&CellSummary) -> String;

/// Every figure of a cell that belongs to no metric; a test holds the list against `summary.json`.
const FIGURES: [(&str, OfCell); 57] = [
    ("completed", |cell| cell.requests.completed.to_string()),
    ("failed", |cell| cell.requests.failed.to_string()),
    ("cancelled", |cell| cell.requests.cancelled.to_string()),
    ("dropped", |cell| cell.requests.dropped.to_string()),
    ("causes", |cell| counts(&cell.requests.causes)),
    ("http_statuses", |cell| counts(&cell.requests.http_statuses)),
    ("first_messages", |cell| {
        let said = cell.requests.first_messages.iter();
        said.map(|(cause, message)| format!("{cause}: {message}")).collect::<Vec<_>>().join("; ")
    }),
    ("sent_again", |cell| cell.requests.sent_again.to_string()),
    ("attempt_causes", |cell| counts(&cell.requests.attempt_causes)),
    ("finish_reasons", |cell| counts(&cell.finish_reasons)),
    ("duration_s", |cell| known(cell.duration_s)),
    ("offered_rate", |cell| known(cell.offered_rate)),
    ("sent_rate", |cell| known(cell.sent_rate)),
    ("request_throughput", |cell| known(cell.request_throughput)),
    ("output_token_throughput", |cell| known(cell.output_token_throughput)),
    ("total_token_throughput", |cell| known(cell.total_token_throughput)),
    ("mean_in_flight", |cell| known(cell.mean_in_flight)),
    ("error_rate", |cell| known(cell.error_rate)),
    ("ci95", |cell| intervals(cell.ci95.as_ref())),
    ("goodput", |cell| known(cell.goodput)),
    ("slo_good_share", |cell| known(cell.slo.as_ref().map(|slo| slo.good_share))),
    ("slo_ci95", |cell| known(cell.slo.as_ref().and_then(|slo| slo.ci95).map(bounds))),
    ("slo_pass", |cell| known(cell.slo.as_ref().and_then(|slo| slo.pass))),
    ("client_verdict", |cell| known(cell.client.verdict.as_ref())),
    ("client_reasons", |cell| cell.client.reasons.join("; ")),
    ("client_schedule_lag_ms_p99", |cell| known(cell.client.schedule_lag_ms_p99)),
    ("client_loop_lag_ms_p99", |cell| known(cell.client.loop_lag_ms_p99)),
    ("client_loop_lag_ms_max", |cell| known(cell.client.loop_lag_ms_max)),
    ("client_cpu_utilization", |cell| known(cell.client.cpu_utilization)),
    ("client_process_cpu_utilization", |cell| known(cell.client.process_cpu_utilization)),
    ("client_run_queue_wait", |cell| known(cell.client.run_queue_wait)),
    ("client_throttled", |cell| known(cell.client.throttled)),
    ("client_steal", |cell| known(cell.client.steal)),
    ("client_delivered_rate", |cell| known(cell.client.delivered_rate)),
    ("client_descriptors", |cell| known(cell.client.descriptors)),
    ("client_descriptor_limit", |cell| known(cell.client.descriptor_limit)),
    ("client_retransmitted", |cell| known(cell.client.retransmitted)),
    ("client_journal_backlog", |cell| known(cell.client.journal_backlog)),
    ("client_out_of_descriptors", |cell| cell.client.out_of_descriptors.to_string()),
    ("client_out_of_ports", |cell| cell.client.out_of_ports.to_string()),
    ("client_simulator_inside", |cell| cell.client.simulator_inside.to_string()),
    ("batches_source", |cell| batches(cell, |batches| source(batches).to_owned())),
    ("batches_requests", |cell| batches(cell, |batches| counts(&batches.requests))),
    ("batches_representative", |cell| batches(cell, |batches| known(batches.representative))),
    ("switching_switches", |cell| switching(cell, |found| found.switches.to_string())),
    ("switching_ms", |cell| switching(cell, |found| known(found.switching_ms))),
    ("switching_first_excess_ms", |cell| switching(cell, |found| found.first_excess_ms.to_string())),
    ("switching_spread_ms", |cell| switching(cell, |found| found.spread_ms.to_string())),
    ("switching_control_ms", |cell| switching(cell, |found| known(found.control_ms))),
    ("switching_noise_ms", |cell| switching(cell, |found| found.noise_ms.to_string())),
    ("repeats", |cell| cell.repeats.len().to_string()),
    ("cost_usd", |cell| known(cell.cost_usd)),
    ("input_tokens_off", |cell| cell.input_tokens_off.to_string()),
    ("output_tokens_off", |cell| cell.output_tokens_off.to_string()),
    ("itl_estimated", |cell| cell.itl_estimated.to_string()),
    ("itl_left_out", |cell| cell.itl_left_out.to_string()),
    ("unverified", |cell| cell.unverified.to_string()),
];

type OfSteady = fn(&SteadySummary) -> String;

/// Every figure of a cell's steady windows that belongs to no metric.
const STEADY: [(&str, OfSteady); 9] = [
    ("steady_rule", |steady| steady.rule.clone()),
    ("steady_reason", |steady| known(steady.reason.as_ref())),
    ("steady_requests", |steady| steady.requests.to_string()),
    ("steady_duration_s", |steady| known(steady.duration_s)),
    ("steady_request_throughput", |steady| known(steady.request_throughput)),
    ("steady_output_token_throughput", |steady| known(steady.output_token_throughput)),
    ("steady_total_token_throughput", |steady| known(steady.total_token_throughput)),
    ("steady_mean_in_flight", |steady| known(steady.mean_in_flight)),
    ("steady_drift", |steady| {
        let changes = steady.drift();
        changes.iter().map(|(name, change)| format!("{name}={change}")).collect::<Vec<_>>().join("; ")
    }),
];

fn batches(cell: &CellSummary, of: impl FnOnce(&BatchSummary) -> String) -> String {
    cell.batches.as_ref().map_or_else(String::new, of)
}

fn source(batches: &BatchSummary) -> &'static str {
    match batches.source {
        BatchSource::Server => "server",
        BatchSource::Estimate => "estimate",
    }
}

fn switching(cell: &CellSummary, of: impl FnOnce(&SwitchingSummary) -> String) -> String {
    cell.switching.as_ref().map_or_else(String::new, of)
}

fn known(value: Option<impl Display>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// `mean=10.2..11; p50=10..10.9`; nothing stands where nothing bounds a figure.
fn intervals(of: Option<&BTreeMap<String, Interval>>) -> String {
    let each = of.into_iter().flatten().map(|(name, interval)| format!("{name}={}", bounds(*interval)));
    each.collect::<Vec<_>>().join("; ")
}

fn bounds([low, high]: Interval) -> String {
    format!("{}..{}", known(low), known(high))
}

/// `503=2; 500=1`, by key.
pub(super) fn counts<K: Display>(counts: &BTreeMap<K, u64>) -> String {
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

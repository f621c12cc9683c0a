use std::collections::{BTreeMap, BTreeSet};

use hyper::HeaderMap;
use serde_json::Value;

use crate::record::ServerReport;
use crate::scenario::{Endpoint, ServerMetric};

use super::route::Route;
use super::server_figures::{FigureTable, KnownFigure, Quantity};

/// What is read from an answer about the server's own work.
#[derive(Debug)]
pub(crate) struct MetricTable {
    known: &'static FigureTable,
    extra: Vec<ExtraMetric>,
}

/// The columns that an endpoint's answers fill besides those of every run: the protocol's and the scenario's own.
pub fn server_columns(endpoint: &Endpoint) -> BTreeSet<String> {
    let known = Route::of(endpoint.api, endpoint.base_url.as_deref().unwrap_or_default(), endpoint.stream);
    let known = known.iter().flat_map(|route| route.provider.server_figures().quantities());
    let known = known.map(|quantity| quantity.column().to_owned());
    let extra = endpoint.server_metrics.iter().map(|(name, metric)| metric.column(name));
    known.chain(extra).filter(|column| Quantity::of_column(column).is_none()).collect()
}

/// A metric that the scenario asks for.
#[derive(Debug)]
struct ExtraMetric {
    column: String,
    pointer: String,
    /// The pointer's last key in quotes: an event without it is not worth keeping.
    mark: Vec<u8>,
    scale: f64,
}

impl ExtraMetric {
    fn new(name: &str, metric: &ServerMetric) -> Self {
        let scale = if metric.unit.as_deref() == Some("s") { 1000.0 } else { 1.0 };
        let is_index = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
        let key = metric.pointer.rsplit('/').find(|part| !is_index(part)).unwrap_or("");
        let key = key.replace("~1", "/").replace("~0", "~");
        Self {
            column: metric.column(name),
            pointer: metric.pointer.clone(),
            mark: if key.is_empty() { Vec::new() } else { Value::String(key).to_string().into_bytes() },
            scale,
        }
    }

    /// Whether an event says something about the metric other than that it is null.
    fn is_in(&self, event: &[u8]) -> bool {
        let Some(at) = find(event, &self.mark) else { return false };
        let value = event[at + self.mark.len()..].trim_ascii_start();
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii_start();
        !value.starts_with(b"null")
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    let Some(first) = part.first() else { return Some(0) };
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| byte == first).map(|at| from + at) {
        if text[at..].starts_with(part) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

impl MetricTable {
    /// The provider's table and the endpoint's own metrics.
    pub(crate) fn new(known: &'static FigureTable, extra: &BTreeMap<String, ServerMetric>) -> Self {
        Self { known, extra: extra.iter().map(|(name, metric)| ExtraMetric::new(name, metric)).collect() }
    }
}

/// The events of one answer that tell of the server's work, kept raw: they are parsed after the end.
#[derive(Debug, Default)]
pub(crate) struct ServerNotes {
    /// The last event that says why the answer ended, where it has no usage, and behind it the last one with usage.
    last: Vec<u8>,
    /// Where the second begins.
    usage_at: usize,
    /// For each extra metric, the last event that has it.
    extra: Vec<Vec<u8>>,
    /// What headers say, milliseconds.
    headers: Vec<(Quantity, u32)>,
}

/// Bytes that an event with usage takes, about: one allocation holds it and the one before.
const ROOM_FOR_USAGE: usize = 1024;

impl ServerNotes {
    /// Keeps an event if it tells something.
    pub(crate) fn note(&mut self, event: &[u8], has_usage: bool, is_end: bool, table: &MetricTable) {
        if has_usage {
            self.last.truncate(self.usage_at);
            self.last.extend_from_slice(event);
        } else if is_end {
            self.last.reserve(event.len() + ROOM_FOR_USAGE);
            self.last.splice(..self.usage_at, event.iter().copied());
            self.usage_at = event.len();
        }
        if !table.extra.is_empty() {
            self.extra.resize_with(table.extra.len(), Vec::new);
            for (kept, _) in self.extra.iter_mut().zip(&table.extra).filter(|(_, metric)| metric.is_in(event)) {
                keep(kept, event);
            }
        }
    }

    /// Keeps what the headers of an answer tell that is not streamed.
    pub(crate) fn note_headers(&mut self, headers: &HeaderMap, table: &MetricTable) {
        for (name, quantity) in table.known.headers {
            // Other servers have seconds under these names, with a fraction.
            let value = headers.get(*name).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            self.headers.extend(value.map(|ms| (*quantity, ms)));
        }
    }

    /// What the kept events say. The scenario's own metrics go before those of the same column that are known.
    pub(crate) fn report(&self, table: &MetricTable) -> ServerReport {
        let mut report = ServerReport::default();
        for (quantity, ms) in &self.headers {
            set(&mut report, quantity.column(), f64::from(*ms));
        }
        let (end, usage) = self.last.split_at(self.usage_at);
        let objects: Vec<Value> = [usage, end].iter().filter_map(|event| serde_json::from_slice(event).ok()).collect();
        let roots = table.known.roots;
        let told: Vec<&Value> =
            objects.iter().filter_map(|object| roots.iter().find_map(|root| at(object, root))).collect();
        for figure in table.known.figures {
            if let Some(value) = figure.value_in(&told) {
                set(&mut report, figure.quantity.column(), value);
            }
        }
        for (event, metric) in self.extra.iter().zip(&table.extra) {
            let event = serde_json::from_slice::<Value>(event).unwrap_or_default();
            if let Some(value) = event.pointer(&metric.pointer).and_then(number) {
                set(&mut report, &metric.column, value * metric.scale);
            }
        }
        report
    }
}

impl KnownFigure {
    fn value_in(&self, objects: &[&Value]) -> Option<f64> {
        let in_object = |pointer| objects.iter().find_map(|object| number(at(object, pointer)?));
        self.places.iter().find_map(|place| Some(in_object(place.pointer)? * place.scale))
    }
}

fn keep(kept: &mut Vec<u8>, event: &[u8]) {
    kept.clear();
    kept.extend_from_slice(event);
}

/// What stands at a pointer without escapes. [`Value::pointer`] copies each part of it to undo them, which takes longer
/// than all else that is done for an answer of one token.
fn at<'v>(object: &'v Value, pointer: &str) -> Option<&'v Value> {
    pointer.split('/').skip(1).try_fold(object, |inner, part| match inner {
        Value::Object(members) => members.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

/// The number that a value is; some servers write numbers as text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

fn set(report: &mut ServerReport, column: &str, value: f64) {
    match Quantity::of_column(column) {
        Some(Quantity::Ttft) => report.ttft_ms = Some(value),
        Some(Quantity::E2e) => report.e2e_ms = Some(value),
        Some(Quantity::OutputRate) => report.output_tokens_per_s = Some(value),
        Some(Quantity::BatchSize) => report.batch_size_used = format!("{:.0}", value.max(0.0)).parse().ok(),
        Some(Quantity::Other(_)) | None => {
            report.extra.insert(column.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests;

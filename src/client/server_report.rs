use std::collections::BTreeMap;

use serde_json::Value;

use crate::record::ServerReport;
use crate::scenario::ServerMetric;

use super::api::{KnownMetric, Quantity};

/// What is read from an answer about the server's own work.
#[derive(Debug)]
pub(crate) struct MetricTable {
    known: &'static [KnownMetric],
    extra: Vec<ExtraMetric>,
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
        let (suffix, scale) = match metric.unit.as_deref() {
            Some("s") => ("_ms", 1000.0),
            Some("ms") => ("_ms", 1.0),
            _ => ("", 1.0),
        };
        let is_index = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
        let key = metric.pointer.rsplit('/').find(|part| !is_index(part)).unwrap_or("");
        let key = key.replace("~1", "/").replace("~0", "~");
        Self {
            column: format!("server_{name}{suffix}"),
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
    pub(crate) fn new(known: &'static [KnownMetric], extra: &BTreeMap<String, ServerMetric>) -> Self {
        Self { known, extra: extra.iter().map(|(name, metric)| ExtraMetric::new(name, metric)).collect() }
    }
}

/// The events of one answer that tell of the server's work, kept raw: they are parsed after the end.
#[derive(Debug, Default)]
pub(crate) struct ServerNotes {
    usage: Vec<u8>,
    /// For each extra metric, the last event that has it.
    extra: Vec<Vec<u8>>,
}

impl ServerNotes {
    /// Keeps an event if it tells something.
    pub(crate) fn note(&mut self, event: &[u8], has_usage: bool, table: &MetricTable) {
        if has_usage {
            keep(&mut self.usage, event);
        }
        if !table.extra.is_empty() {
            self.extra.resize_with(table.extra.len(), Vec::new);
            for (kept, _) in self.extra.iter_mut().zip(&table.extra).filter(|(_, metric)| metric.is_in(event)) {
                keep(kept, event);
            }
        }
    }

    /// What the kept events say.
    pub(crate) fn report(&self, table: &MetricTable) -> ServerReport {
        let mut report = ServerReport::default();
        if let Ok(event) = serde_json::from_slice::<Value>(&self.usage) {
            for metric in table.known {
                let value = metric.pointers.iter().find_map(|pointer| number(&event, pointer));
                set(&mut report, metric.quantity, value.map(|value| value * metric.scale));
            }
        }
        for (event, metric) in self.extra.iter().zip(&table.extra) {
            let event = serde_json::from_slice::<Value>(event).unwrap_or_default();
            if let Some(value) = number(&event, &metric.pointer) {
                report.extra.insert(metric.column.clone(), value * metric.scale);
            }
        }
        report
    }
}

fn keep(kept: &mut Vec<u8>, event: &[u8]) {
    kept.clear();
    kept.extend_from_slice(event);
}

/// The number at a pointer; some servers write numbers as text.
fn number(event: &Value, pointer: &str) -> Option<f64> {
    match event.pointer(pointer)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

fn set(report: &mut ServerReport, quantity: Quantity, value: Option<f64>) {
    match quantity {
        Quantity::Ttft => report.ttft_ms = value,
        Quantity::E2e => report.e2e_ms = value,
        Quantity::OutputRate => report.output_tokens_per_s = value,
        Quantity::BatchSize => {
            report.batch_size_used = value.and_then(|value| format!("{:.0}", value.max(0.0)).parse().ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sambanova::USAGE_METRICS;

    fn table(extra: &[(&str, &str, Option<&str>)]) -> MetricTable {
        let extra = extra.iter().map(|(name, pointer, unit)| {
            let unit = unit.map(str::to_owned);
            ((*name).to_owned(), ServerMetric { pointer: (*pointer).to_owned(), unit })
        });
        MetricTable::new(USAGE_METRICS, &extra.collect())
    }

    fn report(table: &MetricTable, events: &[(&str, bool)]) -> ServerReport {
        let mut notes = ServerNotes::default();
        for (event, has_usage) in events {
            notes.note(event.as_bytes(), *has_usage, table);
        }
        notes.report(table)
    }

    #[test]
    fn the_usage_object_tells_the_servers_times() {
        let new = r#"{"usage":{"time_to_first_token":0.25,"total_latency":2,"batch_size_used":4,
            "completion_tokens_after_first_per_sec":120.5,"completion_tokens_per_sec_after_first_response":7}}"#;
        let old = r#"{"usage":{"time_to_first_response":0.5,"model_execution_time":1.5,"batch_size_used":"8",
            "throughput_after_first_token":99.0}}"#;
        for (event, ttft, e2e, rate, batch) in [(new, 250.0, 2000.0, 120.5, 4), (old, 500.0, 1500.0, 99.0, 8)] {
            let report = report(&table(&[]), &[("{}", false), (event, true)]);
            assert_eq!(report.ttft_ms, Some(ttft));
            assert_eq!(report.e2e_ms, Some(e2e));
            assert_eq!(report.output_tokens_per_s, Some(rate));
            assert_eq!(report.batch_size_used, Some(batch));
        }
        assert_eq!(report(&table(&[]), &[(r#"{"usage":{"prompt_tokens":3}}"#, true)]), ServerReport::default());
    }

    #[test]
    fn extra_metrics_come_from_the_last_event_that_has_them() {
        let table = table(&[
            ("queue", "/usage/queue_time", Some("s")),
            ("prompt", "/timings/prompt_ms", Some("ms")),
            ("steps", "/x~1y/steps/0", None),
            ("gone", "/usage/gone", None),
        ]);
        let report = report(
            &table,
            &[
                (r#"{"timings":{"prompt_ms":1.5}}"#, false),
                (r#"{"timings":{"prompt_ms":2.5}}"#, false),
                (r#"{"timings":{"prompt_ms" : null}}"#, false),
                (r#"{"usage":{"queue_time":0.125},"x/y":{"steps":[7]}}"#, true),
                (r#"{"choices":[]}"#, false),
            ],
        );
        let expected = [("server_queue_ms", 125.0), ("server_prompt_ms", 2.5), ("server_steps", 7.0)];
        assert_eq!(report.extra, expected.map(|(name, value)| (name.to_owned(), value)).into());
    }
}

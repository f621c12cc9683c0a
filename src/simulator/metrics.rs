//! The Prometheus page, in vLLM's names or in other servers'.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Upper bounds of the histograms' buckets, in seconds.
const BOUNDS: [f64; 24] = [
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 7.5, 10.0, 20.0,
    40.0, 80.0, 160.0, 640.0, 2560.0,
];

/// What one model's engine counts.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    /// Requests in a slot, now.
    pub(super) running: AtomicU64,
    /// Requests in the queue, now.
    pub(super) waiting: AtomicU64,
    /// Tokens held in slots, now.
    pub(super) held_tokens: AtomicU64,
    /// Prompt tokens of all finished prefills.
    pub(super) prompt_tokens: AtomicU64,
    /// Completion tokens emitted.
    pub(super) generation_tokens: AtomicU64,
    /// Requests that got all their tokens.
    pub(super) finished: AtomicU64,
    /// Requests whose client went away.
    pub(super) aborted: AtomicU64,
    /// From receipt to admission.
    pub(super) queue_time: Histogram,
    /// From receipt to the first token.
    pub(super) first_token_time: Histogram,
    /// From receipt to the last token.
    pub(super) total_time: Histogram,
}

/// Durations counted in buckets.
#[derive(Debug, Default)]
pub(super) struct Histogram(Mutex<Buckets>);

#[derive(Debug, Default, Clone, Copy)]
struct Buckets {
    /// Observations of at most each bound and above the one before.
    counts: [u64; BOUNDS.len()],
    count: u64,
    sum_s: f64,
}

impl Histogram {
    /// Counts a duration in nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "a histogram's sum needs no single nanoseconds")]
    pub(super) fn observe(&self, ns: i64) {
        let seconds = ns as f64 / 1e9;
        let mut buckets = self.lock();
        if let Some(index) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            buckets.counts[index] += 1;
        }
        buckets.count += 1;
        buckets.sum_s += seconds;
    }

    fn lock(&self) -> MutexGuard<'_, Buckets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The page for `models` as another server has it; `None` for a server that is not known.
pub(super) fn page_as(server: &str, models: &[(&str, &Metrics)], capacity: u64) -> Option<String> {
    let (_, families) = OTHER_NAMES.iter().find(|(name, _)| *name == server)?;
    let total = |of: Count| models.iter().map(|(_, metrics)| load(of(metrics))).sum::<f64>();
    let mut text = String::new();
    for (name, kind, figure) in *families {
        let value = match figure {
            Figure::Count(of) => total(*of),
            Figure::CacheShare => total(|metrics| &metrics.held_tokens) / as_float(capacity.max(1)),
        };
        // Writing into a String cannot fail.
        let _ = writeln!(text, "# TYPE {name} {kind}\n{name} {value}");
    }
    Some(text)
}

type Count = fn(&Metrics) -> &AtomicU64;

/// A figure that other servers have too.
enum Figure {
    Count(Count),
    /// Of all the cache.
    CacheShare,
}

use crate::units::as_float;
use Figure::{CacheShare, Count as Counted};

type Families = &'static [(&'static str, &'static str, Figure)];

/// What other servers call what the engines count.
const OTHER_NAMES: [(&str, Families); 3] = [
    (
        "llamacpp",
        &[
            ("llamacpp:requests_processing", "gauge", Counted(|metrics| &metrics.running)),
            ("llamacpp:requests_deferred", "gauge", Counted(|metrics| &metrics.waiting)),
            ("llamacpp:prompt_tokens_total", "counter", Counted(|metrics| &metrics.prompt_tokens)),
            ("llamacpp:tokens_predicted_total", "counter", Counted(|metrics| &metrics.generation_tokens)),
        ],
    ),
    (
        "sglang",
        &[
            ("sglang:num_running_reqs", "gauge", Counted(|metrics| &metrics.running)),
            ("sglang:num_queue_reqs", "gauge", Counted(|metrics| &metrics.waiting)),
            ("sglang:token_usage", "gauge", CacheShare),
            ("sglang:prompt_tokens_total", "counter", Counted(|metrics| &metrics.prompt_tokens)),
            ("sglang:generation_tokens_total", "counter", Counted(|metrics| &metrics.generation_tokens)),
            ("sglang:num_requests_total", "counter", Counted(|metrics| &metrics.finished)),
        ],
    ),
    (
        "tgi",
        &[
            ("tgi_batch_current_size", "gauge", Counted(|metrics| &metrics.running)),
            ("tgi_queue_size", "gauge", Counted(|metrics| &metrics.waiting)),
            ("tgi_request_input_length_sum", "counter", Counted(|metrics| &metrics.prompt_tokens)),
            ("tgi_request_generated_tokens_sum", "counter", Counted(|metrics| &metrics.generation_tokens)),
            ("tgi_request_success", "counter", Counted(|metrics| &metrics.finished)),
        ],
    ),
];

/// The page for `models` (label and counts), whose caches hold `capacity` tokens each, of a process that started so
/// many milliseconds after the Unix epoch.
pub(super) fn page(models: &[(&str, &Metrics)], capacity: u64, started_ms: i64) -> String {
    let mut page = Page { text: process_start(started_ms), models };
    page.family("num_requests_running", "gauge", "Requests in a slot.", |metrics| load(&metrics.running));
    page.family("num_requests_waiting", "gauge", "Requests in the queue.", |metrics| load(&metrics.waiting));
    page.family("kv_cache_usage_perc", "gauge", "The share of the cache in use; 1 is all of it.", |metrics| {
        load(&metrics.held_tokens) / as_float(capacity.max(1))
    });
    // There is no preemption and no prefix cache; real servers tell of both.
    page.family("num_preemptions_total", "counter", "Requests set back.", |_| 0.0);
    page.family("prefix_cache_queries_total", "counter", "Prompt tokens looked up in the prefix cache.", |metrics| {
        load(&metrics.prompt_tokens)
    });
    page.family("prefix_cache_hits_total", "counter", "Prompt tokens found there.", |_| 0.0);
    page.family("prompt_tokens_total", "counter", "Prompt tokens prefilled.", |metrics| load(&metrics.prompt_tokens));
    page.family("generation_tokens_total", "counter", "Tokens generated.", |metrics| load(&metrics.generation_tokens));
    page.successes();
    page.histogram("request_queue_time_seconds", "Time in the queue.", |metrics| &metrics.queue_time);
    page.histogram("time_to_first_token_seconds", "Time to the first token.", |metrics| &metrics.first_token_time);
    page.histogram("e2e_request_latency_seconds", "Time to the last token.", |metrics| &metrics.total_time);
    page.text
}

struct Page<'a> {
    text: String,
    models: &'a [(&'a str, &'a Metrics)],
}

impl Page<'_> {
    fn family(&mut self, name: &str, kind: &str, help: &str, value: impl Fn(&Metrics) -> f64) {
        self.heading(name, kind, help);
        for (model, metrics) in self.models {
            self.sample(name, model, "", value(metrics));
        }
    }

    fn successes(&mut self) {
        let name = "request_success_total";
        self.heading(name, "counter", "Requests ended, by reason.");
        for (model, metrics) in self.models {
            self.sample(name, model, ",finished_reason=\"length\"", load(&metrics.finished));
            self.sample(name, model, ",finished_reason=\"abort\"", load(&metrics.aborted));
        }
    }

    fn histogram(&mut self, name: &str, help: &str, of: impl Fn(&Metrics) -> &Histogram) {
        self.heading(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (model, metrics) in self.models {
            let buckets = *of(metrics).lock();
            let mut up_to = 0;
            for (bound, count) in BOUNDS.iter().zip(buckets.counts) {
                up_to += count;
                self.sample(&bucket, model, &format!(",le=\"{bound:?}\""), as_float(up_to));
            }
            self.sample(&bucket, model, ",le=\"+Inf\"", as_float(buckets.count));
            self.sample(&format!("{name}_sum"), model, "", buckets.sum_s);
            self.sample(&format!("{name}_count"), model, "", as_float(buckets.count));
        }
    }

    fn heading(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a String cannot fail.
        let _ = writeln!(self.text, "# HELP vllm:{name} {help}\n# TYPE vllm:{name} {kind}");
    }

    fn sample(&mut self, name: &str, model: &str, labels: &str, value: f64) {
        let model = model.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        let _ = writeln!(self.text, "vllm:{name}{{model_name=\"{model}\"{labels}}} {value:?}");
    }
}

fn load(counter: &AtomicU64) -> f64 {
    as_float(counter.load(Ordering::Relaxed))
}

/// As every server has it that uses Prometheus's own library: two processes tell themselves apart by it.
fn process_start(started_ms: i64) -> String {
    let name = "process_start_time_seconds";
    let (seconds, ms) = (started_ms.div_euclid(1000), started_ms.rem_euclid(1000));
    format!(
        "# HELP {name} Start time of the process since unix epoch in seconds.\n# TYPE {name} gauge\n{name} {seconds}.{ms:03}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_end_with_the_count() {
        let metrics = Metrics::default();
        for ns in [500_000, 1_000_000, 30_000_000, 9_000_000_000_000] {
            metrics.first_token_time.observe(ns);
        }
        metrics.held_tokens.store(50, Ordering::Relaxed);
        let text = page(&[("a\"b", &metrics)], 200, 1_795_512_600_050);
        for line in [
            r#"vllm:time_to_first_token_seconds_bucket{model_name="a\"b",le="0.001"} 2.0"#,
            r#"vllm:time_to_first_token_seconds_bucket{model_name="a\"b",le="0.02"} 2.0"#,
            r#"vllm:time_to_first_token_seconds_bucket{model_name="a\"b",le="0.04"} 3.0"#,
            r#"vllm:time_to_first_token_seconds_bucket{model_name="a\"b",le="2560.0"} 3.0"#,
            r#"vllm:time_to_first_token_seconds_bucket{model_name="a\"b",le="+Inf"} 4.0"#,
            r#"vllm:time_to_first_token_seconds_count{model_name="a\"b"} 4.0"#,
            r#"vllm:kv_cache_usage_perc{model_name="a\"b"} 0.25"#,
            "process_start_time_seconds 1795512600.050",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}

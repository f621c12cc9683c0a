use super::MetricKind;

/// A column of scraped metrics that every run has: what servers that call it by different names have in common.
#[derive(Debug)]
pub struct KnownMetric {
    /// The column.
    pub name: &'static str,
    /// What its values are.
    pub kind: MetricKind,
    /// What becomes of several series of one name, as of several engines.
    pub merge: Merge,
    /// What it means, in a line.
    pub about: &'static str,
    /// What servers call it; of several that a page has, the first.
    pub names: &'static [&'static str],
}

/// What becomes of several series of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// They are added up.
    Sum,
    /// Their mean: shares.
    Mean,
    /// The greatest: dates.
    Greatest,
}

const fn known(
    name: &'static str,
    kind: MetricKind,
    about: &'static str,
    names: &'static [&'static str],
) -> KnownMetric {
    KnownMetric { name, kind, merge: Merge::Sum, about, names }
}

impl KnownMetric {
    const fn merged_by(self, merge: Merge) -> Self {
        Self { merge, ..self }
    }
}

use MetricKind::{Counter, Gauge};

/// In the order of columns. Names as vLLM, `SGLang`, text-generation-inference and llama.cpp have them, old ones included.
pub const KNOWN_METRICS: [KnownMetric; 11] = [
    known(
        "requests_running",
        Gauge,
        "Requests that the server works on.",
        &[
            "vllm:num_requests_running",
            "sglang:num_running_reqs",
            "tgi_batch_current_size",
            "llamacpp:requests_processing",
        ],
    ),
    known(
        "requests_waiting",
        Gauge,
        "Requests in its queue.",
        &["vllm:num_requests_waiting", "sglang:num_queue_reqs", "tgi_queue_size", "llamacpp:requests_deferred"],
    ),
    known(
        "kv_cache_usage",
        Gauge,
        "The share of the KV cache in use, 0 to 1.",
        &[
            "vllm:kv_cache_usage_perc",
            "vllm:gpu_cache_usage_perc",
            "sglang:token_usage",
            "llamacpp:kv_cache_usage_ratio",
        ],
    )
    .merged_by(Merge::Mean),
    known(
        "prefix_cache_hit_rate",
        Gauge,
        "The share of prompt tokens found in the prefix cache, as the server says; 0 to 1.",
        &["sglang:cache_hit_rate", "vllm:gpu_prefix_cache_hit_rate"],
    )
    .merged_by(Merge::Mean),
    known(
        "process_start_s",
        Gauge,
        "When the server's process started, seconds since the Unix epoch.",
        &["process_start_time_seconds"],
    )
    .merged_by(Merge::Greatest),
    known(
        "preemptions_total",
        Counter,
        "Requests that were set back to make room.",
        &["vllm:num_preemptions_total", "sglang:num_retracted_requests_total", "sglang:num_retracted_reqs_total"],
    ),
    known(
        "prefix_cache_queries_total",
        Counter,
        "Prompt tokens looked up in the prefix cache.",
        &["vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"],
    ),
    known(
        "prefix_cache_hits_total",
        Counter,
        "Prompt tokens found in the prefix cache.",
        &[
            "vllm:prefix_cache_hits_total",
            "vllm:gpu_prefix_cache_hits_total",
            "sglang:cached_tokens_total",
            "llamacpp:prompt_tokens_cached_total",
        ],
    ),
    known(
        "prompt_tokens_total",
        Counter,
        "Prompt tokens; llama.cpp's without those that it had cached.",
        &[
            "vllm:prompt_tokens_total",
            "sglang:prompt_tokens_total",
            "tgi_request_input_length_sum",
            "llamacpp:prompt_tokens_total",
        ],
    ),
    known(
        "generation_tokens_total",
        Counter,
        "Tokens generated.",
        &[
            "vllm:generation_tokens_total",
            "sglang:generation_tokens_total",
            "tgi_request_generated_tokens_sum",
            "llamacpp:tokens_predicted_total",
        ],
    ),
    known(
        "requests_total",
        Counter,
        "Requests that ended, in whatever way where the server tells.",
        &["vllm:request_success_total", "sglang:num_requests_total", "tgi_request_success"],
    ),
];

/// Columns of a file of scraped metrics that are no metric.
pub const SCRAPE_COLUMNS: [&str; 6] = ["cell_id", "repeat", "at_ns", "scrape_ms", "missed", "fault"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_documents_have_every_column_and_every_name() {
        let document =
            |name: &str| std::fs::read_to_string(format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let (format, page) = (document("FORMAT.md"), document("SERVER-METRICS.md"));
        for metric in &KNOWN_METRICS {
            let row = format!("| `{}` | double, null | {} |", metric.name, metric.about);
            assert!(format.contains(&row), "docs/FORMAT.md lacks {row}");
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}` | {} |", metric.name, metric.about)));
            let row = row.unwrap_or_else(|| panic!("docs/SERVER-METRICS.md lacks {}", metric.name));
            assert!(metric.names.iter().all(|name| row.contains(&format!("`{name}`"))), "{row}");
        }
        assert!(SCRAPE_COLUMNS.iter().all(|column| format.contains(&format!("| `{column}` | "))));
    }

    #[test]
    fn every_name_stands_for_one_column() {
        let names: Vec<&str> = KNOWN_METRICS.iter().flat_map(|metric| metric.names).copied().collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let columns: BTreeSet<&str> = KNOWN_METRICS.iter().map(|metric| metric.name).chain(SCRAPE_COLUMNS).collect();
        assert_eq!(columns.len(), KNOWN_METRICS.len() + SCRAPE_COLUMNS.len());
        for metric in &KNOWN_METRICS {
            assert_eq!(metric.kind, MetricKind::of_name(metric.name), "{}", metric.name);
        }
    }
}

use std::collections::BTreeMap;

use super::{Sample, samples};
use crate::record::ScrapedColumn;
use crate::scenario::{KNOWN_METRICS, Merge, Scrape};
use crate::text::shorten;
use crate::units::Series;

/// Characters of a line that are told.
const LONGEST_LINE: usize = 60;

/// Which series of a page go into which column.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    columns: Vec<ScrapedColumn>,
    merges: Vec<Merge>,
    /// By the name of a sample: the selectors, each with its column and its rank among the column's names.
    by_name: BTreeMap<String, Vec<Source>>,
}

#[derive(Debug, Clone)]
struct Source {
    selector: Series,
    column: usize,
    rank: usize,
}

/// The values of a column's series so far.
#[derive(Debug, Clone, Copy)]
struct Gathered {
    rank: usize,
    count: f64,
    sum: f64,
    greatest: f64,
}

impl Wanted {
    /// The known columns, then those of the scenario.
    pub(super) fn of(scrape: &Scrape) -> Self {
        let mut wanted = Self { columns: Vec::new(), merges: Vec::new(), by_name: BTreeMap::new() };
        for known in &KNOWN_METRICS {
            let selectors = known.names.iter().map(|name| Series { name: (*name).to_owned(), labels: Vec::new() });
            wanted.add(ScrapedColumn { name: known.name.to_owned(), kind: known.kind }, known.merge, selectors);
        }
        for (name, metric) in &scrape.columns {
            let column = ScrapedColumn { name: name.clone(), kind: metric.kind };
            wanted.add(column, Merge::Sum, [metric.series.clone()]);
        }
        wanted
    }

    fn add(&mut self, column: ScrapedColumn, merge: Merge, selectors: impl IntoIterator<Item = Series>) {
        for (rank, selector) in selectors.into_iter().enumerate() {
            let source = Source { column: self.columns.len(), rank, selector };
            self.by_name.entry(source.selector.name.clone()).or_default().push(source);
        }
        self.columns.push(column);
        self.merges.push(merge);
    }

    pub(super) fn columns(&self) -> &[ScrapedColumn] {
        &self.columns
    }

    /// A value for each column, and what is wrong with the page. Without a single sample there are no values.
    pub(super) fn read(&self, page: &str) -> (Vec<Option<f64>>, Option<String>) {
        let mut gathered: Vec<Option<Gathered>> = vec![None; self.columns.len()];
        let (mut count, mut bad) = (0_usize, None);
        for found in samples(page) {
            match found {
                Ok(sample) => {
                    count += 1;
                    self.take(&sample, &mut gathered);
                }
                Err(line) => bad = bad.or(Some(line)),
            }
        }
        let quoted = |line| shorten(line, LONGEST_LINE);
        if count == 0 {
            let fault = match bad {
                _ if is_html(page) => "HTML, not a Prometheus page".to_owned(),
                Some((_, line)) => format!("not a Prometheus page: `{}`", quoted(line)),
                None => "the page has no metrics".to_owned(),
            };
            return (Vec::new(), Some(fault));
        }
        let values =
            gathered.iter().zip(&self.merges).map(|(found, merge)| found.and_then(|found| found.merged(*merge)));
        let values: Vec<Option<f64>> = values.collect();
        let fault = match bad {
            Some((number, line)) => Some(format!("line {number} cannot be read: `{}`", quoted(line))),
            None if values.iter().all(Option::is_none) => {
                Some("the page has none of the metrics that are known".to_owned())
            }
            None => None,
        };
        (values, fault)
    }

    fn take(&self, sample: &Sample, gathered: &mut [Option<Gathered>]) {
        // Ranks of one tensor-parallel or pipelined engine tell the same once each.
        let is_echo = |label| sample.series.label(label).is_some_and(|rank| rank != "0");
        if !sample.value.is_finite() || is_echo("tp_rank") || is_echo("pp_rank") {
            return;
        }
        for source in self.by_name.get(&sample.series.name).into_iter().flatten() {
            if sample.series.is_of(&source.selector) {
                let so_far = gathered[source.column].filter(|so_far| so_far.rank <= source.rank);
                gathered[source.column] = match so_far {
                    Some(better) if better.rank < source.rank => Some(better),
                    same => Some(Gathered::with(same, source.rank, sample.value)),
                };
            }
        }
    }
}

impl Gathered {
    fn with(so_far: Option<Self>, rank: usize, value: f64) -> Self {
        let Self { count, sum, greatest, .. } =
            so_far.unwrap_or(Self { rank, count: 0.0, sum: 0.0, greatest: f64::NEG_INFINITY });
        Self { rank, count: count + 1.0, sum: sum + value, greatest: greatest.max(value) }
    }

    fn merged(self, merge: Merge) -> Option<f64> {
        let value = match merge {
            Merge::Sum => self.sum,
            Merge::Mean => self.sum / self.count,
            Merge::Greatest => self.greatest,
        };
        value.is_finite().then_some(value)
    }
}

fn is_html(page: &str) -> bool {
    let start: String = page.trim_start().chars().take(14).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::scenario::{MetricKind, ScrapedMetric};

    fn wanted(extra: &[(&str, &str)]) -> Wanted {
        let metric = |text: &str| ScrapedMetric { series: text.parse().unwrap(), kind: MetricKind::Gauge };
        let columns = extra.iter().map(|(name, text)| ((*name).to_owned(), metric(text))).collect();
        Wanted::of(&Scrape { url: String::new(), interval: Duration::from_secs(1), columns, auth: None })
    }

    /// The columns that have a value.
    fn read(wanted: &Wanted, page: &str) -> Vec<(String, f64)> {
        let (values, fault) = wanted.read(page);
        assert_eq!(fault, None, "{page}");
        let named =
            wanted.columns().iter().zip(values).filter_map(|(column, value)| Some((column.name.clone(), value?)));
        named.collect()
    }

    #[test]
    fn pages_of_four_servers_come_to_the_same_columns() {
        let vllm = "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 3.0\nvllm:num_requests_waiting{engine=\"0\",model_name=\"m\"} 2.0\nvllm:kv_cache_usage_perc{engine=\"0\"} 0.5\nvllm:generation_tokens_total{engine=\"0\"} 1e3\n";
        let sglang = "sglang:num_running_reqs{tp_rank=\"0\"} 3\nsglang:num_running_reqs{tp_rank=\"1\"} 3\nsglang:num_queue_reqs 2\nsglang:token_usage 0.5\nsglang:generation_tokens_total 1000\n";
        let tgi = "tgi_batch_current_size 3\ntgi_queue_size 2\ntgi_request_generated_tokens_sum 1000\ntgi_request_generated_tokens_count 9\n";
        let llama = "llamacpp:requests_processing 3\nllamacpp:requests_deferred 2\nllamacpp:kv_cache_usage_ratio 0.5\nllamacpp:tokens_predicted_total 1000\n";
        let all = [
            ("requests_running", 3.0),
            ("requests_waiting", 2.0),
            ("kv_cache_usage", 0.5),
            ("generation_tokens_total", 1000.0),
        ];
        for (page, lacks) in [(vllm, ""), (sglang, ""), (tgi, "kv_cache_usage"), (llama, "")] {
            let expected: Vec<_> = all
                .iter()
                .filter(|(name, _)| *name != lacks)
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect();
            assert_eq!(read(&wanted(&[]), page), expected, "{page}");
        }
    }

    #[test]
    fn engines_are_added_up_shares_are_averaged_and_the_first_name_counts() {
        let page = "vllm:gpu_cache_usage_perc 0.9\nvllm:num_requests_running{engine=\"0\"} 1\nvllm:num_requests_running{engine=\"1\"} 4\nvllm:kv_cache_usage_perc{engine=\"0\"} 0.2\nvllm:kv_cache_usage_perc{engine=\"1\"} 0.4\nvllm:gpu_cache_usage_perc 0.9\nprocess_start_time_seconds 5\nprocess_start_time_seconds{pid=\"2\"} 7\n";
        let found = read(&wanted(&[]), page);
        assert_eq!(found[0], ("requests_running".to_owned(), 5.0));
        assert!(found[1].0 == "kv_cache_usage" && (found[1].1 - 0.3).abs() < 1e-12, "{found:?}");
        assert_eq!(found[2], ("process_start_s".to_owned(), 7.0));
    }

    #[test]
    fn the_scenarios_own_columns_take_what_their_labels_say() {
        let wanted = wanted(&[("aborted", "a_total{reason=\"abort\"}"), ("all", "a_total"), ("none", "b")]);
        let page = "a_total{reason=\"abort\",m=\"x\"} 1\na_total{reason=\"stop\"} 5\na_total{reason=\"abort\",m=\"y\"} 2\nb NaN\n";
        assert_eq!(read(&wanted, page), [("aborted".to_owned(), 3.0), ("all".to_owned(), 8.0)]);
    }

    #[test]
    fn a_page_that_is_none_says_what_it_is() {
        for (page, fault) in [
            ("", "the page has no metrics"),
            ("# HELP a b\n", "the page has no metrics"),
            ("\n<!DOCTYPE html><p>404</p>", "HTML, not a Prometheus page"),
            ("{\"detail\":\"Not Found\"}", "not a Prometheus page: `{\"detail\":\"Not Found\"}`"),
        ] {
            assert_eq!(wanted(&[]).read(page), (Vec::new(), Some(fault.to_owned())), "{page}");
        }
        let (values, fault) = wanted(&[]).read("http_requests_total 5\n");
        assert!(values.iter().all(Option::is_none) && fault.unwrap().contains("none of the metrics"));
        let (values, fault) = wanted(&[]).read("tgi_queue_size 2\ntgi_queue_si");
        assert_eq!((values[1], fault), (Some(2.0), Some("line 2 cannot be read: `tgi_queue_si`".to_owned())));
    }
}

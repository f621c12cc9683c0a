use std::collections::BTreeMap;

use super::definition::METRICS;
use super::derive::{chunk_gaps, derive, itl_samples};
use super::distribution::Distribution;
use super::summary::MetricSummary;
use crate::record::{Outcome, RequestRecord};

/// Samples of many requests, by metric name.
#[derive(Debug, Default)]
pub(super) struct Samples(BTreeMap<String, Distribution>);

impl Samples {
    /// Takes every sample that a row gives; a request that did not complete gives none.
    pub(super) fn add(&mut self, record: &RequestRecord) {
        if record.outcome != Outcome::Completed {
            return;
        }
        let derived = derive(record);
        for metric in &METRICS {
            if let Some(value) = metric.of_request.and_then(|of| of(record, &derived)) {
                self.take(metric.name, [(value, 1)]);
            }
        }
        self.take("itl_ms", itl_samples(record));
        self.take("chunk_gap_ms", chunk_gaps(record).map(|ms| (ms, 1)));
        for (name, value) in &record.server.extra {
            self.take(name, [(*value, 1)]);
        }
    }

    fn take(&mut self, name: &str, samples: impl IntoIterator<Item = (f64, u64)>) {
        match self.0.get_mut(name) {
            Some(known) => known.extend(samples),
            None => self.0.entry(name.to_owned()).or_default().extend(samples),
        }
    }

    /// Takes over the samples of another.
    pub(super) fn append(&mut self, other: Self) {
        for (name, samples) in other.0 {
            self.0.entry(name).or_default().append(samples);
        }
    }

    /// The figures of each metric that has a sample.
    pub(super) fn summaries(&mut self) -> BTreeMap<String, MetricSummary> {
        self.0.iter_mut().filter_map(|(name, samples)| Some((name.clone(), samples.summary()?))).collect()
    }
}

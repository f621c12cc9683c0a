use std::collections::BTreeMap;

use super::guess::Guess;
use super::summary::{BatchGroup, BatchSource, BatchSummary, Spread};
use crate::metrics::distribution::Distribution;
use crate::metrics::{RequestMetrics, derive};
use crate::record::{Outcome, RequestRecord};

/// Batch sizes whose figures are kept; a server that takes requests in one by one has many.
const MOST_GROUPS: usize = 32;

type Of = fn(&RequestRecord, &RequestMetrics) -> Option<f64>;

/// What is told of each batch size: the server's figures beside ours.
const METRICS: [(&str, Of); 6] = [
    ("ttft_ms", |_, m| m.ttft_ms),
    ("server_ttft_ms", |r, _| r.server.ttft_ms),
    ("e2e_ms", |_, m| m.e2e_ms),
    ("server_e2e_ms", |r, _| r.server.e2e_ms),
    ("output_tokens_per_s", |_, m| m.output_tokens_per_s),
    ("server_output_tokens_per_s", |r, _| r.server.output_tokens_per_s),
];

/// The batches of a cell while its measured rows come in.
#[derive(Debug, Default)]
pub(in crate::metrics) struct BatchTally {
    requests: BTreeMap<u64, u64>,
    groups: BTreeMap<u64, [Distribution; METRICS.len()]>,
    guess: Guess,
}

impl BatchTally {
    /// Takes a measured row for the first time.
    pub(in crate::metrics) fn add(&mut self, repeat: u32, record: &RequestRecord) {
        if record.outcome != Outcome::Completed {
            return;
        }
        let Some(size) = record.server.batch_size_used else {
            self.guess.add(repeat, record);
            return;
        };
        *self.requests.entry(size).or_default() += 1;
        if self.groups.len() < MOST_GROUPS {
            self.groups.entry(size).or_default();
        }
        self.add_figures(size, record);
    }

    /// Takes a measured row once more.
    pub(in crate::metrics) fn add_again(&mut self, record: &RequestRecord) {
        if let (Outcome::Completed, Some(size)) = (&record.outcome, record.server.batch_size_used) {
            self.add_figures(size, record);
        }
    }

    fn add_figures(&mut self, size: u64, record: &RequestRecord) {
        let Some(group) = self.groups.get_mut(&size) else { return };
        let derived = derive(record);
        for ((_, of), samples) in METRICS.iter().zip(group).filter(|(_, samples)| samples.is_open()) {
            if let Some(value) = of(record, &derived) {
                samples.add(value, 1);
            }
        }
    }

    /// Ends a pass; whether the same rows must be added once more.
    pub(in crate::metrics) fn next_pass(&mut self) -> bool {
        let mut more = false;
        for samples in self.groups.values_mut().flatten() {
            more |= samples.next_pass();
        }
        more
    }

    /// What the server says; a guess only where it says nothing.
    pub(in crate::metrics) fn summary(&self) -> Option<BatchSummary> {
        if self.requests.is_empty() {
            return BatchSummary::new(BatchSource::Estimate, self.guess.requests(), Vec::new());
        }
        let groups = self.groups.iter().map(|(size, samples)| self.group(*size, samples)).collect();
        BatchSummary::new(BatchSource::Server, self.requests.clone(), groups)
    }

    fn group(&self, batch_size: u64, samples: &[Distribution; METRICS.len()]) -> BatchGroup {
        let metrics: BTreeMap<String, Option<Spread>> = METRICS
            .iter()
            .zip(samples)
            .map(|((name, _), samples)| ((*name).to_owned(), samples.summary().as_ref().map(Spread::from)))
            .collect();
        let mean = |name: &str| metrics.get(name)?.as_ref()?.mean;
        let each = mean("server_output_tokens_per_s").or_else(|| mean("output_tokens_per_s"));
        #[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2^52 requests")]
        let batch_tokens_per_s = each.map(|each| each * batch_size as f64);
        BatchGroup {
            batch_size,
            requests: self.requests.get(&batch_size).copied().unwrap_or(0),
            batch_tokens_per_s,
            metrics,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples::completed;
    use crate::record::{Cause, Failure, ServerReport};

    fn row(size: Option<u64>, ttft_ms: f64, rate: f64) -> RequestRecord {
        let server = ServerReport {
            batch_size_used: size,
            ttft_ms: Some(ttft_ms),
            output_tokens_per_s: Some(rate),
            ..ServerReport::default()
        };
        RequestRecord { server, ..completed() }
    }

    fn summary(rows: &[RequestRecord]) -> BatchSummary {
        let mut tally = BatchTally::default();
        for row in rows {
            tally.add(0, row);
        }
        while tally.next_pass() {
            for row in rows {
                tally.add_again(row);
            }
        }
        tally.summary().unwrap()
    }

    #[test]
    fn each_size_has_its_figures() {
        let failed =
            RequestRecord { outcome: Outcome::Failed(Failure::new(Cause::Empty, "")), ..row(Some(64), 1.0, 1.0) };
        let rows = [
            row(Some(4), 100.0, 50.0),
            row(Some(4), 300.0, 150.0),
            row(Some(1), 20.0, 400.0),
            row(Some(4), 200.0, 100.0),
            failed,
        ];
        let summary = summary(&rows);
        assert_eq!((summary.source, summary.representative), (BatchSource::Server, Some(4)));
        assert_eq!(summary.requests, BTreeMap::from([(1, 1), (4, 3)]));
        let [one, four] = summary.groups.as_slice() else { panic!("{summary:?}") };
        assert_eq!((one.batch_size, one.requests, one.batch_tokens_per_s), (1, 1, Some(400.0)));
        assert_eq!((four.batch_size, four.requests, four.batch_tokens_per_s), (4, 3, Some(400.0)));
        let ttft = four.metrics["server_ttft_ms"].unwrap();
        assert_eq!((ttft.count, ttft.p50), (3, Some(200.0)));
        assert_eq!(four.metrics["server_e2e_ms"], None);
    }

    #[test]
    fn half_is_not_representative_and_many_sizes_are_counted() {
        let rows: Vec<RequestRecord> = (0..100).map(|k| row(Some(k % 50), 1.0, 1.0)).collect();
        let summary = summary(&rows);
        assert_eq!((summary.requests.len(), summary.groups.len(), summary.representative), (50, MOST_GROUPS, None));
    }
}

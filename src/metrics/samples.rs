use std::collections::BTreeMap;

use super::definition::{METRICS, Take};
use super::derive::{derive, every_chunk};
use super::summary::MetricSummary;
use super::tracked::Tracked;
use crate::record::{Outcome, RequestRecord};
use crate::time::MonotonicNs;

/// The samples of every metric.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// Those of [`METRICS`], in its order.
    listed: [Tracked; METRICS.len()],
    /// Those of the scenario's `server_metrics`.
    extra: BTreeMap<String, Tracked>,
    of_repeat: bool,
}

impl Samples {
    /// Of one repeat; the default is of several together.
    pub(super) fn of_repeat() -> Self {
        Self { listed: std::array::from_fn(|_| Tracked::of_repeat()), extra: BTreeMap::new(), of_repeat: true }
    }

    /// All samples of the first passes of several repeats, which learn where the others have theirs.
    pub(super) fn of_all(mut repeats: Vec<&mut Self>) -> Self {
        let mut all = Self::default();
        for repeat in &repeats {
            all.add_all(repeat);
        }
        for (at, samples) in all.listed.iter_mut().enumerate() {
            samples.tell(repeats.iter_mut().map(|repeat| &mut repeat.listed[at]));
        }
        for (name, samples) in &mut all.extra {
            samples.tell(repeats.iter_mut().filter_map(|repeat| repeat.extra.get_mut(name)));
        }
        all
    }

    /// Takes a row; of its chunks those before `until_ns`.
    pub(super) fn add(&mut self, record: &RequestRecord, until_ns: MonotonicNs) {
        match record.outcome {
            Outcome::Completed => self.add_completed(record, until_ns),
            Outcome::Failed(_) | Outcome::Dropped if record.stamps.scheduled_ns.is_some() => self.add_never(),
            _ => {}
        }
    }

    fn add_completed(&mut self, record: &RequestRecord, until_ns: MonotonicNs) {
        let derived = derive(record);
        let chunks = every_chunk(record, until_ns);
        for (metric, samples) in METRICS.iter().zip(&mut self.listed).filter(|(_, samples)| samples.is_open()) {
            match metric.take {
                Take::One(of) => {
                    if let Some(value) = of(record, &derived) {
                        samples.add_row(|add| add(value, 1));
                    }
                }
                Take::Many(each) => samples.add_row(|add| each(chunks, add)),
            }
        }
        for (name, value) in &record.server.extra {
            let new = if self.of_repeat { Tracked::of_repeat } else { Tracked::default };
            let samples = match self.extra.get_mut(name) {
                Some(samples) => samples,
                None => self.extra.entry(name.clone()).or_insert_with(new),
            };
            samples.add_row(|add| add(*value, 1));
        }
    }

    /// Ends a pass; whether the same rows must be added once more.
    pub(super) fn next_pass(&mut self) -> bool {
        let mut more = false;
        for samples in self.listed.iter_mut().chain(self.extra.values_mut()) {
            more |= samples.next_pass();
        }
        more
    }

    /// A request that was due and never answered.
    fn add_never(&mut self) {
        let censored = METRICS.iter().zip(&mut self.listed).filter(|(metric, _)| metric.censored);
        censored.for_each(|(_, samples)| samples.add_infinite());
    }

    fn add_all(&mut self, other: &Self) {
        self.listed.iter_mut().zip(&other.listed).for_each(|(into, from)| into.add_all(from));
        for (name, from) in &other.extra {
            self.extra.entry(name.clone()).or_default().add_all(from);
        }
    }

    pub(super) fn summaries(&self) -> BTreeMap<String, Option<MetricSummary>> {
        self.each().map(|(name, samples)| (name.to_owned(), samples.summary())).collect()
    }

    /// The figures of all these repeats together.
    pub(super) fn summaries_over(&self, repeats: &[&Self]) -> BTreeMap<String, Option<MetricSummary>> {
        let summary = |name: &str, samples: &Tracked| {
            samples.summary_over(&repeats.iter().filter_map(|repeat| repeat.find(name)).collect::<Vec<_>>())
        };
        self.each().map(|(name, samples)| (name.to_owned(), summary(name, samples))).collect()
    }

    fn find(&self, name: &str) -> Option<&Tracked> {
        self.each().find(|(of, _)| *of == name).map(|(_, samples)| samples)
    }

    fn each(&self) -> impl Iterator<Item = (&str, &Tracked)> {
        let listed = METRICS.iter().map(|metric| metric.name).zip(&self.listed);
        listed.chain(self.extra.iter().map(|(name, samples)| (name.as_str(), samples)))
    }
}

use super::distribution::Distribution;
use super::lookup::Lookup;
use super::quantile::PERCENTILES;
use super::series::Series;
use super::summary::MetricSummary;
use crate::statistics::Estimate;

/// The samples of one metric: exact figures, and of a repeat what their intervals need.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    samples: Distribution,
    /// Of a repeat; all repeats together have none of their own.
    series: Option<Box<Series>>,
    /// Of all repeats together: where their samples lie.
    lookup: Lookup,
}

impl Tracked {
    /// Of one repeat.
    pub(super) fn of_repeat() -> Self {
        Self { series: Some(Box::default()), ..Self::default() }
    }

    /// Takes the samples of a row, which `each` hands over with how often each counts.
    pub(super) fn add_row(&mut self, each: impl FnOnce(&mut dyn FnMut(f64, u64))) {
        let Self { samples, series, .. } = self;
        match series {
            None => each(&mut |value, weight| samples.add(value, weight)),
            Some(series) => {
                let counts = samples.is_open();
                each(&mut |value, weight| {
                    if counts {
                        samples.add(value, weight);
                    }
                    if value.is_finite() {
                        series.add(value, weight);
                    }
                });
                series.end_row();
            }
        }
    }

    /// Takes a row that never came.
    pub(super) fn add_infinite(&mut self) {
        self.samples.add_infinite();
        if let Some(series) = &mut self.series {
            series.add_infinite();
        }
    }

    /// Takes all samples of another one's first pass.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.samples.add_all(&other.samples);
    }

    /// Tells repeats, before the second pass, where all of them together have their samples.
    pub(super) fn tell<'t>(&mut self, repeats: impl Iterator<Item = &'t mut Self>) {
        self.lookup = self.samples.lookup().unwrap_or_default();
        repeats.filter_map(|repeat| repeat.series.as_mut()).for_each(|series| series.set_all(&self.lookup));
    }

    /// Whether samples that are added make a difference.
    pub(super) fn is_open(&self) -> bool {
        self.samples.is_open() || self.series.as_ref().is_some_and(|series| series.is_open())
    }

    /// Ends a pass; whether the same samples must be added once more.
    pub(super) fn next_pass(&mut self) -> bool {
        let samples = &self.samples;
        let series = self.series.as_mut().is_some_and(|series| series.next_pass(|| samples.lookup()));
        self.samples.next_pass() || series
    }

    /// All figures; `None` without a sample that came. Intervals are there when all passes are done.
    pub(super) fn summary(&self) -> Option<MetricSummary> {
        let summary = self.samples.summary()?;
        let Some(series) = self.series.as_ref().filter(|series| !series.is_open()) else { return Some(summary) };
        let percentile = |k: usize, value: f64| series.percentile(k, value);
        Some(with_intervals(summary, Series::mean(&[series.as_ref()], &[self.variance()]), percentile))
    }

    /// The figures of all repeats together, with what the series of each tell.
    pub(super) fn summary_over(&self, repeats: &[&Self]) -> Option<MetricSummary> {
        let summary = self.samples.summary()?;
        let with_samples = repeats.iter().filter(|repeat| repeat.samples.has_samples());
        let told: Vec<(&Series, f64)> = with_samples
            .filter_map(|repeat| {
                Some((repeat.series.as_deref().filter(|series| !series.is_open())?, repeat.variance()))
            })
            .collect();
        let (series, variances): (Vec<&Series>, Vec<f64>) = told.into_iter().unzip();
        let percentile = |k: usize, value: f64| Series::percentile_of_all(k, value, &self.lookup, &series);
        Some(with_intervals(summary, Series::mean(&series, &variances), percentile))
    }

    /// Of a single sample; 0 where it is not known.
    fn variance(&self) -> f64 {
        self.samples.summary().and_then(|summary| summary.stddev).map_or(0.0, |deviation| deviation * deviation)
    }
}

/// The figures with the intervals of the mean and of the percentiles that are not null.
fn with_intervals(
    mut summary: MetricSummary,
    mean: Option<Estimate>,
    percentile: impl Fn(usize, f64) -> Option<Estimate>,
) -> MetricSummary {
    let mean = mean.filter(|_| summary.mean.is_some() && summary.count > 1);
    if let Some(estimate) = mean {
        summary.add_estimate("mean", &estimate);
    }
    for (k, of) in PERCENTILES.iter().enumerate() {
        if let Some(estimate) = summary.figure(of.name).and_then(|value| percentile(k, value)) {
            summary.add_estimate(of.name, &estimate);
        }
    }
    summary
}

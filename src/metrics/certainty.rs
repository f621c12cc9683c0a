use std::collections::BTreeMap;

use super::summary::{Certainty, MetricSummary};
use crate::statistics::{Estimate, Interval, LEVEL};

impl MetricSummary {
    /// A figure with its interval, as it was when it was made; `None` where it has none.
    #[must_use]
    pub fn estimate(&self, figure: &str) -> Option<Estimate> {
        let [low, high] = *self.ci95.as_ref()?.get(figure)?;
        let certainty = self.certainty.as_ref()?.get(figure)?;
        Some(Estimate {
            value: self.figure(figure)?,
            interval: Some(Interval { low, high, level: LEVEL }),
            standard_error: certainty.standard_error,
            degrees_of_freedom: certainty.degrees_of_freedom.unwrap_or(f64::INFINITY),
            effective_n: certainty.effective_n,
            n: self.count,
            repeats: certainty.repeats,
        })
    }

    /// The same figures with the intervals of estimates of them, by figure; bounds that are no number are left out.
    #[must_use]
    pub(super) fn with_estimates(mut self, estimates: impl IntoIterator<Item = (&'static str, Estimate)>) -> Self {
        let (mut ci95, mut certainty) = (BTreeMap::new(), BTreeMap::new());
        for (figure, estimate) in estimates {
            let Some(interval) = estimate.interval.filter(|of| of.low.is_finite() && of.high.is_finite()) else { continue };
            ci95.insert(figure.to_owned(), [interval.low, interval.high]);
            let degrees_of_freedom = Some(estimate.degrees_of_freedom).filter(|degrees| degrees.is_finite());
            let Estimate { standard_error, effective_n, repeats, .. } = estimate;
            certainty.insert(figure.to_owned(), Certainty { standard_error, degrees_of_freedom, effective_n, repeats });
        }
        (self.ci95, self.certainty) = (Some(ci95), Some(certainty));
        self
    }
}

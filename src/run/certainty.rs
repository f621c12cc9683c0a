use crate::load::{Stop, StopHandle};
use crate::metrics::{METRICS, MetricDefinition};
use crate::record::{Phase, RequestRecord};
use crate::scenario::StopWhen;
use crate::statistics::{Estimate, mean_of, percentile_of};
use crate::time::{MonotonicNs, duration_ns};

/// By how much more samples there are at each look than at the one before. Every look is a chance to stop on an
/// interval that is narrow by luck, so there are few.
const GROWTH: f64 = 1.5;

/// So many looks in a row must find the figure certain: an interval that is narrow by luck is seldom so again.
const IN_A_ROW: u32 = 2;

/// Watches one figure of a repeat while its rows come in, and ends the load when it is certain enough.
///
/// It works on the journal's thread. All looks together cost about as much as sorting the samples a few times.
#[derive(Debug)]
pub(super) struct Certainty {
    rule: StopWhen,
    metric: &'static MetricDefinition,
    /// Of a percentile, in thousandths; `None` for the mean.
    permille: Option<u32>,
    /// In the order in which requests ended.
    samples: Vec<f64>,
    /// Measured requests that have ended.
    ended: u64,
    /// First send and last end.
    span: Option<(MonotonicNs, MonotonicNs)>,
    next_look: u64,
    in_a_row: u32,
    load: StopHandle,
}

impl Certainty {
    /// For a load that `load` stops; `None` for a rule that names no metric or statistic.
    pub(super) fn new(rule: &StopWhen, load: StopHandle) -> Option<Self> {
        let metric = METRICS.iter().find(|metric| metric.name == rule.metric)?;
        let permille = match rule.stat.as_str() {
            "mean" => None,
            percentile => Some(percentile.strip_prefix('p')?.parse::<u32>().ok()? * 10),
        };
        Some(Self {
            next_look: rule.min_requests,
            rule: rule.clone(),
            metric,
            permille,
            samples: Vec::new(),
            ended: 0,
            span: None,
            in_a_row: 0,
            load,
        })
    }

    /// Takes a row; looks at the figure when there are enough more of them.
    pub(super) fn add(&mut self, record: &RequestRecord) {
        if record.phase != Phase::Measure || self.load.now() > Stop::Running {
            return;
        }
        self.ended += 1;
        self.samples.extend(self.metric.sample(record));
        let stamps = &record.stamps;
        if let (Some(sent_ns), Some(end_ns)) = (stamps.sent_ns, stamps.end_ns) {
            let (first_ns, last_ns) = self.span.unwrap_or((sent_ns, end_ns));
            self.span = Some((first_ns.min(sent_ns), last_ns.max(end_ns)));
        }
        if self.ended < self.next_look || !self.lasted() {
            return;
        }
        self.next_look = grown(self.ended);
        let is_certain = self.relative_half_width().is_some_and(|width| width <= self.rule.rel_ci);
        self.in_a_row = if is_certain { self.in_a_row + 1 } else { 0 };
        if self.in_a_row >= IN_A_ROW {
            self.load.go(Stop::Enough);
        }
    }

    fn lasted(&self) -> bool {
        self.span.is_some_and(|(first_ns, last_ns)| last_ns - first_ns >= duration_ns(self.rule.min_duration))
    }

    fn relative_half_width(&self) -> Option<f64> {
        let estimate: Estimate = match self.permille {
            None => mean_of(&[&self.samples]),
            Some(permille) => percentile_of(&[&self.samples], permille),
        }?;
        Some(estimate.interval?.relative_half_width(estimate.value))
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of requests, not negative"
)]
fn grown(count: u64) -> u64 {
    (count as f64 * GROWTH).ceil() as u64
}

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::record::samples::completed;
    use crate::seed::Seed;

    const MS: i64 = 1_000_000;

    fn rule(stat: &str, rel_ci: f64) -> StopWhen {
        StopWhen {
            metric: "ttft_ms".to_owned(),
            stat: stat.to_owned(),
            rel_ci,
            min_requests: 100,
            min_duration: Duration::ZERO,
        }
    }

    /// A request that is sent every 10 ms and has this TTFT.
    fn row(number: i64, ttft_ms: f64) -> RequestRecord {
        let mut row = completed();
        let sent_ns = number * 10 * MS;
        #[expect(clippy::cast_possible_truncation, reason = "nanoseconds of milliseconds")]
        let first_ns = sent_ns + (ttft_ms * 1e6) as i64;
        row.stamps.sent_ns = Some(sent_ns);
        row.stamps.first_token_ns = Some(first_ns);
        row.stamps.end_ns = Some(first_ns + MS);
        row
    }

    /// After how many of these TTFTs it stops.
    fn stops_after(rule: &StopWhen, ttfts: impl Iterator<Item = f64>) -> Option<usize> {
        let (load, _) = StopHandle::new();
        let mut certainty = Certainty::new(rule, load.clone()).unwrap();
        for (number, ttft) in ttfts.enumerate() {
            certainty.add(&row(i64::try_from(number).unwrap(), ttft));
            if load.now() == Stop::Enough {
                return Some(number + 1);
            }
        }
        None
    }

    #[test]
    fn it_stops_at_the_second_look_that_finds_the_figure_certain() {
        let steady = || (0..2000).map(|number| 100.0 + f64::from(number % 7));
        assert_eq!(stops_after(&rule("p50", 0.05), steady()), Some(150));
        let min_requests = StopWhen { min_requests: 400, ..rule("mean", 0.05) };
        assert_eq!(stops_after(&min_requests, steady()), Some(600));
        // Row 499 ends after 5 s.
        let min_duration = StopWhen { min_duration: Duration::from_secs(5), ..rule("mean", 0.05) };
        let stopped = stops_after(&min_duration, steady()).unwrap();
        assert!((730..745).contains(&stopped), "{stopped}");
    }

    #[test]
    fn what_is_never_certain_does_not_stop_and_warm_up_does_not_count() {
        let mut rng = Seed::root(3).rng();
        let wild: Vec<f64> = (0..900).map(|_| if rng.random_bool(0.3) { 1000.0 } else { 10.0 }).collect();
        assert_eq!(stops_after(&rule("mean", 0.01), wild.into_iter()), None);
        let (load, _) = StopHandle::new();
        let mut certainty = Certainty::new(&rule("p50", 0.5), load.clone()).unwrap();
        for number in 0..500 {
            certainty.add(&RequestRecord { phase: Phase::Warmup, ..row(number, 50.0) });
        }
        assert_eq!(load.now(), Stop::Running);
    }

    #[test]
    fn what_it_can_watch_has_a_sample_a_request() {
        for metric in crate::scenario::STOP_METRICS {
            let rule = StopWhen { metric: metric.to_owned(), ..rule("p90", 0.1) };
            assert!(Certainty::new(&rule, StopHandle::new().0).is_some(), "{metric}");
        }
        let all = METRICS.iter().filter(|metric| metric.sample(&row(0, 5.0)).is_some());
        let ours: Vec<&str> = all.map(|metric| metric.name).collect();
        assert!(ours.contains(&"ttft_ms") && !ours.contains(&"itl_ms"), "{ours:?}");
    }

    /// Stopping when the interval looks narrow takes part of its coverage: at least 90 of 100 are left.
    #[test]
    fn intervals_of_stopped_repeats_still_hold() {
        for (stat, correlation, rel_ci) in
            [("mean", 0.0, 0.05), ("p50", 0.0, 0.05), ("mean", 0.5, 0.08), ("p50", 0.5, 0.08)]
        {
            let truth: f64 = if stat == "mean" { 0.125_f64.exp() } else { 1.0 };
            let (mut holds, mut stopped, tries) = (0_u32, 0_u32, 200);
            for seed in 0..tries {
                let mut rng = Seed::root(seed).child(stat).rng();
                let mut state: f64 = StandardNormal.sample(&mut rng);
                let mut samples = Vec::new();
                let mut next = || {
                    let fresh: f64 = StandardNormal.sample(&mut rng);
                    state = correlation * state + (1.0_f64 - correlation * correlation).sqrt() * fresh;
                    let value = (0.5 * state).exp();
                    samples.push(value);
                    100.0 * value
                };
                let drawn: Vec<f64> = (0..4000).map(|_| next()).collect();
                let Some(count) = stops_after(&rule(stat, rel_ci), drawn.into_iter()) else { continue };
                stopped += 1;
                let kept = &samples[..count];
                let estimate = if stat == "mean" { mean_of(&[kept]) } else { percentile_of(&[kept], 500) }.unwrap();
                holds += u32::from(estimate.interval.unwrap().has(truth));
            }
            let share = f64::from(holds) / f64::from(stopped);
            println!("{stat} {correlation}: {share:.3} of {stopped}");
            assert!(stopped > 190 && share >= 0.90, "{stat} at correlation {correlation}: {share} of {stopped}");
        }
    }
}

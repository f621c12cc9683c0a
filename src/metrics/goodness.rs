use super::derive::derive;
use super::summary::{SloSummary, bounds};
use crate::record::{Outcome, RequestRecord};
use crate::scenario::Slo;
use crate::statistics::{Batches, Estimate, share, share_parts};

/// Which measured requests of a repeat failed, and which were good, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Goodness {
    errors: Batches<1>,
    good: Batches<1>,
}

impl Goodness {
    /// Takes a measured row. What was cancelled is neither good nor bad.
    pub(super) fn add(&mut self, record: &RequestRecord, slo: Option<&Slo>) {
        let failed = match record.outcome {
            Outcome::Cancelled => return,
            Outcome::Completed => Some(0.0),
            Outcome::Failed(_) => Some(1.0),
            Outcome::Dropped => None,
        };
        if let Some(failed) = failed {
            self.errors.add(1.0, [failed]);
        }
        if let Some(slo) = slo {
            self.good.add(1.0, [f64::from(u8::from(is_good(record, slo)))]);
        }
    }

    /// Good requests.
    pub(super) fn good(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, summed up as a float")]
        let good = (self.good.ratio(0).unwrap_or(0.0) * self.good.count()).round() as u64;
        good
    }

    pub(super) fn error_rate<'g>(repeats: impl Iterator<Item = &'g Self>) -> Option<Estimate> {
        share_of(repeats.map(|of| &of.errors))
    }

    /// How well the objective was met; `None` when no request was due that was not cancelled.
    pub(super) fn summary<'g>(repeats: impl Iterator<Item = &'g Self>, slo: &Slo) -> Option<SloSummary> {
        let good = share_of(repeats.map(|of| &of.good))?;
        Some(SloSummary {
            good_share: good.value,
            ci95: good.interval.as_ref().map(bounds),
            pass: good.interval.map(|interval| interval.low >= slo.attainment),
            effective_n: Some(good.effective_n),
        })
    }
}

/// The share over repeats, of those that have a row.
fn share_of<'b>(repeats: impl Iterator<Item = &'b Batches<1>>) -> Option<Estimate> {
    let with_rows: Vec<&Batches<1>> = repeats.filter(|batches| batches.count() > 0.0).collect();
    share(&share_parts(&with_rows, 0))
}

/// Whether a request meets all limits that are defined for it: a latency that it does not have breaks none. One that
/// failed or was dropped is not good.
pub(super) fn is_good(record: &RequestRecord, slo: &Slo) -> bool {
    let derived = derive(record);
    let limits = [(slo.ttft, derived.ttft_ms), (slo.tpot, derived.tpot_ms), (slo.e2e, derived.e2e_ms)];
    let meets =
        limits.into_iter().all(|(limit, ms)| limit.zip(ms).is_none_or(|(limit, ms)| ms <= limit.as_secs_f64() * 1e3));
    record.outcome == Outcome::Completed && meets
}

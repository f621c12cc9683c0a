use super::lookup::Lookup;
use super::quantile::PERCENTILES;
use crate::statistics::{Batches, Estimate, RepeatQuantiles, mean, mean_parts, percentile, share_parts};
use crate::units::as_float;

const COUNT: usize = PERCENTILES.len();

/// The samples of one metric in one repeat in the order of time, as intervals need them: in a first pass what their
/// sums are, in a second one how many lie at or below each percentile.
#[derive(Debug, Default)]
pub(super) struct Series {
    means: Batches<1>,
    own: Shares,
    /// By the percentiles of all repeats together, where there are several.
    of_all: Option<Shares>,
    lookup: Lookup,
    stage: Stage,
    row: Row,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Sums,
    Shares,
    Done,
}

/// How many samples lie at or below each of some limits.
#[derive(Debug)]
struct Shares {
    /// Ascending, one for each percentile; infinite where it falls on a request that never came.
    limits: [f64; COUNT],
    batches: Batches<COUNT>,
    /// Of the row that is taken in: samples by how many limits lie below them.
    row: [u64; COUNT + 1],
}

impl Default for Shares {
    fn default() -> Self {
        Self { limits: [f64::INFINITY; COUNT], batches: Batches::default(), row: [0; COUNT + 1] }
    }
}

/// What the row that is taken in brought so far.
#[derive(Debug, Default)]
struct Row {
    count: u64,
    sum: f64,
}

impl Shares {
    fn by(lookup: &Lookup) -> Self {
        let at = |k: usize| lookup.at(as_float(PERCENTILES[k].permille) / 1000.0);
        Self {
            limits: std::array::from_fn(|k| Some(at(k)).filter(|at| !at.is_nan()).unwrap_or(f64::INFINITY)),
            ..Self::default()
        }
    }

    fn add(&mut self, value: f64, weight: u64) {
        let beyond = self.limits.iter().filter(|limit| **limit < value).count();
        self.row[beyond] += weight;
    }

    fn end_row(&mut self, count: u64) {
        let row = std::mem::replace(&mut self.row, [0; COUNT + 1]);
        let mut upto = 0;
        let sums = std::array::from_fn(|k| {
            upto += row[k];
            as_float(upto)
        });
        self.batches.add(as_float(count), sums);
    }
}

impl Series {
    /// Takes a finite sample of the row that is taken in.
    pub(super) fn add(&mut self, value: f64, weight: u64) {
        self.row.count += weight;
        match self.stage {
            Stage::Sums => self.row.sum = value.mul_add(as_float(weight), self.row.sum),
            Stage::Shares => {
                self.own.add(value, weight);
                if let Some(shares) = &mut self.of_all {
                    shares.add(value, weight);
                }
            }
            Stage::Done => {}
        }
    }

    /// Ends the row: samples of the next one are further in time.
    pub(super) fn end_row(&mut self) {
        let Row { count, sum } = std::mem::take(&mut self.row);
        match self.stage {
            Stage::Sums => self.means.add(as_float(count), [sum]),
            Stage::Shares => self.end_shares(count),
            Stage::Done => {}
        }
    }

    /// Takes a row that never came: a sample beyond every limit.
    pub(super) fn add_infinite(&mut self) {
        if self.stage == Stage::Shares {
            self.end_shares(1);
        }
    }

    fn end_shares(&mut self, count: u64) {
        self.own.end_row(count);
        if let Some(shares) = &mut self.of_all {
            shares.end_row(count);
        }
    }

    /// Whether samples that are added make a difference.
    pub(super) fn is_open(&self) -> bool {
        self.stage != Stage::Done
    }

    /// Ends a pass; `lookup` has the samples of the first one, `None` when there are none. Whether another is needed.
    pub(super) fn next_pass(&mut self, lookup: impl FnOnce() -> Option<Lookup>) -> bool {
        self.stage = match (self.stage, lookup) {
            (Stage::Sums, lookup) => match lookup() {
                Some(lookup) => {
                    self.own = Shares::by(&lookup);
                    self.lookup = lookup;
                    Stage::Shares
                }
                None => Stage::Done,
            },
            (Stage::Shares | Stage::Done, _) => Stage::Done,
        };
        self.is_open()
    }

    /// Tells before the second pass where all repeats together have their samples.
    pub(super) fn set_all(&mut self, lookup: &Lookup) {
        self.of_all = Some(Shares::by(lookup));
    }

    /// The percentile of this repeat alone, of which the value is known.
    pub(super) fn percentile(&self, k: usize, value: f64) -> Option<Estimate> {
        percentile_of(k, value, &self.lookup, &[self], |series| Some(&series.own))
    }

    /// The percentile of all repeats, of which the value is known.
    pub(super) fn percentile_of_all(k: usize, value: f64, all: &Lookup, repeats: &[&Self]) -> Option<Estimate> {
        percentile_of(k, value, all, repeats, |series| series.of_all.as_ref())
    }

    /// The mean over repeats, with the variance of a sample in each.
    pub(super) fn mean(repeats: &[&Self], variances: &[f64]) -> Option<Estimate> {
        let batches: Vec<_> = repeats.iter().map(|series| &series.means).collect();
        mean(&mean_parts(&batches, 0, variances))
    }
}

fn percentile_of<'s>(
    k: usize,
    value: f64,
    all: &Lookup,
    repeats: &[&'s Series],
    shares: impl Fn(&'s Series) -> Option<&'s Shares>,
) -> Option<Estimate> {
    let batches: Vec<_> = repeats.iter().filter_map(|series| Some(&shares(series)?.batches)).collect();
    let lookups: Vec<_> = repeats.iter().map(|series| |share: f64| series.lookup.at(share)).collect();
    let parts = share_parts(&batches, k).into_iter().zip(&lookups);
    let quantiles: Vec<RepeatQuantiles> =
        parts.map(|(at_or_below, value_at)| RepeatQuantiles { at_or_below, value_at }).collect();
    let permille = u32::try_from(PERCENTILES[k].permille).ok()?;
    percentile(permille, value, &|share| all.at(share), &quantiles)
}

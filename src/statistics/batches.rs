use super::as_float;
use super::hierarchy::Part;
use super::long_run::{LongRun, long_run_variance};

/// Batches are merged in pairs when there are so many: from then on there are at least half as many.
const MOST: usize = 128;

/// Samples of one repeat in the order of time, summed up in batches of equally many rows; `K` sums of each.
///
/// A row is what comes together (a request); it may bring many samples, as inter-token latencies are, and it is never
/// split. Memory does not grow with the number of rows: batches are merged in pairs as they grow many.
#[derive(Debug, Clone)]
pub struct Batches<const K: usize> {
    full: Vec<Batch<K>>,
    last: Batch<K>,
    rows_per_batch: u64,
}

/// Sums over the rows of a batch.
#[derive(Debug, Clone, Copy)]
struct Batch<const K: usize> {
    rows: u64,
    /// Samples.
    count: f64,
    sums: [f64; K],
}

impl<const K: usize> Batch<K> {
    const EMPTY: Self = Self { rows: 0, count: 0.0, sums: [0.0; K] };

    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.count += other.count;
        self.sums.iter_mut().zip(other.sums).for_each(|(sum, more)| *sum += more);
    }
}

impl<const K: usize> Default for Batches<K> {
    fn default() -> Self {
        Self { full: Vec::new(), last: Batch::EMPTY, rows_per_batch: 1 }
    }
}

impl<const K: usize> Batches<K> {
    /// Takes a row of `count` samples with its sums. A row without a sample is none.
    pub fn add(&mut self, count: f64, sums: [f64; K]) {
        if count <= 0.0 {
            return;
        }
        self.last.add(&Batch { rows: 1, count, sums });
        if self.last.rows < self.rows_per_batch {
            return;
        }
        self.full.push(std::mem::replace(&mut self.last, Batch::EMPTY));
        if self.full.len() == MOST {
            self.merge_pairs();
        }
    }

    fn merge_pairs(&mut self) {
        let pairs = self.full.chunks_exact(2);
        // What has no partner goes before the rows that are still to make a batch.
        let alone = pairs.remainder().first().copied();
        let merged = pairs.map(|pair| {
            let mut whole = pair[0];
            whole.add(&pair[1]);
            whole
        });
        self.full = merged.collect();
        if let Some(batch) = alone {
            self.last.add(&batch);
        }
        self.rows_per_batch *= 2;
    }

    /// Samples of all rows.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.each().map(|batch| batch.count).sum()
    }

    /// The `k`-th sum over the number of samples: a mean, or a share. `None` without a sample.
    #[must_use]
    pub fn ratio(&self, k: usize) -> Option<f64> {
        let count = self.count();
        (count > 0.0).then(|| self.each().map(|batch| batch.sums[k]).sum::<f64>() / count)
    }

    /// What is left of the `k`-th sum of each batch when the ratio's part is taken off. A last batch that is not more
    /// than half full would vary less than the others and is left out.
    fn residuals(&self, k: usize, ratio: f64) -> Vec<f64> {
        let whole = |batch: &&Batch<K>| batch.rows * 2 > self.rows_per_batch || self.full.is_empty();
        self.each().filter(whole).map(|batch| (-ratio).mul_add(batch.count, batch.sums[k])).collect()
    }

    fn rows(&self) -> u64 {
        self.each().map(|batch| batch.rows).sum()
    }

    fn each(&self) -> impl Iterator<Item = &Batch<K>> {
        self.full.iter().chain(std::iter::once(&self.last).filter(|last| last.rows > 0))
    }
}

/// What each repeat says of the mean that the `k`-th sum makes; `variances` are those of single samples, repeat by
/// repeat. Empty when a repeat has too few rows to tell, or none.
///
/// The variance of a ratio is that of the residuals `sum - ratio x count` of the batches (the linearised ratio
/// estimator: Cochran, *Sampling Techniques*, 6.3), over all time lags. How lags hang together is learnt from all
/// repeats at once. A variance is never less than that of independent samples.
#[must_use]
pub fn mean_parts<const K: usize>(repeats: &[&Batches<K>], k: usize, variances: &[f64]) -> Vec<Part> {
    let coarsest = repeats.iter().map(|repeat| repeat.rows_per_batch).max().unwrap_or(1);
    let merged = repeats.iter().map(|repeat| {
        let mut repeat = Batches::clone(repeat);
        while repeat.rows_per_batch < coarsest {
            repeat.merge_pairs();
        }
        repeat
    });
    let merged: Vec<Batches<K>> = merged.collect();
    let Some(ratios) = merged.iter().map(|repeat| repeat.ratio(k)).collect::<Option<Vec<f64>>>() else {
        return Vec::new();
    };
    let members = || merged.iter().zip(ratios.iter().zip(variances));
    // In standard deviations of a sample, which are those of all repeats: one with few bursts must not hide them.
    let weight: f64 = merged.iter().map(Batches::count).sum();
    let of_one: f64 = members().map(|(repeat, (_, of_one))| repeat.count() / weight * of_one).sum();
    let deviation = if of_one > 0.0 { of_one.sqrt() } else { 1.0 };
    let standard = |(repeat, (value, _)): (&Batches<K>, (&f64, &f64))| -> Vec<f64> {
        repeat.residuals(k, *value).iter().map(|left| left / deviation).collect()
    };
    let residuals: Vec<Vec<f64>> = members().map(standard).collect();
    let rows: u64 = merged.iter().map(Batches::rows).sum();
    if rows < 2 || !residuals.iter().flatten().all(|value| value.is_finite()) {
        return Vec::new();
    }
    // The model is one for all repeats, and must not count anew for each.
    let long_run = long_run_variance(&residuals).map(|long_run| LongRun {
        degrees_of_freedom: long_run.degrees_of_freedom / as_float(residuals.len() as u64),
        ..long_run
    });
    members().map(|(repeat, (value, of_one))| part(repeat, *value, *of_one, long_run)).collect()
}

/// The same of a share: the `k`-th sum counts the samples that belong to it.
#[must_use]
pub fn share_parts<const K: usize>(repeats: &[&Batches<K>], k: usize) -> Vec<Part> {
    let of_one = |repeat: &&Batches<K>| repeat.ratio(k).map_or(0.0, |share| share * (1.0 - share));
    let variances: Vec<f64> = repeats.iter().map(of_one).collect();
    mean_parts(repeats, k, &variances)
}

/// What a repeat says; without a model its samples are as good as independent, since all are equal.
fn part<const K: usize>(repeat: &Batches<K>, value: f64, of_one: f64, model: Option<LongRun>) -> Part {
    let count = repeat.count();
    let independent = of_one / count;
    let batches = as_float(repeat.rows()) / as_float(repeat.rows_per_batch);
    let LongRun { variance, degrees_of_freedom } = model.unwrap_or(LongRun { variance: 0.0, degrees_of_freedom: 1.0 });
    let variance = (variance * of_one * batches / (count * count)).max(independent);
    // Of a variance that independent samples have anyway nothing had to be learnt from batches.
    let excess = if variance > 0.0 { (variance - independent) / variance } else { 0.0 };
    let doubt =
        excess * excess / degrees_of_freedom + (1.0 - excess).powi(2) / (as_float(repeat.rows()) - 1.0).max(1.0);
    let effective_n = if variance > 0.0 { (of_one / variance).min(count) } else { count };
    Part { value, count, variance, degrees_of_freedom: 1.0 / doubt, effective_n }
}

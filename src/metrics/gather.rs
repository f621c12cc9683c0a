/// Samples themselves. One that counts once is a number; one that counts more often has its weight beside it.
///
/// Equal samples are folded when they are many, so that memory follows the number of different values: stamps are
/// whole nanoseconds, and inter-token latencies repeat.
#[derive(Debug, Clone, Default)]
pub(super) struct Gather {
    once: Vec<f64>,
    weighted: Vec<(f64, u64)>,
}

impl Gather {
    /// Takes a sample; false when there are more than `limit` different ones by now.
    pub(super) fn add(&mut self, value: f64, weight: u64, limit: usize) -> bool {
        match weight {
            1 => self.once.push(value),
            _ => self.weighted.push((value, weight)),
        }
        if self.once.len() + self.weighted.len() < 2 * limit {
            return true;
        }
        let folded = self.ascending();
        (self.once, self.weighted) = (Vec::new(), Vec::new());
        for (value, weight) in &folded {
            if *weight == 1 { self.once.push(*value) } else { self.weighted.push((*value, *weight)) }
        }
        folded.len() <= limit
    }

    /// In ascending order, equal ones as one.
    pub(super) fn ascending(&self) -> Vec<(f64, u64)> {
        let mut all: Vec<(f64, u64)> = self.each().collect();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        all.dedup_by(|next, kept| {
            let same = next.0.to_bits() == kept.0.to_bits();
            kept.1 += if same { next.1 } else { 0 };
            same
        });
        all
    }

    /// In no order.
    pub(super) fn each(&self) -> impl Iterator<Item = (f64, u64)> {
        self.once.iter().map(|value| (*value, 1)).chain(self.weighted.iter().copied())
    }
}

use rand::RngExt;

use crate::scenario::DatasetOrder;
use crate::seed::Seed;

/// Which row is sent when. Any place can be asked for at any time, without a list of all rows.
#[derive(Debug, Clone)]
pub(in crate::workload) struct Order {
    kind: DatasetOrder,
    rows: u64,
    seed: Seed,
}

impl Order {
    /// The order of `rows` rows, at least one.
    pub(in crate::workload) fn new(kind: DatasetOrder, rows: u64, seed: Seed) -> Self {
        Self { kind, rows: rows.max(1), seed: seed.child("rows") }
    }

    /// The row of the `index`-th request of a phase. After the last the first comes again, shuffled anew.
    ///
    /// The warm-up goes from the end backwards, so that it makes the server know as few of the measured rows as can be.
    pub(in crate::workload) fn row(&self, phase: &str, index: u64) -> u64 {
        let (round, place) = match phase {
            "warmup" => (0, self.rows - 1 - index % self.rows),
            _ => (index / self.rows, index % self.rows),
        };
        match self.kind {
            DatasetOrder::File => place,
            DatasetOrder::Shuffle => Shuffle::new(self.rows, self.seed.index(round)).at(place),
            DatasetOrder::Sample => self.seed.child(phase).index(index).rng().random_range(0..self.rows),
        }
    }
}

/// A permutation of `0..count` that needs no memory: a Feistel network over the next power of four, walked until it
/// comes back into the range.
#[derive(Debug)]
struct Shuffle {
    count: u64,
    half_bits: u32,
    keys: [u64; 4],
}

impl Shuffle {
    fn new(count: u64, seed: Seed) -> Self {
        let bits = u64::BITS - count.saturating_sub(1).leading_zeros();
        let mut rng = seed.rng();
        Self { count, half_bits: bits.div_ceil(2).max(1), keys: std::array::from_fn(|_| rng.random()) }
    }

    fn at(&self, place: u64) -> u64 {
        let mut value = self.once(place);
        while value >= self.count {
            value = self.once(value);
        }
        value
    }

    fn once(&self, value: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        left << self.half_bits | right
    }
}

/// Spreads every bit over all others (the finaliser of `SplitMix64`).
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn order(kind: DatasetOrder, rows: u64) -> Order {
        Order::new(kind, rows, Seed::root(3))
    }

    #[test]
    fn every_row_comes_once_before_any_comes_again() {
        for rows in (1..70).chain([1000, 4096, 4097]) {
            let order = order(DatasetOrder::Shuffle, rows);
            for round in 0..2 {
                let seen: BTreeSet<u64> = (0..rows).map(|at| order.row("measure", round * rows + at)).collect();
                assert_eq!((seen.len() as u64, seen.last()), (rows, Some(&(rows - 1))), "{rows} {round}");
            }
        }
    }

    #[test]
    fn shuffles_differ_by_round_and_seed_and_stay() {
        let rows = |order: &Order, round: u64| -> Vec<u64> {
            (0..100).map(|at| order.row("measure", round * 100 + at)).collect()
        };
        let one = order(DatasetOrder::Shuffle, 100);
        assert_eq!(rows(&one, 0), rows(&order(DatasetOrder::Shuffle, 100), 0));
        assert_ne!(rows(&one, 0), rows(&one, 1));
        assert_ne!(rows(&one, 0), rows(&Order::new(DatasetOrder::Shuffle, 100, Seed::root(4)), 0));
        let inversions = rows(&one, 0).windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!((35..65).contains(&inversions), "{inversions}");
    }

    #[test]
    fn a_file_goes_from_its_beginning_and_the_warm_up_from_its_end() {
        let order = order(DatasetOrder::File, 3);
        let rows = |phase| -> Vec<u64> { (0..5).map(|index| order.row(phase, index)).collect() };
        assert_eq!((rows("measure"), rows("warmup")), (vec![0, 1, 2, 0, 1], vec![2, 1, 0, 2, 1]));
    }

    #[test]
    fn samples_are_drawn_with_replacement() {
        let order = order(DatasetOrder::Sample, 1000);
        let seen: BTreeSet<u64> = (0..1000).map(|index| order.row("measure", index)).collect();
        // 1 - 1/e of them.
        assert!((590..680).contains(&seen.len()), "{}", seen.len());
    }
}

/// A running sum that carries along what rounding drops, so that neither length nor order of the list shows.
///
/// Two doubles, the second holding the error of the first (double-double arithmetic after Knuth and Dekker).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct ExactSum {
    high: f64,
    low: f64,
}

impl ExactSum {
    pub(super) fn add(&mut self, value: f64) {
        let sum = self.high + value;
        let back = sum - self.high;
        self.low += (self.high - (sum - back)) + (value - back);
        self.high = sum;
    }

    /// Adds `value` times `weight`.
    pub(super) fn add_times(&mut self, value: f64, weight: f64) {
        let product = value * weight;
        self.add(product);
        self.low += value.mul_add(weight, -product);
    }

    pub(super) fn add_all(&mut self, other: Self) {
        self.add(other.high);
        self.add(other.low);
    }

    pub(super) fn value(self) -> f64 {
        self.high + self.low
    }
}

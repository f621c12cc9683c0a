//! Numbers as whole ones in the same order, to be cut into ranges bit by bit.

const SIGN: u64 = 1 << 63;

/// The place of a number in the total order of all of them.
pub(super) fn key(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The number at a place.
pub(super) fn value_of(key: u64) -> f64 {
    f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_stand_in_the_order_of_their_numbers(a: f64, b: f64) {
            prop_assert_eq!(key(a).cmp(&key(b)), a.total_cmp(&b));
            prop_assert_eq!(value_of(key(a)).to_bits(), a.to_bits());
        }
    }
}

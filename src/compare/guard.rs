/// Holm's step-down rule: what each of several p-values is worth when all of them are looked at, in the same order.
///
/// Whatever holds in truth, the chance that any value that is true to its null hypothesis comes out at or below a level
/// is at most that level, however the figures hang together (Holm 1979, "A simple sequentially rejective multiple test
/// procedure").
#[must_use]
pub(super) fn holm(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut adjusted = vec![1.0; values.len()];
    let mut least = 0.0_f64;
    for (before, at) in order.into_iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a comparison has far fewer than 2^52 figures")]
        let left = (values.len() - before) as f64;
        least = least.max(values[at] * left).min(1.0);
        adjusted[at] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_smallest_is_held_against_all_and_none_overtakes_one_before_it() {
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
        assert_eq!(holm(&[0.02]), [0.02]);
        assert_eq!(holm(&[]), [0.0; 0]);
        assert_eq!(holm(&[0.6, 0.7]), [1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn order_stays_and_nothing_becomes_surer(values in prop::collection::vec(0.0..1.0_f64, 0..40)) {
            let adjusted = holm(&values);
            for (at, value) in values.iter().enumerate() {
                prop_assert!(adjusted[at] >= *value && adjusted[at] <= 1.0);
                for (other, than) in values.iter().enumerate() {
                    prop_assert!(value >= than || adjusted[at] <= adjusted[other]);
                }
            }
        }
    }
}

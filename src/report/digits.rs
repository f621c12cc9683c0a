/// How many decimals a column of numbers has, one for all, so that their points stand in one line.
///
/// The greatest number has about four significant digits, the least that is not 0 at least two.
pub(super) fn decimals(values: impl Iterator<Item = f64>) -> usize {
    let (least, greatest) = values
        .map(f64::abs)
        .filter(|value| value.is_finite() && *value > 0.0)
        .fold((f64::INFINITY, 0.0_f64), |(least, greatest), value| (least.min(value), greatest.max(value)));
    if greatest <= 0.0 {
        return 0;
    }
    let for_greatest = 3 - magnitude(greatest);
    let (wanted, needed) = (2 - magnitude(least), 1 - magnitude(least));
    usize::try_from(wanted.min(for_greatest).max(needed).clamp(0, 6)).unwrap_or(0)
}

/// The power of ten of a number's first digit.
fn magnitude(value: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a finite f64 fits an i32")]
    let exponent = value.log10().floor() as i32;
    exponent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_the_decimals_that_its_numbers_need() {
        for (values, expected) in [
            (vec![48.0, 592.4], 1),
            (vec![7.5, 18.0], 2),
            (vec![340.0, 1352.4], 0),
            (vec![16.9, 1829.3], 0),
            (vec![0.42, 45.7], 2),
            (vec![0.004, 0.2], 4),
            (vec![0.0, 12.0], 1),
            (vec![0.0], 0),
            (vec![], 0),
            (vec![1e-12, 1.0], 6),
        ] {
            assert_eq!(decimals(values.iter().copied()), expected, "{values:?}");
        }
    }
}

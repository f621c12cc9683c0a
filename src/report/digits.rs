/// How many decimals a column of numbers has, so that its points stand below one another.
///
/// Three significant digits for the least of them, fewer where the greatest is large; none from 1000 on. The first
/// digit of the least one stays visible, to the thousandth.
pub(super) fn decimals(values: impl IntoIterator<Item = f64>) -> usize {
    let (mut least, mut greatest) = (f64::INFINITY, 0.0_f64);
    for value in values.into_iter().map(f64::abs).filter(|value| *value > 0.0) {
        least = least.min(value);
        greatest = greatest.max(value);
    }
    let wanted = [100.0, 10.0, 1.0].iter().filter(|bound| least < **bound).count();
    let room = match greatest {
        g if g >= 1000.0 => 0,
        g if g >= 100.0 => 1,
        g if g >= 10.0 => 2,
        _ => 3,
    };
    let first_digit = [1.0, 0.1, 0.01].iter().filter(|bound| least < **bound).count();
    wanted.min(room).max(first_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_align_and_digits_are_enough() {
        for (values, expected) in [
            (&[][..], 0),
            (&[0.0], 0),
            (&[512.0, 4800.0], 0),
            (&[42.5, 96.1], 1),
            (&[42.5, 1096.0], 0),
            (&[8.02, 9.1], 2),
            (&[8.02, 31.0], 2),
            (&[8.02, 310.0], 1),
            (&[0.52, 0.9], 3),
            (&[0.04, 1000.0], 2),
        ] {
            assert_eq!(decimals(values.iter().copied()), expected, "{values:?}");
        }
    }
}

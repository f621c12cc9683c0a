/// `value` with `digits` significant digits and no trailing zeros: "1.5", "250", "0.0123".
///
/// Digits before the point are never cut: 12345.6 with three digits is "12346".
#[must_use]
pub fn format_significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { value.to_string() };
    }
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a finite f64 fits an i32")]
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = usize::try_from((digits - 1 - magnitude).max(0)).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A count with a thin group separator every three digits: "12 345".
#[must_use]
pub fn format_count(count: u64) -> String {
    let digits = count.to_string();
    let head = digits.len() % 3;
    let mut groups: Vec<&str> = (head..digits.len()).step_by(3).map(|start| &digits[start..start + 3]).collect();
    if head > 0 {
        groups.insert(0, &digits[..head]);
    }
    groups.join(" ")
}

/// A count as a float: exact up to 2^53, and to one part in as many beyond.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "no count of ours is far beyond 2^53, and there its size is what matters"
)]
pub const fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_sensible_digits() {
        for (value, digits, shown) in
            [(1.5, 3, "1.5"), (250.0, 3, "250"), (12345.6, 3, "12346"), (0.012_345, 3, "0.0123"), (0.0, 3, "0")]
        {
            assert_eq!(format_significant(value, digits), shown);
        }
        for (count, shown) in [(0, "0"), (999, "999"), (12_345, "12 345"), (1_000_000, "1 000 000")] {
            assert_eq!(format_count(count), shown);
        }
    }
}

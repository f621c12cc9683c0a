use std::time::Duration;

use super::UnitError;

const EXPECTED: &str = "a number with a unit, as \"250ms\", \"1.5s\", \"2m\" or \"1h\"";

/// Parses a duration: a number and a unit, several in a row allowed ("1m 30s").
///
/// # Errors
/// When the text has no unit, is negative, or is no duration at all.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(UnitError::new(format!("`{text}` has no unit"), EXPECTED));
    }
    let signed: jiff::SignedDuration =
        text.parse().map_err(|_| UnitError::new(format!("`{text}` is not a duration"), EXPECTED))?;
    Duration::try_from(signed).map_err(|_| UnitError::new(format!("`{text}` is negative"), EXPECTED))
}

/// Parses an age: a duration, or a number of days or weeks ("7d", "2w").
///
/// # Errors
/// As [`parse_duration`].
pub fn parse_age(text: &str) -> Result<Duration, UnitError> {
    for (unit, seconds) in [("d", 86_400_u32), ("w", 7 * 86_400)] {
        let number = text.trim().strip_suffix(unit).and_then(|number| number.trim_end().parse::<f64>().ok());
        if let Some(age) = number.and_then(|number| Duration::try_from_secs_f64(number * f64::from(seconds)).ok()) {
            return Ok(age);
        }
    }
    parse_duration(text)
}

/// A duration as people read it, three significant digits at most: "250ms", "1.5s", "2m 5s", "1h 30m".
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let short = |value: f64, unit: &str| format!("{}{unit}", super::format_significant(value, 3));
    match seconds {
        0.0 => "0s".to_owned(),
        s if s < 1e-3 => short(s * 1e6, "us"),
        s if s < 1.0 => short(s * 1e3, "ms"),
        s if s < 60.0 => short(s, "s"),
        s => {
            let whole = Duration::from_secs_f64(s.round()).as_secs();
            let (hours, minutes, rest) = (whole / 3600, whole % 3600 / 60, whole % 60);
            match (hours, minutes, rest) {
                (0, m, 0) => format!("{m}m"),
                (0, m, r) => format!("{m}m {r}s"),
                (h, 0, _) => format!("{h}h"),
                (h, m, _) => format!("{h}h {m}m"),
            }
        }
    }
}

/// How old something is, in seconds, as people say it: one unit, the greatest of which there is at least one.
#[must_use]
pub fn format_age(seconds: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(86_400.0, "d"), (3600.0, "h"), (60.0, "m"), (1.0, "s")];
    let unit = UNITS.iter().find(|(length, _)| seconds >= *length);
    unit.map_or_else(|| "0s".to_owned(), |(length, unit)| format!("{:.0}{unit}", (seconds / length).floor()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_in_days_and_weeks_too() {
        for (text, hours) in [("7d", 168), ("2w", 336), ("0.5d", 12), ("90m", 1), ("3h", 3)] {
            assert_eq!(parse_age(text).unwrap().as_secs() / 3600, hours, "{text}");
        }
        for wrong in ["7", "d", "-1d", "week", ""] {
            assert!(parse_age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ages_have_one_unit() {
        for (seconds, shown) in
            [(0.4, "0s"), (59.9, "59s"), (60.0, "1m"), (7199.0, "1h"), (86_400.0 * 2.9, "2d"), (-1.0, "0s")]
        {
            assert_eq!(format_age(seconds), shown);
        }
    }

    #[test]
    fn durations_are_read_and_written() {
        for (text, ms, shown) in [
            ("250ms", 250, "250ms"),
            ("1.5s", 1500, "1.5s"),
            ("60s", 60_000, "1m"),
            ("1m 30s", 90_000, "1m 30s"),
            ("2h", 7_200_000, "2h"),
            ("0s", 0, "0s"),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration, Duration::from_millis(ms), "{text}");
            assert_eq!(format_duration(duration), shown);
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, wrong) in
            [("10", "has no unit"), ("-1s", "is negative"), ("soon", "is not a duration"), ("", "is not a duration")]
        {
            assert!(parse_duration(text).unwrap_err().wrong.contains(wrong), "{text}");
        }
    }
}

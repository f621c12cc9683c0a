use crate::units::parse_duration;

/// How small a change may be and not matter: the greater of a share of the figure and, for times, a length.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Margin {
    /// Of the first side's figure, 0.02 for 2 %.
    pub share: f64,
    /// Milliseconds, for figures in them.
    pub ms: f64,
}

/// A share of requests that may fail more, or less, and not matter: where none failed, every share of it is 0.
const SHARE_OF_REQUESTS: f64 = 0.001;

impl Default for Margin {
    fn default() -> Self {
        Self { share: 0.02, ms: 0.2 }
    }
}

impl Margin {
    /// The margin about a figure of so much, in its unit.
    #[must_use]
    pub fn about(&self, value: f64, unit: &str) -> f64 {
        let least = match unit {
            "ms" => self.ms,
            "share" => SHARE_OF_REQUESTS,
            _ => 0.0,
        };
        (self.share * value.abs()).max(least)
    }
}

/// Why a text is no margin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no margin")]
pub struct BadMargin(pub String);

impl std::str::FromStr for Margin {
    type Err = BadMargin;

    /// A share, a time, or both with a comma between: `2%,0.2ms`. What is not given is 0.
    fn from_str(text: &str) -> Result<Self, BadMargin> {
        let bad = || BadMargin(text.to_owned());
        let mut margin = Self { share: 0.0, ms: 0.0 };
        for part in text.split(',').map(str::trim) {
            match part.strip_suffix('%') {
                Some(number) => margin.share = number.trim().parse::<f64>().map_err(|_| bad())? / 100.0,
                None if part == "0" => {}
                None => margin.ms = parse_duration(part).map_err(|_| bad())?.as_secs_f64() * 1e3,
            }
        }
        let fits = |value: f64| value.is_finite() && value >= 0.0;
        if fits(margin.share) && fits(margin.ms) { Ok(margin) } else { Err(bad()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_is_a_share_a_time_or_both() {
        for (text, share, ms) in [("2%,0.2ms", 0.02, 0.2), ("5 %", 0.05, 0.0), ("1ms", 0.0, 1.0), ("0", 0.0, 0.0)] {
            assert_eq!(text.parse(), Ok(Margin { share, ms }), "{text}");
        }
        for text in ["", "two", "-1%", "2", "NaN%", "2%;1ms"] {
            assert_eq!(text.parse::<Margin>(), Err(BadMargin(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn the_greater_of_both_counts() {
        let margin = Margin::default();
        assert_eq!((margin.about(100.0, "ms"), margin.about(1.0, "ms")), (2.0, 0.2));
        assert_eq!((margin.about(1.0, "tokens/s"), margin.about(0.0, "share")), (0.02, SHARE_OF_REQUESTS));
    }
}

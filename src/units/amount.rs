use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{UnitError, format_duration, parse_duration};

/// How many requests: a count, or a multiple of the concurrency ("10x").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestCount {
    /// So many.
    Exactly(u64),
    /// So many for each concurrent one.
    PerConcurrent(u64),
}

impl RequestCount {
    /// The count at a concurrency; open loop counts as one.
    #[must_use]
    pub fn at(self, concurrency: Option<u64>) -> u64 {
        match self {
            Self::Exactly(count) => count,
            Self::PerConcurrent(times) => times.saturating_mul(concurrency.unwrap_or(1)),
        }
    }
}

impl FromStr for RequestCount {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        const EXPECTED: &str = "a count, as 80, or a multiple of the concurrency, as \"10x\"";
        let number = |digits: &str| {
            digits.parse::<u64>().map_err(|_| UnitError::new(format!("`{text}` is not a number of requests"), EXPECTED))
        };
        match text.strip_suffix('x') {
            Some(times) => Ok(Self::PerConcurrent(number(times)?)),
            None => Ok(Self::Exactly(number(text)?)),
        }
    }
}

impl fmt::Display for RequestCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(count) => write!(f, "{count}"),
            Self::PerConcurrent(times) => write!(f, "{times}x"),
        }
    }
}

/// How much warm-up: a number of requests or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Amount {
    /// So many requests.
    Requests(RequestCount),
    /// For so long.
    Time(Duration),
}

impl FromStr for Amount {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        const EXPECTED: &str = "a count, as 4, a multiple of the concurrency, as \"1x\", or a duration, as \"10s\"";
        if let Ok(count) = text.parse() {
            return Ok(Self::Requests(count));
        }
        parse_duration(text).map(Self::Time).map_err(|error| UnitError::new(error.wrong, EXPECTED))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests(count) => count.fmt(f),
            Self::Time(duration) => f.write_str(&format_duration(*duration)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_counts_multiples_or_times() {
        for (text, expected) in [
            ("4", Amount::Requests(RequestCount::Exactly(4))),
            ("10x", Amount::Requests(RequestCount::PerConcurrent(10))),
            ("10s", Amount::Time(Duration::from_secs(10))),
        ] {
            let amount: Amount = text.parse().unwrap();
            assert_eq!((amount, amount.to_string().as_str()), (expected, text));
        }
        assert!("x".parse::<Amount>().is_err());
        assert_eq!(RequestCount::PerConcurrent(10).at(Some(16)), 160);
    }
}

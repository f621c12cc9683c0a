use std::fmt;
use std::str::FromStr;

use super::{UnitError, format_significant};

/// Requests a second of an open loop; `Infinite` sends all at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Qps {
    /// So many a second, above 0.
    Rate(f64),
    /// All at once.
    Infinite,
}

impl FromStr for Qps {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        const EXPECTED: &str = "a rate above 0 in requests a second, as 0.5, or \"inf\" to send all at once";
        match text.parse::<f64>() {
            _ if text == "inf" => Ok(Self::Infinite),
            Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(Self::Rate(rate)),
            _ => Err(UnitError::new(format!("`{text}` is not a rate"), EXPECTED)),
        }
    }
}

impl fmt::Display for Qps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => f.write_str(&format_significant(*rate, 12)),
            Self::Infinite => f.write_str("inf"),
        }
    }
}

/// The distribution of the gaps between arrivals, all with the mean 1/qps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ArrivalDistribution {
    /// Every gap is the mean.
    Constant,
    /// Uniform on [0, 2/qps].
    Uniform,
    /// Exponential: a Poisson process.
    Exponential,
    /// Gamma with the given shape ("burstiness"): 1 is exponential, below 1 burstier.
    Gamma(f64),
}

impl FromStr for ArrivalDistribution {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        const EXPECTED: &str = "\"constant\", \"uniform\", \"exponential\" or \"gamma(burstiness)\", as \"gamma(0.5)\"";
        match text {
            "constant" => Ok(Self::Constant),
            "uniform" => Ok(Self::Uniform),
            "exponential" => Ok(Self::Exponential),
            _ => text
                .strip_prefix("gamma(")
                .and_then(|rest| rest.strip_suffix(')')?.trim().parse::<f64>().ok())
                .filter(|shape| *shape > 0.0 && shape.is_finite())
                .map(Self::Gamma)
                .ok_or_else(|| UnitError::new(format!("`{text}` is not a distribution of arrivals"), EXPECTED)),
        }
    }
}

impl fmt::Display for ArrivalDistribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant => f.write_str("constant"),
            Self::Uniform => f.write_str("uniform"),
            Self::Exponential => f.write_str("exponential"),
            Self::Gamma(shape) => write!(f, "gamma({})", format_significant(*shape, 12)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_distributions_are_read_and_written_alike() {
        for text in ["0.5", "2", "inf"] {
            assert_eq!(text.parse::<Qps>().unwrap().to_string(), text);
        }
        for text in ["constant", "uniform", "exponential", "gamma(0.5)"] {
            assert_eq!(text.parse::<ArrivalDistribution>().unwrap().to_string(), text);
        }
        for text in ["0", "-1", "nan", "infinity", "fast"] {
            assert!(text.parse::<Qps>().is_err(), "{text}");
        }
        for text in ["poisson", "gamma", "gamma(0)", "gamma()"] {
            assert!(text.parse::<ArrivalDistribution>().is_err(), "{text}");
        }
    }
}

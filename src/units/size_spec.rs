use std::fmt;
use std::str::FromStr;

use super::{SizeFile, UnitError, format_significant};

/// How many tokens: a fixed count or a distribution that each request draws from, cut at 1.
#[derive(Debug, Clone, PartialEq)]
pub enum SizeSpec {
    /// Always this many.
    Fixed(u64),
    /// Normal, by mean and standard deviation.
    Normal {
        /// Mean, tokens.
        mean: f64,
        /// Standard deviation, tokens.
        sd: f64,
    },
    /// Uniform between two whole numbers, both included.
    Uniform {
        /// Least, tokens.
        low: u64,
        /// Most, tokens.
        high: u64,
    },
    /// Log-normal, by mean and standard deviation of the value itself (not of its logarithm).
    LogNormal {
        /// Mean, tokens.
        mean: f64,
        /// Standard deviation, tokens.
        sd: f64,
    },
    /// Drawn from a file of sizes, each as likely as the others.
    Empirical(SizeFile),
}

impl SizeSpec {
    /// The fixed count, if it is one.
    #[must_use]
    pub fn fixed(&self) -> Option<u64> {
        match self {
            Self::Fixed(count) => Some(*count),
            _ => None,
        }
    }

    /// The expected count, for estimates; `None` of a file that was not read.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
            Self::Fixed(count) => Some(*count as f64),
            Self::Normal { mean, .. } | Self::LogNormal { mean, .. } => Some(*mean),
            #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
            Self::Uniform { low, high } => Some((*low + *high) as f64 / 2.0),
            Self::Empirical(file) => file.mean(),
        }
    }

    /// Whether more than one draw in a hundred falls below 1, where it is cut.
    #[must_use]
    pub fn is_often_cut(&self) -> bool {
        match self {
            Self::Normal { mean, sd } => (mean - 1.0) < PERCENT_DEVIATIONS * sd,
            Self::LogNormal { mean, sd } => {
                // Of the logarithm: the draw is below 1 where that is below 0.
                let variance = (sd / mean).powi(2).ln_1p();
                mean.ln() - variance / 2.0 < PERCENT_DEVIATIONS * variance.sqrt()
            }
            Self::Fixed(_) | Self::Uniform { .. } | Self::Empirical(_) => false,
        }
    }
}

/// One in a hundred draws of a normal distribution lies further below its mean, in standard deviations.
const PERCENT_DEVIATIONS: f64 = 2.326_348;

const EXPECTED: &str = "a whole number, as 1000, or one of \"normal(1000,200)\", \"uniform(50,500)\", \"lognormal(1000,400)\", \"empirical(sizes.txt)\"";

impl FromStr for SizeSpec {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = |why: &str| UnitError::new(format!("`{text}` {why}"), EXPECTED);
        if let Ok(count) = text.parse::<u64>() {
            return if count == 0 { Err(wrong("is less than one token")) } else { Ok(Self::Fixed(count)) };
        }
        let (name, rest) = text.split_once('(').ok_or_else(|| wrong("is not a size in tokens"))?;
        let inner = rest.strip_suffix(')').ok_or_else(|| wrong("has no closing bracket"))?;
        if name == "empirical" {
            return if inner.is_empty() {
                Err(wrong("names no file"))
            } else {
                Ok(Self::Empirical(SizeFile::unread(inner.into())))
            };
        }
        let pair = inner
            .split_once(',')
            .and_then(|(a, b)| Some((a.trim().parse::<f64>().ok()?, b.trim().parse::<f64>().ok()?)))
            .filter(|(a, b)| a.is_finite() && b.is_finite())
            .ok_or_else(|| wrong("takes two numbers"))?;
        match (name, pair) {
            ("normal" | "lognormal", (mean, sd)) if mean < 1.0 || sd < 0.0 => {
                Err(wrong("needs a mean of at least 1 and no negative deviation"))
            }
            ("normal", (mean, sd)) => Ok(Self::Normal { mean, sd }),
            ("lognormal", (mean, sd)) => Ok(Self::LogNormal { mean, sd }),
            ("uniform", (low, high)) if low < 1.0 || high < low || low.fract() + high.fract() != 0.0 => {
                Err(wrong("needs two whole numbers, the least (from 1) first"))
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked whole and at least 1")]
            ("uniform", (low, high)) => Ok(Self::Uniform { low: low as u64, high: high as u64 }),
            _ => Err(wrong("is not a known distribution")),
        }
    }
}

impl fmt::Display for SizeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: &f64| format_significant(*value, 12);
        match self {
            Self::Fixed(count) => write!(f, "{count}"),
            Self::Normal { mean, sd } => write!(f, "normal({},{})", number(mean), number(sd)),
            Self::Uniform { low, high } => write!(f, "uniform({low},{high})"),
            Self::LogNormal { mean, sd } => write!(f, "lognormal({},{})", number(mean), number(sd)),
            Self::Empirical(file) => write!(f, "empirical({})", file.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_alike() {
        for text in ["1000", "normal(1000,200)", "uniform(50,500)", "lognormal(1000,400.5)", "empirical(b.txt)"] {
            assert_eq!(text.parse::<SizeSpec>().unwrap().to_string(), text);
        }
        assert_eq!("normal( 10 , 2 )".parse::<SizeSpec>().unwrap().to_string(), "normal(10,2)");
    }

    #[test]
    fn what_is_no_size_says_why() {
        for (text, why) in [
            ("0", "less than one"),
            ("-3", "is not a size"),
            ("normal(1)", "two numbers"),
            ("normal(0.5,1)", "mean of at least 1"),
            ("uniform(9,3)", "least (from 1) first"),
            ("poisson(1,2)", "known distribution"),
            ("normal(1,2", "closing bracket"),
        ] {
            assert!(text.parse::<SizeSpec>().unwrap_err().wrong.contains(why), "{text}");
        }
    }

    #[test]
    fn what_often_falls_below_one_is_known() {
        for (text, often) in [
            ("normal(1000,200)", false),
            ("normal(1000,428)", false),
            ("normal(1000,430)", true),
            ("normal(1,0)", false),
            ("lognormal(1000,1000)", false),
            ("lognormal(100,100)", false),
            ("lognormal(20,40)", true),
            ("lognormal(4,8)", true),
            ("uniform(1,2)", false),
            ("7", false),
        ] {
            assert_eq!(text.parse::<SizeSpec>().unwrap().is_often_cut(), often, "{text}");
        }
    }
}

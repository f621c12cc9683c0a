use serde::Serialize;

use crate::metrics::Better;

/// Two bounds that are numbers, lower and upper.
pub type Interval = [f64; 2];

/// What a change comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Certainly changed for the better, and by more than the margin.
    Better,
    /// Certainly changed for the worse, and by more than the margin.
    Worse,
    /// Certainly within the margin.
    Same,
    /// None of these.
    Unclear,
}

impl Verdict {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Unclear => "unclear",
        }
    }
}

/// At or below it a change is certain.
pub(super) const LEVEL: f64 = 0.05;

/// A change as it is judged; all in the unit of the figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evidence {
    /// B minus A.
    pub(super) difference: f64,
    /// Its 95 % interval.
    pub(super) interval: Interval,
    /// The p-value of "no change", adjusted for all that is looked at.
    pub(super) p_adjusted: f64,
    /// What does not matter.
    pub(super) margin: f64,
    pub(super) better: Better,
}

impl Evidence {
    pub(super) fn verdict(&self) -> Verdict {
        let Self { difference, interval: [low, high], p_adjusted, margin, better } = *self;
        if p_adjusted <= LEVEL && difference.abs() > margin {
            return match (better, difference > 0.0) {
                (Better::Neither, _) => Verdict::Unclear,
                (Better::Lower, false) | (Better::Higher, true) => Verdict::Better,
                (Better::Lower, true) | (Better::Higher, false) => Verdict::Worse,
            };
        }
        if low >= -margin && high <= margin { Verdict::Same } else { Verdict::Unclear }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_certainty_and_a_change_that_matters() {
        for (difference, interval, p_adjusted, lower, higher) in [
            (5.0, [3.0, 7.0], 0.001, Verdict::Worse, Verdict::Better),
            (-5.0, [-7.0, -3.0], 0.001, Verdict::Better, Verdict::Worse),
            (5.0, [3.0, 7.0], 0.2, Verdict::Unclear, Verdict::Unclear),
            (1.0, [0.5, 1.5], 0.001, Verdict::Same, Verdict::Same),
            (1.0, [-0.5, 2.5], 0.5, Verdict::Unclear, Verdict::Unclear),
            (0.0, [-1.9, 1.9], 1.0, Verdict::Same, Verdict::Same),
            (1.5, [0.5, 2.5], 0.01, Verdict::Unclear, Verdict::Unclear),
        ] {
            let evidence = |better| Evidence { difference, interval, p_adjusted, margin: 2.0, better };
            assert_eq!(evidence(Better::Lower).verdict(), lower, "{difference} {interval:?}");
            assert_eq!(evidence(Better::Higher).verdict(), higher, "{difference} {interval:?}");
        }
        let moved =
            Evidence { difference: 9.0, interval: [8.0, 10.0], p_adjusted: 0.0, margin: 2.0, better: Better::Neither };
        assert_eq!(moved.verdict(), Verdict::Unclear, "a figure without a good side is neither");
    }
}

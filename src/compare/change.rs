use super::margin::Margin;
use super::verdict::{Evidence, Interval, Verdict};
use crate::metrics::{CellSummary, Figure};

/// A figure of a cell on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which one.
    pub figure: Figure,
    /// Side A's.
    pub a: Option<f64>,
    /// Side B's.
    pub b: Option<f64>,
    /// B minus A.
    pub difference: Option<f64>,
    /// Its 95 % interval, of this figure by itself.
    pub difference_ci95: Option<Interval>,
    /// The difference as a share of A; `None` where A is 0.
    pub change: Option<f64>,
    /// Its 95 % interval, of this figure by itself.
    pub ci95: Option<Interval>,
    /// How likely so great a change is where there is none, adjusted for all figures that are looked at.
    pub p_adjusted: Option<f64>,
    /// What it comes to.
    pub verdict: Verdict,
    /// Whether both sides have the samples that the figure needs.
    pub sure: bool,
    /// Why nothing can be said.
    pub why: Option<String>,
}

/// What was seen of a change, before it is judged.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    /// The change and how sure it is, in the figure's unit.
    Weighed(Weighed),
    /// Why there is none.
    Nothing(String),
}

/// A change and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weighed {
    pub(super) a: f64,
    pub(super) b: f64,
    /// The 95 % interval of B minus A.
    pub(super) interval: Interval,
    /// That of B over A, less 1; `None` where either is not above 0.
    pub(super) relative: Option<Interval>,
    /// The p-value of "no change".
    pub(super) p: f64,
}

impl Seen {
    /// The p-value of "no change"; `None` where nothing is known.
    pub(super) fn p(&self) -> Option<f64> {
        match self {
            Self::Weighed(weighed) => Some(weighed.p),
            Self::Nothing(_) => None,
        }
    }
}

impl Change {
    /// A figure's values, without a verdict.
    pub(super) fn new(figure: Figure, a: &CellSummary, b: &CellSummary) -> Self {
        let (of_a, of_b) = (figure.of(a), figure.of(b));
        let difference = of_a.zip(of_b).map(|(a, b)| b - a);
        Self {
            sure: figure.is_sure(a) && figure.is_sure(b),
            a: of_a,
            b: of_b,
            change: difference.zip(of_a).and_then(|(difference, a)| share(difference, a)),
            difference,
            difference_ci95: None,
            ci95: None,
            p_adjusted: None,
            verdict: Verdict::Unclear,
            why: None,
            figure,
        }
    }

    /// Gives the verdict by what was seen and what it is worth among all.
    pub(super) fn settle(&mut self, seen: &Seen, p_adjusted: Option<f64>, margin: &Margin) {
        let (weighed, p_adjusted) = match (seen, p_adjusted) {
            (Seen::Weighed(weighed), Some(p_adjusted)) => (weighed, p_adjusted),
            (Seen::Nothing(why), _) => {
                self.why = Some(why.clone());
                return;
            }
            _ => return,
        };
        let difference = weighed.b - weighed.a;
        (self.a, self.b, self.difference) = (Some(weighed.a), Some(weighed.b), Some(difference));
        self.change = share(difference, weighed.a);
        self.difference_ci95 = Some(weighed.interval);
        let [low, high] = weighed.interval.map(|bound| share(bound, weighed.a));
        self.ci95 = weighed.relative.or_else(|| low.zip(high).map(|(low, high)| [low, high]));
        self.p_adjusted = Some(p_adjusted);
        let margin = margin.about(weighed.a, self.figure.unit());
        let better = self.figure.better();
        self.verdict = Evidence { difference, interval: weighed.interval, p_adjusted, margin, better }.verdict();
    }
}

/// A length as a share of what it is counted from; `None` where that is 0.
fn share(of: f64, a: f64) -> Option<f64> {
    Some(of / a.abs()).filter(|share| share.is_finite())
}

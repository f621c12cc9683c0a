use std::fmt;

use super::change::Change;
use super::check::{Check, Outcome};
use super::comparison::{ComparedCell, Comparison};
use super::gate::shown;
use super::verdict::Verdict;
use crate::metrics::{Better, Figure};
use crate::scenario::Judge;
use crate::text::one_of;
use crate::units::parse_duration;

/// A gate on a change: `ttft_ms p95 +5%`, `output_token_throughput -3% interval`, `worse`.
#[derive(Debug, Clone, PartialEq)]
pub struct RegressionGate {
    /// As it was written.
    text: String,
    /// The figure; `None` for all that are compared.
    figure: Option<Figure>,
    limit: Limit,
    judge: Judge,
}

/// What a change may be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    /// At most so much of A's figure: up for a positive share, down for a negative one.
    Share(f64),
    /// At most so much in the figure's unit.
    Amount(f64),
    /// Anything but worse.
    NotWorse,
}

/// Why a text is no gate, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no gate: {why}")]
pub struct BadGate {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
    /// What may be written.
    pub help: String,
}

const EXPECTED: &str = "a gate is a figure and how far it may change, as \"ttft_ms p95 +5%\", \"e2e_ms p50 +20ms\" or \
\"output_token_throughput -3%\"; with \"interval\" at its end it is missed only when that is certain; \"worse\" stands for \
every verdict that is worse, \"ttft_ms p95 worse\" for one";

impl std::str::FromStr for RegressionGate {
    type Err = BadGate;

    fn from_str(text: &str) -> Result<Self, BadGate> {
        let bad = |why: String, help: String| BadGate { text: text.to_owned(), why, help };
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let judge = match words.last() {
            Some(&"interval") => Judge::Interval,
            Some(&"point") => Judge::Point,
            _ => Judge::Point,
        };
        if matches!(words.last(), Some(&("interval" | "point"))) {
            words.pop();
        }
        let Some(limit) = words.pop() else { return Err(bad("it is empty".to_owned(), EXPECTED.to_owned())) };
        let limit = match limit {
            "worse" => Limit::NotWorse,
            signed => signed_limit(signed).ok_or_else(|| {
                let why = format!("`{signed}` does not say how far the figure may change");
                bad(why, EXPECTED.to_owned())
            })?,
        };
        let figure = match (words.as_slice(), limit) {
            ([], Limit::NotWorse) => None,
            ([], _) => return Err(bad("it names no figure".to_owned(), EXPECTED.to_owned())),
            (words, _) => {
                let figure: Figure = words
                    .join(" ")
                    .parse()
                    .map_err(|error: crate::metrics::UnknownFigure| bad(error.to_string(), error.known.clone()))?;
                Some(figure)
            }
        };
        if let (Some(figure), Limit::Amount(_)) = (&figure, limit)
            && figure.unit() != "ms"
        {
            let why = format!("{} is not in milliseconds", figure.title());
            return Err(bad(why, format!("write a share, as \"{} +5%\"", figure.title())));
        }
        if let (Some(figure), Limit::NotWorse) = (&figure, limit)
            && figure.better() == Better::Neither
        {
            let why = format!("{} has no good side", figure.title());
            return Err(bad(why, format!("set {}", one_of(["\"+5%\"", "\"-5%\""]))));
        }
        Ok(Self { text: text.trim().to_owned(), figure, limit, judge })
    }
}

/// `+5%`, `-3 %`, `+10ms`: a sign is asked for, since which side is bad hangs on the figure.
fn signed_limit(text: &str) -> Option<Limit> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1.0, rest),
        ("-", rest) => (-1.0, rest),
        _ => return None,
    };
    let positive = |number: f64| (number.is_finite() && number >= 0.0).then_some(sign * number);
    match rest.strip_suffix('%') {
        Some(number) => Some(Limit::Share(positive(number.parse::<f64>().ok()? / 100.0)?)),
        None => Some(Limit::Amount(positive(parse_duration(rest).ok()?.as_secs_f64() * 1e3)?)),
    }
}

impl fmt::Display for RegressionGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl RegressionGate {
    /// The figure that it needs; `None` for all that are compared.
    #[must_use]
    pub fn figure(&self) -> Option<&Figure> {
        self.figure.as_ref()
    }

    fn takes(&self, change: &Change) -> bool {
        self.figure.as_ref().is_none_or(|figure| *figure == change.figure)
    }

    fn check(&self, cell: &ComparedCell, change: &Change) -> Check {
        let (outcome, says) = match self.limit {
            Limit::NotWorse => by_verdict(change),
            Limit::Share(limit) => self.by_limit(limit, change.change, change.ci95, change, true),
            Limit::Amount(limit) => self.by_limit(limit, change.difference, change.difference_ci95, change, false),
        };
        Check { gate: self.text.clone(), cell_id: Some(cell.cell_id.clone()), outcome, says }
    }

    fn by_limit(
        &self,
        limit: f64,
        seen: Option<f64>,
        interval: Option<[f64; 2]>,
        change: &Change,
        is_share: bool,
    ) -> (Outcome, String) {
        let words = |value: f64| if is_share { format!("{:+.1} %", value * 100.0) } else { format!("{value:+.3} ms") };
        let Some(seen) = seen else {
            return (Outcome::Unclear, change.why.clone().unwrap_or_else(|| "there is no change to tell".to_owned()));
        };
        let values = from_to(change);
        // Signs turned so that the limit lies above.
        let sign = if limit < 0.0 || limit.is_sign_negative() { -1.0 } else { 1.0 };
        let beyond = |value: f64| value * sign > limit * sign;
        match (self.judge, interval) {
            (Judge::Point, _) if beyond(seen) => {
                (Outcome::Missed, format!("{} ({values}), beyond {}", words(seen), words(limit)))
            }
            (Judge::Point, _) => (Outcome::Kept, format!("{} ({values})", words(seen))),
            (Judge::Interval, None) => {
                let why = change.why.as_deref().unwrap_or("no interval");
                (Outcome::Unclear, format!("{} ({values}): {why}", words(seen)))
            }
            (Judge::Interval, Some([low, high])) => {
                let said = format!("{} [{}, {}] ({values})", words(seen), words(low), words(high));
                match (beyond(low), beyond(high)) {
                    (true, true) => (Outcome::Missed, format!("{said}, certainly beyond {}", words(limit))),
                    (false, false) => (Outcome::Kept, said),
                    _ => (Outcome::Unclear, format!("{said}: the interval holds the limit of {}", words(limit))),
                }
            }
        }
    }
}

fn by_verdict(change: &Change) -> (Outcome, String) {
    let outcome = match change.verdict {
        Verdict::Better | Verdict::Same => Outcome::Kept,
        Verdict::Worse => Outcome::Missed,
        Verdict::Unclear => Outcome::Unclear,
    };
    let why = change.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    (outcome, format!("{} {}{why} ({})", change.figure.title(), change.verdict.as_str(), from_to(change)))
}

fn from_to(change: &Change) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| shown(value, ""));
    format!("{} to {} {}", number(change.a), number(change.b), change.figure.unit()).trim_end().to_owned()
}

/// Holds gates against comparisons. What was not compared, and a cell that B lacks, is unclear: nothing is guarded there.
#[must_use]
pub fn judge_regressions(gates: &[RegressionGate], comparisons: &[Comparison]) -> Vec<Check> {
    let mut checks = Vec::new();
    for gate in gates {
        let unclear = |cell: Option<&String>, says: String| Check {
            gate: gate.text.clone(),
            cell_id: cell.cloned(),
            outcome: Outcome::Unclear,
            says,
        };
        for comparison in comparisons {
            let held = comparison.changes().filter(|(_, change)| gate.takes(change));
            let mut of_gate: Vec<Check> = held.map(|(cell, change)| gate.check(cell, change)).collect();
            for objection in &comparison.refused {
                let cells: Vec<Option<&String>> =
                    if objection.cells.is_empty() { vec![None] } else { objection.cells.iter().map(Some).collect() };
                let says = format!("not compared: {}", objection.says);
                of_gate.extend(cells.into_iter().map(|cell| unclear(cell, says.clone())));
            }
            of_gate
                .extend(comparison.only_a.iter().map(|cell| unclear(Some(cell), format!("not in {}", comparison.b))));
            if of_gate.is_empty() {
                of_gate.push(unclear(None, "no cell of both sides has this figure".to_owned()));
            }
            checks.append(&mut of_gate);
        }
    }
    checks
}

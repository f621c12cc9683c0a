use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::change::{Change, Seen};
use super::comparable::{Finding, Objection, findings, of_locks};
use super::evidence::weigh;
use super::figures::{is_main, judged};
use super::guard::holm;
use super::margin::Margin;
use super::matching::{CellPair, pair_up};
use super::side::Side;
use super::verdict::Verdict;
use crate::metrics::Figure;

/// How a comparison is made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// What does not matter.
    pub margin: Margin,
    /// The figures to judge; all when there is none.
    pub figures: Vec<Figure>,
    /// Figures that gates ask for besides.
    pub gated: Vec<Figure>,
    /// Whether to compare also what is not comparable.
    pub force: bool,
    /// The axis whose values are compared, when they are of one run.
    pub by: Option<String>,
}

/// One side held against another, cell by cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The side that changes are counted from.
    pub a: String,
    /// The other side.
    pub b: String,
    /// What does not matter.
    pub margin: Margin,
    /// Changes over which the verdicts are guarded together: all of this call, against whatever side.
    pub family: usize,
    /// Axes that tell the sides apart; cells are matched without them.
    pub apart: Vec<String>,
    /// Cells that were compared.
    pub cells: Vec<ComparedCell>,
    /// What was not compared, and why.
    pub refused: Vec<Objection>,
    /// What a reader must know.
    pub notes: Vec<Objection>,
    /// Ids of cells that only A has.
    pub only_a: Vec<String>,
    /// Ids of cells that only B has.
    pub only_b: Vec<String>,
}

/// A cell of both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedCell {
    /// Its id on side A.
    pub cell_id: String,
    /// Its id on side B.
    pub b_cell_id: String,
    /// Its axes, without those that tell the sides apart.
    pub axes: Map<String, Value>,
    /// Repeats of each side.
    pub repeats: [usize; 2],
    /// Its figures.
    pub changes: Vec<Change>,
}

impl ComparedCell {
    /// Whether a side has a single repeat, so that nobody knows how much runs differ.
    #[must_use]
    pub fn is_between_unknown(&self) -> bool {
        self.repeats.contains(&1)
    }
}

impl Comparison {
    /// Every change with its cell.
    pub fn changes(&self) -> impl Iterator<Item = (&ComparedCell, &Change)> {
        self.cells.iter().flat_map(|cell| cell.changes.iter().map(move |change| (cell, change)))
    }

    /// How many changes have a verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.changes().filter(|(_, change)| change.verdict == verdict).count()
    }

    /// Whether a change is shown in brief: a main figure, or one that changed.
    #[must_use]
    pub fn is_worth_a_row(change: &Change) -> bool {
        is_main(&change.figure) || matches!(change.verdict, Verdict::Better | Verdict::Worse)
    }
}

/// Holds every other side against the first one. Verdicts are guarded over all changes together.
#[must_use]
pub fn compare(a: &Side, others: &[Side], rules: &Rules) -> Vec<Comparison> {
    let mut comparisons: Vec<(Comparison, Vec<Seen>)> = others.iter().map(|b| against(a, b, rules)).collect();
    // A figure that nobody can say anything of takes no room in the family.
    let weighed = comparisons.iter().flat_map(|(_, seen)| seen).filter_map(Seen::p);
    let mut adjusted = holm(&weighed.collect::<Vec<f64>>()).into_iter();
    let family = adjusted.len();
    for (comparison, seen) in &mut comparisons {
        comparison.family = family;
        let mut seen = seen.drain(..);
        for change in comparison.cells.iter_mut().flat_map(|cell| &mut cell.changes) {
            let Some(seen) = seen.next() else { break };
            let p_adjusted = seen.p().and_then(|_| adjusted.next());
            change.settle(&seen, p_adjusted, &rules.margin);
        }
    }
    comparisons.into_iter().map(|(comparison, _)| comparison).collect()
}

/// One side against another, without verdicts, and what was seen of each change, in their order.
fn against(a: &Side, b: &Side, rules: &Rules) -> (Comparison, Vec<Seen>) {
    let matching = pair_up(a, b, rules.by.as_deref());
    let mut collected = Collected::default();
    let whole_refused = match of_locks(a, b, &matching.pairs) {
        Some(finding) => collected.add(finding, None, rules.force),
        None => false,
    };
    let (mut cells, mut seen) = (Vec::new(), Vec::new());
    for pair in matching.pairs.iter().filter(|_| !whole_refused) {
        let mut refused = false;
        for finding in findings(pair, [&a.name, &b.name], &matching.apart) {
            refused |= collected.add(finding, Some(&pair.a.summary.cell_id), rules.force);
        }
        if !refused {
            let (cell, seen_of_cell) = compared(pair, rules, &matching.apart);
            cells.push(cell);
            seen.extend(seen_of_cell);
        }
    }
    let comparison = Comparison {
        a: a.name.clone(),
        b: b.name.clone(),
        margin: rules.margin,
        family: 0,
        apart: matching.apart,
        cells,
        refused: collected.refused(),
        notes: collected.notes(),
        only_a: matching.only_a,
        only_b: matching.only_b,
    };
    (comparison, seen)
}

fn compared(pair: &CellPair<'_>, rules: &Rules, apart: &[String]) -> (ComparedCell, Vec<Seen>) {
    let (a, b) = (&pair.a.summary, &pair.b.summary);
    let (mut changes, mut seen) = (Vec::new(), Vec::new());
    for figure in judged(pair, &rules.figures, &rules.gated) {
        seen.push(weigh(&figure, a, b));
        changes.push(Change::new(figure, a, b));
    }
    let axes = a.axes.iter().filter(|(axis, _)| !apart.contains(axis));
    let cell = ComparedCell {
        cell_id: a.cell_id.clone(),
        b_cell_id: b.cell_id.clone(),
        axes: axes.map(|(axis, value)| (axis.clone(), value.clone())).collect(),
        repeats: [a.repeats.len(), b.repeats.len()],
        changes,
    };
    (cell, seen)
}

/// What is said of cells: each thing once, with the cells that it is said of.
#[derive(Debug, Default)]
struct Collected {
    said: BTreeMap<Finding, Vec<String>>,
    forced: bool,
}

impl Collected {
    /// Takes a finding; whether it keeps its cell out.
    fn add(&mut self, finding: Finding, cell: Option<&str>, force: bool) -> bool {
        self.forced |= force;
        let refuses = matches!(finding, Finding::Refused(..)) && !force;
        self.said.entry(finding).or_default().extend(cell.map(str::to_owned));
        refuses
    }

    fn refused(&self) -> Vec<Objection> {
        let refused = self.said.iter().filter(|_| !self.forced).filter_map(|(finding, cells)| match finding {
            Finding::Refused(says, remedy) => Some(objection(says, remedy, cells)),
            Finding::Noted(_) => None,
        });
        refused.collect()
    }

    fn notes(&self) -> Vec<Objection> {
        let notes = self.said.iter().filter_map(|(finding, cells)| match finding {
            Finding::Refused(says, _) if self.forced => {
                Some(objection(&format!("compared by force: {says}"), "", cells))
            }
            Finding::Refused(..) => None,
            Finding::Noted(says) => Some(objection(says, "", cells)),
        });
        notes.collect()
    }
}

fn objection(says: &str, remedy: &str, cells: &[String]) -> Objection {
    Objection { says: says.to_owned(), remedy: remedy.to_owned(), cells: cells.to_vec() }
}

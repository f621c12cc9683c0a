//! Figures and changes in words.

use crate::compare::{Change, Comparison, Objection, Verdict};
use crate::report::digits::decimals;
use crate::text::plural;

/// So many cells are named beside what is said of them.
const MOST_NAMED: usize = 3;

/// The two values, with decimals that fit both.
pub(super) fn values(change: &Change) -> [String; 2] {
    let percent = if change.figure.unit() == "share" { 100.0 } else { 1.0 };
    let both = [change.a, change.b].map(|value| value.map(|value| value * percent));
    let places = decimals(both.iter().flatten().copied());
    let unit = if percent > 1.0 { " %" } else { "" };
    both.map(|value| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}{unit}")))
}

/// The change, in per cent of A; of shares in percentage points, since many are 0.
pub(super) fn change(change: &Change) -> String {
    if change.figure.unit() == "share" {
        return change.difference.map_or_else(|| "-".to_owned(), |value| format!("{:+.2} pp", value * 100.0));
    }
    change.change.map_or_else(|| "-".to_owned(), percent)
}

/// The interval of the change.
pub(super) fn interval(change: &Change) -> String {
    let (bounds, unit, places) = match change.figure.unit() {
        "share" => (change.difference_ci95, "pp", 2),
        _ => (change.ci95, "%", 1),
    };
    let Some([low, high]) = bounds.map(|bounds| bounds.map(|bound| bound * 100.0)) else { return "-".to_owned() };
    format!("{low:+.places$} to {high:+.places$} {unit}")
}

fn percent(share: f64) -> String {
    match share.abs() {
        size if size < 9.995 => format!("{:+.1} %", share * 100.0),
        _ => format!("x{:.1}", 1.0 + share),
    }
}

/// The marks of verdicts: each says as much as its colour.
pub(super) fn mark(verdict: Verdict) -> char {
    match verdict {
        Verdict::Better => '▲',
        Verdict::Worse => '▼',
        Verdict::Same => '=',
        Verdict::Unclear => '?',
    }
}

/// `2 worse, 1 better, 30 same, 9 unclear of 42 changes`.
pub(super) fn tally(comparison: &Comparison) -> String {
    let all = [Verdict::Worse, Verdict::Better, Verdict::Same, Verdict::Unclear];
    let counts = all.map(|verdict| format!("{} {}", comparison.count(verdict), verdict.as_str()));
    format!(
        "{} of {} in {}",
        counts.join(", "),
        plural(comparison.changes().count(), "figure", "figures"),
        plural(comparison.cells.len(), "cell", "cells")
    )
}

/// An objection with the cells that it is about.
pub(super) fn objection(objection: &Objection, compared: usize) -> String {
    let cells = match objection.cells.len() {
        0 => String::new(),
        count if count == compared => format!("all {}: ", plural(count, "cell", "cells")),
        1..=MOST_NAMED => format!("{}: ", objection.cells.join(", ")),
        count => format!("{}, as {}: ", plural(count, "cell", "cells"), objection.cells[0]),
    };
    format!("{cells}{}", objection.says)
}

/// What a reader must know besides the verdicts.
pub(super) fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes = vec![format!(
        "change: {} against {}; certain at 95 % over {} together (Holm), and by more than {}",
        comparison.b,
        comparison.a,
        plural(comparison.family, "figure", "figures"),
        margin(comparison)
    )];
    let single = comparison.cells.iter().filter(|cell| cell.is_between_unknown()).count();
    if single > 0 {
        let which = if single == comparison.cells.len() {
            "everywhere".to_owned()
        } else {
            format!("in {}", plural(single, "cell", "cells"))
        };
        notes.push(format!(
            "how much runs differ from one to the next is unknown {which}: one repeat on a side; verdicts hold for these \
             runs, and [load] repeats = 3 makes it known"
        ));
    }
    let few = comparison.changes().filter(|(_, change)| !change.sure).count();
    if few > 0 {
        notes.push(format!("~ {} by fewer samples than they need", plural(few, "figure", "figures")));
    }
    for (side, only) in [(&comparison.a, &comparison.only_a), (&comparison.b, &comparison.only_b)] {
        if !only.is_empty() {
            let more = if only.len() > MOST_NAMED { ", ..." } else { "" };
            let named: Vec<&str> = only.iter().take(MOST_NAMED).map(String::as_str).collect();
            notes.push(format!("only in {side}: {}: {}{more}", plural(only.len(), "cell", "cells"), named.join(", ")));
        }
    }
    notes.extend(comparison.notes.iter().map(|note| objection(note, comparison.cells.len())));
    let refused = comparison.refused.iter();
    notes.extend(refused.map(|refused| format!("not compared: {}; {}", objection(refused, 0), refused.remedy)));
    notes
}

/// The margin in words: `2 % or 0.2 ms`.
pub(super) fn margin(comparison: &Comparison) -> String {
    let margin = comparison.margin;
    let share = format!("{} %", crate::units::format_significant(margin.share * 100.0, 3));
    match margin.ms {
        0.0 => share,
        ms => format!("{share}, or {} ms", crate::units::format_significant(ms, 3)),
    }
}

/// The title: what is held against what, and what all cells share.
pub(super) fn title(comparison: &Comparison) -> String {
    format!("{} against {}", comparison.b, comparison.a)
}

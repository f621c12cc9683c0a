use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;

use super::words;
use crate::compare::{Change, Check, ComparedCell, Comparison, Tally};

/// The page; it needs nothing beside itself.
const PAGE: &str = include_str!("page.html");

/// Half the width of a plot of an interval, in pixels, and its middle.
const HALF: f64 = 80.0;
const MIDDLE: f64 = 82.0;
/// The widest change that plots reach to, in shares: what is beyond stops at the edge.
const MOST_REACH: f64 = 0.5;
const LEAST_REACH: f64 = 0.05;

#[derive(Serialize)]
struct PageView<'c> {
    title: String,
    comparisons: Vec<ComparisonView>,
    checks: Vec<CheckView<'c>>,
    tally: String,
}

#[derive(Serialize)]
struct ComparisonView {
    title: String,
    tally: String,
    reach: u32,
    rows: Vec<RowView>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct RowView {
    /// Empty where it is that of the row above.
    cell: String,
    figure: String,
    a: String,
    b: String,
    change: String,
    interval: String,
    plot: Option<PlotView>,
    verdict: &'static str,
    mark: char,
    why: String,
}

/// Places in pixels.
#[derive(Serialize)]
struct PlotView {
    low: f64,
    high: f64,
    at: f64,
    zone_from: f64,
    zone_width: f64,
}

#[derive(Serialize)]
struct CheckView<'c> {
    gate: &'c str,
    cell: &'c str,
    outcome: &'static str,
    says: &'c str,
}

/// Comparisons and what gates say of them, as one page of HTML.
///
/// # Errors
/// When the template cannot be filled in, which a test rules out.
pub fn verdicts_page(comparisons: &[Comparison], checks: &[Check]) -> Result<String, minijinja::Error> {
    let title = match comparisons {
        [one] => words::title(one),
        [first, ..] => format!("{} runs against {}", comparisons.len(), first.a),
        [] => "Nothing compared".to_owned(),
    };
    let comparisons: Vec<ComparisonView> = comparisons.iter().map(view).collect();
    let tally = Tally::of(checks).words();
    let checks: Vec<CheckView<'_>> = checks.iter().map(check).collect();
    let view = PageView { title, comparisons, checks, tally };
    let mut environment = Environment::new();
    environment.add_template("page.html", PAGE)?;
    environment.get_template("page.html")?.render(Value::from(Serde(&view)))
}

fn check(check: &Check) -> CheckView<'_> {
    CheckView {
        gate: &check.gate,
        cell: check.cell_id.as_deref().unwrap_or_default(),
        outcome: check.outcome.as_str(),
        says: &check.says,
    }
}

fn view(comparison: &Comparison) -> ComparisonView {
    let reach = reach(comparison);
    let mut last: Option<&ComparedCell> = None;
    let rows = comparison.changes().map(|(cell, change)| {
        let is_new = last.is_none_or(|last| !std::ptr::eq(last, cell));
        last = Some(cell);
        row(comparison, change, if is_new { cell.cell_id.clone() } else { String::new() }, reach)
    });
    let rows = rows.collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 50")]
    let percent = (reach * 100.0).round() as u32;
    let (title, tally) = (words::title(comparison), words::tally(comparison));
    ComparisonView { title, tally, reach: percent, rows, notes: words::notes(comparison) }
}

/// How far the plots reach: so far that most intervals are whole.
fn reach(comparison: &Comparison) -> f64 {
    let bounds = comparison.changes().filter_map(|(_, change)| change.ci95).flatten();
    let widest = bounds.map(f64::abs).filter(|bound| bound.is_finite()).fold(0.0, f64::max);
    (widest * 20.0).ceil().clamp(LEAST_REACH * 20.0, MOST_REACH * 20.0) / 20.0
}

fn row(comparison: &Comparison, change: &Change, cell: String, reach: f64) -> RowView {
    let [a, b] = words::values(change);
    RowView {
        cell,
        figure: change.figure.title(),
        a,
        b,
        change: words::change(change),
        interval: words::interval(change),
        plot: plot(comparison, change, reach),
        verdict: change.verdict.as_str(),
        mark: words::mark(change.verdict),
        why: change.why.clone().unwrap_or_default(),
    }
}

fn plot(comparison: &Comparison, change: &Change, reach: f64) -> Option<PlotView> {
    let ([low, high], at) = change.ci95.zip(change.change)?;
    let place = |share: f64| ((share / reach).clamp(-1.0, 1.0).mul_add(HALF, MIDDLE) * 10.0).round() / 10.0;
    let a = change.a.filter(|a| *a != 0.0)?;
    let margin = comparison.margin.about(a, change.figure.unit()) / a.abs();
    let (from, to) = (place(-margin), place(margin));
    Some(PlotView { low: place(low), high: place(high), at: place(at), zone_from: from, zone_width: to - from })
}

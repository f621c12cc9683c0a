use std::time::Duration;

use serde_json::Value;

use super::aligned::{TextColumn, aligned};
use super::axes::SCENARIO;
use crate::metrics::CellSummary;
use crate::plan::Estimate;
use crate::text::plural;
use crate::units::{format_count, format_duration};

/// The cells of several scenarios as those of one, told apart by an axis `scenario` (`scenario_name` where a cell has
/// an axis of that name already).
#[must_use]
pub fn campaign_cells<'c>(scenarios: impl IntoIterator<Item = (&'c str, &'c [CellSummary])>) -> Vec<CellSummary> {
    let named = |(name, cells): (&'c str, &'c [CellSummary])| cells.iter().map(move |cell| (name, cell.clone()));
    let mut all: Vec<(&str, CellSummary)> = scenarios.into_iter().flat_map(named).collect();
    let taken = all.iter().any(|(_, cell)| cell.axes.contains_key(SCENARIO));
    let axis = if taken { "scenario_name" } else { SCENARIO };
    for (name, cell) in &mut all {
        cell.axes.insert(axis.to_owned(), Value::from(*name));
    }
    all.into_iter().map(|(_, cell)| cell).collect()
}

/// One scenario of a suite in the table of what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignPlanRow {
    /// Its name.
    pub scenario: String,
    /// Its file.
    pub file: String,
    /// Its cells.
    pub cells: usize,
    /// Their repeats.
    pub repeats: usize,
    /// Repeats that are to be measured; the others are taken over.
    pub left: usize,
    /// What those to be measured cost.
    pub estimate: Estimate,
}

/// The scenarios of a suite and what they cost, for a terminal.
#[must_use]
pub fn campaign_plan_table(rows: &[CampaignPlanRow], width: usize) -> String {
    let column = |name: &str, expendable: u8, of: &dyn Fn(&CampaignPlanRow) -> String| TextColumn {
        name: name.to_owned(),
        cells: rows.iter().map(of).collect(),
        right: true,
        expendable,
        ..TextColumn::default()
    };
    let mut columns = vec![
        TextColumn { right: false, ..column("scenario", 0, &|row| row.scenario.clone()) },
        TextColumn { right: false, ..column("file", 3, &|row| row.file.clone()) },
        column("cells", 0, &|row| row.cells.to_string()),
        column("repeats", 4, &|row| {
            if row.left == row.repeats { row.repeats.to_string() } else { format!("{} of {}", row.left, row.repeats) }
        }),
        column("requests", 0, &|row| format_count(row.estimate.requests)),
        column("input tokens", 1, &|row| format_count(row.estimate.input_tokens)),
        column("output tokens", 2, &|row| format_count(row.estimate.output_tokens)),
        column("time", 0, &|row| time(row.estimate.seconds)),
    ];
    if rows.iter().any(|row| row.estimate.cost_usd.is_some()) {
        let cost = |row: &CampaignPlanRow| row.estimate.cost_usd.map_or_else(|| "-".to_owned(), dollars);
        columns.push(column("cost", 0, &cost));
    }
    let whole = total(rows);
    let cost = whole.cost_usd.map(|cost| format!(", {}", dollars(cost))).unwrap_or_default();
    let mut text = format!(
        "{}\n\n{}, {}: {} with warm-up, {} input and {} output tokens, about {}{cost}",
        aligned(columns, width),
        plural(rows.len(), "scenario", "scenarios"),
        plural(rows.iter().map(|row| row.cells).sum(), "cell", "cells"),
        plural(usize::try_from(whole.requests).unwrap_or(usize::MAX), "request", "requests"),
        format_count(whole.input_tokens),
        format_count(whole.output_tokens),
        time(whole.seconds),
    );
    if whole.guessed {
        text += "\ntime is a guess: a first token after 0.5 s, then 30 tokens a second for each request";
    }
    text
}

/// What all rows cost together; dollars only where all are known.
fn total(rows: &[CampaignPlanRow]) -> Estimate {
    let estimates = || rows.iter().map(|row| &row.estimate);
    Estimate {
        requests: estimates().map(|one| one.requests).sum(),
        input_tokens: estimates().map(|one| one.input_tokens).sum(),
        output_tokens: estimates().map(|one| one.output_tokens).sum(),
        seconds: estimates().map(|one| one.seconds).sum(),
        guessed: estimates().any(|one| one.guessed),
        cost_usd: estimates().map(|one| one.cost_usd).sum(),
    }
}

fn time(seconds: f64) -> String {
    format_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

fn dollars(cost: f64) -> String {
    if cost >= 0.01 || cost == 0.0 { format!("${cost:.2}") } else { format!("${cost:.4}") }
}

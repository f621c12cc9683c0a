use std::time::Duration;

use super::grid::{Cell, Column, Emphasis, Grid};
use crate::plan::{Cell as PlanCell, CellState, Estimate, Plan, SearchPlan};
use crate::scenario::{Parallel, Scenario};
use crate::text::plural;
use crate::units::{format_count, format_duration, format_significant};

/// The cells of a plan and what they cost, for a terminal; with `states`, what becomes of each and why.
#[must_use]
pub fn plan_table(
    scenario: &Scenario,
    plan: &Plan,
    states: Option<&[CellState]>,
    width: usize,
    coloured: bool,
) -> String {
    let repeats = scenario.load.repeats;
    let left = |at: usize| states.and_then(|states| states.get(at)).map_or(repeats, |state| state.left);
    let estimate = Estimate::of_repeats(scenario, plan, left);
    let numbered = plan.cells.iter().enumerate();
    let each: Vec<Estimate> = numbered.map(|(at, cell)| Estimate::of_cell_repeats(scenario, cell, left(at))).collect();
    let column = |name: &str, expendable: u8, of: &dyn Fn(&PlanCell, &Estimate) -> String| Column {
        group: String::new(),
        name: name.to_owned(),
        cells: plan.cells.iter().zip(&each).map(|(cell, estimate)| Cell::plain(of(cell, estimate))).collect(),
        right: true,
        expendable,
    };
    let mut columns = vec![
        Column { right: false, ..column("cell", 0, &|cell, _| cell.id.to_string()) },
        column("requests", 0, &|cell, _| cell.requests.map_or_else(|| "by time".to_owned(), format_count)),
        column("repeats", 3, &|_, _| repeats.to_string()),
        column("input tokens", 1, &|_, estimate| format_count(estimate.input_tokens)),
        column("output tokens", 2, &|_, estimate| format_count(estimate.output_tokens)),
        column("time", 0, &|_, estimate| time(estimate.seconds)),
    ];
    if each.iter().any(|estimate| estimate.cost_usd.is_some()) {
        columns.push(column("cost", 0, &|_, estimate| estimate.cost_usd.map_or_else(|| "-".to_owned(), dollars)));
    }
    if let Some(states) = states {
        columns.truncate(3);
        columns.push(words("", states.iter().map(|state| state_cell(state, repeats))));
        columns.push(words("why", states.iter().map(|state| Cell::plain(state.why.as_str()))));
    }
    let mut lines = Vec::new();
    if !plan.cells.is_empty() {
        let mut grid = Grid { columns, ..Grid::default() };
        grid.fit(width);
        lines = grid.terminal(width, coloured);
        lines.push(String::new());
    }
    lines.extend(plan.searches.iter().map(|search| search_line(scenario, search)));
    if let Some(states) = states {
        lines.push(summed_up(states, repeats));
        if states.iter().all(|state| state.left == 0) && plan.searches.is_empty() {
            return lines.join("\n");
        }
    }
    let cost = estimate.cost_usd.map(|cost| format!(", {}", dollars(cost))).unwrap_or_default();
    let most = if plan.searches.is_empty() { "" } else { "at most " };
    let tried: usize = plan.searches.iter().map(|search| search.dearest().len()).sum();
    lines.push(format!(
        "{most}{}: {} with warm-up, {} input and {} output tokens, about {}{cost}",
        plural(each.iter().filter(|estimate| estimate.requests > 0).count() + tried, "cell", "cells"),
        plural(usize::try_from(estimate.requests).unwrap_or(usize::MAX), "request", "requests"),
        format_count(estimate.input_tokens),
        format_count(estimate.output_tokens),
        time(estimate.seconds),
    ));
    lines.extend(remarks(scenario, &estimate));
    lines.join("\n")
}

/// What a reader must know of the run besides its cells.
fn remarks(scenario: &Scenario, estimate: &Estimate) -> Vec<String> {
    let mut lines = Vec::new();
    let shown = |(name, command): (&str, &str)| format!("{name} `{}`", scenario.secrets.redact(command));
    let hooks: Vec<String> = scenario.load.hooks.commands().map(shown).collect();
    if !hooks.is_empty() {
        lines.push(format!("round every repeat of a cell: {}; run needs --allow-hooks", hooks.join(", ")));
    }
    if scenario.load.parallel == Parallel::Endpoint {
        lines.push("time is that of one cell after the other; different endpoints are measured at once".to_owned());
    }
    if estimate.guessed {
        lines.push("time is a guess: a first token after 0.5 s, then 30 tokens a second for each request".to_owned());
    }
    lines
}

/// What a search may measure.
fn search_line(scenario: &Scenario, search: &SearchPlan) -> String {
    let [low, high] = search.bounds().map(|bound| format_significant(bound, 6));
    let estimate = Estimate::of_search(scenario, search);
    let again = match search.search.repeats {
        1 => String::new(),
        most => format!(", an unclear one up to {most} times"),
    };
    format!(
        "search {}: {} from {low} to {high}, at most {} of {} loads{again}, about {}",
        search.id,
        search.search.axis.name(),
        search.dearest().len(),
        search.levels.len(),
        time(estimate.seconds),
    )
}

fn words(name: &str, cells: impl Iterator<Item = Cell>) -> Column {
    Column { group: String::new(), name: name.to_owned(), cells: cells.collect(), right: false, expendable: 0 }
}

fn state_cell(state: &CellState, repeats: u32) -> Cell {
    match state.left {
        0 => Cell { emphasis: Emphasis::Dim, ..Cell::plain("reuse") },
        left if left < repeats => Cell::plain(format!("run {left} of {repeats}")),
        _ => Cell::plain("run"),
    }
}

fn summed_up(states: &[CellState], repeats: u32) -> String {
    let left: usize = states.iter().map(|state| state.left as usize).sum();
    let all = states.len() * repeats as usize;
    let what = |count| plural(count, "repeat", "repeats");
    match left {
        0 => format!("all {} are reused, if the servers are still the same: nothing to measure", what(all)),
        left if left == all => format!("all {} are to be measured", what(all)),
        left => format!("{} of {} are reused, if the servers are still the same; to measure:", all - left, what(all)),
    }
}

fn time(seconds: f64) -> String {
    format_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

fn dollars(cost: f64) -> String {
    if cost >= 0.01 || cost == 0.0 { format!("${cost:.2}") } else { format!("${cost:.4}") }
}

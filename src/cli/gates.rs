use std::fs::OpenOptions;
use std::io::Write as _;

use super::env::Env;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::compare::{Check, Outcome, judge_gates};
use crate::metrics::CellSummary;
use crate::report;
use crate::scenario::Scenario;

/// Holds a scenario's gates against what was measured, and tells what they say. The exit that it means.
pub(super) fn of_run(scenario: &Scenario, cells: &[CellSummary], env: &Env, terminal: &Terminal) -> Exit {
    if scenario.gates.is_empty() {
        return Exit::Done;
    }
    let checks = judge_gates(&scenario.gates, cells);
    step_summary(
        &format!("{}\n{}", markdown(&checks), report::comparison_markdown(&scenario.name, cells, &[])),
        env,
        terminal,
    );
    tell(&scenario.name, &checks, env, terminal)
}

/// Tells what gates say: to the terminal, and to GitHub where it runs there. The exit that it means.
pub(super) fn tell(name: &str, checks: &[Check], env: &Env, terminal: &Terminal) -> Exit {
    if let Some(table) = report::check_table(checks) {
        let drawn = table.terminal(terminal.width(), terminal.coloured_err());
        // The result itself may be for a machine.
        terminal.note(&format!("\n{drawn}"));
    }
    if is_github(env) {
        for line in report::github_annotations(name, checks) {
            terminal.command(&line);
        }
    }
    let missed = checks.iter().filter(|check| check.outcome == Outcome::Missed).count();
    if missed == 0 {
        return Exit::Done;
    }
    if terminal.quiet {
        for check in checks.iter().filter(|check| check.outcome == Outcome::Missed) {
            let cell = check.cell_id.as_ref().map(|cell| format!("{cell}: ")).unwrap_or_default();
            terminal.error(&Failure::missed(format!("gate missed: {cell}{}: {}", check.gate, check.says)));
        }
    }
    Exit::GateMissed
}

fn is_github(env: &Env) -> bool {
    env.variables.get("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Adds Markdown to the summary of the step that GitHub runs, where it runs one. What is a courtesy fails nothing.
pub(super) fn step_summary(markdown: &str, env: &Env, terminal: &Terminal) {
    let Some(path) = env.variables.get("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else { return };
    let written = OpenOptions::new().create(true).append(true).open(path).and_then(|mut file| {
        file.write_all(markdown.as_bytes())?;
        file.write_all(b"\n")
    });
    if let Err(error) = written {
        terminal.warning(&format!("the step's summary is not written to {path}: {error}"));
    }
}

/// Checks in Markdown; empty without any.
pub(super) fn markdown(checks: &[Check]) -> String {
    report::check_table(checks).map(|table| table.markdown()).unwrap_or_default()
}

use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::read::{self, Purpose};
use super::terminal::Terminal;
use crate::plan::{ContentHashes, Plan, expand};
use crate::scenario::Scenario;
use crate::text::plural;
use crate::workload::{Prompts, render_once};

/// `infersweep check`: validates each file and renders every prompt once; sends nothing.
pub(super) fn check(args: &args::Check, env: &Env, terminal: &Terminal) -> Exit {
    let mut worst = Exit::Done;
    for path in &args.files {
        match check_one(path, &args.choice, env, terminal) {
            Ok(plan) => {
                terminal.result(&format!("{}: ok, {}", path.display(), plural(plan.cells.len(), "cell", "cells")));
            }
            Err(failure) => {
                terminal
                    .error(&Failure { message: format!("{}: {}", path.display(), failure.message), ..failure.clone() });
                worst = worst.max(failure.exit());
            }
        }
    }
    worst
}

fn check_one(path: &std::path::Path, choice: &args::Choice, env: &Env, terminal: &Terminal) -> Result<Plan, Failure> {
    let scenario = read::scenario(path, choice, Purpose::Check, env, terminal)?;
    let plan = read::cells(&scenario, &ContentHashes::new(), choice, terminal)?;
    prompts(&scenario, &expand(&scenario, &ContentHashes::new()), terminal)?;
    Ok(plan)
}

/// The prompts of a scenario, each rendered once for every cell that tells it something else.
pub(super) fn prompts(scenario: &Scenario, plan: &Plan, terminal: &Terminal) -> Result<Prompts, Failure> {
    let shown = |faults: crate::diagnostic::Faults| {
        terminal.faults(&faults);
        Failure::usage(plural(faults.iter().count(), "error", "errors") + " in the prompts; nothing was sent")
    };
    let prompts = Prompts::load(&scenario.prompt).map_err(shown)?;
    let faults = render_once(&prompts, &plan.cells);
    if faults.has_errors() { Err(shown(faults)) } else { Ok(prompts) }
}

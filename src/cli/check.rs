use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::read::{self, Purpose};
use super::terminal::Terminal;
use crate::diagnostic::Faults;
use crate::plan::{ContentHashes, Plan, expand};
use crate::scenario::Scenario;
use crate::text::plural;
use crate::workload::Material;

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
    let material = material(&scenario, terminal)?;
    let contents = ContentHashes::new();
    let plan = read::cells(&scenario, &contents, &material, choice, terminal)?;
    render_all(&scenario, &material, &expand(&scenario, &contents), terminal)?;
    Ok(plan)
}

/// The templates and rows of a scenario; what is wrong with them is shown.
pub(super) fn material(scenario: &Scenario, terminal: &Terminal) -> Result<Material, Failure> {
    Material::read(scenario).map_err(|faults| shown(&faults, terminal))
}

/// Renders each template once for every cell that tells it something else.
pub(super) fn render_all(
    scenario: &Scenario,
    material: &Material,
    plan: &Plan,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let faults = material.render_once(scenario, &plan.cells);
    if faults.has_errors() { Err(shown(&faults, terminal)) } else { Ok(()) }
}

fn shown(faults: &Faults, terminal: &Terminal) -> Failure {
    terminal.faults(faults);
    let errors = plural(faults.iter().count(), "error", "errors");
    Failure::usage(errors + " in what the requests are made from; nothing was sent")
}

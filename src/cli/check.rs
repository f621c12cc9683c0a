use std::path::Path;

use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::lock;
use super::prepare::{self, Prepared};
use super::read::{self, NoCells, Purpose};
use super::terminal::Terminal;
use crate::diagnostic::Faults;
use crate::plan::{Cell, ContentHashes, Plan, expand};
use crate::run::hash_contents;
use crate::scenario::{Glance, Scenario};
use crate::text::plural;
use crate::workload::Material;

/// `infersweep check`: validates each scenario and renders every prompt once; sends nothing.
pub(super) fn check(args: &args::Check, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let chosen = prepare::choose(&args.files, &args.choice, terminal)?;
    let (mut worst, mut ready) = (Exit::Done, Vec::new());
    for Glance { path, .. } in &chosen.scenarios {
        match check_one(path, args, env, terminal) {
            Ok(prepared) => {
                let cells = counted(&prepared.plan);
                terminal.result(&format!("{}: ok, {cells}", path.display()));
                ready.push(prepared);
            }
            Err(NoCells::None(failure)) if chosen.is_suite && !args.choice.only.is_empty() => {
                terminal.note(&format!("skipped {}: {}", path.display(), failure.message));
            }
            Err(lack) => {
                let failure = Failure::from(lack);
                terminal.error(&prepare::of_file(path, &failure));
                worst = worst.max(failure.exit());
            }
        }
    }
    if args.locked {
        lock::hold(&chosen, &ready, &args.choice, terminal)?;
    }
    Ok(worst)
}

/// Checks one scenario. Contents are hashed only where a lock is held against them: large datasets take their time.
fn check_one(path: &Path, args: &args::Check, env: &Env, terminal: &Terminal) -> Result<Prepared, NoCells> {
    let choice = &args.choice;
    let scenario = read::scenario(path, choice, Purpose::Check, env, terminal).map_err(NoCells::Wrong)?;
    let material = material(&scenario, terminal).map_err(NoCells::Wrong)?;
    let contents = if args.locked {
        hash_contents(&scenario, &material).map_err(|error| NoCells::Wrong(Failure::usage(error)))?
    } else {
        ContentHashes::new()
    };
    let plan = read::cells(&scenario, &contents, &material, choice, terminal)?;
    render_all(&scenario, &material, &expand(&scenario, &contents), terminal).map_err(NoCells::Wrong)?;
    Ok(Prepared { path: path.to_owned(), scenario, material, contents, plan })
}

/// `16 cells and 1 search`.
pub(super) fn counted(plan: &Plan) -> String {
    let cells = plural(plan.cells.len(), "cell", "cells");
    let searches = plural(plan.searches.len(), "search", "searches");
    match (plan.cells.is_empty(), plan.searches.is_empty()) {
        (_, true) => cells,
        (true, false) => searches,
        (false, false) => format!("{cells} and {searches}"),
    }
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
    let searched = plan.searches.iter().filter_map(|search| search.ladder.first());
    let cells: Vec<Cell> = plan.cells.iter().chain(searched).cloned().collect();
    let faults = material.render_once(scenario, &cells);
    if faults.has_errors() { Err(shown(&faults, terminal)) } else { Ok(()) }
}

fn shown(faults: &Faults, terminal: &Terminal) -> Failure {
    terminal.faults(faults);
    let errors = plural(faults.iter().count(), "error", "errors");
    Failure::usage(errors + " in what the requests are made from; nothing was sent")
}

use super::args;
use super::check;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::read::{self, Purpose};
use super::terminal::Terminal;
use crate::plan::{Estimate, PlanView};
use crate::report;
use crate::run::{Limits, Preflight, hash_contents};

/// `infersweep plan`: the cells and what they cost; sends nothing and needs no key.
pub(super) fn plan(args: &args::Plan, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let scenario = read::scenario(&args.file, &args.choice, Purpose::Plan, env, terminal)?;
    let material = check::material(&scenario, terminal)?;
    let contents = hash_contents(&scenario, &material).map_err(Failure::usage)?;
    let plan = read::cells(&scenario, &contents, &material, &args.choice, terminal)?;
    let Preflight { shortages, warnings } = Preflight::of(&scenario, &plan, &Limits::here());
    for lack in shortages {
        terminal.warning(&format!("{}: {}; {}", lack.cell_id, lack.problem, lack.remedy));
    }
    for warning in &warnings {
        terminal.warning(warning);
    }
    if args.json {
        let view = serde_json::to_string_pretty(&PlanView::of(&scenario, &plan)).map_err(Failure::failed)?;
        terminal.result(&view);
        return Ok(Exit::Done);
    }
    let estimate = Estimate::of(&scenario, &plan);
    terminal.result(&report::plan_table(&scenario, &plan, &estimate, terminal.width()));
    Ok(Exit::Done)
}

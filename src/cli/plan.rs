use super::args;
use super::check;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::read::{self, Purpose};
use super::reuse;
use super::terminal::Terminal;
use crate::plan::PlanView;
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
    let earlier = reuse::earlier(&args.reuse, &scenario, &args.out, terminal)?;
    let states = earlier.map(|earlier| reuse::states(&earlier, &scenario, &plan));
    if args.json {
        let view = PlanView::of(&scenario, &plan, states.as_deref());
        let view = serde_json::to_string_pretty(&view).map_err(Failure::failed)?;
        terminal.result(&view);
        return Ok(Exit::Done);
    }
    let table = report::plan_table(&scenario, &plan, states.as_deref(), terminal.width(), terminal.coloured());
    terminal.result(&table);
    Ok(Exit::Done)
}

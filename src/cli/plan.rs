use serde::Serialize;

use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::lock;
use super::prepare::{self, Prepared};
use super::read::Purpose;
use super::terminal::Terminal;
use crate::plan::PlanView;
use crate::report::{self, CampaignPlanRow};
use crate::run::{Limits, Preflight};

/// `infersweep plan`: the cells and what they cost; sends nothing and needs no key.
pub(super) fn plan(args: &args::Plan, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let chosen = prepare::choose(&args.files, &args.choice, terminal)?;
    let ready = prepare::prepare_all(&chosen, &args.choice, Purpose::Plan, env, terminal)?;
    if args.locked {
        lock::hold(&chosen, &ready, &args.choice, terminal)?;
    }
    for prepared in &ready {
        warn(prepared, terminal);
    }
    match ready.as_slice() {
        [one] if !chosen.is_suite => show_one(one, args.json, terminal)?,
        all => show_suite(&chosen.name, all, args.json, terminal)?,
    }
    Ok(Exit::Done)
}

/// What this machine does not suffice for.
fn warn(prepared: &Prepared, terminal: &Terminal) {
    let Preflight { shortages, warnings } = Preflight::of(&prepared.scenario, &prepared.plan, &Limits::here());
    for lack in shortages {
        terminal.warning(&format!("{}: {}; {}", lack.cell_id, lack.problem, lack.remedy));
    }
    for warning in &warnings {
        terminal.warning(warning);
    }
}

fn show_one(one: &Prepared, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let Prepared { scenario, plan, .. } = one;
    terminal.result(&if json {
        serde_json::to_string_pretty(&PlanView::of(scenario, plan)).map_err(Failure::failed)?
    } else {
        report::plan_table(scenario, plan, &one.estimate(), terminal.width())
    });
    Ok(())
}

/// The plan of a suite for machines.
#[derive(Serialize)]
struct SuiteView {
    name: String,
    scenarios: Vec<ScenarioView>,
}

#[derive(Serialize)]
struct ScenarioView {
    scenario: String,
    file: String,
    #[serde(flatten)]
    plan: PlanView,
}

fn show_suite(name: &str, all: &[Prepared], json: bool, terminal: &Terminal) -> Result<(), Failure> {
    if json {
        let scenarios = all.iter().map(|one| ScenarioView {
            scenario: one.scenario.name.clone(),
            file: one.path.display().to_string(),
            plan: PlanView::of(&one.scenario, &one.plan),
        });
        let view = SuiteView { name: name.to_owned(), scenarios: scenarios.collect() };
        terminal.result(&serde_json::to_string_pretty(&view).map_err(Failure::failed)?);
        return Ok(());
    }
    let rows: Vec<CampaignPlanRow> = all.iter().map(row).collect();
    terminal.result(&report::campaign_plan_table(&rows, terminal.width()));
    Ok(())
}

fn row(one: &Prepared) -> CampaignPlanRow {
    CampaignPlanRow {
        scenario: one.scenario.name.clone(),
        file: one.path.display().to_string(),
        cells: one.plan.cells.len(),
        repeats: one.scenario.load.repeats,
        estimate: one.estimate(),
    }
}

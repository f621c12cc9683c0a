use serde::Serialize;

use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::lock;
use super::prepare::{self, Prepared};
use super::read::Purpose;
use super::reuse;
use super::terminal::Terminal;
use crate::plan::{CellState, Estimate, PlanView};
use crate::report::{self, CampaignPlanRow};
use crate::run::{Limits, Preflight};

/// `infersweep plan`: the cells and what they cost; sends nothing and needs no key.
pub(super) fn plan(args: &args::Plan, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let chosen = prepare::choose(&args.files, &args.choice, terminal)?;
    let ready = prepare::prepare_all(&chosen, &args.choice, Purpose::Plan, env, terminal)?;
    if args.locked {
        lock::hold(&chosen, &ready, &args.choice, terminal)?;
    }
    let mut outlooks = Vec::new();
    for prepared in ready {
        warn(&prepared, terminal);
        let earlier = reuse::earlier(&args.reuse, &prepared.scenario, &args.out, terminal)?;
        let states = earlier.map(|earlier| reuse::states(&earlier, &prepared.scenario, &prepared.plan));
        outlooks.push(Outlook { prepared, states });
    }
    match outlooks.as_slice() {
        [one] if !chosen.is_suite => show_one(one, args.json, terminal)?,
        all => show_suite(&chosen.name, all, args.json, terminal)?,
    }
    Ok(Exit::Done)
}

/// A scenario, and what becomes of each cell under `--reuse`.
struct Outlook {
    prepared: Prepared,
    states: Option<Vec<CellState>>,
}

impl Outlook {
    fn view(&self) -> PlanView {
        PlanView::of(&self.prepared.scenario, &self.prepared.plan, self.states.as_deref())
    }
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

fn show_one(one: &Outlook, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let Prepared { scenario, plan, .. } = &one.prepared;
    terminal.result(&if json {
        serde_json::to_string_pretty(&one.view()).map_err(Failure::failed)?
    } else {
        report::plan_table(scenario, plan, one.states.as_deref(), terminal.width(), terminal.coloured())
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

fn show_suite(name: &str, all: &[Outlook], json: bool, terminal: &Terminal) -> Result<(), Failure> {
    if json {
        let scenarios = all.iter().map(|one| ScenarioView {
            scenario: one.prepared.scenario.name.clone(),
            file: one.prepared.path.display().to_string(),
            plan: one.view(),
        });
        let view = SuiteView { name: name.to_owned(), scenarios: scenarios.collect() };
        terminal.result(&serde_json::to_string_pretty(&view).map_err(Failure::failed)?);
        return Ok(());
    }
    let rows: Vec<CampaignPlanRow> = all.iter().map(row).collect();
    terminal.result(&report::campaign_plan_table(&rows, terminal.width()));
    Ok(())
}

fn row(one: &Outlook) -> CampaignPlanRow {
    let Prepared { path, scenario, plan, .. } = &one.prepared;
    let repeats = scenario.load.repeats;
    let left =
        |cell: usize| one.states.as_ref().and_then(|states| states.get(cell)).map_or(repeats, |state| state.left);
    CampaignPlanRow {
        scenario: scenario.name.clone(),
        file: path.display().to_string(),
        cells: plan.cells.len(),
        repeats: plan.cells.len() * repeats as usize,
        left: (0..plan.cells.len()).map(|cell| left(cell) as usize).sum(),
        estimate: Estimate::of_repeats(scenario, plan, left),
    }
}

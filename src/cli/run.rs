use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::rc::Rc;

use super::args::{self, Quick};
use super::env::Env;
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::read::{self, Purpose};
use super::remote::Destination;
use super::terminal::Terminal;
use super::{check, explain, question, signals};
use crate::load::StopHandle;
use crate::metrics::{CellSummary, Verdict};
use crate::plan::{Estimate, Plan};
use crate::report;
use crate::run::{Conclusion, RunOptions, UnitFailure, Views, carry_out, hash_contents};
use crate::scenario::{Format, ReadOptions, Scenario, Unset, read_text};
use crate::text::plural;

/// `infersweep run`: carries out one scenario after the other.
pub(super) fn run(args: &args::Run, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    if args.quick.url.is_some() {
        let scenario = quick(&args.quick, &args.choice, env, terminal)?;
        return run_one(&scenario, args, env, terminal);
    }
    let mut worst = Exit::Done;
    for path in &args.files {
        if path.is_dir() {
            return Err(Failure::usage(format!("{} is a directory: suites are not supported yet", path.display()))
                .help("name its scenario files"));
        }
        let scenario = read::scenario(path, &args.choice, Purpose::Run, env, terminal)?;
        let exit = run_one(&scenario, args, env, terminal)?;
        worst = worst.max(exit);
        if exit >= Exit::Terminated {
            break;
        }
    }
    Ok(worst)
}

/// The scenario of `run --url`: written as a file would be, so that what is saved can be run again.
fn quick(quick: &Quick, choice: &args::Choice, env: &Env, terminal: &Terminal) -> Result<Scenario, Failure> {
    let text = quick_text(quick)?;
    let options = ReadOptions {
        variables: &env.variables,
        unset: Unset::Refuse,
        set: &choice.set,
        profile: choice.profile.as_deref(),
    };
    read::accept(read_text(Path::new("quick.toml"), &text, &options), Purpose::Run, terminal)
}

fn quick_text(quick: &Quick) -> Result<String, Failure> {
    let url = quick.url.as_deref().unwrap_or_default();
    if quick.model.is_empty() {
        return Err(
            Failure::usage("`--url` needs a model").help("add --model NAME; `infersweep init --url URL` lists them")
        );
    }
    let mut endpoint = toml::Table::from_iter([("base_url".to_owned(), toml::Value::from(url))]);
    if let Some(name) = &quick.api_key_env {
        endpoint.insert("api_key_env".to_owned(), name.as_str().into());
    }
    let numbers = |list: &[u32]| toml::Value::Array(list.iter().map(|number| i64::from(*number).into()).collect());
    let mut scenario = toml::Table::new();
    scenario.insert("name".to_owned(), "quick".into());
    scenario.insert("endpoints".to_owned(), toml::Table::from_iter([("endpoint".to_owned(), endpoint.into())]).into());
    if let Some(tokenizer) = &quick.tokenizer {
        let model = toml::Table::from_iter([("tokenizer".to_owned(), toml::Value::from(tokenizer.as_str()))]);
        let models = quick.model.iter().map(|label| (label.clone(), toml::Value::from(model.clone())));
        scenario.insert("models".to_owned(), models.collect::<toml::Table>().into());
    }
    let matrix = toml::Table::from_iter([
        ("model".to_owned(), toml::Value::Array(quick.model.iter().map(|model| model.as_str().into()).collect())),
        ("input_tokens".to_owned(), numbers(&quick.input_tokens)),
        ("output_tokens".to_owned(), numbers(&quick.output_tokens)),
        ("concurrency".to_owned(), numbers(&quick.concurrency)),
    ]);
    scenario.insert("matrix".to_owned(), matrix.into());
    let load = toml::Table::from_iter([("requests".to_owned(), toml::Value::from(quick.requests.as_str()))]);
    scenario.insert("load".to_owned(), load.into());
    toml::to_string_pretty(&scenario).map_err(Failure::failed)
}

fn run_one(scenario: &Scenario, args: &args::Run, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let material = check::material(scenario, terminal)?;
    let contents = hash_contents(scenario, &material).map_err(Failure::usage)?;
    let plan = read::cells(scenario, &contents, &material, &args.choice, terminal)?;
    check::render_all(scenario, &material, &plan, terminal)?;
    let estimate = Estimate::of(scenario, &plan);
    if !args.yes && !question::may_run(&estimate, env) {
        return Err(Failure::failed("not run").help("--yes goes without asking"));
    }
    let destination = Destination::of(args, env)?;
    let options = RunOptions {
        out: &destination.local,
        allow_hooks: args.allow_hooks,
        nonce: args.nonce.unwrap_or_else(fresh_nonce),
        command: std::env::args().collect(),
        tokenizers: env.tokenizer_places(),
        views: &Drawn,
    };
    let progress = Progress::start(scenario, &plan, *terminal);
    let (stop, _) = StopHandle::new();
    let seen = Rc::new(Cell::new(None));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let watching = destination.watching(&progress);
    let (outcome, delivered) = runtime.block_on(async {
        let work = async {
            let outcome = carry_out(scenario, &plan, material, &options, &watching, &stop).await;
            (outcome, destination.finish(&stop, &progress).await)
        };
        tokio::select! {
            done = work => done,
            never = signals::watch(stop.clone(), Rc::clone(&seen), |text| progress.note(text)) => match never {},
        }
    });
    progress.finish();
    let stored = delivered.map_or(Exit::Done, |delivered| delivered.tell(terminal));
    let conclusion = outcome.map_err(|error| explain::run_error(&error))?;
    show(&conclusion, scenario, &plan, args, terminal)?;
    Ok(seen
        .get()
        .unwrap_or(Exit::Done)
        .max(stored)
        .max(of_units(&conclusion.failures))
        .max(of_cells(&conclusion.summary.cells, terminal))
        .max(of_clients(scenario, &conclusion.summary.cells, terminal)))
}

/// The run's results, on the terminal.
fn show(
    conclusion: &Conclusion,
    scenario: &Scenario,
    plan: &Plan,
    args: &args::Run,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let cells = &conclusion.summary.cells;
    if args.json {
        terminal.result(&serde_json::to_string_pretty(&conclusion.summary).map_err(Failure::failed)?);
    } else if scenario.output.formats.contains(&Format::Table) && !cells.is_empty() {
        terminal.result(&report::comparison(&scenario.name, cells).terminal(terminal.width(), terminal.coloured()));
    }
    if conclusion.complete < conclusion.units {
        let cells = plural(plan.cells.len(), "cell", "cells");
        terminal.warning(&format!(
            "{} of {} repeats of {cells} complete; the run is marked interrupted",
            conclusion.complete, conclusion.units
        ));
    }
    terminal.note(&format!("results: {}", conclusion.dir.display()));
    if args.quick.url.is_some() {
        terminal.note(&format!("again:   infersweep run {}", conclusion.dir.join("scenario.toml").display()));
    }
    Ok(())
}

/// What failed round a unit, as a hook did, fails the run; it was told when it happened.
fn of_units(failures: &[UnitFailure]) -> Exit {
    if failures.is_empty() { Exit::Done } else { Exit::Failed }
}

/// A cell whose requests all failed fails the run.
fn of_cells(cells: &[CellSummary], terminal: &Terminal) -> Exit {
    let dead: Vec<&str> = cells
        .iter()
        .filter(|cell| cell.requests.completed == 0 && cell.requests.failed > 0)
        .map(|cell| cell.cell_id.as_str())
        .collect();
    if dead.is_empty() {
        return Exit::Done;
    }
    terminal.warning(&format!("every request failed in {}: {}", plural(dead.len(), "cell", "cells"), dead.join(", ")));
    Exit::Failed
}

/// A cell that the client limited fails a run that asks for a healthy one.
fn of_clients(scenario: &Scenario, cells: &[CellSummary], terminal: &Terminal) -> Exit {
    if !scenario.load.require_healthy_client {
        return Exit::Done;
    }
    let limited = cells.iter().filter(|cell| cell.client.verdict == Some(Verdict::Limited));
    let faults = limited.map(|cell| {
        let reasons = cell.client.reasons.join("; ");
        terminal.error(&Failure::failed(format!("the client limited cell {}: {reasons}", cell.cell_id)));
    });
    if faults.count() > 0 { Exit::Failed } else { Exit::Done }
}

/// 48 random bits: exact as a JSON number everywhere.
fn fresh_nonce() -> u64 {
    RandomState::new().build_hasher().finish() >> 16
}

/// The views that are saved beside the summary.
struct Drawn;

impl Views for Drawn {
    fn comparison_markdown(&self, name: &str, cells: &[CellSummary]) -> String {
        report::comparison_markdown(name, cells)
    }

    fn summary_csv(&self, cells: &[CellSummary]) -> String {
        report::summary_csv(cells)
    }
}

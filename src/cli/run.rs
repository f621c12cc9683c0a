use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::rc::Rc;

use super::args::{self, Quick};
use super::env::Env;
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::read::{self, Purpose};
use super::remote::{self, Destination};
use super::terminal::Terminal;
use super::{check, explain, question, resume, reuse, runtime, signals, watch};
use crate::load::StopHandle;
use crate::metrics::{CellSummary, Verdict};
use crate::plan::{Estimate, Plan};
use crate::report;
use crate::run::{Conclusion, Resumption, RunOptions, UnitFailure, Views, carry_out, hash_contents};
use crate::scenario::{Format, ReadOptions, Scenario, Unset, read_text};
use crate::text::plural;
use crate::workload::Material;

/// `infersweep run`: carries out one scenario after the other.
pub(super) fn run(args: &args::Run, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    if args.watching.watch {
        remote::refuse(&args.out, "--watch")?;
        return watch::watch(args, env, terminal);
    }
    if args.quick.url.is_some() {
        let scenario = quick(&args.quick, &args.choice, env, terminal)?;
        return run_one(&scenario, args, None, env, terminal);
    }
    if let Some(run) = &args.resume {
        let [file] = args.files.as_slice() else {
            return Err(Failure::usage("`--resume` takes one scenario").help("name the one that the run was made from"));
        };
        let scenario = read::scenario(file, &args.choice, Purpose::Run, env, terminal)?;
        return run_one(&scenario, args, Some(resume::open(run)?), env, terminal);
    }
    let mut worst = Exit::Done;
    for path in &args.files {
        if resume::is_run(path) {
            worst = worst.max(finish(path, args, env, terminal)?);
            continue;
        }
        if path.is_dir() {
            return Err(Failure::usage(format!("{} is a directory: suites are not supported yet", path.display()))
                .help("name its scenario files"));
        }
        let scenario = read::scenario(path, &args.choice, Purpose::Run, env, terminal)?;
        let exit = run_one(&scenario, args, None, env, terminal)?;
        worst = worst.max(exit);
        if exit >= Exit::Terminated {
            break;
        }
    }
    Ok(worst)
}

/// `run` given an interrupted run: its own frozen scenario goes on.
fn finish(path: &Path, args: &args::Run, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let resumption = resume::open(path)?;
    let scenario = read::scenario(&resumption.dir().file("scenario.toml"), &args.choice, Purpose::Run, env, terminal)?;
    run_one(&scenario, args, Some(resumption), env, terminal)
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

fn run_one(
    scenario: &Scenario,
    args: &args::Run,
    resume: Option<Resumption>,
    env: &Env,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let material = check::material(scenario, terminal)?;
    let contents = hash_contents(scenario, &material).map_err(Failure::usage)?;
    let mut choice = args.choice.clone();
    if let Some(resumption) = resume.as_ref().filter(|_| choice.only.is_empty()) {
        choice.only.clone_from(&resumption.manifest().only);
    }
    let plan = read::cells(scenario, &contents, &material, &choice, terminal)?;
    let destination = Destination::of(args, env)?;
    match &resume {
        Some(resumption) => resume::accept(resumption, scenario, &plan, terminal)?,
        // What an interrupted run has is taken over too.
        None if args.reuse.reuse.is_some() => {}
        None => resume::tell_of_interrupted(scenario, &plan, args, &destination.local, terminal),
    }
    check::render_all(scenario, &material, &plan, terminal)?;
    let reuse = reuse::earlier(&args.reuse, scenario, &destination.local, terminal)?;
    let left = match (&resume, &reuse) {
        (Some(resumption), _) => resumption.left(scenario, &plan),
        (None, Some(reuse)) => reuse::states(reuse, scenario, &plan).iter().map(|state| state.left).collect(),
        (None, None) => vec![scenario.load.repeats; plan.cells.len()],
    };
    let estimate = Estimate::of_repeats(scenario, &plan, |cell| left.get(cell).copied().unwrap_or(0));
    if !args.yes && !question::may_run(&estimate, env) {
        return Err(Failure::failed("not run").help("--yes goes without asking"));
    }
    let options = RunOptions {
        out: &destination.local,
        allow_hooks: args.allow_hooks,
        nonce: args.nonce.unwrap_or_else(fresh_nonce),
        only: choice.only,
        reuse,
        resume,
        command: std::env::args().collect(),
        tokenizers: env.tokenizer_places(),
        views: &Drawn,
    };
    carry_through(scenario, &plan, material, &options, &destination, args, terminal)
}

/// Carries a plan out, with its progress, signals and results.
fn carry_through(
    scenario: &Scenario,
    plan: &Plan,
    material: Material,
    options: &RunOptions<'_>,
    destination: &Destination,
    args: &args::Run,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let progress = Progress::start(scenario, plan, *terminal);
    let (stop, _) = StopHandle::new();
    let seen = Rc::new(Cell::new(None));
    let watching = destination.watching(&progress);
    let runtime = runtime::timed(args.pin.as_ref())?;
    let outcome = runtime.block_on(async {
        let (has_begun, tell) = (|| progress.dir().is_some(), |text: &str| progress.note(text));
        let work = async {
            let outcome = carry_out(scenario, plan, material, options, &watching, &stop).await;
            (outcome, destination.finish(&stop, &progress).await)
        };
        tokio::select! {
            done = work => Ok(done),
            exit = signals::watch(stop.clone(), Rc::clone(&seen), has_begun, tell) => Err(exit),
        }
    });
    // Not waited for: a look-up of a host's name may take half a minute.
    runtime.shutdown_background();
    progress.finish();
    let (outcome, delivered) = match outcome {
        Ok(done) => done,
        Err(exit) => return Ok(gone(exit, progress.dir().as_deref(), terminal)),
    };
    let stored = delivered.map_or(Exit::Done, |delivered| delivered.tell(terminal));
    let conclusion = outcome.map_err(|error| explain::run_error(&error, progress.dir().as_deref()))?;
    show(&conclusion, scenario, plan, args, terminal)?;
    Ok(seen
        .get()
        .unwrap_or(Exit::Done)
        .max(stored)
        .max(of_units(&conclusion.failures))
        .max(of_cells(&conclusion.summary.cells, terminal))
        .max(of_clients(scenario, &conclusion.summary.cells, terminal)))
}

/// Says what is left of a run that ended at once.
fn gone(exit: Exit, dir: Option<&Path>, terminal: &Terminal) -> Exit {
    terminal.warning(&match dir {
        Some(dir) => format!("ended at once; rows older than a second are kept: infersweep show {}", dir.display()),
        None => "stopped before the first cell; nothing was measured".to_owned(),
    });
    exit
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
    tell_where(conclusion, plan, terminal);
    if args.quick.url.is_some() {
        terminal.note(&format!("again:   infersweep run {}", conclusion.dir.join("scenario.toml").display()));
    }
    Ok(())
}

/// Where a run's results are, and what is missing.
pub(super) fn tell_where(conclusion: &Conclusion, plan: &Plan, terminal: &Terminal) {
    if conclusion.complete < conclusion.units {
        let cells = plural(plan.cells.len(), "cell", "cells");
        terminal.warning(&format!(
            "interrupted: {} of {} repeats of {cells} complete; this to finish it:\n  infersweep run {}",
            conclusion.complete,
            conclusion.units,
            conclusion.dir.display(),
        ));
    }
    terminal.note(&format!("results: {}", conclusion.dir.display()));
}

/// What failed round a unit, as a hook did, fails the run; it was told when it happened.
pub(super) fn of_units(failures: &[UnitFailure]) -> Exit {
    if failures.is_empty() { Exit::Done } else { Exit::Failed }
}

/// A cell whose requests all failed fails the run.
pub(super) fn of_cells(cells: &[CellSummary], terminal: &Terminal) -> Exit {
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
pub(super) fn of_clients(scenario: &Scenario, cells: &[CellSummary], terminal: &Terminal) -> Exit {
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
pub(super) fn fresh_nonce() -> u64 {
    RandomState::new().build_hasher().finish() >> 16
}

/// The views that are saved beside the summary.
pub(super) struct Drawn;

impl Views for Drawn {
    fn comparison_markdown(&self, name: &str, cells: &[CellSummary]) -> String {
        report::comparison_markdown(name, cells)
    }

    fn summary_csv(&self, cells: &[CellSummary]) -> String {
        report::summary_csv(cells)
    }
}

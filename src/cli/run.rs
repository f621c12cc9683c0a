use std::path::Path;

use super::args::{self, Quick};
use super::env::Env;
use super::exit::{Exit, Failure};
use super::prepare::{self, Prepared};
use super::read::{self, Purpose};
use super::remote::{self, Destination};
use super::session::{Driven, Session, Work};
use super::terminal::Terminal;
use super::{campaign, check, gates, lock, question, resume, turned, watch};
use crate::metrics::{CellSummary, Summary, Verdict};
use crate::plan::Plan;
use crate::report;
use crate::run::{Conclusion, Resumption, UnitFailure};
use crate::scenario::{Format, ReadOptions, Scenario, Unset, read_text};
use crate::text::plural;

/// `infersweep run`: carries out a scenario, one after the other, or what is left of interrupted runs.
pub(super) fn run(args: &args::Run, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    if args.watching.watch {
        remote::refuse(&args.out, "--watch")?;
        return watch::watch(args, env, terminal);
    }
    if args.quick.url.is_some() {
        let scenario = quick(&args.quick, &args.choice, env, terminal)?;
        let prepared = prepare::prepare_text(scenario, &args.choice, terminal)?;
        let destination = Destination::of(args, env)?;
        Work::tell_of_interrupted(&prepared, args, &destination.local, terminal);
        let work = Work::anew(&prepared, args, &destination.local, terminal)?;
        return run_one(&prepared, work, &Session::new(args, env, terminal, destination));
    }
    if args.files.iter().any(|path| resume::is_run(path)) {
        return finish(args, env, terminal);
    }
    args.files.iter().try_for_each(|path| campaign::refuse_as_scenario(path))?;
    if let (Some(wanted), [file]) = (&args.resume, args.files.as_slice())
        && !file.is_dir()
    {
        return take_up_of(file, wanted.as_deref(), args, env, terminal);
    }
    let chosen = prepare::choose(&args.files, &args.choice, terminal)?;
    let mut ready = prepare::prepare_all(&chosen, &args.choice, Purpose::Run, env, terminal)?;
    if args.locked {
        lock::hold(&chosen, &ready, &args.choice, terminal)?;
    }
    match ready.pop() {
        Some(one) if !chosen.is_suite => {
            let destination = Destination::of(args, env)?;
            Work::tell_of_interrupted(&one, args, &destination.local, terminal);
            let work = Work::anew(&one, args, &destination.local, terminal)?;
            run_one(&one, work, &Session::new(args, env, terminal, destination))
        }
        last => {
            ready.extend(last);
            campaign::run(&chosen.name, &ready, args, env, terminal)
        }
    }
}

/// `run` given interrupted runs: the frozen scenario of each goes on.
fn finish(args: &args::Run, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    if let Some(other) = args.files.iter().find(|path| !resume::is_run(path)) {
        return Err(Failure::usage(format!("{} is no run, and others that are named are", other.display()))
            .help("name interrupted runs apart from scenarios"));
    }
    if let Some(Some(run)) = &args.resume {
        return Err(Failure::usage(format!("`--resume {}` goes with a scenario, not with a run", run.display()))
            .help(format!("infersweep run {} finishes that", run.display())));
    }
    let mut worst = Exit::Done;
    for path in &args.files {
        let resumption = resume::open(path)?;
        let file = resumption.dir().file("scenario.toml");
        worst = worst.max(take_up(&file, resumption, Destination::of(args, env)?, args, env, terminal)?);
        if worst >= Exit::Terminated {
            break;
        }
    }
    Ok(worst)
}

/// `run FILE --resume`: goes on with a run of the scenario, the last one unless one is named.
fn take_up_of(
    file: &Path,
    wanted: Option<&Path>,
    args: &args::Run,
    env: &Env,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let destination = Destination::of(args, env)?;
    let resumption = match wanted {
        Some(run) => resume::open(run)?,
        None => {
            let scenario = read::scenario(file, &args.choice, Purpose::Run, env, terminal)?;
            resume::open_last(&scenario, &destination.local)?
        }
    };
    take_up(file, resumption, destination, args, env, terminal)
}

/// Goes on with an interrupted run of a scenario, with the cells that it has.
fn take_up(
    file: &Path,
    resumption: Resumption,
    destination: Destination,
    args: &args::Run,
    env: &Env,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let mut choice = args.choice.clone();
    if choice.only.is_empty() {
        choice.only.clone_from(&resumption.manifest().only);
    }
    let prepared = prepare::prepare_one(file, &choice, Purpose::Run, env, terminal)?;
    resume::accept(&resumption, &prepared.scenario, &prepared.plan, terminal)?;
    let session = Session::new(args, env, terminal, destination);
    run_one(&prepared, Work::rest_of(resumption, choice.only), &session)
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

fn run_one(prepared: &Prepared, work: Work, session: &Session<'_>) -> Result<Exit, Failure> {
    let Session { args, env, terminal, .. } = *session;
    turned::check(&args.turn, [(&prepared.scenario, &prepared.plan)])?;
    if !args.yes && !question::may_run(&work.estimate(prepared), env) {
        return Err(Failure::failed("not run").help("--yes goes without asking"));
    }
    let (outcome, stopped) = match session.drive(session.carry_out(prepared, work, &|_| ()))? {
        Driven::Ended(outcome, stopped) => (outcome, stopped),
        Driven::Gone(exit, dir) => return Ok(gone(exit, dir.as_deref(), terminal)),
    };
    let (conclusion, stored) = outcome?;
    show(&conclusion, prepared, args, terminal)?;
    Ok(stopped.max(stored).max(judge(&prepared.scenario, &conclusion, env, terminal)))
}

/// What the results of a run mean for the exit.
pub(super) fn judge(scenario: &Scenario, conclusion: &Conclusion, env: &Env, terminal: &Terminal) -> Exit {
    let cells = &conclusion.summary.cells;
    let units =
        of_units(&conclusion.failures).max(of_cells(cells, terminal)).max(of_clients(scenario, cells, terminal));
    units.max(gates::of_run(scenario, cells, env, terminal))
}

/// Says what is left of a run that ended at once.
pub(super) fn gone(exit: Exit, dir: Option<&Path>, terminal: &Terminal) -> Exit {
    terminal.warning(&match dir {
        Some(dir) => format!("ended at once; rows older than a second are kept: infersweep show {}", dir.display()),
        None => "stopped before the first cell; nothing was measured".to_owned(),
    });
    exit
}

/// The run's results, on the terminal.
fn show(conclusion: &Conclusion, prepared: &Prepared, args: &args::Run, terminal: &Terminal) -> Result<(), Failure> {
    let (scenario, cells) = (&prepared.scenario, &conclusion.summary.cells);
    if args.json {
        terminal.result(&serde_json::to_string_pretty(&conclusion.summary).map_err(Failure::failed)?);
    } else if scenario.output.formats.contains(&Format::Table) && !cells.is_empty() {
        let table = match turned::table(&args.turn, &scenario.name, cells)? {
            Some(turned) => turned,
            None => report::comparison(&scenario.name, cells),
        };
        terminal.result(&table.terminal(terminal.width(), terminal.coloured()));
        show_searches(&conclusion.summary, terminal);
    }
    tell_where(conclusion, &prepared.plan, terminal);
    if args.quick.url.is_some() {
        terminal.note(&format!("again:   infersweep run {}", conclusion.dir.join("scenario.toml").display()));
    }
    Ok(())
}

/// What searches came to, below the table of their cells.
pub(super) fn show_searches(summary: &Summary, terminal: &Terminal) {
    for search in &summary.searches {
        terminal.result(&format!("\n{}", report::search_lines(search, terminal.width())));
    }
}

/// Where a run's results are, and what is missing.
pub(super) fn tell_where(conclusion: &Conclusion, plan: &Plan, terminal: &Terminal) {
    if conclusion.complete < conclusion.units {
        let cells = check::counted(plan);
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

//! Several scenarios carried out one after the other, with one table: `record` keeps what they came to, `rest` takes up
//! one that was interrupted, `table` shows it.

mod record;
mod rest;
mod table;

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::prepare::{self, Prepared};
use super::remote::Destination;
use super::run::{gone, judge, show_searches, tell_where};
use super::session::{Driven, Session, Work};
use super::terminal::Terminal;
use super::{question, turned};
use crate::load::Stop;
use crate::plan::Estimate;
use record::Campaign;
pub(super) use rest::refuse_as_scenario;
pub(super) use table::show_stored;

/// Carries out the scenarios of a suite one after the other, and keeps all their results together; with `--resume` those
/// that an earlier campaign left.
pub(super) fn run(
    name: &str,
    ready: &[Prepared],
    args: &args::Run,
    env: &Env,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    turned::check(&args.turn, ready.iter().map(|one| (&one.scenario, &one.plan)))?;
    let destination = Destination::of(args, env)?;
    let (resumed, works) = match &args.resume {
        Some(wanted) => {
            let with = rest::Surroundings { args, env, out: &destination.local, terminal };
            let (campaign, works) = rest::take_up(name, ready, wanted.as_deref(), &with)?;
            (Some(campaign), works)
        }
        None => (None, anew(name, ready, args, &destination.local, terminal)?),
    };
    if !args.yes && !question::may_run(&estimate(ready, &works), env) {
        return Err(Failure::failed("not run").help("--yes goes without asking"));
    }
    let session = Session::new(args, env, terminal, destination);
    let campaign = match resumed {
        Some(campaign) => campaign.again()?,
        None => Campaign::begin(name, ready, &session.destination.local)?,
    };
    let campaign = RefCell::new(campaign);
    let exit = match session.drive(run_all(&campaign, ready, works, &session))? {
        Driven::Ended(exit, stopped) => exit.max(stopped),
        Driven::Gone(exit, dir) => gone(exit, dir.as_deref(), terminal),
    };
    let mut campaign = campaign.into_inner();
    campaign.finish()?;
    table::show(&campaign, args, terminal)?;
    Ok(exit)
}

/// All scenarios from their beginning. Says what was interrupted before: the suite, or else each of them.
fn anew(
    name: &str,
    ready: &[Prepared],
    args: &args::Run,
    out: &Path,
    terminal: &Terminal,
) -> Result<Vec<Option<Work>>, Failure> {
    // With --reuse, what an interrupted run has is taken over too.
    let is_told = args.reuse.reuse.is_some() || rest::tell_of_interrupted(name, out, terminal);
    ready
        .iter()
        .map(|one| {
            if !is_told {
                Work::tell_of_interrupted(one, args, out, terminal);
            }
            Work::anew(one, args, out, terminal).map(Some)
        })
        .collect()
}

/// What all that is left costs, with the pauses between.
fn estimate(ready: &[Prepared], works: &[Option<Work>]) -> Estimate {
    let left: Vec<(&Prepared, &Work)> =
        ready.iter().zip(works).filter_map(|(one, work)| Some((one, work.as_ref()?))).collect();
    let pauses: Duration = left.windows(2).map(|pair| pause(pair[0].0, pair[1].0)).sum();
    let mut whole = Estimate { cost_usd: None, seconds: pauses.as_secs_f64(), ..Estimate::default() };
    for one in left.iter().map(|(prepared, work)| work.estimate(prepared)) {
        whole.seconds += one.seconds;
        // What is known of the cost is worth a question even where the rest is not.
        whole.cost_usd = match (whole.cost_usd, one.cost_usd) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
        };
    }
    whole
}

/// Between two scenarios the longer of their cooldowns.
fn pause(before: &Prepared, after: &Prepared) -> Duration {
    before.scenario.load.cooldown.max(after.scenario.load.cooldown)
}

/// One scenario after the other, until a signal stops them; returns the highest exit. Those without work are whole.
async fn run_all(
    campaign: &RefCell<Campaign>,
    ready: &[Prepared],
    works: Vec<Option<Work>>,
    session: &Session<'_>,
) -> Exit {
    let (terminal, mut worst, mut before) = (session.terminal, Exit::Done, None);
    for (at, (prepared, work)) in ready.iter().zip(works).enumerate() {
        let Some(work) = work else { continue };
        if let Some(before) = before.replace(prepared) {
            let mut signal = session.stop.signal();
            tokio::select! {
                () = tokio::time::sleep(pause(before, prepared)) => {}
                () = signal.reached(Stop::Draining) => {}
            }
        }
        if session.stop.now() > Stop::Running {
            break;
        }
        let name = &prepared.scenario.name;
        terminal.note(&format!("scenario {} of {}: {name} ({})", at + 1, ready.len(), prepared.path.display()));
        worst = worst.max(run_one(campaign, at, prepared, work, session).await);
    }
    worst
}

/// Carries out one scenario; a failure of it is shown, and the next one comes.
async fn run_one(
    campaign: &RefCell<Campaign>,
    at: usize,
    prepared: &Prepared,
    work: Work,
    session: &Session<'_>,
) -> Exit {
    let terminal = session.terminal;
    let begun = |dir: &Path| {
        // A campaign that cannot be written says so when the scenario ends.
        let _ = campaign.borrow_mut().begun(at, dir);
    };
    let started = campaign.borrow_mut().started(at);
    let outcome = match started {
        Ok(()) => session.carry_out(prepared, work, &begun).await,
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok((conclusion, stored)) => {
            let judged = stored.max(judge(&prepared.scenario, &conclusion, session.env, terminal));
            if !session.args.json {
                show_searches(&conclusion.summary, terminal);
            }
            tell_where(&conclusion, &prepared.plan, terminal);
            judged.max(told(campaign.borrow_mut().ended(at, &conclusion), prepared, terminal))
        }
        Err(failure) => {
            let message = failure.message.clone();
            let exit = told(Err(failure), prepared, terminal);
            exit.max(told(campaign.borrow_mut().failed(at, message), prepared, terminal))
        }
    }
}

/// The exit that an outcome means; a failure is shown, and the next scenario comes.
fn told(outcome: Result<(), Failure>, prepared: &Prepared, terminal: &Terminal) -> Exit {
    outcome.err().map_or(Exit::Done, |failure| {
        terminal.error(&prepare::of_file(&prepared.path, &failure));
        failure.exit()
    })
}

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::thread;

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};

use super::agenda::Agenda;
use super::error::RunError;
use super::event::{Observer, RunEvent, UnitFailure};
use super::lane::{Ended, Keeper, Lane, Report, UnitEnd};
use super::learn::Countings;
use super::results::Results;
use super::sites::Sites;
use super::unit::Bench;
use crate::cpus::{Manner, step_aside};
use crate::load::{Stop, StopHandle};
use crate::plan::{Plan, Unit, units};
use crate::scenario::{Parallel, Scenario};
use crate::store::{RepeatState, RowSchema, RunDir};
use crate::time::Clock;
use crate::workload::Material;

/// How many units came to their end, and what failed round them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) complete: usize,
    /// Units that were begun.
    pub(super) begun: usize,
    /// Searches that did not come to their end.
    pub(super) unfinished: usize,
    pub(super) failures: Vec<UnitFailure>,
}

type Reports = mpsc::UnboundedReceiver<(Report, Option<oneshot::Sender<()>>)>;

/// Measures every unit of the agenda in its order: one at a time, or one of each endpoint.
pub(super) async fn measure_all(
    bench: Bench<'_>,
    plan: &Plan,
    agenda: &Agenda,
    results: &mut Results<'_>,
    stop: &StopHandle,
) -> Result<Tally, RunError> {
    let units = units(bench.scenario, plan).into_iter().filter(|unit| agenda.measures(*unit));
    let units: Vec<(usize, Unit)> = units.enumerate().collect();
    let observer = bench.observer;
    observer.tell(RunEvent::Started {
        dir: bench.dir.path().to_owned(),
        units: units.len(),
        kept: agenda.kept(),
        repeats: agenda.counts(plan),
    });
    let (sender, reports) = mpsc::unbounded_channel();
    let keeper = Keeper(sender);
    let mut tally = Tally::default();
    let kept = keep(reports, plan, results, observer, &mut tally);
    let (ran, kept) = match bench.scenario.load.parallel {
        Parallel::None => {
            let lane = Lane::new(bench, plan);
            futures_util::future::join(lane.run(&units, keeper, stop), kept).await
        }
        Parallel::Endpoint => {
            futures_util::future::join(beside_one_another(&bench, plan, &units, keeper, stop), kept).await
        }
    };
    // Why a unit could not be measured comes before what that did to the results.
    ran.and(kept)?;
    Ok(tally)
}

/// Measures one unit more, which a search asks for.
pub(super) async fn measure_one(
    bench: Bench<'_>,
    unit: Unit,
    results: &mut Results<'_>,
    tally: &mut Tally,
    stop: &StopHandle,
) -> Result<(), RunError> {
    let (sender, reports) = mpsc::unbounded_channel();
    let (plan, observer) = (results.plan.clone(), bench.observer);
    let (lane, units) = (Lane::new(bench, &plan), [(tally.begun, unit)]);
    let kept = keep(reports, &plan, results, observer, tally);
    let (ran, kept) = futures_util::future::join(lane.run(&units, Keeper(sender), stop), kept).await;
    ran.and(kept)
}

/// Takes the reports of all lanes and keeps the run directory in step.
async fn keep(
    mut reports: Reports,
    plan: &Plan,
    results: &mut Results<'_>,
    observer: &dyn Observer,
    tally: &mut Tally,
) -> Result<(), RunError> {
    while let Some((report, taken)) = reports.recv().await {
        match report {
            Report::Event(event) => observer.tell(event),
            Report::Begun(unit) => {
                tally.begun += 1;
                results.begin_unit(unit)?;
            }
            Report::Ended(ended) => keep_unit(ended, plan, results, observer, tally)?,
        }
        if let Some(taken) = taken {
            // A lane that is gone waits for nothing.
            let _ = taken.send(());
        }
    }
    Ok(())
}

fn keep_unit(
    ended: Ended,
    plan: &Plan,
    results: &mut Results<'_>,
    observer: &dyn Observer,
    tally: &mut Tally,
) -> Result<(), RunError> {
    let Ended { number, unit, end, notes, failed_after, server } = ended;
    let cell = &plan.cells[unit.cell];
    let failure = |why: &str, measured| UnitFailure {
        cell_id: cell.id.to_string(),
        repeat: unit.repeat,
        why: why.to_owned(),
        measured,
    };
    if let Some(server) = server {
        results.server_changed(unit, cell.axes.endpoint(), server)?;
    }
    results.note(unit, notes);
    let mut failures: Vec<UnitFailure> = Vec::new();
    match &end {
        UnitEnd::Complete(reason) => {
            results.ended(unit, *reason);
            results.set_state(unit, RepeatState::Complete)?;
            let summary = results.summarise(unit.cell)?;
            let (completed, failed) = (summary.requests.completed, summary.requests.failed);
            tally.complete += 1;
            let cell_id = cell.id.to_string();
            observer.tell(RunEvent::UnitEnded { number, cell_id, repeat: unit.repeat, completed, failed });
        }
        UnitEnd::Interrupted => results.set_state(unit, RepeatState::Interrupted)?,
        UnitEnd::Failed(why) => {
            results.note(unit, vec![why.clone()]);
            results.set_state(unit, RepeatState::Failed)?;
            failures.push(failure(why, false));
        }
    }
    failures.extend(failed_after.map(|why| failure(&why, matches!(end, UnitEnd::Complete(_)))));
    for failure in failures {
        observer.tell(RunEvent::UnitFailed { number, failure: failure.clone() });
        tally.failures.push(failure);
    }
    Ok(())
}

/// All that a lane on a thread of its own takes with it.
struct Baggage {
    scenario: Scenario,
    plan: Plan,
    countings: Countings,
    material: Material,
    dir: RunDir,
    schema: RowSchema,
    server_columns: Vec<String>,
    nonce: u64,
    clock: Clock,
    sites: Sites,
    units: Vec<(usize, Unit)>,
    keeper: Keeper,
    stop: StopHandle,
}

/// Measures the units of different endpoints at the same time, each endpoint's on a thread with a runtime of its own.
async fn beside_one_another(
    bench: &Bench<'_>,
    plan: &Plan,
    units: &[(usize, Unit)],
    keeper: Keeper,
    stop: &StopHandle,
) -> Result<(), RunError> {
    let mut by_endpoint: BTreeMap<&str, Vec<(usize, Unit)>> = BTreeMap::new();
    for &(number, unit) in units {
        by_endpoint.entry(plan.cells[unit.cell].axes.endpoint()).or_default().push((number, unit));
    }
    let (inner, _) = StopHandle::new();
    let mut lanes = Vec::new();
    for (endpoint, units) in by_endpoint {
        let baggage = Baggage {
            scenario: bench.scenario.clone(),
            plan: plan.clone(),
            countings: bench.countings.clone(),
            material: bench.material.clone(),
            dir: bench.dir.clone(),
            schema: bench.schema.clone(),
            server_columns: bench.server_columns.to_vec(),
            nonce: bench.nonce,
            clock: bench.clock,
            sites: bench.sites.alone(endpoint, bench.clock, bench.scenario)?,
            units,
            keeper: keeper.clone(),
            stop: inner.clone(),
        };
        lanes.push(start(endpoint, baggage)?);
    }
    drop(keeper);
    let all = join_all(lanes.into_iter().map(async |lane| {
        let went = lane.await.unwrap_or_else(|_| Err(RunError::Internal("a lane's thread ended early".to_owned())));
        if went.is_err() {
            // What cannot be kept for one endpoint cannot for the others either.
            inner.go(Stop::Cancelling);
        }
        went
    }));
    let went = tokio::select! {
        went = all => went,
        never = pass_on(stop, &inner) => match never {},
    };
    went.into_iter().collect()
}

/// Hands a stop from outside on.
async fn pass_on(stop: &StopHandle, inner: &StopHandle) -> Infallible {
    let mut signal = stop.signal();
    for step in [Stop::Finishing, Stop::Draining, Stop::Cancelling] {
        signal.reached(step).await;
        inner.go(step);
    }
    std::future::pending().await
}

fn start(endpoint: &str, baggage: Baggage) -> Result<oneshot::Receiver<Result<(), RunError>>, RunError> {
    let (sender, receiver) = oneshot::channel();
    let no_thread = |error: std::io::Error| RunError::Internal(format!("no thread for endpoint `{endpoint}`: {error}"));
    thread::Builder::new()
        .name(format!("lane {endpoint}"))
        .spawn(move || {
            let went = run(baggage);
            // Nobody waits any more when the run ended early.
            let _ = sender.send(went);
        })
        .map_err(no_thread)?;
    Ok(receiver)
}

fn run(baggage: Baggage) -> Result<(), RunError> {
    let Baggage {
        scenario,
        plan,
        countings,
        material,
        dir,
        schema,
        server_columns,
        nonce,
        clock,
        sites,
        units,
        keeper,
        stop,
    } = baggage;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_start(|| step_aside(Manner::GivesWay))
        .build()
        .map_err(|error| RunError::Internal(format!("no runtime: {error}")))?;
    let bench = Bench {
        scenario: &scenario,
        sites: &sites,
        countings: &countings,
        material,
        dir: &dir,
        schema: &schema,
        server_columns: &server_columns,
        nonce,
        clock,
        observer: &keeper.clone(),
        told: RefCell::default(),
    };
    runtime.block_on(Lane::new(bench, &plan).run(&units, keeper, &stop))
}

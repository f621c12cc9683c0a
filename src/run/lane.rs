use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::error::RunError;
use super::event::{Observer, RunEvent};
use super::hooks::{HookEnd, Hooks, Moment};
use super::ready::{Readiness, until_ready};
use super::unit::{Bench, Measured};
use crate::client::ControlError;
use crate::load::{Stop, StopHandle};
use crate::plan::{Plan, Unit};
use crate::scenario::StopReason;
use crate::store::{ServerIdentity, UnitId};

/// Units that are measured one after the other, on one thread: all of a run, or those of one endpoint.
pub(super) struct Lane<'r> {
    pub(super) bench: Bench<'r>,
    pub(super) plan: &'r Plan,
    /// By endpoint; a hook may change one.
    servers: RefCell<BTreeMap<String, ServerIdentity>>,
}

/// What a lane tells the one who keeps the results.
pub(super) enum Report {
    /// A unit begins.
    Begun(Unit),
    /// A unit is over.
    Ended(Ended),
    /// Something for the run's observer, from a lane on another thread.
    Event(RunEvent),
}

/// How a unit went.
pub(super) struct Ended {
    /// Its place in the order of the run.
    pub(super) number: usize,
    pub(super) unit: Unit,
    pub(super) end: UnitEnd,
    /// What did not go as asked for.
    pub(super) notes: Vec<String>,
    /// Why the command after it failed.
    pub(super) failed_after: Option<String>,
    /// Who answers now, when that is another server than before.
    pub(super) server: Option<ServerIdentity>,
}

/// What became of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UnitEnd {
    /// Its rows are there; why it ended, where the scenario has a rule for that.
    Complete(Option<StopReason>),
    /// It was cut off, or not begun, because the run is stopped.
    Interrupted,
    /// What had to come before it failed: why, in a sentence.
    Failed(String),
}

/// The way to the one who keeps the results; each report is taken before the lane goes on.
#[derive(Clone)]
pub(super) struct Keeper(pub(super) mpsc::UnboundedSender<(Report, Option<oneshot::Sender<()>>)>);

impl Keeper {
    /// Whether the report was taken: not when results cannot be kept any more.
    async fn report(&self, report: Report) -> bool {
        let (taken, wait) = oneshot::channel();
        self.0.send((report, Some(taken))).is_ok() && wait.await.is_ok()
    }
}

impl Observer for Keeper {
    fn tell(&self, event: RunEvent) {
        // A keeper that is gone listens to nothing.
        let _ = self.0.send((Report::Event(event), None));
    }
}

impl<'r> Lane<'r> {
    pub(super) fn new(bench: Bench<'r>, plan: &'r Plan) -> Self {
        let servers = RefCell::new(bench.sites.identities().clone());
        Self { bench, plan, servers }
    }

    /// Measures units in their order, each with its place in the order of the run, until one is interrupted.
    pub(super) async fn run(&self, units: &[(usize, Unit)], keeper: Keeper, stop: &StopHandle) -> Result<(), RunError> {
        for (place, &(number, unit)) in units.iter().enumerate() {
            if place > 0 {
                cool_down(self.bench.scenario.load.cooldown, stop).await;
            }
            if stop.now() > Stop::Running || !keeper.report(Report::Begun(unit)).await {
                break;
            }
            let mut ended =
                Ended { number, unit, end: UnitEnd::Interrupted, notes: Vec::new(), failed_after: None, server: None };
            let went = self.measure(&mut ended, stop).await;
            let goes_on = ended.end != UnitEnd::Interrupted;
            let kept = keeper.report(Report::Ended(ended)).await;
            went?;
            if !goes_on || !kept {
                break;
            }
        }
        Ok(())
    }

    /// One unit with what comes before and after it.
    async fn measure(&self, ended: &mut Ended, stop: &StopHandle) -> Result<(), RunError> {
        let Unit { cell, repeat } = ended.unit;
        let (bench, cell) = (&self.bench, &self.plan.cells[cell]);
        let unit = UnitId { cell: cell.id.clone(), repeat };
        let base_url = bench.sites.base_url_of(cell.axes.endpoint());
        let hooks = Hooks::of(bench.scenario, cell, &unit, base_url, bench.dir);
        if let Some(end) = self.prepare(&hooks, ended, stop).await? {
            ended.end = end;
            return Ok(());
        }
        ended.notes.extend(self.reset_cache(cell.axes.endpoint()).await?);
        let measured = bench.measure(cell, repeat, ended.number, stop).await;
        if let Ok(Measured::Complete(reason)) = measured {
            ended.end = UnitEnd::Complete(reason);
        }
        if bench.scenario.load.hooks.after_cell.is_some() {
            bench.observer.tell(RunEvent::Hook { cell_id: cell.id.to_string(), does: "after_cell" });
        }
        if let Err(HookEnd::Failed(why)) = hooks.run(Moment::After, stop.signal()).await {
            ended.notes.push(why.clone());
            ended.failed_after = Some(why);
        }
        measured.map(|_| ())
    }

    /// Runs the command before a unit and waits for the server; `Some`: the unit ends here.
    async fn prepare(
        &self,
        hooks: &Hooks<'_>,
        ended: &mut Ended,
        stop: &StopHandle,
    ) -> Result<Option<UnitEnd>, RunError> {
        let (bench, cell) = (&self.bench, &self.plan.cells[ended.unit.cell]);
        let endpoint = cell.axes.endpoint();
        let tell = |does| bench.observer.tell(RunEvent::Hook { cell_id: cell.id.to_string(), does });
        if bench.scenario.load.hooks.before_cell.is_none() {
            return Ok(None);
        }
        tell("before_cell");
        match hooks.run(Moment::Before, stop.signal()).await {
            Ok(_) => {}
            Err(HookEnd::Failed(why)) => return Ok(Some(UnitEnd::Failed(why))),
            Err(HookEnd::Stopped) => return Ok(Some(UnitEnd::Interrupted)),
        }
        tell("waiting for the server");
        let client = bench.sites.client(endpoint)?;
        client.forget_connections();
        match until_ready(client, bench.scenario.load.hooks.ready_timeout, stop.signal()).await {
            Readiness::Ready => {}
            Readiness::Late(why) => return Ok(Some(UnitEnd::Failed(why))),
            Readiness::Stopped => return Ok(Some(UnitEnd::Interrupted)),
        }
        let server = bench.sites.identify(endpoint, bench.scenario).await?;
        let before = self.servers.borrow_mut().insert(endpoint.to_owned(), server.clone());
        ended.server = (before.as_ref() != Some(&server)).then_some(server);
        Ok(None)
    }

    /// Empties the server's prefix cache where the scenario says how; what to note when that fails.
    async fn reset_cache(&self, endpoint: &str) -> Result<Option<String>, RunError> {
        let of = self.bench.scenario.endpoint(endpoint);
        let Some((method, path)) = of.and_then(|of| of.cache_reset.as_deref()?.split_once(' ')) else {
            return Ok(None);
        };
        let Err(error) = self.bench.sites.client(endpoint)?.call(method, path).await else { return Ok(None) };
        let why = match error {
            ControlError::Status { status: 404, url, .. } => format!("the server knows no {method} {url} (HTTP 404)"),
            other => other.to_string(),
        };
        let note = format!("the cache was not reset: {why}");
        self.bench.warn_once(format!("endpoint `{endpoint}`: {note}; its cells are measured all the same"));
        Ok(Some(note))
    }
}

pub(super) async fn cool_down(time: Duration, stop: &StopHandle) {
    let mut signal = stop.signal();
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = signal.reached(Stop::Finishing) => {}
    }
}

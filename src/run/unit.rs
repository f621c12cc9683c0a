use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::beside::Beside;
use super::certainty::Certainty;
use super::error::RunError;
use super::event::{Observer, RunEvent};
use super::gauges::Gauges;
use super::health::Watch;
use super::learn::Countings;
use super::prepare::{Encoder, Prompter};
use super::scraping::Scraping;
use super::sites::{Sites, target_of};
use super::traffic::{connections, expected, traffic, wanted};
use super::wire::Wire;
use super::workloads::{requests_of_session, workload};
use crate::load::{Ending, Stop, StopHandle, StopSignal, Traffic, Window, drive};
use crate::plan::Cell;
use crate::record::ClientFacts;
use crate::scenario::{Scenario, StopReason};
use crate::store::{
    JournalWriter, Origin, RowSchema, RunDir, ServerHeader, UnitHeader, UnitId, compact, compact_server_log,
};
use crate::time::{Alarm, Clock, unix_ns};
use crate::workload::Material;

/// How often the journal is asked whether it still writes.
const JOURNAL_LOOK: Duration = Duration::from_millis(250);

/// All that measuring a unit takes besides the unit.
#[derive(Clone)]
pub(super) struct Bench<'r> {
    pub(super) scenario: &'r Scenario,
    pub(super) sites: &'r Sites,
    pub(super) countings: &'r Countings,
    pub(super) material: Material,
    pub(super) dir: &'r RunDir,
    pub(super) schema: &'r RowSchema,
    /// The columns of scraped metrics.
    pub(super) server_columns: &'r [String],
    pub(super) nonce: u64,
    pub(super) clock: Clock,
    pub(super) observer: &'r dyn Observer,
    /// Warnings that were told already.
    pub(super) told: RefCell<BTreeSet<String>>,
}

/// What became of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measured {
    /// Its rows are under `requests/`; why it ended, where the scenario has a rule for that.
    Complete(Option<StopReason>),
    /// It was cut off; its rows are under `partial/`.
    Interrupted,
}

impl Bench<'_> {
    /// Measures one repeat of one cell and leaves its rows on disk.
    pub(super) async fn measure(
        &self,
        cell: &Cell,
        repeat: u32,
        number: usize,
        stop: &StopHandle,
    ) -> Result<Measured, RunError> {
        let (endpoint, label) = (cell.axes.endpoint(), cell.axes.model());
        let client = self.sites.client(endpoint)?;
        let counting = self.countings.of(endpoint, label)?;
        let target = Arc::new(target_of(self.scenario, cell));
        self.observer.tell(RunEvent::Preparing { cell_id: cell.id.to_string() });

        let workload = workload(self.scenario, &self.material, cell, repeat, self.nonce, counting)?;
        let traffic = traffic(self.scenario, cell, repeat);
        let wanted = wanted(&traffic);
        let encoder = Encoder { client: client.clone(), target: Arc::clone(&target) };
        let mut prompter = Prompter::start(&workload, &encoder, wanted);
        tokio::select! {
            ready = prompter.ready(wanted) => ready.map_err(|error| in_cell(error, cell))?,
            () = stopped(stop) => return Ok(Measured::Interrupted),
        }

        let unit = UnitId { cell: cell.id.clone(), repeat };
        let now = Origin { monotonic_ns: self.clock.now_ns(), unix_ns: unix_ns() };
        let scraping = self.scrape(endpoint, &unit, now).await?;
        // A server that cannot take them all shows it in the rows; the cell is measured all the same.
        let _ = client.warm(connections(&traffic, self.scenario, cell)).await;
        let journal_path = self.dir.journal_path(&unit);
        let journal = JournalWriter::spawn(&journal_path, UnitHeader::new(cell, repeat, self.schema.clone(), now))?;
        let gauges =
            Arc::new(Gauges::new(expected(wanted, requests_of_session(self.scenario, cell)), now.monotonic_ns));
        let started =
            RunEvent::UnitStarted { number, cell_id: cell.id.to_string(), repeat, gauges: Arc::clone(&gauges) };
        self.observer.tell(started);
        let (inner, signal) = StopHandle::new();
        let certainty = self.scenario.load.stop_when.as_ref().and_then(|rule| Certainty::new(rule, inner.clone()));
        let wire = Arc::new(Wire {
            client: client.clone(),
            target,
            tokenizer: counting.tokenizer.takes_any_text().then(|| Arc::clone(&counting.tokenizer)),
            journal,
            beside: Arc::new(Beside::open(&self.scenario.output, self.dir, &unit, client)?),
            gauges,
            certainty: certainty.map(Mutex::new).map(Arc::new),
            clock: self.clock,
            chunk_times: (self.scenario.output.chunk_times, self.scenario.seed),
        });
        let watch = Watch::start(self.clock);
        let window = self.load(traffic, prompter, &wire, scraping.as_ref(), (inner, signal), stop).await;
        self.observer.tell(RunEvent::LoadEnded { number });
        let facts = watch.finish(window.measured_from_ns);
        if let Some(scraping) = scraping {
            scraping.finish(stop).await?;
        }
        let wire = Arc::into_inner(wire).ok_or_else(|| RunError::Internal("a request outlived its load".to_owned()))?;
        let simulated = self.scenario.endpoint(endpoint).is_some_and(|endpoint| endpoint.simulator.is_some());
        let backlog = Some(wire.journal.longest_queue());
        wire.journal.set_client(ClientFacts { journal_backlog: backlog, simulator_inside: simulated, ..facts });
        wire.journal.finish()?;
        wire.beside.finish()?;
        self.keep(&unit, &window, now)
    }

    /// Starts to scrape the endpoint's Prometheus page, where it has one. A page that is not there is told once; the unit is
    /// measured all the same.
    async fn scrape(&self, endpoint: &str, unit: &UnitId, now: Origin) -> Result<Option<Scraping>, RunError> {
        let Some(scraper) = self.sites.scraper(endpoint) else { return Ok(None) };
        let header = ServerHeader::new(unit, now, scraper.columns(), self.server_columns);
        let log = header.create_log(&self.dir.server_log_path(unit), scraper.secrets().clone())?;
        let (scraping, fault) = Scraping::start(scraper.clone(), log, self.clock).await?;
        if let Some(fault) = fault {
            let url = scraper.shown_url();
            self.warn_once(format!(
                "endpoint `{endpoint}`: metrics of {url}: {fault}; its cells are measured all the same"
            ));
        }
        Ok(Some(scraping))
    }

    /// Tells a warning unless it was told.
    pub(super) fn warn_once(&self, warning: String) {
        if self.told.borrow_mut().insert(warning.clone()) {
            self.observer.tell(RunEvent::Warning(warning));
        }
    }

    /// Runs the load; a disk that takes no more rows cancels it.
    async fn load(
        &self,
        traffic: Traffic,
        prompter: Prompter,
        wire: &Arc<Wire>,
        scraping: Option<&Scraping>,
        (inner, signal): (StopHandle, StopSignal),
        stop: &StopHandle,
    ) -> Window {
        // Without a descriptor for it, requests are still due: a millisecond later.
        let alarm = Alarm::precise(self.clock).unwrap_or_else(|_| Alarm::coarse(self.clock));
        let mut outside = stop.signal();
        let pass_on = async {
            outside.reached(Stop::Draining).await;
            inner.go(Stop::Draining);
            outside.reached(Stop::Cancelling).await;
            inner.go(Stop::Cancelling);
            std::future::pending::<Infallible>().await
        };
        let watch_disk = async {
            let mut every = tokio::time::interval(JOURNAL_LOOK);
            let failed = || wire.journal.failed() || wire.beside.failed() || scraping.is_some_and(Scraping::failed);
            while !failed() {
                every.tick().await;
            }
            inner.go(Stop::Cancelling);
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            window = drive(traffic, prompter, Arc::clone(wire), alarm, signal) => window,
            never = pass_on => match never {},
            never = watch_disk => match never {},
        }
    }

    /// Turns the journal into rows, where they belong.
    fn keep(&self, unit: &UnitId, window: &Window, opened: Origin) -> Result<Measured, RunError> {
        let journal = self.dir.journal_path(unit);
        let origin = window.measured_from_ns.map(|from_ns| opened.at(from_ns));
        let complete = matches!(window.ending, Ending::Done | Ending::Enough | Ending::TimedOut) && origin.is_some();
        let target = if complete { self.dir.requests_path(unit) } else { self.dir.partial_path(unit) };
        let server_log = self.dir.server_log_path(unit);
        if server_log.is_file() {
            compact_server_log(&server_log, &self.dir.server_path(unit), Some(origin.unwrap_or(opened)))?;
        }
        // The rows come last: where they are, all is.
        compact(&journal, &target, origin)?;
        let reason = if window.ending == Ending::Enough { StopReason::Certain } else { StopReason::Limit };
        let reason = self.scenario.load.stop_when.as_ref().map(|_| reason);
        Ok(if complete { Measured::Complete(reason) } else { Measured::Interrupted })
    }
}

/// Returns when a stop is asked for: nothing in preparation is worth finishing.
async fn stopped(stop: &StopHandle) {
    stop.signal().reached(Stop::Draining).await;
}

fn in_cell(error: RunError, cell: &Cell) -> RunError {
    match error {
        RunError::Prompt { message, .. } => RunError::Prompt { cell: cell.id.to_string(), message },
        other => other,
    }
}

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;

use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::explain;
use super::prepare::Prepared;
use super::progress::Progress;
use super::provenance;
use super::signals;
use super::terminal::Terminal;
use crate::load::StopHandle;
use crate::metrics::CellSummary;
use crate::report;
use crate::run::{Conclusion, RunOptions, Views, carry_out};

/// What the runs of one call have in common: its words, its surroundings, and the stop that a signal means for all.
pub(super) struct Session<'s> {
    pub(super) args: &'s args::Run,
    pub(super) env: &'s Env,
    pub(super) terminal: &'s Terminal,
    pub(super) stop: StopHandle,
    /// Of the run that goes on: what is said while it moves goes through it.
    progress: RefCell<Option<Rc<Progress>>>,
}

impl<'s> Session<'s> {
    pub(super) fn new(args: &'s args::Run, env: &'s Env, terminal: &'s Terminal) -> Self {
        let (stop, _) = StopHandle::new();
        Self { args, env, terminal, stop, progress: RefCell::new(None) }
    }

    /// Drives `work` to its end; signals turn into stops. Returns what it came to and the exit that a signal means.
    pub(super) fn drive<T>(&self, work: impl Future<Output = T>) -> Result<(T, Exit), Failure> {
        let seen = Rc::new(Cell::new(None));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
        let came_to = runtime.block_on(async {
            tokio::select! {
                came_to = work => came_to,
                never = signals::watch(self.stop.clone(), Rc::clone(&seen), |text| self.say(text)) => match never {},
            }
        });
        Ok((came_to, seen.get().unwrap_or(Exit::Done)))
    }

    /// Carries out one scenario and shows how it goes.
    pub(super) async fn carry_out(&self, prepared: &Prepared) -> Result<Conclusion, Failure> {
        let Prepared { scenario, plan, material, .. } = prepared;
        let options = RunOptions {
            out: &self.args.out,
            nonce: self.args.nonce.unwrap_or_else(fresh_nonce),
            command: std::env::args().collect(),
            provenance: provenance::provenance(prepared, self.args.locked),
            tokenizers: self.env.tokenizer_places(),
            views: &Drawn,
        };
        let progress = Rc::new(Progress::start(scenario, plan, *self.terminal));
        self.progress.replace(Some(Rc::clone(&progress)));
        let outcome = carry_out(scenario, plan, material.clone(), &options, progress.as_ref(), &self.stop).await;
        self.progress.replace(None);
        progress.finish();
        outcome.map_err(|error| explain::run_error(&error))
    }

    fn say(&self, text: &str) {
        match self.progress.borrow().as_ref() {
            Some(progress) => progress.note(text),
            None => self.terminal.note(text),
        }
    }
}

/// 48 random bits: exact as a JSON number everywhere.
pub(super) fn fresh_nonce() -> u64 {
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

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::explain;
use super::prepare::Prepared;
use super::progress::Progress;
use super::provenance;
use super::remote::Destination;
use super::signals;
use super::terminal::Terminal;
use super::{resume, reuse, runtime};
use crate::compare::judge_gates;
use crate::load::StopHandle;
use crate::metrics::{CellSummary, SearchSummary};
use crate::plan::Estimate;
use crate::report;
use crate::run::{Conclusion, Resumption, Reuse, RunOptions, Views, carry_out};
use crate::scenario::{Format, Scenario};

/// What the runs of one call have in common: its words, its surroundings, and the stop that a signal means for all.
pub(super) struct Session<'s> {
    pub(super) args: &'s args::Run,
    pub(super) env: &'s Env,
    pub(super) terminal: &'s Terminal,
    pub(super) stop: StopHandle,
    /// Where results go.
    pub(super) destination: Destination,
    /// Of the run that goes on: what is said while it moves goes through it.
    progress: RefCell<Option<Rc<Progress>>>,
}

impl<'s> Session<'s> {
    pub(super) fn new(args: &'s args::Run, env: &'s Env, terminal: &'s Terminal, destination: Destination) -> Self {
        let (stop, _) = StopHandle::new();
        Self { args, env, terminal, stop, destination, progress: RefCell::new(None) }
    }

    /// Drives `work` to its end; signals turn into stops.
    pub(super) fn drive<T>(&self, work: impl Future<Output = T>) -> Result<Driven<T>, Failure> {
        let seen = Rc::new(Cell::new(None));
        let runtime = runtime::timed(self.args.pin.as_ref())?;
        let ended = runtime.block_on(async {
            let (has_begun, tell) = (|| self.has_begun(), |text: &str| self.say(text));
            tokio::select! {
                came_to = work => Ok(came_to),
                exit = signals::watch(self.stop.clone(), Rc::clone(&seen), has_begun, tell) => Err(exit),
            }
        });
        // Not waited for: a look-up of a host's name may take half a minute.
        runtime.shutdown_background();
        let cut_off = self.progress.take();
        if let Some(progress) = &cut_off {
            progress.finish();
        }
        Ok(match ended {
            Ok(came_to) => Driven::Ended(came_to, seen.get().unwrap_or(Exit::Done)),
            Err(exit) => Driven::Gone(exit, cut_off.and_then(|progress| progress.dir())),
        })
    }

    /// Whether there is anything to save of what goes on. Between two runs there is nothing to wait for.
    fn has_begun(&self) -> bool {
        self.progress.borrow().as_ref().is_none_or(|progress| progress.dir().is_some())
    }

    /// Carries out one scenario, shows how it goes, and brings its results to their place. The exit is that of the way
    /// there. `begun` is told of the run directory before the first request.
    pub(super) async fn carry_out(
        &self,
        prepared: &Prepared,
        work: Work,
        begun: &dyn Fn(&Path),
    ) -> Result<(Conclusion, Exit), Failure> {
        let Prepared { scenario, plan, material, .. } = prepared;
        let options = RunOptions {
            out: &self.destination.local,
            allow_hooks: self.args.allow_hooks,
            nonce: self.args.nonce.unwrap_or_else(fresh_nonce),
            only: work.only,
            reuse: work.reuse,
            resume: work.resume,
            command: std::env::args().collect(),
            provenance: provenance::provenance(&prepared.path, scenario, self.args.locked),
            tokenizers: self.env.tokenizer_places(),
            views: &Drawn,
        };
        let progress = Rc::new(Progress::start(scenario, plan, *self.terminal));
        self.progress.replace(Some(Rc::clone(&progress)));
        let watching = self.destination.watching(&progress, begun);
        let outcome = carry_out(scenario, plan, material.clone(), &options, &watching, &self.stop).await;
        let delivered = self.destination.finish(&self.stop, &progress).await;
        self.progress.replace(None);
        progress.finish();
        let stored = delivered.map_or(Exit::Done, |delivered| delivered.tell(self.terminal));
        let conclusion = outcome.map_err(|error| explain::run_error(&error, progress.dir().as_deref()))?;
        Ok((conclusion, stored))
    }

    fn say(&self, text: &str) {
        match self.progress.borrow().as_ref() {
            Some(progress) => progress.note(text),
            None => self.terminal.note(text),
        }
    }
}

/// How what was driven came to its end.
pub(super) enum Driven<T> {
    /// By itself: what it came to, and the exit that a signal means.
    Ended(T, Exit),
    /// Cut off by a signal, with the directory of the run that went on, when it had one.
    Gone(Exit, Option<PathBuf>),
}

/// What of a scenario is measured: all, what no earlier run has, or the rest of an interrupted one.
pub(super) struct Work {
    /// What `--only` keeps of the cells.
    only: Vec<String>,
    reuse: Option<Reuse>,
    resume: Option<Resumption>,
}

impl Work {
    /// A new run, with what `--reuse` takes over.
    pub(super) fn anew(
        prepared: &Prepared,
        args: &args::Run,
        out: &Path,
        terminal: &Terminal,
    ) -> Result<Self, Failure> {
        let reuse = reuse::earlier(&args.reuse, &prepared.scenario, out, terminal)?;
        Ok(Self { only: args.choice.only.clone(), reuse, resume: None })
    }

    /// Says when an earlier run was interrupted. With --reuse, what that has is taken over anyway.
    pub(super) fn tell_of_interrupted(prepared: &Prepared, args: &args::Run, out: &Path, terminal: &Terminal) {
        if args.reuse.reuse.is_none() {
            let file = args.quick.url.is_none().then_some(prepared.path.as_path());
            resume::tell_of_interrupted(&prepared.scenario, &prepared.plan, out, file, terminal);
        }
    }

    /// The rest of an interrupted run, whose cells are those that `only` keeps.
    pub(super) fn rest_of(resumption: Resumption, only: Vec<String>) -> Self {
        Self { only, reuse: None, resume: Some(resumption) }
    }

    /// What it costs.
    pub(super) fn estimate(&self, prepared: &Prepared) -> Estimate {
        let Prepared { scenario, plan, .. } = prepared;
        let left = match (&self.resume, &self.reuse) {
            (Some(resumption), _) => resumption.left(scenario, plan),
            (None, Some(reuse)) => reuse::states(reuse, scenario, plan).iter().map(|state| state.left).collect(),
            (None, None) => vec![scenario.load.repeats; plan.cells.len()],
        };
        Estimate::of_repeats(scenario, plan, |cell| left.get(cell).copied().unwrap_or(0))
    }
}

/// 48 random bits: exact as a JSON number everywhere.
pub(super) fn fresh_nonce() -> u64 {
    RandomState::new().build_hasher().finish() >> 16
}

/// The views that are saved beside the summary.
pub(super) struct Drawn;

impl Views for Drawn {
    fn comparison_markdown(&self, name: &str, cells: &[CellSummary], searches: &[SearchSummary]) -> String {
        report::comparison_markdown(name, cells, searches)
    }

    fn summary_csv(&self, cells: &[CellSummary]) -> String {
        report::summary_csv(cells)
    }

    fn junit(&self, scenario: &Scenario, cells: &[CellSummary]) -> Option<String> {
        let asked = scenario.output.formats.contains(&Format::Junit);
        asked.then(|| report::junit_xml(&scenario.name, &judge_gates(&scenario.gates, cells)).ok()).flatten()
    }
}

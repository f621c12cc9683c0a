use std::path::PathBuf;

use tokio::task::JoinHandle;

use super::cause::Cause;
use super::choice::on_edit;
use super::events::Event;
use super::in_flight::InFlight;
use super::look::{Look, Ready};
use super::session::{Awaited, Round, Session, look_aside};
use super::subject::Subject;
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::provenance::provenance;
use crate::cli::{explain, gates, run, session, signals};
use crate::load::{Stop, StopHandle};
use crate::run::{Conclusion, Reuse, RunError, RunOptions, carry_out};

/// What happened during a run that ends it or comes after it.
#[derive(Default)]
struct Meanwhile {
    /// The user ended it.
    exit: Option<Exit>,
    /// Another round has to follow.
    next: Option<Cause>,
}

impl Session<'_> {
    /// Carries out one scenario and shows what it came to, unless something else is to be measured first.
    pub(super) async fn carry_out(&mut self, at: usize, ready: Ready, reuse: Option<Reuse>) -> Result<Round, Failure> {
        self.subjects[at].remember(&self.args.out, &ready.scenario);
        let options = RunOptions {
            out: &self.args.out,
            nonce: self.args.nonce.unwrap_or_else(session::fresh_nonce),
            only: self.args.choice.only.clone(),
            reuse,
            resume: None,
            allow_hooks: self.args.allow_hooks,
            command: std::env::args().collect(),
            provenance: provenance(&self.subjects[at].path, &ready.scenario, false),
            tokenizers: self.env.tokenizer_places(),
            views: &session::Drawn,
        };
        let progress = Progress::start(&ready.scenario, &ready.plan, self.terminal);
        let in_flight = InFlight::new(&progress);
        let (stop, _) = StopHandle::new();
        let mut meanwhile = Meanwhile::default();
        let outcome = {
            let material = ready.material.clone();
            let carried = carry_out(&ready.scenario, &ready.plan, material, &options, &in_flight, &stop);
            tokio::pin!(carried);
            let mut looking: Option<JoinHandle<Look>> = None;
            loop {
                let looked = async {
                    match &mut looking {
                        Some(handle) => handle.await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    outcome = &mut carried => break outcome,
                    look = looked => {
                        looking = None;
                        if let Ok(look) = look {
                            self.weigh(at, look, &ready, &in_flight, &stop);
                        }
                    }
                    event = self.events.next() => {
                        let look = self.interrupted(event, at, &progress, &stop, &mut meanwhile);
                        looking = look.or(looking);
                    }
                }
            }
        };
        progress.finish();
        let outcome = outcome.map_err(|error| (explain::run_error(&error, progress.dir().as_deref()), error));
        let warnings = in_flight.into_warnings();
        self.settle(at, ready, outcome, &warnings, meanwhile)
    }

    /// Takes an event that comes while a run goes on; begins to read the scenario anew when its files changed.
    fn interrupted(
        &mut self,
        event: Event,
        at: usize,
        progress: &Progress,
        stop: &StopHandle,
        meanwhile: &mut Meanwhile,
    ) -> Option<JoinHandle<Look>> {
        match event {
            Event::Signal(exit) => Self::end(exit, progress, stop, meanwhile),
            Event::Key(b'q') => Self::end(Exit::Interrupted, progress, stop, meanwhile),
            Event::Key(b'r') => {
                progress.note("r: everything is measured anew");
                meanwhile.next = Some(Cause::Asked);
                stop.go(Stop::Cancelling);
            }
            Event::Key(_) => {}
            Event::Changed => {
                let changed = self.changed();
                if changed.is_empty() {
                    return None;
                }
                let cause = later(meanwhile.next.take(), Cause::of_files(changed, &self.also));
                progress.note(&self.told(&cause));
                let is_servers = matches!(cause, Cause::ServerFiles(_));
                meanwhile.next = Some(cause);
                if is_servers {
                    stop.go(on_edit(self.args.watching.on_edit, None, None));
                    return None;
                }
                let path = &self.subjects[at].path;
                if self.roster.has_left(path) {
                    stop.go(on_edit(self.args.watching.on_edit, None, None));
                    return None;
                }
                return Some(look_aside(path, self.args, self.env, self.terminal, progress.line()));
            }
        }
        None
    }

    fn end(exit: Exit, progress: &Progress, stop: &StopHandle, meanwhile: &mut Meanwhile) {
        meanwhile.exit.get_or_insert(exit);
        progress.note(signals::further(stop));
    }

    /// Decides what a changed scenario means for the run that goes on: a faulty one, and one that asks for the same,
    /// nothing.
    fn weigh(&mut self, at: usize, look: Look, running: &Ready, in_flight: &InFlight<'_>, stop: &StopHandle) {
        self.subjects[at].note(&look);
        let Ok(wanted) = look.outcome else { return };
        if wanted.is_like(running) {
            return;
        }
        let unit = in_flight.unit();
        let digest = |ready: &Ready| unit.as_ref().and_then(|(cell, repeat)| ready.digest_of(cell, *repeat).cloned());
        stop.go(on_edit(self.args.watching.on_edit, digest(running).as_ref(), digest(&wanted).as_ref()));
    }

    /// Shows what a run came to; a run that was only stopped to begin another one shows nothing.
    fn settle(
        &mut self,
        at: usize,
        ready: Ready,
        outcome: Result<Conclusion, (Failure, RunError)>,
        warnings: &[String],
        meanwhile: Meanwhile,
    ) -> Result<Round, Failure> {
        let is_over = meanwhile.exit.is_some();
        match outcome {
            Ok(conclusion) => {
                let is_whole = conclusion.complete == conclusion.units;
                if let (Some(next), false, false) = (&meanwhile.next, is_whole, is_over) {
                    return Ok(Round::Again(next.clone()));
                }
                self.subjects[at].conclude(&ready, &conclusion, &self.terminal);
                self.show(at, &ready, &conclusion, warnings)?;
                self.subjects[at].finish(ready, is_whole);
            }
            Err((failure, error)) => {
                if is_over {
                    return Err(failure);
                }
                self.screen.error(&failure);
                self.last = self.last.max(failure.exit());
                if matches!(error, RunError::Unreachable { .. }) {
                    self.waits_for = Some(Awaited::Server);
                }
            }
        }
        Ok(match meanwhile {
            Meanwhile { exit: Some(exit), .. } => Round::Over(exit.max(self.last)),
            Meanwhile { next: Some(next), .. } => Round::Again(next),
            Meanwhile { exit: None, next: None } => Round::Settled,
        })
    }

    fn show(&mut self, at: usize, ready: &Ready, conclusion: &Conclusion, warnings: &[String]) -> Result<(), Failure> {
        let (cells, terminal) = (&conclusion.summary.cells, &self.terminal);
        if self.screen.redraws() {
            self.screen.begin(self.subjects.iter().filter_map(Subject::table));
            for warning in warnings {
                self.screen.warning(warning);
            }
        } else if self.args.json {
            self.screen.result(&serde_json::to_string_pretty(&conclusion.summary).map_err(Failure::failed)?);
        } else if let Some(table) = self.subjects[at].table() {
            self.screen.result(table);
        }
        let judged = run::of_cells(cells, terminal).max(run::of_clients(&ready.scenario, cells, terminal));
        self.last = self.last.max(judged).max(run::of_units(&conclusion.failures));
        self.last = self.last.max(gates::of_run(&ready.scenario, cells, self.env, terminal));
        run::tell_where(conclusion, &ready.plan, terminal);
        Ok(())
    }
}

/// Two causes as one: files add up, and what asks for more stays.
fn later(earlier: Option<Cause>, cause: Cause) -> Cause {
    match (earlier, cause) {
        (Some(Cause::Edited(mut files)), Cause::Edited(more)) => {
            let new: Vec<PathBuf> = more.into_iter().filter(|path| !files.contains(path)).collect();
            files.extend(new);
            Cause::Edited(files)
        }
        (Some(earlier), cause) if earlier.measures_all() && !cause.measures_all() => earlier,
        (_, cause) => cause,
    }
}

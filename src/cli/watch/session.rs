use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cause::Cause;
use super::events::{Event, Events};
use super::floor::Floor;
use super::look::{Look, Ready};
use super::roster::Roster;
use super::screen::Screen;
use super::subject::Subject;
use crate::cli::args;
use crate::cli::env::Env;
use crate::cli::exit::{Exit, Failure};
use crate::cli::read::NoCells;
use crate::cli::terminal::Terminal;
use crate::cli::{prepare, question, reuse, runtime};
use crate::plan::Estimate;
use crate::run::Reuse;
use crate::text::plural;
use crate::time::unix_ns;
use crate::watch::Follower;

/// How often files are looked at while nothing runs: some file systems give no notice of what another machine writes.
const GLANCE: Duration = Duration::from_secs(2);

/// How often a server that could not be reached is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// `infersweep run --watch`: carries out scenarios, and again whatever a change of a file touches.
pub(in crate::cli) fn watch(args: &args::Run, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    // Without a scenario there is nothing to wait for; what is passed over is said once.
    prepare::choose(&args.files, &args.choice, terminal)?;
    let runtime = runtime::timed(args.pin.as_ref())?;
    runtime.block_on(async { Box::pin(Session::begin(args, env, *terminal)?.go()).await })
}

/// Scenarios, the files they hang on, and what happens to both.
pub(super) struct Session<'s> {
    pub(super) args: &'s args::Run,
    pub(super) env: &'s Env,
    pub(super) terminal: Terminal,
    /// Which scenarios there are.
    pub(super) roster: Roster,
    pub(super) subjects: Vec<Subject>,
    pub(super) follower: Follower,
    pub(super) events: Events,
    pub(super) screen: Screen,
    /// Files beside the scenarios' own, absolute.
    pub(super) also: Vec<PathBuf>,
    /// What paths are shown relative to.
    here: PathBuf,
    /// Which results still count.
    floor: Floor,
    /// What the user allowed a run to take, seconds and dollars.
    allowed: (f64, f64),
    /// Whether a server could not be reached, or the user is asked.
    pub(super) waits_for: Option<Awaited>,
    /// How the last round went.
    pub(super) last: Exit,
}

/// What keeps a scenario from being carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// A server that cannot be reached.
    Server,
    /// A word of the user.
    Consent,
}

/// How a round ended.
pub(super) enum Round {
    /// All is done that can be.
    Settled,
    /// Something happened meanwhile that another round has to look at.
    Again(Cause),
    /// The user ended it.
    Over(Exit),
}

impl<'s> Session<'s> {
    fn begin(args: &'s args::Run, env: &'s Env, terminal: Terminal) -> Result<Self, Failure> {
        let events = Events::new(env).map_err(Failure::failed)?;
        let follower = Follower::start(events.waker()).map_err(Failure::failed)?;
        let absolute = |path: &PathBuf| std::path::absolute(path).map_err(Failure::usage);
        Ok(Self {
            args,
            env,
            terminal,
            roster: Roster::new(&args.files, &args.choice.tag),
            subjects: Vec::new(),
            follower,
            events,
            screen: Screen::new(env, terminal, args.json),
            also: args.watching.also.iter().map(absolute).collect::<Result<_, _>>()?,
            here: std::path::absolute(".").map_err(Failure::failed)?,
            floor: Floor::of(&args.reuse, unix_ns()),
            allowed: (0.0, 0.0),
            waits_for: None,
            last: Exit::Done,
        })
    }

    async fn go(mut self) -> Result<Exit, Failure> {
        let mut cause = Cause::Start;
        loop {
            cause = match Box::pin(self.round(&cause)).await? {
                Round::Again(cause) => cause,
                Round::Over(exit) => return Ok(exit),
                Round::Settled => match self.wait().await {
                    Ok(cause) => cause,
                    Err(exit) => return Ok(exit),
                },
            };
        }
    }

    /// Reads every scenario, and carries out those that are not as they were.
    async fn round(&mut self, cause: &Cause) -> Result<Round, Failure> {
        if cause.measures_all() {
            self.floor = if *cause == Cause::Start { self.floor } else { Floor::Since(unix_ns()) };
            self.subjects.iter_mut().for_each(Subject::forget);
        }
        let news = self.gather(cause);
        if *cause != Cause::Retried {
            self.screen.begin(self.subjects.iter().filter_map(Subject::brief));
            if *cause != Cause::Start {
                self.screen.note(&cause.told(&self.here));
            }
        }
        (self.waits_for, self.last) = (None, Exit::Done);
        let mut idle = self.tell(news);
        for at in 0..self.subjects.len() {
            let since_unix_ns = unix_ns();
            let look = Look::at(&self.subjects[at].path, &self.args.choice, self.env, &self.terminal);
            self.subjects[at].note(&look);
            let raced = self.follow(since_unix_ns);
            match self.refuse_equal_names(at, look.outcome) {
                Err(NoCells::None(lack)) if self.roster.is_suite() => {
                    self.screen.note(&format!("skipped {}: {}", self.subjects[at].path.display(), lack.message));
                }
                Err(lack) => {
                    let failure = Failure::from(lack);
                    self.screen.error(&failure);
                    (self.last, idle) = (self.last.max(failure.exit()), false);
                }
                Ok(ready) if self.subjects[at].is_done_with(&ready) => {}
                Ok(ready) => {
                    idle = false;
                    let reuse = self.earlier(&ready, cause)?;
                    if !self.may_run(&ready, reuse.as_ref(), cause) {
                        continue;
                    }
                    match self.carry_out(at, ready, reuse).await? {
                        Round::Settled => {}
                        other => return Ok(other),
                    }
                }
            }
            if !raced.is_empty() {
                return Ok(Round::Again(Cause::of_files(raced, &self.also)));
            }
        }
        if idle {
            self.screen.note("nothing that counts is other than it was: nothing to measure");
        }
        Ok(Round::Settled)
    }

    /// Sees which scenarios there are by now; returns those that are new and those that are gone.
    fn gather(&mut self, cause: &Cause) -> Result<Vec<String>, Failure> {
        let paths = self.roster.scenarios(|path| self.subjects.iter().any(|subject| subject.path == path))?;
        let mut before = std::mem::take(&mut self.subjects);
        let mut news = Vec::new();
        for path in paths {
            let subject = match before.iter().position(|subject| subject.path == path) {
                Some(at) => before.remove(at),
                None => {
                    news.push(format!("{} is new", path.display()));
                    Subject::new(&path)
                }
            };
            self.subjects.push(subject);
        }
        if *cause == Cause::Start {
            news.clear();
        }
        news.extend(
            before.iter().map(|subject| format!("{} is no longer among the scenarios", subject.path.display())),
        );
        Ok(news)
    }

    /// Says which scenarios came and went; returns whether none did and nothing is wrong.
    fn tell(&mut self, news: Result<Vec<String>, Failure>) -> bool {
        match news {
            Ok(news) => {
                for text in &news {
                    self.screen.note(text);
                }
                news.is_empty()
            }
            Err(failure) => {
                self.screen.error(&failure);
                self.last = failure.exit();
                false
            }
        }
    }

    /// Refuses a scenario that has the name of another: they would write to one place.
    fn refuse_equal_names(&self, at: usize, outcome: Result<Ready, NoCells>) -> Result<Ready, NoCells> {
        let ready = outcome?;
        let name = ready.scenario.name.as_str();
        let is_twin = |(i, other): &(usize, &Subject)| *i != at && other.name.as_deref() == Some(name);
        match self.subjects.iter().enumerate().find(is_twin) {
            Some((_, other)) => Err(NoCells::Wrong(prepare::equal_names(name, &other.path, &self.subjects[at].path))),
            None => Ok(ready),
        }
    }

    /// Follows what the scenarios hang on now; returns what changed while it was read.
    fn follow(&mut self, since_unix_ns: i64) -> Vec<PathBuf> {
        self.follower.enter(self.roster.places().iter().map(PathBuf::as_path));
        let files = self.subjects.iter().flat_map(Subject::files).chain(self.also.iter().map(PathBuf::as_path));
        let files = files.chain(self.roster.files());
        match self.follower.follow(files, since_unix_ns) {
            Ok(changed) => changed,
            Err(error) => {
                self.screen.warning(&format!("{error}; it is looked at every few seconds instead"));
                Vec::new()
            }
        }
    }

    /// The earlier runs whose results still count; `None` where none can.
    fn earlier(&self, ready: &Ready, cause: &Cause) -> Result<Option<Reuse>, Failure> {
        if cause.measures_all() && (*cause != Cause::Start || self.args.reuse.reuse.is_none()) {
            return Ok(None);
        }
        let wanted = args::Reuse { reuse: Some(self.floor.max_age(unix_ns())) };
        reuse::earlier(&wanted, &ready.scenario, &self.args.out, &self.terminal)
    }

    /// Whether a run needs no word of the user; says what it takes otherwise.
    fn may_run(&mut self, ready: &Ready, reuse: Option<&Reuse>, cause: &Cause) -> bool {
        let (scenario, plan) = (&ready.scenario, &ready.plan);
        if question::price_of(&Estimate::of(scenario, plan)).is_none() {
            return true;
        }
        let states = reuse.map(|reuse| reuse::states(reuse, scenario, plan));
        let left = |cell: usize| states.as_ref().and_then(|states| states.get(cell)).map(|state| state.left);
        let estimate = Estimate::of_repeats(scenario, plan, |cell| left(cell).unwrap_or(scenario.load.repeats));
        let takes = (estimate.seconds, estimate.cost_usd.unwrap_or(0.0));
        let Some(price) = question::price_of(&estimate) else { return true };
        if *cause == Cause::Allowed {
            self.allowed = takes;
        }
        if self.args.yes || !self.events.has_keys() || (takes.0 <= self.allowed.0 && takes.1 <= self.allowed.1) {
            return true;
        }
        self.screen.note(&price);
        self.waits_for = Some(Awaited::Consent);
        false
    }

    /// Waits until it is time for another round, or for the end.
    async fn wait(&mut self) -> Result<Cause, Exit> {
        self.screen.wait(&self.awaited());
        let retry = tokio::time::sleep(RETRY);
        tokio::pin!(retry);
        loop {
            let event = tokio::select! {
                event = self.events.next() => event,
                () = tokio::time::sleep(GLANCE) => Event::Changed,
                () = &mut retry, if self.waits_for == Some(Awaited::Server) => return Ok(Cause::Retried),
            };
            match event {
                Event::Signal(exit) => return Err(exit),
                Event::Key(b'q') => return Err(self.last),
                Event::Key(b'r') => return Ok(Cause::Asked),
                Event::Key(b'y') if self.waits_for == Some(Awaited::Consent) => return Ok(Cause::Allowed),
                Event::Key(_) => {}
                Event::Changed => {
                    let changed = self.changed();
                    if !changed.is_empty() {
                        return Ok(Cause::of_files(changed, &self.also));
                    }
                }
            }
        }
    }

    /// The files that changed since the last look.
    pub(super) fn changed(&mut self) -> Vec<PathBuf> {
        self.follower.enter(self.roster.places().iter().map(PathBuf::as_path));
        // What cannot be watched was told when it was first followed.
        let mut changed = self.follower.changed().unwrap_or_default();
        let more: Vec<PathBuf> = self.roster.changed().into_iter().filter(|path| !changed.contains(path)).collect();
        changed.extend(more);
        changed
    }

    fn awaited(&self) -> String {
        let mut words = vec![format!("watching {}", plural(self.follower.files().count(), "file", "files"))];
        match self.waits_for {
            Some(Awaited::Server) => words.push("trying the server again".to_owned()),
            Some(Awaited::Consent) => words.push("y runs it".to_owned()),
            None => {}
        }
        if self.events.has_keys() {
            words.push("r measures all anew".to_owned());
            words.push("q ends".to_owned());
        }
        words.join("  ·  ")
    }

    /// A path as the user would write it.
    pub(super) fn told(&self, cause: &Cause) -> String {
        cause.told(&self.here)
    }
}

/// Reads a scenario on another thread than the one that measures.
pub(super) fn look_aside(
    path: &Path,
    args: &args::Run,
    env: &Env,
    terminal: Terminal,
    line: indicatif::ProgressBar,
) -> tokio::task::JoinHandle<Look> {
    let (path, choice, env) = (path.to_owned(), args.choice.clone(), env.clone());
    tokio::task::spawn_blocking(move || line.suspend(|| Look::at(&path, &choice, &env, &terminal)))
}

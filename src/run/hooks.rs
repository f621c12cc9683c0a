use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::load::{Stop, StopSignal};
use crate::plan::Cell;
use crate::scenario::Scenario;
use crate::store::{RunDir, UnitId};
use crate::text::shorten;
use crate::units::format_duration;

/// Between asking a command to end and ending it.
const GRACE: Duration = Duration::from_secs(2);

/// The last line of a command's output that is told with its failure, at most.
const TOLD_BYTES: usize = 200;

/// When a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before a repeat of a cell; a stop ends it.
    Before,
    /// After it: it cleans up, so that only a stop at once ends it.
    After,
}

impl Moment {
    fn key(self) -> &'static str {
        match self {
            Self::Before => "before_cell",
            Self::After => "after_cell",
        }
    }

    fn ended_by(self) -> Stop {
        match self {
            Self::Before => Stop::Draining,
            Self::After => Stop::Cancelling,
        }
    }
}

/// How a command ended that had no success.
#[derive(Debug)]
pub(super) enum HookEnd {
    /// It failed: why, in a sentence.
    Failed(String),
    /// The run is stopped.
    Stopped,
}

/// What the commands round one repeat of a cell are told and where their output goes.
#[derive(Debug)]
pub(super) struct Hooks<'r> {
    scenario: &'r Scenario,
    environment: Vec<(String, String)>,
    log: PathBuf,
    /// Of the log, from the run directory.
    log_name: String,
}

impl<'r> Hooks<'r> {
    /// The hooks of a repeat of a cell, at an endpoint that is at `base_url`.
    pub(super) fn of(scenario: &'r Scenario, cell: &Cell, unit: &UnitId, base_url: &str, dir: &RunDir) -> Self {
        let log = dir.hooks_path(unit);
        // A run directory may be named relative to where the tool runs, which is not where the command does.
        let run_dir = std::path::absolute(dir.path()).unwrap_or_else(|_| dir.path().to_owned());
        let mut environment: Vec<(String, String)> =
            cell.axes.iter().map(|(axis, value)| (variable(axis.as_str()), plain(&value.to_json()))).collect();
        let own = [
            ("CELL_ID", cell.id.to_string()),
            ("REPEAT", unit.repeat.to_string()),
            ("ENDPOINT", cell.axes.endpoint().to_owned()),
            ("BASE_URL", base_url.to_owned()),
            ("RUN_DIR", run_dir.display().to_string()),
        ];
        environment.extend(own.map(|(name, value)| (variable(name), value)));
        Self { scenario, environment, log, log_name: format!("hooks/{unit}.log") }
    }

    /// Runs the command of that moment, if the scenario has one, to its end. `Ok(false)`: it has none.
    pub(super) async fn run(&self, moment: Moment, stop: StopSignal) -> Result<bool, HookEnd> {
        let hooks = &self.scenario.load.hooks;
        let command = match moment {
            Moment::Before => &hooks.before_cell,
            Moment::After => &hooks.after_cell,
        };
        let Some(command) = command else { return Ok(false) };
        let failed = |why: &str| HookEnd::Failed(format!("{} `{}` {why}", moment.key(), self.shown(command)));
        let child = self.start(moment, command).map_err(|error| failed(&format!("does not start: {error}")))?;
        match self.finish(child, moment, stop).await {
            Ended::ByItself(status) if status.success() => Ok(true),
            Ended::ByItself(status) => Err(failed(&format!("{}{}", told(status), self.last_words()))),
            Ended::TooLate => {
                let limit = format_duration(hooks.timeout);
                Err(failed(&format!("took longer than load.hooks.timeout, {limit}{}", self.last_words())))
            }
            Ended::Stopped => Err(HookEnd::Stopped),
            Ended::Unknown(error) => Err(failed(&format!("cannot be waited for: {error}"))),
        }
    }

    fn start(&self, moment: Moment, command: &str) -> io::Result<Child> {
        let log = self.open_log(moment, command)?;
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command);
        shell.envs(self.environment.iter().map(|(name, value)| (name, value)));
        shell.env("INFERSWEEP_HOOK", moment.key());
        let dir = &self.scenario.load.hooks.dir;
        if !dir.as_os_str().is_empty() {
            shell.current_dir(dir);
        }
        // A group of its own, so that it is ended with all that it started, and a Ctrl-C at the terminal is ours first.
        shell.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        shell.spawn()
    }

    fn open_log(&self, moment: Moment, command: &str) -> io::Result<File> {
        if let Some(dir) = self.log.parent() {
            fs::create_dir_all(dir)?;
        }
        let mut log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        writeln!(log, "# {}: {}", moment.key(), self.shown(command))?;
        Ok(log)
    }

    async fn finish(&self, mut child: Child, moment: Moment, mut stop: StopSignal) -> Ended {
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let early = tokio::select! {
            status = child.wait() => return status.map_or_else(Ended::Unknown, Ended::ByItself),
            () = tokio::time::sleep(self.scenario.load.hooks.timeout) => Ended::TooLate,
            () = stop.reached(moment.ended_by()) => Ended::Stopped,
        };
        if let Some(group) = group {
            // A group that is gone needs no signal.
            let _ = kill_process_group(group, Signal::TERM);
            let _ = tokio::time::timeout(GRACE, child.wait()).await;
            // What the shell started may outlive it.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = child.wait().await;
        }
        early
    }

    /// The end of its output and where the rest is.
    fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("# "));
        let last = last.map(|line| format!(": {}", shorten(&self.shown(line), TOLD_BYTES))).unwrap_or_default();
        format!("{last} (its output: {})", self.log_name)
    }

    fn shown(&self, text: &str) -> String {
        self.scenario.secrets.redact(text)
    }
}

enum Ended {
    ByItself(ExitStatus),
    TooLate,
    Stopped,
    Unknown(io::Error),
}

fn told(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        // What a shell ends with when it cannot run the command.
        (Some(126), _) => "could not be run (exit code 126; is it executable?)".to_owned(),
        (Some(127), _) => "was not found (exit code 127; it is looked for from the scenario's directory)".to_owned(),
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended without a word".to_owned(),
    }
}

fn variable(name: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("INFERSWEEP_{}", name.chars().map(fit).collect::<String>())
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

use std::fmt;
use std::process::ExitCode;

/// How the process ends; the highest that applies wins, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// Done.
    Done,
    /// A gate was missed.
    GateMissed,
    /// The command line or the scenario is wrong.
    Usage,
    /// It could not be carried out, or every request of a cell failed.
    Failed,
    /// SIGTERM; partial results are saved.
    Terminated,
    /// SIGINT; partial results are saved.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::GateMissed => 3,
            Exit::Usage => 2,
            Exit::Failed => 1,
            Exit::Terminated => 143,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a command did not come to its end: one line, lines of help, and the exit it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
    pub(super) help: Vec<String>,
}

impl Failure {
    /// The command line or the scenario is wrong. An empty message: the faults were shown already.
    pub(super) fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string(), help: Vec::new() }
    }

    /// It could not be carried out.
    pub(super) fn failed(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Failed, message: message.to_string(), help: Vec::new() }
    }

    /// A gate was missed.
    pub(super) fn missed(message: impl fmt::Display) -> Self {
        Self { exit: Exit::GateMissed, message: message.to_string(), help: Vec::new() }
    }

    /// The same, with one more line of help.
    pub(super) fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }

    pub(super) fn exit(&self) -> Exit {
        self.exit
    }
}

/// Prints what clap has to say; help and version are no errors.
pub(super) fn of_clap(error: &clap::Error) -> ExitCode {
    // A closed pipe is no reason to fail.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

use std::io::Write;

use console::{Style, Term};

use super::env::Env;
use super::exit::Failure;
use crate::diagnostic::{self, Fault, render};

/// Where words go: results to standard output, everything about the work to standard error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    /// Whether standard error is one that can be drawn on.
    pub(super) interactive: bool,
    /// Whether only results and errors are shown.
    pub(super) quiet: bool,
    width: usize,
    coloured_out: bool,
    coloured_err: bool,
}

/// The width of what is no terminal.
const PLAIN_WIDTH: usize = 160;

impl Terminal {
    pub(super) fn new(env: &Env, quiet: bool) -> Self {
        let width = match Term::stdout().size_checked() {
            Some((_, columns)) if env.stdout_is_terminal => usize::from(columns),
            _ => env.variables.get("COLUMNS").and_then(|columns| columns.parse().ok()).unwrap_or(PLAIN_WIDTH),
        };
        Self {
            interactive: env.stderr_is_terminal && console::user_attended_stderr(),
            quiet,
            width,
            coloured_out: env.stdout_is_terminal && console::colors_enabled(),
            coloured_err: env.stderr_is_terminal && console::colors_enabled_stderr(),
        }
    }

    /// Columns of standard output.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Whether results may be coloured.
    pub(super) fn coloured(&self) -> bool {
        self.coloured_out
    }

    /// Whether words about the work may be coloured.
    pub(super) fn coloured_err(&self) -> bool {
        self.coloured_err
    }

    /// A line for the machine that runs this step, to standard error; shown always, and never coloured.
    pub(super) fn command(self, line: &str) {
        self.say(line);
    }

    /// A result, to standard output.
    #[expect(clippy::unused_self, reason = "words go through the terminal")]
    pub(super) fn result(self, text: &str) {
        // A closed pipe is no reason to fail.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// A word about the work, to standard error; not shown when quiet.
    pub(super) fn note(self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// A word that matters less than those around it; not shown when quiet.
    pub(super) fn aside(self, text: &str) {
        if !self.quiet {
            self.say(&self.paint(text, Style::new().dim()));
        }
    }

    /// Faults as rustc shows them, to standard error.
    pub(super) fn faults<'f>(self, faults: impl IntoIterator<Item = &'f Fault>) {
        let style = if self.coloured_err { diagnostic::Style::Coloured } else { diagnostic::Style::Plain };
        let text = render(faults, style);
        if !text.is_empty() {
            self.say(&format!("{text}\n"));
        }
    }

    /// A warning without a place.
    pub(super) fn warning(self, text: &str) {
        if !self.quiet {
            self.say(&format!("{} {text}", self.paint("warning:", Style::new().yellow().bold())));
        }
    }

    /// One thing that is not as it is locked.
    pub(super) fn drift(self, drift: &crate::store::Drift, lock: &std::path::Path) {
        let style = match drift.kind {
            "added" => Style::new().green().bold(),
            "removed" => Style::new().red().bold(),
            _ => Style::new().yellow().bold(),
        };
        let kind = self.paint(&format!("{:<8}", drift.kind), style);
        let how = if drift.how.is_empty() { String::new() } else { format!("  ({})", drift.how) };
        let lock = self.paint(&lock.display().to_string(), Style::new().dim());
        self.say(&format!("{kind} {}{how}  {lock}", drift.what));
    }

    /// Why a command did not come to its end.
    pub(super) fn error(self, failure: &Failure) {
        if !failure.message.is_empty() {
            self.say(&format!("{} {}", self.paint("error:", Style::new().red().bold()), failure.message));
        }
        for line in &failure.help {
            self.say(&format!("  {} {line}", self.paint("= help:", Style::new().bold())));
        }
    }

    fn paint(self, word: &str, style: Style) -> String {
        style.for_stderr().force_styling(self.coloured_err).apply_to(word).to_string()
    }

    #[expect(clippy::unused_self, reason = "words go through the terminal")]
    fn say(self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

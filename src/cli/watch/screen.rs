use std::cell::Cell;

use console::Term;

use crate::cli::env::Env;
use crate::cli::exit::Failure;
use crate::cli::terminal::Terminal;

/// What the user sees. On a terminal each change begins a new screen, with the last tables on top; elsewhere line
/// follows line.
pub(super) struct Screen {
    terminal: Terminal,
    /// Whether a screen can be begun anew.
    redraws: bool,
    /// Whether the last line only says what is waited for.
    waits: Cell<bool>,
}

impl Screen {
    pub(super) fn new(env: &Env, terminal: Terminal, json: bool) -> Self {
        let redraws = terminal.interactive && env.stdout_is_terminal && !json && !console::is_dumb();
        Self { terminal, redraws, waits: Cell::new(false) }
    }

    /// Begins a screen with the tables that hold so far.
    pub(super) fn begin<'t>(&self, tables: impl IntoIterator<Item = &'t str>) {
        self.waits.set(false);
        if !self.redraws {
            return;
        }
        // A terminal that does not take this shows one screen below the other.
        let _ = Term::stdout().clear_screen();
        for table in tables {
            self.terminal.result(&format!("{table}\n"));
        }
    }

    /// A result: at the end of a run. On a screen it stands in the next one's place.
    pub(super) fn result(&self, text: &str) {
        self.waits.set(false);
        self.terminal.result(text);
    }

    /// A word about the work.
    pub(super) fn note(&self, text: &str) {
        self.no_longer_wait();
        self.terminal.note(text);
    }

    pub(super) fn warning(&self, text: &str) {
        self.no_longer_wait();
        self.terminal.warning(text);
    }

    pub(super) fn error(&self, failure: &Failure) {
        self.no_longer_wait();
        self.terminal.error(failure);
    }

    /// The last line, until something happens.
    pub(super) fn wait(&self, text: &str) {
        self.no_longer_wait();
        self.terminal.aside(text);
        self.waits.set(true);
    }

    /// Whether screens are begun anew.
    pub(super) fn redraws(&self) -> bool {
        self.redraws
    }

    fn no_longer_wait(&self) {
        if self.waits.replace(false) && self.redraws {
            let _ = Term::stderr().clear_last_lines(1);
        }
    }
}

use std::collections::BTreeMap;
use std::io::IsTerminal;

use crate::scenario::Variables;

/// All that the tool takes from its surroundings, read once.
#[derive(Debug, Clone)]
pub(super) struct Env {
    /// The environment's variables.
    pub(super) variables: Variables,
    /// Whether standard output is a terminal.
    pub(super) stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub(super) stderr_is_terminal: bool,
    /// Whether standard input is a terminal, so that a question can be asked.
    pub(super) stdin_is_terminal: bool,
}

impl Env {
    /// The surroundings of this process. Variables that are not Unicode are left out.
    pub(super) fn of_process() -> Self {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            variables: Variables::new(variables),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
        }
    }
}

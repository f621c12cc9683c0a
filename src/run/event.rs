use std::path::PathBuf;
use std::sync::Arc;

use super::Gauges;

/// What a run tells while it works. The library prints nothing: `cli` turns these into words.
#[derive(Debug, Clone)]
pub enum RunEvent {
    /// The run directory is there and the first unit comes next.
    Started {
        /// The run directory.
        dir: PathBuf,
        /// Units, that is (cell, repeat) pairs.
        units: usize,
    },
    /// Worth a look; the run goes on.
    Warning(String),
    /// A probe is sent to learn token counts.
    Probing {
        /// The endpoint.
        endpoint: String,
        /// The model's label.
        model: String,
    },
    /// A command of the scenario runs, or the server is waited for after it.
    Hook {
        /// The cell.
        cell_id: String,
        /// What is done.
        does: &'static str,
    },
    /// Prompts of a unit are made.
    Preparing {
        /// The cell.
        cell_id: String,
    },
    /// The load of a unit starts.
    UnitStarted {
        /// From 0.
        number: usize,
        /// The cell.
        cell_id: String,
        /// From 0.
        repeat: u32,
        /// Numbers that move while it runs.
        gauges: Arc<Gauges>,
    },
    /// The load of a unit is over; its rows are still to be put in their files.
    LoadEnded {
        /// From 0.
        number: usize,
    },
    /// What a unit needs before or after it failed; the run goes on with the next.
    UnitFailed {
        /// From 0.
        number: usize,
        /// What and why.
        failure: UnitFailure,
    },
    /// The rows and the summary of a unit are on disk.
    UnitEnded {
        /// From 0.
        number: usize,
        /// The cell.
        cell_id: String,
        /// From 0.
        repeat: u32,
        /// Completed requests of its measured phase.
        completed: u64,
        /// Failed requests of its measured phase.
        failed: u64,
    },
}

/// Something round a repeat of a cell that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFailure {
    /// The cell.
    pub cell_id: String,
    /// From 0.
    pub repeat: u32,
    /// What failed and why, in a sentence.
    pub why: String,
    /// Whether the repeat was measured all the same: what failed came after it.
    pub measured: bool,
}

/// Takes the events of a run, on the thread that carries it out: it must be quick.
pub trait Observer {
    /// Takes one event.
    fn tell(&self, event: RunEvent);
}

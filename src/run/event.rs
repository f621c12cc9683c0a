use std::collections::HashMap;
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
        /// Units to measure, that is (cell, repeat) pairs.
        units: usize,
        /// Units that are complete already.
        kept: usize,
        /// How many repeats of each cell are to be measured, by cell; those of which none is are left out.
        repeats: HashMap<String, usize>,
    },
    /// Earlier runs have these repeats: they are taken over, not measured.
    Reusing {
        /// By the run in which they were measured, the newest first.
        runs: Vec<Reused>,
        /// Why the others are not, each with how many units, most first.
        left: Vec<(String, usize)>,
        /// Units of the whole plan.
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
    /// A search tries a load: one more unit than was planned.
    Probe {
        /// The search.
        search_id: String,
        /// The cell of the load.
        cell_id: String,
        /// From 0.
        repeat: u32,
        /// The earlier run that has it: nothing is measured.
        reused: Option<String>,
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

/// Repeats that are taken over from one earlier run.
#[derive(Debug, Clone, PartialEq)]
pub struct Reused {
    /// The run directory, by name, in which they were measured.
    pub run: String,
    /// How many there are.
    pub units: usize,
    /// How old the oldest is, seconds.
    pub oldest_s: f64,
}

/// Takes the events of a run, on the thread that carries it out: it must be quick.
pub trait Observer {
    /// Takes one event.
    fn tell(&self, event: RunEvent);
}

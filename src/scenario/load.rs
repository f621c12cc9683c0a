use std::path::PathBuf;
use std::time::Duration;

use super::{Axes, Mode};
use crate::units::{Amount, RequestCount};

/// How the server is loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Measured requests of one repeat, conversations in mode chat; with neither this nor `duration`,
    /// max(16, 4 x concurrency), and in mode custom every row once.
    pub requests: Option<RequestCount>,
    /// Time of the measured phase.
    pub duration: Option<Duration>,
    /// Before the measured phase, handed over without a pause.
    pub warmup: Amount,
    /// What is in flight then is cancelled.
    pub cell_timeout: Duration,
    /// Spreads the first starts of a closed loop.
    pub ramp: Duration,
    /// Open loop: a request due beyond it is dropped.
    pub max_in_flight: u32,
    /// How often each cell is measured.
    pub repeats: u32,
    /// The order of (cell, repeat) pairs.
    pub order: CellOrder,
    /// Whether pairs of one model stay together.
    pub group_by_model: bool,
    /// Between two pairs.
    pub cooldown: Duration,
    /// What may run at the same time.
    pub parallel: Parallel,
    /// Commands round cells.
    pub hooks: Hooks,
    /// Failed requests that are sent again.
    pub retries: Retries,
    /// Whether a cell whose client was the bottleneck fails the run.
    pub require_healthy_client: bool,
    /// Ends a repeat early, when a figure is certain enough.
    pub stop_when: Option<StopWhen>,
}

/// The metrics that [`StopWhen`] takes: those of `metrics::METRICS`, which stands on a higher floor, that are better one
/// way and have one value a request.
pub(crate) const STOP_METRICS: [&str; 11] = [
    "ttft_ms",
    "ttft_from_schedule_ms",
    "first_visible_ms",
    "tpot_ms",
    "tpot_classic_ms",
    "e2e_ms",
    "e2e_from_schedule_ms",
    "output_tokens_per_s",
    "server_ttft_ms",
    "server_e2e_ms",
    "server_output_tokens_per_s",
];

/// When a repeat ends before its requests or its time do.
#[derive(Debug, Clone, PartialEq)]
pub struct StopWhen {
    /// A metric with one value a request.
    pub metric: String,
    /// A statistic's name: `p50`, `mean`, ...
    pub stat: String,
    /// Half the width of the 95 % interval over the figure: at most so much.
    pub rel_ci: f64,
    /// Measured requests that have ended before, at least.
    pub min_requests: u64,
    /// Time of the measured phase before, at least.
    pub min_duration: Duration,
}

/// Why a repeat with [`StopWhen`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The figure was certain enough.
    Certain,
    /// Its requests, its time or `cell_timeout` came first.
    Limit,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            requests: None,
            duration: None,
            warmup: Amount::Requests(RequestCount::Exactly(0)),
            cell_timeout: Duration::from_secs(600),
            ramp: Duration::ZERO,
            max_in_flight: 1000,
            repeats: 1,
            order: CellOrder::Sequential,
            group_by_model: true,
            cooldown: Duration::ZERO,
            parallel: Parallel::None,
            hooks: Hooks::default(),
            retries: Retries::default(),
            require_healthy_client: false,
            stop_when: None,
        }
    }
}

impl Load {
    /// Measured requests of one repeat of a cell; `None` when only the duration, or the dataset's end, ends it.
    pub fn requests_at(&self, axes: &Axes) -> Option<u64> {
        let concurrency = axes.concurrency().map(u64::from);
        match (self.requests, self.duration) {
            (Some(count), _) => Some(count.at(concurrency)),
            (None, Some(_)) => None,
            (None, None) if axes.mode() == Mode::Custom => None,
            (None, None) => Some(16.max(4 * concurrency.unwrap_or(1))),
        }
    }
}

/// The order of (cell, repeat) pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellOrder {
    /// All repeats of a cell, then the next cell.
    Sequential,
    /// All cells once, then again.
    Interleaved,
    /// By the seed.
    Shuffled,
}

/// What may run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parallel {
    /// One cell at a time.
    None,
    /// Different endpoints at the same time.
    Endpoint,
}

/// Commands round cells, run only when asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hooks {
    /// Before every repeat of every cell, for a shell.
    pub before_cell: Option<String>,
    /// After every repeat of every cell that was begun, for a shell.
    pub after_cell: Option<String>,
    /// Where they run: the directory of the file that holds them, unless the scenario says otherwise.
    pub dir: PathBuf,
    /// A command that takes longer is ended, with all that it started, and has failed.
    pub timeout: Duration,
    /// How long the server may take to answer again after `before_cell`.
    pub ready_timeout: Duration,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            before_cell: None,
            after_cell: None,
            dir: PathBuf::new(),
            timeout: Duration::from_secs(600),
            ready_timeout: Duration::from_secs(600),
        }
    }
}

impl Hooks {
    /// The commands by the names of their keys.
    pub fn commands(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let named = [("before_cell", &self.before_cell), ("after_cell", &self.after_cell)];
        named.into_iter().filter_map(|(name, command)| Some((name, command.as_deref()?)))
    }
}

/// Failed requests that are sent again; every attempt stays in the row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retries {
    /// At most so many more attempts.
    pub count: u32,
    /// Before the second attempt; doubled before each further one.
    pub backoff: Duration,
    /// After which causes.
    pub on: Vec<RetryCause>,
}

/// A cause after which a request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryCause {
    /// HTTP 429.
    RateLimited,
    /// No connection.
    Connect,
    /// No connection in time.
    ConnectTimeout,
    /// Another HTTP status that passes by itself: 408, 425 and most of 5xx.
    HttpStatus,
    /// The answer was cut before it had any content.
    StreamCut,
}

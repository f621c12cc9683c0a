use serde::{Deserialize, Serialize};

use super::{Mismatch, Rung};
use crate::metrics::{PERCENTILES, Percentile};
use crate::store::Host;

/// What a calibration came to: `calibration.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Of this layout.
    pub format_version: u32,
    /// The version of infersweep.
    pub tool_version: String,
    /// Whether it is built for speed: `release` or `debug`.
    pub build: String,
    /// When it began, UTC.
    pub start: String,
    /// The machine.
    pub host: Host,
    /// Where the server ran.
    pub server: ServerPlace,
    /// The measured phase of each reader on each rung, seconds.
    pub duration_s: f64,
    /// What both the send error and the arrival error are to stay below, milliseconds.
    pub limit_ms: f64,
    /// The rungs that were measured, from the least load to the greatest.
    pub rungs: Vec<RungFigures>,
    /// The highest rung that stays below the limit, with all that are below it; null when the first does not.
    pub highest: Option<Highest>,
    /// Whether every rung that was asked for was measured.
    pub complete: bool,
}

/// Where the simulated server ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "place")]
pub enum ServerPlace {
    /// On threads of the client's own process.
    InProcess,
    /// In a process of its own.
    Separate {
        /// Processors that the client is held to; null when nothing is held.
        client_cpus: Option<String>,
        /// Processors that the server is held to.
        server_cpus: Option<String>,
    },
}

/// The highest load below the limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Highest {
    /// Streams at a time.
    pub streams: u32,
    /// Events of a stream in a second.
    pub events_per_s: u32,
    /// Events a second that arrived of all streams together.
    pub delivered_events_per_s: f64,
}

/// One rung, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RungFigures {
    /// The load.
    #[serde(flatten)]
    pub rung: Rung,
    /// infersweep itself, by the code of `run`.
    pub client: ReaderFigures,
    /// A raw socket reader that does nothing else; null when it was not asked for.
    pub floor: Option<ReaderFigures>,
    /// Whether infersweep's errors stay below the limit and every request and event is matched.
    pub below_limit: bool,
}

/// One reader on one rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReaderFigures {
    /// Answers held against the server's stamps, warm-up included.
    pub requests_matched: u64,
    /// Events held against the server's stamps, warm-up included.
    pub events_matched: u64,
    /// What does not match one to one.
    pub mismatches: u64,
    /// The first few of them.
    pub mismatch_examples: Vec<Mismatch>,
    /// Events of the measured phase, a second.
    pub delivered_events_per_s: f64,
    /// Server's receipt minus client's `sent`, of requests that the server received in the measured phase.
    pub send_error_ms: Option<ErrorFigures>,
    /// Client's arrival minus server's send, of events sent in the measured phase.
    pub arrival_error_ms: Option<ErrorFigures>,
    /// Error of the time to first token.
    pub ttft_error_ms: Option<ErrorFigures>,
    /// Error of the gap between two events.
    pub itl_error_ms: Option<ErrorFigures>,
    /// Error of the time to the last token.
    pub e2e_error_ms: Option<ErrorFigures>,
    /// How late the server itself sent first and last events, by its own schedule.
    pub server_late_ms: Option<ErrorFigures>,
    /// Processor time of the reader over the events it read, microseconds; null where it cannot be told.
    pub cpu_us_per_event: Option<f64>,
    /// Processor time of the reader over time: 1 is one core, busy throughout.
    pub cpu_cores: Option<f64>,
    /// Most memory resident meanwhile, bytes; the server's is in it when both are one process.
    pub peak_memory_bytes: Option<u64>,
    /// The client's own verdict on itself; null where there is none.
    pub verdict: Option<String>,
}

/// An error's figures, milliseconds: the mean keeps the sign, the others are of its size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorFigures {
    /// How many there are.
    pub count: u64,
    /// The mean, with its sign: what is left of the error in a mean of the metric.
    pub mean: f64,
    /// Half are at most this.
    pub p50: f64,
    /// 99 of 100 are at most this; null below 662 samples.
    pub p99: Option<f64>,
    /// The greatest.
    pub max: f64,
    /// What a limit is held against: p99, or the highest percentile that there are samples for, down to p50; else `max`.
    pub judged: f64,
    /// Its name: `p99`.
    pub judged_by: String,
}

impl Calibration {
    /// The layout that this version writes.
    pub const FORMAT_VERSION: u32 = 1;
}

impl ErrorFigures {
    /// Of errors in nanoseconds; `None` without any.
    #[must_use]
    pub fn of(errors_ns: &[i64]) -> Option<Self> {
        let mut sizes: Vec<u64> = errors_ns.iter().map(|error| error.unsigned_abs()).collect();
        sizes.sort_unstable();
        let count = u64::try_from(sizes.len()).ok()?;
        let max = *sizes.last()?;
        let sum: i128 = errors_ns.iter().map(|error| i128::from(*error)).sum();
        #[expect(clippy::cast_precision_loss, reason = "sums of milliseconds; single nanoseconds do not matter")]
        let mean = sum as f64 / sizes.len() as f64 / 1e6;
        let at = |percentile: &Percentile| ms(nearest_rank(&sizes, percentile.permille));
        let enough =
            |percentile: &&Percentile| (500..=990).contains(&percentile.permille) && percentile.needed <= count;
        let highest = PERCENTILES.iter().filter(enough).max_by_key(|percentile| percentile.permille);
        Some(Self {
            count,
            mean,
            p50: ms(nearest_rank(&sizes, 500)),
            p99: highest.filter(|percentile| percentile.permille == 990).map(at),
            max: ms(max),
            judged: highest.map_or(ms(max), at),
            judged_by: highest.map_or("max", |percentile| percentile.name).to_owned(),
        })
    }
}

/// The least value that so many thousandths do not exceed; 0 of none.
fn nearest_rank(ascending: &[u64], permille: u64) -> u64 {
    let count = u64::try_from(ascending.len()).unwrap_or(u64::MAX);
    let rank = count.saturating_mul(permille).div_ceil(1000).max(1);
    usize::try_from(rank - 1).ok().and_then(|index| ascending.get(index)).copied().unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "errors are far below 2^52 ns")]
fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_known_errors() {
        let ascending: Vec<i64> = (1..=1000).map(|us| us * 1000).collect();
        let figures = ErrorFigures::of(&ascending).unwrap();
        assert_eq!((figures.count, figures.p50, figures.p99, figures.max), (1000, 0.5, Some(0.99), 1.0));
        assert!((figures.mean - 0.5005).abs() < 1e-12);
        assert!((figures.judged - 0.99).abs() < 1e-12);
    }

    #[test]
    fn signs_go_into_the_mean_only() {
        let figures = ErrorFigures::of(&[-2_000_000, 2_000_000, -3_000_000]).unwrap();
        assert!((figures.mean + 1.0).abs() < 1e-12, "{figures:?}");
        assert_eq!((figures.p50, figures.max), (2.0, 3.0));
    }

    #[test]
    fn too_few_for_a_p99_are_judged_by_what_there_is_enough_for() {
        for (count, by, judged) in
            [(662, "p99", 656), (661, "p95", 628), (130, "p95", 124), (64, "p90", 58), (11, "p50", 6), (10, "max", 10)]
        {
            let errors: Vec<i64> = (1..=count).map(|ms| ms * 1_000_000).collect();
            let figures = ErrorFigures::of(&errors).unwrap();
            assert_eq!((figures.judged_by.as_str(), figures.judged), (by, f64::from(judged)), "{count}");
            assert_eq!(figures.p99.is_some(), count >= 662);
        }
        assert_eq!(ErrorFigures::of(&[]), None);
    }
}

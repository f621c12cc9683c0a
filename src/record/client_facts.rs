use serde::{Deserialize, Serialize};

use crate::time::MonotonicNs;

/// What was seen of the client itself while the load of a repeat ran; `None` for what the system does not tell.
///
/// Facts only: whether the client was fast enough is judged from them later, so that a stored run can be judged anew.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientFacts {
    /// How long it was watched, warm-up included; nanoseconds.
    pub watched_ns: i64,
    /// How late the timed loop was in the measured phase; `None` when that was too short for a look.
    pub loop_lag: Option<LoopLag>,
    /// Processor time of the timed thread, nanoseconds.
    pub thread_cpu_ns: Option<i64>,
    /// Processor time of all threads, nanoseconds.
    pub process_cpu_ns: Option<i64>,
    /// Processors that the process may use.
    pub cores: Option<u32>,
    /// How long the timed thread was ready and waited for a processor, nanoseconds.
    pub thread_wait_ns: Option<i64>,
    /// How often the timed thread had to leave its processor to another.
    pub preemptions: Option<u64>,
    /// How often and how long a quota of processor time held the process back.
    pub quota: Option<Throttling>,
    /// Share of all processors' time that the hypervisor gave to others, 0 to 1.
    pub steal: Option<f64>,
    /// File descriptors in use, the greater of before and after the load.
    pub descriptors: Option<u64>,
    /// File descriptors allowed.
    pub descriptor_limit: Option<u64>,
    /// TCP segments of the whole machine.
    pub segments: Option<Segments>,
    /// Rows that waited for the journal at the same time, at most.
    pub journal_backlog: Option<u64>,
    /// Whether the server is simulated in this process, on the same processors.
    pub simulator_inside: bool,
}

/// How late the timed loop ran what was ready: looks at fixed times, also those that came while it stood still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopLag {
    /// Looks.
    pub samples: u64,
    /// Median, nanoseconds.
    pub p50_ns: i64,
    /// 99th percentile, the lesser of the two samples that it lies between: one late look of many never makes it.
    pub p99_ns: i64,
    /// Greatest.
    pub max_ns: i64,
}

impl LoopLag {
    /// The figures of lags in nanoseconds; `None` without any.
    #[must_use]
    pub fn of(mut lags_ns: Vec<MonotonicNs>) -> Option<Self> {
        lags_ns.sort_unstable();
        let last = lags_ns.len().checked_sub(1)?;
        let at = |percent: usize| lags_ns.get(last * percent / 100).copied().unwrap_or(0);
        Some(Self { samples: lags_ns.len() as u64, p50_ns: at(50), p99_ns: at(99), max_ns: at(100) })
    }
}

/// What a quota of processor time did (cgroup `cpu.stat`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttling {
    /// Periods of the quota.
    pub periods: u64,
    /// Those in which it was used up.
    pub throttled_periods: u64,
    /// How long tasks were held back, nanoseconds.
    pub throttled_ns: i64,
}

/// TCP segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segments {
    /// Sent, retransmitted ones included.
    pub sent: u64,
    /// Sent again.
    pub retransmitted: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_lags_take_the_lesser_sample() {
        assert_eq!(LoopLag::of(Vec::new()), None);
        let lag = |samples, p50_ns, p99_ns, max_ns| Some(LoopLag { samples, p50_ns, p99_ns, max_ns });
        assert_eq!(LoopLag::of(vec![7]), lag(1, 7, 7, 7));
        assert_eq!(LoopLag::of(vec![1, 900, 1, 1, 2]), lag(5, 1, 2, 900), "one late look is no percentile");
        assert_eq!(LoopLag::of((1..=1000).rev().collect()), lag(1000, 500, 990, 1000));
    }

    #[test]
    fn facts_of_other_versions_are_read() {
        let facts: ClientFacts = serde_json::from_str(r#"{"watched_ns": 5, "unheard_of": 1}"#).unwrap();
        assert_eq!(facts, ClientFacts { watched_ns: 5, ..ClientFacts::default() });
    }
}

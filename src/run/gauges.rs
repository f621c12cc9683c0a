use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::LiveDistribution;
use crate::record::{Outcome, Phase, RequestRecord};
use crate::time::MonotonicNs;

/// Numbers of one unit that move while it runs. Written by the engine, read by whoever shows progress.
#[derive(Debug)]
pub struct Gauges {
    /// Requests that the unit will start, warm-up included; `None` when only time ends it.
    pub expected: Option<u64>,
    /// When the unit started.
    pub began_ns: MonotonicNs,
    in_flight: AtomicU64,
    ended: AtomicU64,
    failed: AtomicU64,
    output_tokens: AtomicU64,
    ttft: Mutex<LiveDistribution>,
}

/// The gauges at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Requests in flight.
    pub in_flight: u64,
    /// Requests that ended, in any way.
    pub ended: u64,
    /// Of those, failed.
    pub failed: u64,
    /// Output tokens of the requests that ended.
    pub output_tokens: u64,
    /// Median TTFT so far, milliseconds.
    pub ttft_ms_p50: Option<f64>,
}

impl Gauges {
    pub(super) fn new(expected: Option<u64>, began_ns: MonotonicNs) -> Self {
        Self {
            expected,
            began_ns,
            in_flight: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            output_tokens: AtomicU64::new(0),
            ttft: Mutex::new(LiveDistribution::new()),
        }
    }

    pub(super) fn start(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A request ended.
    pub(super) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts the row of a request that ended.
    pub(super) fn count(&self, record: &RequestRecord) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        if matches!(record.outcome, Outcome::Failed(_)) {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        let tokens = record.tokens.output_server.or(record.tokens.output_client).unwrap_or(0);
        self.output_tokens.fetch_add(tokens, Ordering::Relaxed);
        let ttft = crate::metrics::derive(record).ttft_ms.filter(|_| record.phase == Phase::Measure);
        if let (Some(ttft), Ok(mut live)) = (ttft, self.ttft.lock()) {
            live.record(ttft);
        }
    }

    /// The numbers now.
    pub fn read(&self) -> Reading {
        Reading {
            in_flight: self.in_flight.load(Ordering::Relaxed),
            ended: self.ended.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            output_tokens: self.output_tokens.load(Ordering::Relaxed),
            ttft_ms_p50: self.ttft.lock().ok().and_then(|live| live.quantile(0.5)),
        }
    }
}

use super::client::{in_ms, share};
use crate::metrics::LiveDistribution;
use crate::record::{Outcome, OwnLimit, RequestRecord};
use crate::time::MonotonicNs;

/// How a repeat's measured requests went out, from its rows: when they were due and when they were sent.
#[derive(Debug, Default)]
pub(in crate::metrics) struct Sends {
    /// Lateness of requests on open connections: making one takes the network's time, not the client's.
    lag: Option<LiveDistribution>,
    /// First and last due, of those that were sent.
    due: Option<(MonotonicNs, MonotonicNs)>,
    /// First and last sent, of those that were due.
    sent: Option<(MonotonicNs, MonotonicNs)>,
    pub(super) out_of_descriptors: u64,
    pub(super) out_of_ports: u64,
}

impl Sends {
    /// Takes a measured row.
    pub(in crate::metrics) fn add(&mut self, record: &RequestRecord) {
        if let Outcome::Failed(failure) = &record.outcome {
            match failure.own_limit() {
                Some(OwnLimit::Descriptors) => self.out_of_descriptors += 1,
                Some(OwnLimit::Ports) => self.out_of_ports += 1,
                None => {}
            }
        }
        let stamps = &record.stamps;
        let (Some(due_ns), Some(sent_ns)) = (stamps.scheduled_ns, stamps.sent_ns) else { return };
        widen(&mut self.due, due_ns);
        widen(&mut self.sent, sent_ns);
        if stamps.connect_ns.is_none() {
            self.lag.get_or_insert_default().record(in_ms(sent_ns - due_ns));
        }
    }

    /// The 99th percentile of lateness, milliseconds; `None` in closed loop.
    pub(super) fn lag_ms_p99(&self) -> Option<f64> {
        self.lag.as_ref()?.quantile(0.99)
    }

    /// The rate of sending over the rate due: the time that the due times span over the time that the sending took.
    /// `None` in closed loop, when all were due at once, and over less than two seconds, where one late request would
    /// make a rate.
    pub(super) fn delivered_rate(&self) -> Option<f64> {
        const LEAST_NS: i64 = 2_000_000_000;
        let span = |ends: (MonotonicNs, MonotonicNs)| ends.1 - ends.0;
        let due_ns = self.due.map(span).filter(|due_ns| *due_ns >= LEAST_NS)?;
        share(due_ns, self.sent.map(span)?).map(|rate| rate.min(1.0))
    }
}

fn widen(span: &mut Option<(MonotonicNs, MonotonicNs)>, at_ns: MonotonicNs) {
    let (first, last) = span.unwrap_or((at_ns, at_ns));
    *span = Some((first.min(at_ns), last.max(at_ns)));
}

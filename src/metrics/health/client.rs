use std::fmt;

use serde::{Deserialize, Serialize};

use super::Sends;
use super::rules::judge;
use crate::record::{ClientFacts, LoopLag};

/// Whether figures may be believed to be the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing speaks against it.
    Ok,
    /// The client had a part in them.
    Suspect,
    /// The client was the bottleneck.
    Limited,
}

impl Verdict {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Suspect => "suspect",
            Self::Limited => "limited",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Whether the client was fast enough; of a cell, each figure is that of its worst repeat. Shares are 0 to 1.
///
/// A figure is null when the system does not tell it, when there is nothing to measure it by, and, with the verdict,
/// when the client was not watched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientHealth {
    /// The worst that a rule says.
    pub verdict: Option<Verdict>,
    /// Why it is not `ok`, with what to do: a sentence a rule.
    pub reasons: Vec<String>,
    /// Sent after due, 99th percentile, of requests that went out on an open connection; milliseconds.
    pub schedule_lag_ms_p99: Option<f64>,
    /// How late the timed loop was, 99th percentile, milliseconds.
    pub loop_lag_ms_p99: Option<f64>,
    /// The same, longest.
    pub loop_lag_ms_max: Option<f64>,
    /// Processor time of the timed thread over wall time.
    pub cpu_utilization: Option<f64>,
    /// Processor time of all threads over that of the processors they may use.
    pub process_cpu_utilization: Option<f64>,
    /// Share of the time in which the timed thread had work and waited for a processor.
    pub run_queue_wait: Option<f64>,
    /// Share of the time in which a quota held threads back.
    pub throttled: Option<f64>,
    /// Share of the processors' time that the hypervisor gave to others.
    pub steal: Option<f64>,
    /// The rate of sending over the rate due, where requests are due at all.
    pub delivered_rate: Option<f64>,
    /// File descriptors in use.
    pub descriptors: Option<u64>,
    /// File descriptors allowed.
    pub descriptor_limit: Option<u64>,
    /// Share of TCP segments, of the whole machine, that were sent again.
    pub retransmitted: Option<f64>,
    /// Rows that waited to be written at the same time, at most.
    pub journal_backlog: Option<u64>,
    /// Requests without a connection for want of a descriptor.
    pub out_of_descriptors: u64,
    /// Requests without a connection for want of a local port.
    pub out_of_ports: u64,
    /// Whether the simulator ran on the same processors, in the same process.
    pub simulator_inside: bool,
}

impl ClientHealth {
    /// The health of one repeat. Without facts there are no figures of the client itself and no verdict.
    pub(in crate::metrics) fn of_repeat(facts: Option<&ClientFacts>, sends: &Sends) -> Self {
        let mut health = facts.map(Self::figures).unwrap_or_default();
        health.schedule_lag_ms_p99 = sends.lag_ms_p99();
        health.delivered_rate = sends.delivered_rate();
        (health.out_of_descriptors, health.out_of_ports) = (sends.out_of_descriptors, sends.out_of_ports);
        if facts.is_some() {
            let findings = judge(&health);
            health.verdict = Some(findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok));
            health.reasons = findings.into_iter().map(|finding| finding.says).collect();
        }
        health
    }

    fn figures(facts: &ClientFacts) -> Self {
        let of_wall = |ns: i64| share(ns, facts.watched_ns);
        let lag_ms = |of: fn(&LoopLag) -> i64| facts.loop_lag.as_ref().map(|lag| in_ms(of(lag)));
        Self {
            loop_lag_ms_p99: lag_ms(|lag| lag.p99_ns),
            loop_lag_ms_max: lag_ms(|lag| lag.max_ns),
            cpu_utilization: facts.thread_cpu_ns.and_then(of_wall),
            process_cpu_utilization: facts
                .process_cpu_ns
                .zip(facts.cores)
                .and_then(|(ns, cores)| share(ns, facts.watched_ns.saturating_mul(cores.into()))),
            run_queue_wait: facts.thread_wait_ns.and_then(of_wall),
            throttled: facts.quota.and_then(|quota| of_wall(quota.throttled_ns)),
            steal: facts.steal,
            descriptors: facts.descriptors,
            descriptor_limit: facts.descriptor_limit,
            retransmitted: facts.segments.and_then(|segments| {
                share(i64::try_from(segments.retransmitted).ok()?, i64::try_from(segments.sent).ok()?)
            }),
            journal_backlog: facts.journal_backlog,
            simulator_inside: facts.simulator_inside,
            ..Self::default()
        }
    }

    /// The health of a cell: the worst of its repeats, each reason once.
    pub(in crate::metrics) fn of_cell<'r>(repeats: impl ExactSizeIterator<Item = (u32, &'r Self)>) -> Self {
        let several = repeats.len() > 1;
        let mut cell = Self::default();
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for (repeat, health) in repeats {
            cell.take_worse(health);
            for reason in &health.reasons {
                match reasons.iter_mut().find(|(known, _)| known == reason) {
                    Some((_, of)) => of.push(repeat.to_string()),
                    None => reasons.push((reason, vec![repeat.to_string()])),
                }
            }
        }
        let numbered = |(reason, of): (&str, Vec<String>)| {
            if several { format!("repeat {}: {reason}", of.join(", ")) } else { reason.to_owned() }
        };
        cell.reasons = reasons.into_iter().map(numbered).collect();
        cell
    }

    fn take_worse(&mut self, other: &Self) {
        self.verdict = self.verdict.max(other.verdict);
        let greater = [
            (&mut self.schedule_lag_ms_p99, other.schedule_lag_ms_p99),
            (&mut self.loop_lag_ms_p99, other.loop_lag_ms_p99),
            (&mut self.loop_lag_ms_max, other.loop_lag_ms_max),
            (&mut self.cpu_utilization, other.cpu_utilization),
            (&mut self.process_cpu_utilization, other.process_cpu_utilization),
            (&mut self.run_queue_wait, other.run_queue_wait),
            (&mut self.throttled, other.throttled),
            (&mut self.steal, other.steal),
            (&mut self.retransmitted, other.retransmitted),
        ];
        for (mine, theirs) in greater {
            *mine = (*mine).into_iter().chain(theirs).reduce(f64::max);
        }
        self.delivered_rate = self.delivered_rate.into_iter().chain(other.delivered_rate).reduce(f64::min);
        self.descriptors = self.descriptors.max(other.descriptors);
        self.descriptor_limit = self.descriptor_limit.into_iter().chain(other.descriptor_limit).min();
        self.journal_backlog = self.journal_backlog.max(other.journal_backlog);
        self.out_of_descriptors += other.out_of_descriptors;
        self.out_of_ports += other.out_of_ports;
        self.simulator_inside |= other.simulator_inside;
    }
}

/// A part of a whole; `None` when there is no whole.
#[expect(clippy::cast_precision_loss, reason = "a share")]
pub(super) fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[expect(clippy::cast_precision_loss, reason = "2^52 ns are 52 days")]
pub(super) fn in_ms(ns: i64) -> f64 {
    ns as f64 / 1e6
}

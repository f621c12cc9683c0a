use rustix::time::{ClockId, clock_gettime};

use crate::record::{ClientFacts, Segments, Throttling};
use crate::run::machine::{
    Cgroup, ProcessorTime, descriptor_limit, open_descriptors, preemptions, processor_time, segments, thread_wait_ns,
};
use crate::time::MonotonicNs;

/// Counters of the system at one moment, taken on the timed thread.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    at_ns: MonotonicNs,
    thread_cpu_ns: i64,
    process_cpu_ns: i64,
    thread_wait_ns: Option<i64>,
    preemptions: Option<u64>,
    quota: Option<Throttling>,
    processors: Option<ProcessorTime>,
    descriptors: Option<u64>,
    segments: Option<Segments>,
}

impl Reading {
    /// The counters now. Takes a few hundred microseconds: not while something is timed.
    pub(super) fn take(at_ns: MonotonicNs, quota: Option<&Cgroup>) -> Self {
        Self {
            at_ns,
            thread_cpu_ns: clock_ns(ClockId::ThreadCPUTime),
            process_cpu_ns: clock_ns(ClockId::ProcessCPUTime),
            thread_wait_ns: thread_wait_ns(),
            preemptions: preemptions(),
            quota: quota.and_then(Cgroup::throttling),
            processors: processor_time(),
            descriptors: open_descriptors(),
            segments: segments(),
        }
    }

    /// What happened between an earlier reading and this one.
    pub(super) fn since(&self, before: &Self) -> ClientFacts {
        ClientFacts {
            watched_ns: self.at_ns - before.at_ns,
            loop_lag: None,
            thread_cpu_ns: Some(self.thread_cpu_ns - before.thread_cpu_ns),
            process_cpu_ns: Some(self.process_cpu_ns - before.process_cpu_ns),
            cores: std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok()),
            thread_wait_ns: both(self.thread_wait_ns, before.thread_wait_ns, |now, then| now - then),
            preemptions: both(self.preemptions, before.preemptions, u64::saturating_sub),
            quota: both(self.quota, before.quota, |now, then| Throttling {
                periods: now.periods.saturating_sub(then.periods),
                throttled_periods: now.throttled_periods.saturating_sub(then.throttled_periods),
                throttled_ns: now.throttled_ns - then.throttled_ns,
            }),
            steal: both(self.processors, before.processors, stolen).flatten(),
            descriptors: self.descriptors.max(before.descriptors),
            descriptor_limit: descriptor_limit(),
            segments: both(self.segments, before.segments, |now, then| Segments {
                sent: now.sent.saturating_sub(then.sent),
                retransmitted: now.retransmitted.saturating_sub(then.retransmitted),
            }),
            journal_backlog: None,
            simulator_inside: false,
        }
    }
}

fn both<T, U>(now: Option<T>, then: Option<T>, between: impl FnOnce(T, T) -> U) -> Option<U> {
    now.zip(then).map(|(now, then)| between(now, then))
}

/// Share of all processors' time; `None` when no tick passed.
#[expect(clippy::cast_precision_loss, reason = "a share, and ticks between two readings are few")]
fn stolen(now: ProcessorTime, then: ProcessorTime) -> Option<f64> {
    let all = now.all.checked_sub(then.all).filter(|all| *all > 0)?;
    Some(now.stolen.saturating_sub(then.stolen) as f64 / all as f64)
}

fn clock_ns(id: ClockId) -> i64 {
    let time = clock_gettime(id);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at_ns: i64, times: u64) -> Reading {
        let ns = i64::try_from(times).unwrap();
        Reading {
            at_ns,
            thread_cpu_ns: 10 * ns,
            process_cpu_ns: 15 * ns,
            thread_wait_ns: Some(3 * ns),
            preemptions: Some(2 * times),
            quota: None,
            processors: Some(ProcessorTime { all: 100 * times, stolen: 5 * times }),
            descriptors: Some(20 - times),
            segments: Some(Segments { sent: 50 * times, retransmitted: times }),
        }
    }

    #[test]
    fn facts_are_differences_and_descriptors_the_greater() {
        let facts = reading(1_000, 3).since(&reading(400, 1));
        let expected = ClientFacts {
            watched_ns: 600,
            thread_cpu_ns: Some(20),
            process_cpu_ns: Some(30),
            cores: facts.cores,
            thread_wait_ns: Some(6),
            preemptions: Some(4),
            steal: Some(0.05),
            descriptors: Some(19),
            descriptor_limit: facts.descriptor_limit,
            segments: Some(Segments { sent: 100, retransmitted: 2 }),
            ..ClientFacts::default()
        };
        assert_eq!(facts, expected);
        assert!(facts.cores >= Some(1));
        assert_eq!(reading(5, 1).since(&reading(5, 1)).steal, None, "no tick passed");
    }

    #[test]
    fn a_thread_that_works_is_seen() {
        let before = Reading::take(0, None);
        let mut sum = 0_u64;
        // Of both clocks: the process's may be a little behind its thread's.
        while clock_ns(ClockId::ThreadCPUTime) < before.thread_cpu_ns + 2_000_000
            || clock_ns(ClockId::ProcessCPUTime) < before.process_cpu_ns + 2_000_000
        {
            sum = std::hint::black_box(sum + 1);
        }
        let facts = Reading::take(1, None).since(&before);
        assert!(facts.thread_cpu_ns >= Some(2_000_000), "{facts:?}");
        assert!(facts.process_cpu_ns >= Some(2_000_000), "{facts:?}");
    }
}

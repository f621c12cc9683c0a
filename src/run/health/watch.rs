use super::canary::Canary;
use super::reading::Reading;
use crate::record::ClientFacts;
use crate::run::machine::Cgroup;
use crate::time::{Clock, MonotonicNs};

/// Watches the client from before a load to its end. Started and finished on the timed thread.
#[derive(Debug)]
pub(in crate::run) struct Watch {
    quota: Option<Cgroup>,
    before: Reading,
    canary: Canary,
    clock: Clock,
}

impl Watch {
    /// Takes the first reading and starts the canary.
    pub(in crate::run) fn start(clock: Clock) -> Self {
        let quota = Cgroup::of("cpu");
        let before = Reading::take(clock.now_ns(), quota.as_ref());
        Self { before, canary: Canary::start(clock), quota, clock }
    }

    /// What was seen; of the loop's lag, what was seen from the measured phase's begin on.
    pub(in crate::run) fn finish(self, measured_from_ns: Option<MonotonicNs>) -> ClientFacts {
        // A load that never came to its measured phase has no lag in it.
        let loop_lag = self.canary.finish(measured_from_ns.unwrap_or(MonotonicNs::MAX));
        let after = Reading::take(self.clock.now_ns(), self.quota.as_ref());
        ClientFacts { loop_lag, ..after.since(&self.before) }
    }
}

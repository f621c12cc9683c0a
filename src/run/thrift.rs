use crate::time::MonotonicNs;

/// Saves take at most one part in so many of a run's time.
const SHARE: i64 = 20;

/// When a file that holds all of a run is written anew: after every step while that costs next to nothing.
///
/// The file grows with the steps, so that writing it after each of ten thousand would take most of the run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Thrift {
    not_before_ns: Option<MonotonicNs>,
}

impl Thrift {
    /// Whether a save now stays within its share.
    pub(super) fn is_due(&self, now_ns: MonotonicNs) -> bool {
        self.not_before_ns.is_none_or(|not_before| now_ns >= not_before)
    }

    /// Notes a save.
    pub(super) fn saved(&mut self, begun_ns: MonotonicNs, ended_ns: MonotonicNs) {
        self.not_before_ns = Some(ended_ns.saturating_add((ended_ns - begun_ns).saturating_mul(SHARE)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn saves_take_a_small_share_of_the_time_however_many_steps_there_are() {
        // Ten thousand steps of 20 ms; a save takes 50 us for every step so far.
        let (mut thrift, mut now_ns, mut saves, mut saving_ns) = (Thrift::default(), 0, 0, 0);
        for step in 1..=10_000 {
            now_ns += 20 * MS;
            if thrift.is_due(now_ns) {
                let takes_ns = step * MS / 20;
                thrift.saved(now_ns, now_ns + takes_ns);
                (now_ns, saves, saving_ns) = (now_ns + takes_ns, saves + 1, saving_ns + takes_ns);
            }
        }
        assert!(saving_ns * 20 < now_ns && saves > 100, "{saves} saves, {saving_ns} of {now_ns} ns");
        // Steps that take long are saved each.
        let mut patient = Thrift::default();
        let due = (1..=50).filter(|step| {
            let is_due = patient.is_due(step * 1000 * MS);
            patient.saved(step * 1000 * MS, step * 1000 * MS + 3 * MS);
            is_due
        });
        assert_eq!(due.count(), 50);
    }
}

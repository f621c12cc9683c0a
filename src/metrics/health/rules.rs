use super::{ClientHealth, Verdict};
use crate::units::format_significant;

/// What a rule says against a client.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) says: String,
}

/// A rule: beyond which value of which figure a client is suspect, and beyond which it is limited.
pub(super) struct Rule {
    /// The figure, as in [`ClientHealth`].
    #[cfg_attr(not(test), expect(dead_code, reason = "what the methodology calls it: a test holds the two together"))]
    pub(super) figure: &'static str,
    pub(super) suspect: Limit,
    /// `None`: it alone never limits.
    pub(super) limited: Option<Limit>,
    of: fn(&ClientHealth) -> Option<f64>,
    says: fn(&str) -> String,
    /// What to do about it.
    remedy: fn(&ClientHealth) -> &'static str,
}

/// A limit of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    /// Milliseconds, bad above.
    Ms(f64),
    /// A share, bad above.
    Share(f64),
    /// A share, bad below.
    Least(f64),
    /// A number, bad above.
    Count(f64),
}

impl Limit {
    fn is_passed(self, value: f64) -> bool {
        match self {
            Self::Ms(limit) | Self::Share(limit) | Self::Count(limit) => value > limit,
            Self::Least(limit) => value < limit,
        }
    }

    /// A value in the unit of the limit.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Ms(_) => format!("{} ms", format_significant(value, 3)),
            Self::Share(_) | Self::Least(_) => format!("{} %", format_significant(value * 100.0, 3)),
            Self::Count(_) => format_significant(value, 6),
        }
    }

    /// The limit itself, as the methodology writes it.
    #[cfg(test)]
    pub(super) fn written(self) -> String {
        let (sign, value) = match self {
            Self::Ms(limit) | Self::Share(limit) | Self::Count(limit) => ('>', limit),
            Self::Least(limit) => ('<', limit),
        };
        format!("{sign} {}", self.show(value))
    }
}

use Limit::{Count, Least, Ms, Share};

/// Every rule, the sharpest first.
pub(super) const RULES: [Rule; 13] = [
    Rule {
        figure: "loop_lag_ms_p99",
        suspect: Ms(2.0),
        limited: Some(Ms(10.0)),
        of: |health| health.loop_lag_ms_p99,
        says: |value| format!("what was due or had arrived waited up to {value} for the timed loop (p99)"),
        remedy: more_room,
    },
    Rule {
        figure: "loop_lag_ms_max",
        suspect: Ms(100.0),
        limited: None,
        of: |health| health.loop_lag_ms_max,
        says: |value| format!("the timed loop once stood still for {value}"),
        remedy: |_| "something stopped the process, or the machine",
    },
    Rule {
        figure: "cpu_utilization",
        suspect: Share(0.85),
        limited: Some(Share(0.95)),
        of: |health| health.cpu_utilization,
        says: |value| format!("the timed thread was busy for {value} of the time"),
        remedy: |_| "one client sends no more than this: lower the load, or share it among several clients",
    },
    Rule {
        figure: "process_cpu_utilization",
        suspect: Share(0.9),
        limited: None,
        of: |health| health.process_cpu_utilization,
        says: |value| format!("the process took {value} of the processors that it may use"),
        remedy: more_room,
    },
    Rule {
        figure: "run_queue_wait",
        suspect: Share(0.1),
        limited: Some(Share(0.3)),
        of: |health| health.run_queue_wait,
        says: |value| format!("for {value} of the time the timed thread had work and others had the processor"),
        remedy: more_room,
    },
    Rule {
        figure: "throttled",
        suspect: Share(0.0),
        limited: Some(Share(0.01)),
        of: |health| health.throttled,
        says: |value| format!("a quota of processor time (cgroup) held the client back for {value} of the time"),
        remedy: |_| "raise or remove the quota",
    },
    Rule {
        figure: "steal",
        suspect: Share(0.05),
        limited: None,
        of: |health| health.steal,
        says: |value| format!("the hypervisor gave {value} of the processors' time to others"),
        remedy: |_| "measure from a machine with processors of its own",
    },
    Rule {
        figure: "schedule_lag_ms_p99",
        suspect: Ms(5.0),
        limited: Some(Ms(50.0)),
        of: |health| health.schedule_lag_ms_p99,
        says: |value| format!("requests went out up to {value} after they were due (p99)"),
        remedy: |_| "lower the rate, or share it among several clients",
    },
    Rule {
        figure: "delivered_rate",
        suspect: Least(0.99),
        limited: Some(Least(0.95)),
        of: |health| health.delivered_rate,
        says: |value| format!("only {value} of the intended rate was sent"),
        remedy: |_| "lower the rate, or share it among several clients",
    },
    Rule {
        figure: "out_of_descriptors",
        suspect: Count(0.0),
        limited: Some(Count(0.0)),
        of: |health| Some(number(health.out_of_descriptors)),
        says: |value| format!("{value} requests had no connection for want of file descriptors"),
        remedy: |_| "raise the limit (ulimit -n), or lower the concurrency",
    },
    Rule {
        figure: "out_of_ports",
        suspect: Count(0.0),
        limited: Some(Count(0.0)),
        of: |health| Some(number(health.out_of_ports)),
        says: |value| format!("{value} requests had no connection for want of local ports"),
        remedy: |_| "widen net.ipv4.ip_local_port_range, or lower the concurrency",
    },
    Rule {
        figure: "retransmitted",
        suspect: Share(0.01),
        limited: None,
        of: |health| health.retransmitted,
        says: |value| format!("this machine sent {value} of its TCP segments again"),
        remedy: |_| "the network loses packets, and a lost one delays tokens",
    },
    Rule {
        figure: "journal_backlog",
        suspect: Count(20_000.0),
        limited: None,
        of: |health| health.journal_backlog.map(number),
        says: |value| format!("{value} rows waited to be written"),
        remedy: |_| "the disk of the run directory does not keep up: write to another with --out",
    },
];

/// What the rules say against a client.
pub(super) fn judge(health: &ClientHealth) -> Vec<Finding> {
    let mut said = Vec::new();
    RULES.iter().filter_map(|rule| rule.finding(health, &mut said)).collect()
}

impl Rule {
    /// What helps against several is said once.
    fn finding(&self, health: &ClientHealth, said: &mut Vec<&'static str>) -> Option<Finding> {
        let value = (self.of)(health)?;
        let verdict = match self.limited {
            Some(limit) if limit.is_passed(value) => Verdict::Limited,
            _ if self.suspect.is_passed(value) => Verdict::Suspect,
            _ => return None,
        };
        let mut says = (self.says)(&self.suspect.show(value));
        let remedy = (self.remedy)(health);
        if !said.contains(&remedy) {
            says = format!("{says}; {remedy}");
            said.push(remedy);
        }
        Some(Finding { verdict, says })
    }
}

/// What helps a client that does not get its processor in time.
fn more_room(health: &ClientHealth) -> &'static str {
    if health.simulator_inside {
        "the simulator in this process shares its processors: `infersweep simulate` runs one elsewhere"
    } else {
        "give it a processor of its own: end or move what else runs here"
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

use std::fs;
use std::ops::RangeInclusive;

use crate::record::Segments;

/// What the kernel calls a processor's time, in ticks that are alike for all fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run) struct ProcessorTime {
    /// All of it, stolen time included.
    pub(in crate::run) all: u64,
    /// What the hypervisor gave to others while something here was ready to run.
    pub(in crate::run) stolen: u64,
}

/// How long the calling thread was ready and waited for a processor since it began, nanoseconds.
pub(in crate::run) fn thread_wait_ns() -> Option<i64> {
    wait_in_schedstat(&fs::read_to_string("/proc/thread-self/schedstat").ok()?)
}

/// How often the calling thread had to leave its processor to another since it began.
pub(in crate::run) fn preemptions() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/status").ok()?;
    named_number(&text, "nonvoluntary_ctxt_switches")
}

/// The time of all processors since the machine began.
pub(in crate::run) fn processor_time() -> Option<ProcessorTime> {
    processors_in_stat(&fs::read_to_string("/proc/stat").ok()?)
}

/// TCP segments since the machine, or its network namespace, began.
pub(in crate::run) fn segments() -> Option<Segments> {
    segments_in_snmp(&fs::read_to_string("/proc/net/snmp").ok()?)
}

/// The local ports that outgoing connections may have.
pub(in crate::run) fn port_range() -> Option<RangeInclusive<u16>> {
    range_of(&fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?)
}

/// Memory that can be had without swapping, bytes, whatever cgroups allow.
pub(in crate::run) fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    named_number(&text, "MemAvailable")?.checked_mul(1024)
}

/// `RUNNING WAITING SLICES`, nanoseconds and a count.
fn wait_in_schedstat(text: &str) -> Option<i64> {
    text.split_whitespace().nth(1)?.parse().ok()
}

/// The number behind `name:`; a unit may follow.
fn named_number(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        if key.trim() == name { value.split_whitespace().next()?.parse().ok() } else { None }
    })
}

/// The line `cpu`: user, nice, system, idle, iowait, irq, softirq, steal; guests' time is in user and nice already.
fn processors_in_stat(text: &str) -> Option<ProcessorTime> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields: Vec<u64> = line.split_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
    Some(ProcessorTime { all: fields.iter().sum(), stolen: *fields.get(7)? })
}

/// Two lines `Tcp:`, the first with names, the second with numbers.
fn segments_in_snmp(text: &str) -> Option<Segments> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let value = |name: &str| {
        let mut pairs = names.split_whitespace().zip(values.split_whitespace());
        pairs.find(|(key, _)| *key == name)?.1.parse::<u64>().ok()
    };
    let (sent, retransmitted) = (value("OutSegs")?, value("RetransSegs")?);
    // The kernel keeps them apart.
    Some(Segments { sent: sent + retransmitted, retransmitted })
}

/// `FIRST LAST`.
fn range_of(text: &str) -> Option<RangeInclusive<u16>> {
    let mut ends = text.split_whitespace();
    Some(ends.next()?.parse().ok()?..=ends.next()?.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_the_second_field() {
        for (text, wait) in [
            ("229195539 136767607 59\n", Some(136_767_607)),
            ("0 0 1", Some(0)),
            ("5", None),
            ("", None),
            ("a b c", None),
        ] {
            assert_eq!(wait_in_schedstat(text), wait, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_found_by_their_whole_names() {
        let text = "voluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t3\nMemAvailable:   2048 kB\n";
        for (name, number) in [
            ("nonvoluntary_ctxt_switches", Some(3)),
            ("voluntary_ctxt_switches", Some(150)),
            ("MemAvailable", Some(2048)),
            ("Mem", None),
        ] {
            assert_eq!(named_number(text, name), number, "{name}");
        }
    }

    #[test]
    fn stolen_time_is_the_eighth_field_and_guests_count_once() {
        let time = |all, stolen| Some(ProcessorTime { all, stolen });
        for (text, found) in [
            ("cpu  10 20 30 40 50 60 70 80 900 900\ncpu0 1 1 1 1 1 1 1 1 0 0\n", time(360, 80)),
            ("cpu  1 2 3 4 5 6 7 8\n", time(36, 8)),
            ("cpu  1 2 3 4\n", None),
            ("intr 5\n", None),
        ] {
            assert_eq!(processors_in_stat(text), found, "{text:?}");
        }
    }

    #[test]
    fn segments_are_found_by_name_and_retransmitted_ones_are_sent_too() {
        let text = "Ip: Forwarding OutSegs\nIp: 1 9\nTcp: InSegs OutSegs RetransSegs InErrs\nTcp: 100 90 7 0\nUdp: A\nUdp: 1\n";
        assert_eq!(segments_in_snmp(text), Some(Segments { sent: 97, retransmitted: 7 }));
        assert_eq!(segments_in_snmp("Tcp: InSegs OutSegs\nTcp: 1 2\n"), None);
        assert_eq!(segments_in_snmp("Tcp: OutSegs RetransSegs\n"), None);
    }

    #[test]
    fn a_port_range_has_two_ends() {
        assert_eq!(range_of("32768\t60999\n"), Some(32768..=60999));
        assert_eq!(range_of("32768"), None);
        assert_eq!(range_of("1024 70000"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_says_most_of_it() {
        assert!(thread_wait_ns().is_some_and(|wait| wait >= 0));
        assert!(preemptions().is_some());
        assert!(processor_time().is_some_and(|time| time.all > time.stolen));
        assert!(segments().is_some_and(|segments| segments.sent >= segments.retransmitted));
        assert!(available_memory().is_some_and(|bytes| bytes > 1 << 20));
        assert!(port_range().is_some_and(|range| !range.is_empty()));
        assert!(super::super::open_descriptors().is_some_and(|open| open >= 3));
    }
}

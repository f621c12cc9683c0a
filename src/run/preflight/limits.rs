use crate::run::machine::{Cgroup, available_memory, descriptor_limit, open_descriptors, port_range};

/// What the machine has for a run; `None` where it does not say, which suffices for everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// File descriptors that the process may have open.
    pub descriptors: Option<u64>,
    /// File descriptors that it has open already.
    pub open_descriptors: Option<u64>,
    /// Local ports for connections to one address.
    pub ports: Option<u64>,
    /// Bytes of memory that can be had, by the machine and by the cgroups.
    pub memory: Option<u64>,
    /// Processors that the process may use.
    pub cores: Option<usize>,
}

impl Limits {
    /// Those of this machine, for this process, now.
    #[must_use]
    pub fn here() -> Self {
        let in_cgroup = Cgroup::of("memory").and_then(|cgroup| cgroup.memory_left());
        Self {
            descriptors: descriptor_limit(),
            open_descriptors: open_descriptors(),
            ports: port_range().map(|range| u64::from(*range.end()).saturating_sub(u64::from(*range.start())) + 1),
            memory: available_memory().into_iter().chain(in_cgroup).min(),
            cores: std::thread::available_parallelism().ok().map(usize::from),
        }
    }
}

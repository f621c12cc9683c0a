use std::fs;

use serde::{Deserialize, Serialize};

/// A machine, as far as it can be told; what cannot is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// Its name.
    pub hostname: Option<String>,
    /// The processor's model name.
    pub cpu: Option<String>,
    /// Processors that this process may use.
    pub cores: Option<usize>,
    /// Main memory, bytes.
    pub memory_bytes: Option<u64>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// Processes that ran or waited to run, on average over the last 1, 5 and 15 minutes before the start.
    pub load: Option<[f64; 3]>,
}

impl Host {
    /// The machine that this process runs on, from what Linux says of itself.
    pub fn here() -> Self {
        let line = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        Self {
            hostname: line("/proc/sys/kernel/hostname"),
            cpu: fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| field(&text, "model name")),
            cores: std::thread::available_parallelism().ok().map(usize::from),
            memory_bytes: fs::read_to_string("/proc/meminfo").ok().and_then(|text| memory_bytes(&text)),
            kernel: line("/proc/sys/kernel/osrelease"),
            load: fs::read_to_string("/proc/loadavg").ok().and_then(|text| load(&text)),
        }
    }
}

/// The first value of `name: value` lines.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// `MemTotal`, which is in KiB.
fn memory_bytes(text: &str) -> Option<u64> {
    field(text, "MemTotal")?.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The first three numbers.
fn load(text: &str) -> Option<[f64; 3]> {
    let numbers: Vec<f64> = text.split_whitespace().take(3).filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found_among_others() {
        let text = "processor\t: 0\nmodel name\t: Fast CPU: 3 GHz\nmodel name\t: other\n";
        assert_eq!(field(text, "model name").as_deref(), Some("Fast CPU: 3 GHz"));
        assert_eq!(memory_bytes("MemFree: 1 kB\nMemTotal:       2 kB\n"), Some(2048));
        assert_eq!(memory_bytes("MemTotal: many kB"), None);
        assert_eq!(load("0.52 1.50 2.25 3/456 789"), Some([0.52, 1.5, 2.25]));
        assert_eq!(load("0.52 1.50"), None);
        assert!(Host::here().cores >= Some(1));
    }
}

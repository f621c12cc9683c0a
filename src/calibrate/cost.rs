use std::fs;

use rustix::time::{ClockId, clock_gettime};

use crate::simulator::HostedSimulator;

/// Processor time and memory of the client, from a moment on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    began_ns: Option<u64>,
    hosts_server: bool,
}

/// What the client took since then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Processor time of the whole process, but for the threads of a simulator in it; nanoseconds.
    pub(super) cpu_ns: Option<u64>,
    /// Most memory resident, bytes.
    pub(super) peak_memory_bytes: Option<u64>,
}

impl Meter {
    /// Starts; `hosts_server` says whether a simulator runs in this process.
    pub(super) fn start(hosts_server: bool) -> Self {
        // Forgets the peak so far. Where that is not allowed, the peak is that of all the rungs up to here.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self { began_ns: client_cpu_ns(hosts_server), hosts_server }
    }

    pub(super) fn read(&self) -> Cost {
        let now_ns = client_cpu_ns(self.hosts_server);
        let cpu_ns = now_ns.zip(self.began_ns).map(|(now, began)| now.saturating_sub(began));
        Cost { cpu_ns, peak_memory_bytes: peak_memory_bytes() }
    }
}

/// Processor time of this process but for its simulators; `None` where the system does not tell threads apart.
fn client_cpu_ns(hosts_server: bool) -> Option<u64> {
    let whole = clock_gettime(ClockId::ProcessCPUTime);
    let whole_ns = u64::try_from(whole.tv_sec.saturating_mul(1_000_000_000).saturating_add(whole.tv_nsec)).ok()?;
    let server_ns = if hosts_server { threads_cpu_ns(HostedSimulator::THREAD_NAME)? } else { 0 };
    Some(whole_ns.saturating_sub(server_ns))
}

/// Processor time of all threads of a name, as Linux accounts it.
fn threads_cpu_ns(name: &str) -> Option<u64> {
    let mut sum = 0_u64;
    for thread in fs::read_dir("/proc/self/task").ok()?.flatten().map(|entry| entry.path()) {
        // A thread may end between two looks at it.
        if fs::read_to_string(thread.join("comm")).is_ok_and(|comm| comm.trim_end() == name) {
            let text = fs::read_to_string(thread.join("schedstat")).ok()?;
            sum = sum.saturating_add(text.split_whitespace().next()?.parse().ok()?);
        }
    }
    Some(sum)
}

fn peak_memory_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_simulator_in_the_process_is_not_the_client() {
        let work = || (0..20_000_000_u64).fold(0, |sum: u64, number| std::hint::black_box(sum.wrapping_add(number)));
        let host = std::thread::Builder::new().name(HostedSimulator::THREAD_NAME.to_owned());
        // Its work is done and it stays, as a simulator does.
        let (done, is_done) = std::sync::mpsc::channel();
        let (go, may_go) = std::sync::mpsc::channel::<()>();
        let thread = host
            .spawn(move || {
                work();
                done.send(()).unwrap();
                let _ = may_go.recv();
            })
            .unwrap();
        is_done.recv().unwrap();
        let theirs = threads_cpu_ns(HostedSimulator::THREAD_NAME).unwrap();
        assert!(theirs > 0);
        let (all, ours) = (client_cpu_ns(false).unwrap(), client_cpu_ns(true).unwrap());
        assert!(ours < all || theirs < 1_000_000, "{ours} of {all} without {theirs}");
        drop(go);
        thread.join().unwrap();
        assert!(peak_memory_bytes() > Some(1 << 20));
    }
}

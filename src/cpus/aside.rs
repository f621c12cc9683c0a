use std::io;
use std::sync::OnceLock;
use std::thread::{Builder, JoinHandle};

use super::CpuList;

/// Where threads go that do not take the time; unset: anywhere. Affinity is a matter of the whole process, and so is this.
static ASIDE: OnceLock<CpuList> = OnceLock::new();

/// How a thread beside the timed one shares the processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// With equal right: a server that is measured.
    Equal,
    /// It gives way where both want the same processor: prompts, journal, progress.
    GivesWay,
}

/// How much a thread that gives way is nicer than others: a third of the time of one that is not, where both want all of it.
const NICER: i32 = 5;

/// Holds the calling thread, which takes the time, to `cpus`; threads of [`spawn_aside`] stay off them from now on,
/// unless nothing else is left.
///
/// # Errors
/// None of them is there or allowed, or the system has no affinity.
pub fn keep_for_timing(cpus: &CpuList) -> io::Result<()> {
    let rest = CpuList::allowed()?.without(cpus);
    if !rest.is_empty() {
        // Said twice, the first holds.
        let _ = ASIDE.set(rest);
    }
    cpus.pin_thread()
}

/// Starts a thread that leaves the timed one alone.
///
/// # Errors
/// The system has no more threads.
pub fn spawn_aside<T: Send + 'static>(
    name: &str,
    manner: Manner,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).spawn(move || {
        step_aside(manner);
        work()
    })
}

/// Makes the calling thread one that leaves the timed one alone.
pub fn step_aside(manner: Manner) {
    if let Some(cpus) = ASIDE.get() {
        // Where it cannot be had the thread works all the same, and client health sees what comes of it.
        let _ = cpus.pin_thread();
    }
    if manner == Manner::GivesWay {
        give_way();
    }
}

#[cfg(target_os = "linux")]
fn give_way() {
    use rustix::process::{getpriority_process, setpriority_process};

    // A priority is a thread's own on Linux, and lowering it needs no leave.
    let own = Some(rustix::thread::gettid());
    if let Ok(now) = getpriority_process(own) {
        let _ = setpriority_process(own, now + NICER);
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() {
    // Elsewhere a priority is the whole process's, the timed thread included.
    let _ = NICER;
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use rustix::process::getpriority_process;
    use rustix::thread::gettid;

    fn nice() -> i32 {
        getpriority_process(Some(gettid())).unwrap()
    }

    #[test]
    fn a_thread_that_gives_way_is_nicer_and_no_other_thread_is() {
        let before = nice();
        let equal = spawn_aside("equal", Manner::Equal, nice).unwrap().join().unwrap();
        let nicer = spawn_aside("nicer", Manner::GivesWay, nice).unwrap().join().unwrap();
        assert_eq!((equal, nicer, nice()), (before, (before + NICER).min(19), before));
    }
}

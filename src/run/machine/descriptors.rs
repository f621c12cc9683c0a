use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What macOS takes, which says that there is no limit, at most.
const MACOS_MOST: u64 = 10_240;

/// Raises the soft limit of file descriptors to the hard one, which needs no right; a refusal leaves it as it is.
///
/// For the start of a process that will open many connections.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let set = |current| setrlimit(Resource::Nofile, Rlimit { current, ..limit });
    if limit.current != limit.maximum && set(limit.maximum).is_err() && limit.current < Some(MACOS_MOST) {
        // Whether it suffices is looked at before every run.
        let _ = set(Some(MACOS_MOST));
    }
}

/// File descriptors that the process may have open; `None`: any number.
pub(in crate::run) fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// File descriptors that are open.
pub(in crate::run) fn open_descriptors() -> Option<u64> {
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count();
    // One of them is that of the listing itself.
    u64::try_from(count).ok()?.checked_sub(1)
}

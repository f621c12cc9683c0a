use std::fs;
use std::path::{Path, PathBuf};

use crate::record::Throttling;

/// The cgroups that limit this process in one resource: its own and those above it, as far as they can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct Cgroup {
    /// Their directories, its own first.
    dirs: Vec<PathBuf>,
}

/// What a cgroup allows and what it has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Memory {
    limit: u64,
    used: u64,
    /// Of that, files that can be dropped.
    droppable: u64,
}

impl Cgroup {
    /// The cgroups of a controller, as `cpu`, of the first or the second version.
    pub(in crate::run) fn of(controller: &str) -> Option<Self> {
        let membership = fs::read_to_string("/proc/self/cgroup").ok()?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        locate(&membership, &mounts, controller)
    }

    /// What quotas of processor time did since the cgroups began: that of them which throttled longest.
    pub(in crate::run) fn throttling(&self) -> Option<Throttling> {
        let stats = self.dirs.iter().filter_map(|dir| throttling_in(&fs::read_to_string(dir.join("cpu.stat")).ok()?));
        stats.max_by_key(|stat| stat.throttled_ns)
    }

    /// Bytes that may still be had, by the tightest limit; `None` without one.
    pub(in crate::run) fn memory_left(&self) -> Option<u64> {
        self.dirs.iter().filter_map(|dir| memory_of(dir)).map(Memory::left).min()
    }
}

impl Memory {
    fn left(self) -> u64 {
        self.limit.saturating_sub(self.used.saturating_sub(self.droppable))
    }
}

/// Finds a process's cgroups from its `/proc/PID/cgroup` and `/proc/PID/mountinfo`.
fn locate(membership: &str, mounts: &str, controller: &str) -> Option<Cgroup> {
    let path_of = |wanted: &dyn Fn(&str) -> bool| {
        membership.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            wanted(controllers).then_some(path)
        })
    };
    let named = |list: &str| list.split(',').any(|name| name == controller);
    let first = path_of(&named).zip(mount_of(mounts, &|kind, options| kind == "cgroup" && named(options)));
    let second = || path_of(&str::is_empty).zip(mount_of(mounts, &|kind, _| kind == "cgroup2"));
    let (path, (root, point)) = first.or_else(second)?;
    // A container sees its own part of the tree at the mount point.
    let inside = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
    let own = Path::new(point).join(inside);
    let dirs = own.ancestors().take_while(|dir| dir.starts_with(point)).map(Path::to_path_buf).collect();
    Some(Cgroup { dirs })
}

/// The root and the mount point of the first file system of that kind (and its options).
fn mount_of<'m>(mounts: &'m str, wanted: &dyn Fn(&str, &str) -> bool) -> Option<(&'m str, &'m str)> {
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let (name, _, options) = (kind.next()?, kind.next()?, kind.next()?);
        let mut mount = mount.split(' ').skip(3);
        wanted(name, options).then_some((mount.next()?, mount.next()?))
    })
}

/// `NAME NUMBER` lines: microseconds in the second version, nanoseconds in the first.
fn throttling_in(text: &str) -> Option<Throttling> {
    let of = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(' ')?;
            if key == name { value.trim().parse::<u64>().ok() } else { None }
        })
    };
    let ns = of("throttled_time").or_else(|| of("throttled_usec")?.checked_mul(1000))?;
    Some(Throttling {
        periods: of("nr_periods")?,
        throttled_periods: of("nr_throttled")?,
        throttled_ns: i64::try_from(ns).ok()?,
    })
}

fn memory_of(dir: &Path) -> Option<Memory> {
    let read = |name: &str| fs::read_to_string(dir.join(name)).ok();
    let stat = read("memory.stat").unwrap_or_default();
    match read("memory.max") {
        Some(limit) => memory_in(&limit, &read("memory.current")?, &stat),
        None => memory_in(&read("memory.limit_in_bytes")?, &read("memory.usage_in_bytes")?, &stat),
    }
}

/// `max` is no limit.
fn memory_in(limit: &str, used: &str, stat: &str) -> Option<Memory> {
    let droppable = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.trim().parse().ok());
    Some(Memory {
        limit: limit.trim().parse().ok()?,
        used: used.trim().parse().ok()?,
        droppable: droppable.unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
        32 31 0:29 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n\
        33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n";
    const SECOND: &str = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const CONTAINER: &str = "700 600 0:30 /docker/4f /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";

    #[test]
    fn the_directories_lead_from_the_own_cgroup_to_the_mount_point() {
        let hybrid = format!("{FIRST}{SECOND}");
        for (membership, mounts, controller, dirs) in [
            (
                "0::/user.slice/a.scope\n",
                SECOND,
                "cpu",
                "/sys/fs/cgroup/user.slice/a.scope /sys/fs/cgroup/user.slice /sys/fs/cgroup",
            ),
            ("0::/\n", SECOND, "memory", "/sys/fs/cgroup"),
            (
                "4:cpu,cpuacct:/jobs/7\n3:cpuset:/\n0::/\n",
                hybrid.as_str(),
                "cpu",
                "/sys/fs/cgroup/cpu,cpuacct/jobs/7 /sys/fs/cgroup/cpu,cpuacct/jobs /sys/fs/cgroup/cpu,cpuacct",
            ),
            ("4:cpu,cpuacct:/jobs/7\n0::/x\n", hybrid.as_str(), "memory", "/sys/fs/cgroup/x /sys/fs/cgroup"),
            ("1:cpu:/docker/4f\n", CONTAINER, "cpu", "/sys/fs/cgroup/cpu"),
            ("1:cpu:/docker/4f/inner\n", CONTAINER, "cpu", "/sys/fs/cgroup/cpu/inner /sys/fs/cgroup/cpu"),
            ("1:cpu:/elsewhere\n", CONTAINER, "cpu", "/sys/fs/cgroup/cpu"),
            ("1:cpu:/a\n", SECOND, "cpu", ""),
            ("", FIRST, "cpu", ""),
        ] {
            let found = locate(membership, mounts, controller).map_or_else(Vec::new, |cgroup| cgroup.dirs);
            let expected: Vec<PathBuf> = dirs.split_whitespace().map(PathBuf::from).collect();
            assert_eq!(found, expected, "{membership}");
        }
    }

    #[test]
    fn throttling_is_nanoseconds_in_both_versions() {
        let expected = Throttling { periods: 10, throttled_periods: 3, throttled_ns: 5_000_000 };
        for (text, found) in [
            ("usage_usec 9\nnr_periods 10\nnr_throttled 3\nthrottled_usec 5000\nnr_bursts 0\n", Some(expected)),
            ("nr_periods 10\nnr_throttled 3\nthrottled_time 5000000\n", Some(expected)),
            ("usage_usec 9\nuser_usec 5\n", None),
        ] {
            assert_eq!(throttling_in(text), found, "{text}");
        }
    }

    #[test]
    fn memory_left_counts_droppable_files_as_free() {
        let left = |limit, used, stat| memory_in(limit, used, stat).map(Memory::left);
        assert_eq!(left("1000\n", "600\n", "anon 1\ninactive_file 100\n"), Some(500));
        assert_eq!(left("1000\n", "1200\n", ""), Some(0));
        assert_eq!(left("max\n", "600\n", ""), None);
    }
}

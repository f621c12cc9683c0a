use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::str::FromStr;

use crate::units::UnitError;

/// Processors by number, ascending: `0-3,8`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CpuList(BTreeSet<usize>);

const EXPECTED: &str = "processors by number, as 0-3,8";

impl CpuList {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that the calling thread may run on.
    ///
    /// # Errors
    /// The system has no affinity, as anything but Linux.
    pub fn allowed() -> io::Result<Self> {
        system::allowed().map(Self)
    }

    /// Holds the calling thread, and those it starts later, to these processors.
    ///
    /// # Errors
    /// None of them is there or allowed, or the system has no affinity.
    pub fn pin_thread(&self) -> io::Result<()> {
        system::pin_thread(&self.0)
    }

    /// Those that are not in `taken`.
    #[must_use]
    pub fn without(&self, taken: &Self) -> Self {
        Self(self.0.difference(&taken.0).copied().collect())
    }

    /// Two lists of about half of them each, the first being the greater; processors of one core stay together.
    ///
    /// `core_of` names the core of a processor. The second list is empty when there is only one core.
    #[must_use]
    pub fn halves(&self, core_of: impl Fn(usize) -> usize) -> (Self, Self) {
        let mut cores: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for cpu in &self.0 {
            cores.entry(core_of(*cpu)).or_default().push(*cpu);
        }
        let first = cores.len().div_ceil(2);
        let list = |cores: &mut dyn Iterator<Item = &Vec<usize>>| Self(cores.flatten().copied().collect());
        (list(&mut cores.values().take(first)), list(&mut cores.values().skip(first)))
    }
}

/// The core that a processor is part of, by the number of its first one; itself where the system does not say.
#[must_use]
pub fn core_of(cpu: usize) -> usize {
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
    let siblings = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<CpuList>().ok());
    siblings.and_then(|list| list.0.first().copied()).unwrap_or(cpu)
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeSet;
    use std::io;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn allowed() -> io::Result<BTreeSet<usize>> {
        let set = sched_getaffinity(None)?;
        Ok((0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect())
    }

    pub(super) fn pin_thread(cpus: &BTreeSet<usize>) -> io::Result<()> {
        let mut set = CpuSet::new();
        for cpu in cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU) {
            set.set(*cpu);
        }
        Ok(sched_setaffinity(None, &set)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::collections::BTreeSet;
    use std::io;

    pub(super) fn allowed() -> io::Result<BTreeSet<usize>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux holds threads to processors"))
    }

    pub(super) fn pin_thread(_: &BTreeSet<usize>) -> io::Result<()> {
        allowed().map(drop)
    }
}

/// Numbers of processors are below this.
const MOST: usize = 1024;

impl FromStr for CpuList {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::new(format!("`{text}` is no list of processors"), EXPECTED);
        let number = |text: &str| text.trim().parse::<usize>().ok().filter(|cpu| *cpu < MOST).ok_or_else(wrong);
        let mut cpus = BTreeSet::new();
        for part in text.split(',') {
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (number(first)?, number(last)?),
                None => (number(part)?, number(part)?),
            };
            if first > last {
                return Err(wrong());
            }
            cpus.extend(first..=last);
        }
        Ok(Self(cpus))
    }
}

impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for cpu in &self.0 {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == *cpu => *last = *cpu,
                _ => runs.push((*cpu, *cpu)),
            }
        }
        let written = runs.iter().map(|(first, last)| match last - first {
            0 => first.to_string(),
            _ => format!("{first}-{last}"),
        });
        f.write_str(&written.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> CpuList {
        text.parse().unwrap()
    }

    #[test]
    fn lists_are_read_and_written() {
        for (text, count, shown) in
            [("0", 1, "0"), ("0-3,8", 5, "0-3,8"), ("3,1,2,1", 3, "1-3"), (" 4 , 6-6", 2, "4,6")]
        {
            assert_eq!((list(text).len(), list(text).to_string().as_str()), (count, shown), "{text}");
        }
        for text in ["", "a", "3-1", "1-", "0,,1", "99999999"] {
            assert!(text.parse::<CpuList>().is_err(), "{text}");
        }
    }

    #[test]
    fn halves_keep_the_processors_of_a_core_together() {
        let own = |cpu| cpu;
        let pairs = |cpu| cpu % 4;
        for (cpus, core_of, first, second) in [
            ("0", &own as &dyn Fn(usize) -> usize, "0", ""),
            ("0-1", &own, "0", "1"),
            ("2-6", &own, "2-4", "5-6"),
            ("0-7", &pairs, "0-1,4-5", "2-3,6-7"),
            ("0,4", &pairs, "0,4", ""),
        ] {
            let (one, other) = list(cpus).halves(core_of);
            assert_eq!((one.to_string().as_str(), other.to_string().as_str()), (first, second), "{cpus}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_is_held_to_what_it_was_given() {
        std::thread::spawn(|| {
            let allowed = CpuList::allowed().unwrap();
            let one = CpuList(allowed.0.iter().copied().take(1).collect());
            one.pin_thread().unwrap();
            assert_eq!(CpuList::allowed().unwrap(), one);
            assert!(CpuList::default().pin_thread().is_err(), "nowhere to run");
        })
        .join()
        .unwrap();
    }
}

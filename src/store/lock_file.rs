use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::{StoreError, write_atomic};
use crate::plan::{ContentHashes, Plan};

/// What a suite's results rest on, for version control: `infersweep.lock`.
///
/// One line for every file and every cell, sorted, so that two branches merge. Paths are relative to the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    version: u64,
    /// SHA-256, in hex, of every file that a plan rests on.
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default, rename = "plan")]
    plans: Vec<LockedPlan>,
}

/// The plan of one scenario, with or without a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockedPlan {
    /// The scenario's file.
    scenario: String,
    /// The profile over it.
    profile: Option<String>,
    /// How often each cell is measured.
    repeats: u32,
    /// The files that it rests on, besides the scenario and its bases.
    #[serde(default)]
    files: BTreeSet<String>,
    /// The digest of each cell.
    #[serde(default)]
    cells: BTreeMap<String, String>,
}

/// What a plan rests on now.
#[derive(Debug, Clone, Copy)]
pub struct LockSubject<'p> {
    /// The scenario's file.
    pub path: &'p Path,
    /// The profile over it.
    pub profile: Option<&'p str>,
    /// How often each cell is measured.
    pub repeats: u32,
    /// Its cells.
    pub plan: &'p Plan,
    /// The hashes of the files that it rests on.
    pub contents: &'p ContentHashes,
    /// Whether these are all cells, or those that a filter left.
    pub whole: bool,
}

/// One thing that is not as the lock has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// `added`, `removed` or `changed`.
    pub kind: &'static str,
    /// What: a file, a scenario or some of its cells.
    pub what: String,
    /// How, where there is more to say.
    pub how: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<7}  {}", self.kind, self.what)?;
        if self.how.is_empty() { Ok(()) } else { write!(f, "  {}", self.how) }
    }
}

impl LockFile {
    /// The file's name.
    pub const NAME: &str = "infersweep.lock";
    const VERSION: u64 = 1;
    /// So many cells are named; the rest is counted.
    const MOST_NAMED: usize = 3;

    /// The lock that holds for a scenario or a suite: the nearest at or above it, within its repository.
    pub fn nearest(path: &Path) -> Option<PathBuf> {
        let path = absolute(path);
        for dir in path.ancestors().skip(usize::from(!path.is_dir())) {
            let lock = dir.join(Self::NAME);
            if lock.is_file() {
                return Some(lock);
            }
            if dir.join(".git").exists() {
                break;
            }
        }
        None
    }

    /// Reads a lock.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let text = std::fs::read_to_string(path).map_err(StoreError::io("read", path))?;
        let lock: Self = toml::from_str(&text).map_err(|error| StoreError::unreadable(path, &error.message()))?;
        if lock.version > Self::VERSION {
            return Err(StoreError::Newer { path: path.to_owned(), found: lock.version, known: Self::VERSION });
        }
        Ok(lock)
    }

    /// Puts a plan in its place; `path` is the lock's own.
    pub fn put(&mut self, path: &Path, subject: &LockSubject<'_>) {
        let dir = dir_of(path);
        let plan = locked(&dir, subject);
        self.plans.retain(|known| (&known.scenario, &known.profile) != (&plan.scenario, &plan.profile));
        self.files.extend(hashes(&dir, subject.contents));
        self.plans.push(plan);
        self.plans.sort();
        let used: BTreeSet<&String> = self.plans.iter().flat_map(|plan| &plan.files).collect();
        self.files.retain(|file, _| used.contains(file));
        self.version = Self::VERSION;
    }

    /// Takes every plan of a scenario out.
    pub fn take_out(&mut self, path: &Path, scenario: &Path) {
        let name = relative(&dir_of(path), scenario);
        self.plans.retain(|plan| plan.scenario != name);
    }

    /// Scenarios and cells in it, profiles apart.
    pub fn counts(&self) -> (usize, usize, usize) {
        let plain = || self.plans.iter().filter(|plan| plan.profile.is_none());
        (plain().count(), plain().map(|plan| plan.cells.len()).sum(), self.files.len())
    }

    /// What a plan rests on that is not as it is locked; nothing when all is.
    pub fn drift(&self, path: &Path, subject: &LockSubject<'_>) -> Vec<Drift> {
        let dir = dir_of(path);
        let now = locked(&dir, subject);
        let was = self.plans.iter().find(|plan| (&plan.scenario, &plan.profile) == (&now.scenario, &now.profile));
        let Some(was) = was else {
            let of = now.profile.map(|profile| format!(" with the profile {profile}")).unwrap_or_default();
            return vec![Drift {
                kind: "added",
                what: now.scenario + &of,
                how: "the lock does not have it".to_owned(),
            }];
        };
        let mut drift = self.drift_of_files(was, &now, &hashes(&dir, subject.contents));
        let by_files = drift.iter().map(|one| one.what.clone()).collect::<Vec<_>>().join(", ");
        drift.extend(drift_of_cells(was, &now, subject.whole, &by_files));
        if was.repeats != now.repeats {
            let how = format!("{} -> {}", was.repeats, now.repeats);
            drift.push(Drift { kind: "changed", what: format!("{}: load.repeats", now.scenario), how });
        }
        drift
    }

    fn drift_of_files(&self, was: &LockedPlan, now: &LockedPlan, hashes: &BTreeMap<String, String>) -> Vec<Drift> {
        let (short, mut drift) = (|hash: Option<&String>| shortened(hash.map_or("-", String::as_str)), Vec::new());
        for file in was.files.union(&now.files) {
            let (before, after) = (self.files.get(file), hashes.get(file));
            let (kind, how) = match (was.files.contains(file), now.files.contains(file)) {
                (true, true) if before == after => continue,
                (true, true) => ("changed", format!("{} -> {}", short(before), short(after))),
                (true, false) => ("removed", short(before)),
                (false, _) => ("added", short(after)),
            };
            drift.push(Drift { kind, what: file.clone(), how });
        }
        drift
    }

    /// The scenarios of a directory that are locked and no longer there.
    pub fn gone(&self, path: &Path, dir: &Path, there: &[PathBuf]) -> Vec<Drift> {
        let lock_dir = dir_of(path);
        let below = relative(&lock_dir, dir);
        let there: BTreeSet<String> = there.iter().map(|file| relative(&lock_dir, file)).collect();
        let is_below = |file: &str| below == "." || file.starts_with(&format!("{below}/"));
        let gone: BTreeSet<&String> = self
            .plans
            .iter()
            .map(|plan| &plan.scenario)
            .filter(|file| is_below(file) && !there.contains(*file))
            .collect();
        gone.into_iter().map(|file| Drift { kind: "removed", what: file.clone(), how: String::new() }).collect()
    }

    /// Writes it, atomically.
    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        write_atomic(path, self.text().as_bytes())
    }

    /// The file's text: the same for the same content.
    pub fn text(&self) -> String {
        let mut text = format!(
            "# What the results of these scenarios rest on. Written by `infersweep lock`; kept in version control;\n\
             # `--locked` refuses what differs.\nversion = {}\n\n[files]\n",
            Self::VERSION
        );
        // Writing to a string cannot fail.
        for (file, hash) in &self.files {
            let _ = writeln!(text, "{} = \"{hash}\"", quoted(file));
        }
        for plan in &self.plans {
            let _ = write!(text, "\n[[plan]]\nscenario = {}\n", quoted(&plan.scenario));
            if let Some(profile) = &plan.profile {
                let _ = writeln!(text, "profile = {}", quoted(profile));
            }
            let _ = writeln!(text, "repeats = {}", plan.repeats);
            if !plan.files.is_empty() {
                let _ = writeln!(text, "files = [");
                for file in &plan.files {
                    let _ = writeln!(text, "    {},", quoted(file));
                }
                let _ = writeln!(text, "]");
            }
            let _ = writeln!(text, "\n[plan.cells]");
            for (cell, digest) in &plan.cells {
                let _ = writeln!(text, "{} = \"{digest}\"", quoted(cell));
            }
        }
        text
    }
}

/// Cells that came, went or changed.
fn drift_of_cells(was: &LockedPlan, now: &LockedPlan, whole: bool, by_files: &str) -> Vec<Drift> {
    let cells = |kind, names: Vec<&String>, how: String| {
        let shown: Vec<&str> = names.iter().take(LockFile::MOST_NAMED).map(|name| name.as_str()).collect();
        let rest = names.len() - shown.len();
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let what = format!("{}: {}{more}", now.scenario, shown.join(", "));
        (!names.is_empty()).then_some(Drift { kind, what, how })
    };
    let added = now.cells.keys().filter(|cell| !was.cells.contains_key(*cell)).collect();
    let gone = was.cells.keys().filter(|cell| whole && !now.cells.contains_key(*cell)).collect();
    let other = now.cells.iter().filter(|(cell, digest)| was.cells.get(*cell).is_some_and(|was| was != *digest));
    let why = if by_files.is_empty() {
        "by the scenario, what it extends, --set or the environment".to_owned()
    } else {
        format!("with {by_files}")
    };
    [
        cells("added", added, "cells".to_owned()),
        cells("removed", gone, "cells".to_owned()),
        cells("changed", other.map(|(cell, _)| cell).collect(), why),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn locked(dir: &Path, subject: &LockSubject<'_>) -> LockedPlan {
    LockedPlan {
        scenario: relative(dir, subject.path),
        profile: subject.profile.map(str::to_owned),
        repeats: subject.repeats,
        files: hashes(dir, subject.contents).into_keys().collect(),
        cells: subject.plan.in_full().cells.into_iter().map(|cell| (cell.id.to_string(), cell.digest.0)).collect(),
    }
}

fn hashes(dir: &Path, contents: &ContentHashes) -> BTreeMap<String, String> {
    contents.iter().map(|(file, hash)| (relative(dir, file), hash.clone())).collect()
}

fn shortened(hash: &str) -> String {
    hash.chars().take(8).collect()
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn dir_of(lock: &Path) -> PathBuf {
    absolute(lock).parent().map(Path::to_owned).unwrap_or_default()
}

/// A path from the root, without `.` and `..`; links stay as they are named.
fn absolute(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// `path` as it is named from `dir`, with slashes.
fn relative(dir: &Path, path: &Path) -> String {
    let (dir, path) = (absolute(dir), absolute(path));
    let common = dir.components().zip(path.components()).take_while(|(one, other)| one == other).count();
    let up = dir.components().skip(common).map(|_| "..".to_owned());
    let down = path.components().skip(common).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Cell, CellDigest, CellId};
    use crate::scenario::Axes;

    fn plan(cells: &[(&str, &str)]) -> Plan {
        let cell = |(id, digest): &(&str, &str)| Cell {
            id: CellId::new(*id),
            axes: Axes::default(),
            requests: None,
            row_tokens: None,
            unverified: false,
            parts: std::sync::Arc::default(),
            digest: CellDigest((*digest).to_owned()),
        };
        Plan { cells: cells.iter().map(cell).collect(), ..Plan::default() }
    }

    fn contents(files: &[(&str, &str)]) -> ContentHashes {
        files.iter().map(|(file, hash)| (PathBuf::from(file), (*hash).to_owned())).collect()
    }

    fn subject<'p>(plan: &'p Plan, contents: &'p ContentHashes) -> LockSubject<'p> {
        LockSubject { path: Path::new("s/a.toml"), profile: None, repeats: 1, plan, contents, whole: true }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written_and_says_nothing_of_itself() {
        let (plan, contents) =
            (plan(&[("b", "2"), ("a", "1")]), contents(&[("p/x.yaml", "aaaa"), ("s/d.jsonl", "bbbb")]));
        let path = Path::new("s/infersweep.lock");
        let mut lock = LockFile::default();
        lock.put(path, &subject(&plan, &contents));
        lock.put(path, &LockSubject { profile: Some("quick"), ..subject(&plan, &contents) });
        lock.put(path, &subject(&plan, &contents));
        assert!(
            lock.text().contains("[files]\n\"../p/x.yaml\" = \"aaaa\"\n\"d.jsonl\" = \"bbbb\"\n"),
            "{}",
            lock.text()
        );
        let read: LockFile = toml::from_str(&lock.text()).unwrap();
        assert_eq!(read, lock);
        assert_eq!(lock.plans.len(), 2);
        assert_eq!(lock.drift(path, &subject(&plan, &contents)), []);
        lock.take_out(path, Path::new("s/a.toml"));
        assert_eq!(lock.counts(), (0, 0, 2));
    }

    #[test]
    fn drift_says_what_differs() {
        let path = Path::new("s/infersweep.lock");
        let (before, files) = (plan(&[("a", "1"), ("b", "1")]), contents(&[("s/x", "111111111"), ("s/y", "2")]));
        let mut lock = LockFile::default();
        lock.put(path, &subject(&before, &files));
        let said = |cells: &[(&str, &str)], files: &[(&str, &str)], repeats, whole| {
            let (plan, contents) = (plan(cells), contents(files));
            let subject = LockSubject { repeats, whole, ..subject(&plan, &contents) };
            lock.drift(path, &subject).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let same = &[("s/x", "111111111"), ("s/y", "2")];
        assert_eq!(said(&[("a", "1")], same, 1, false), [""; 0], "a filter is no drift");
        assert_eq!(said(&[("a", "1"), ("b", "1")], same, 3, true), ["changed  a.toml: load.repeats  1 -> 3"]);
        assert_eq!(
            said(&[("a", "1"), ("c", "1")], same, 1, true),
            ["added    a.toml: c  cells", "removed  a.toml: b  cells"]
        );
        assert_eq!(
            said(&[("a", "2"), ("b", "2")], &[("s/x", "3333333333"), ("s/z", "4")], 1, true),
            [
                "changed  x  11111111 -> 33333333",
                "removed  y  2",
                "added    z  4",
                "changed  a.toml: a, b  with x, y, z"
            ]
        );
        let other = LockSubject { path: Path::new("s/other.toml"), ..subject(&before, &files) };
        assert_eq!(lock.drift(path, &other)[0].to_string(), "added    other.toml  the lock does not have it");
        assert_eq!(lock.gone(path, Path::new("s"), &[])[0].to_string(), "removed  a.toml");
        assert_eq!(lock.gone(path, Path::new("s/deeper"), &[]), []);
    }

    #[test]
    fn paths_are_relative_to_the_lock() {
        for (dir, path, expected) in [
            ("a/b", "a/b/c.toml", "c.toml"),
            ("a/b", "a/../a/x/y", "../x/y"),
            ("a", "a", "."),
            ("a/b", "./c", "../../c"),
        ] {
            assert_eq!(relative(Path::new(dir), Path::new(path)), expected);
        }
    }
}

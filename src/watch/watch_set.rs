use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};

/// Links that are gone through for one file before it counts as one that leads nowhere.
const MOST_LINKS: usize = 40;

/// Which names lead to some files, and which directories hold those names.
///
/// Directories are watched, not files: a save that writes a new file and renames it over the old one leaves nothing
/// of what a watch on the file would hold on to. Every directory on the way is watched too, and every link, since
/// each may be replaced, or not be there yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchSet {
    names: BTreeSet<PathBuf>,
    directories: BTreeSet<PathBuf>,
    /// Directories of which every entry counts.
    whole: BTreeSet<PathBuf>,
}

/// What makes one [`WatchSet`] of another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchChange {
    /// Directories to watch from now on, outer ones first.
    pub added: Vec<PathBuf>,
    /// Directories to watch no longer.
    pub removed: Vec<PathBuf>,
}

impl WatchSet {
    /// The set of these absolute paths; `link` is the target of a path that is a symbolic link.
    pub fn of<'p>(files: impl IntoIterator<Item = &'p Path>, link: impl Fn(&Path) -> Option<PathBuf>) -> Self {
        let mut set = Self::default();
        for file in files {
            set.add(file, &link);
        }
        set
    }

    /// The same set, with every entry of these absolute directories, also of those that come to be.
    #[must_use]
    pub fn with_whole<'p>(
        mut self,
        directories: impl IntoIterator<Item = &'p Path>,
        link: impl Fn(&Path) -> Option<PathBuf>,
    ) -> Self {
        for directory in directories {
            if let Some(end) = self.add(directory, &link) {
                self.directories.insert(end.clone());
                self.whole.insert(end);
            }
        }
        self
    }

    /// Adds the way to a path; returns where it ends, behind all links.
    fn add(&mut self, file: &Path, link: &impl Fn(&Path) -> Option<PathBuf>) -> Option<PathBuf> {
        let mut path = file.to_owned();
        for _ in 0..MOST_LINKS {
            match self.walk(&path, link) {
                ControlFlow::Continue(led_to) => path = led_to,
                ControlFlow::Break(end) => return Some(end),
            }
        }
        None
    }

    /// Adds every name on the way to a path up to its first link, and goes on where that leads; without one, breaks
    /// with the path's end.
    fn walk(&mut self, path: &Path, link: &impl Fn(&Path) -> Option<PathBuf>) -> ControlFlow<PathBuf, PathBuf> {
        let mut at = PathBuf::new();
        let mut parts = path.components();
        while let Some(part) = parts.next() {
            match part {
                Component::Prefix(_) | Component::RootDir => at.push(part),
                Component::CurDir => {}
                Component::ParentDir => {
                    at.pop();
                }
                Component::Normal(name) => {
                    self.directories.insert(at.clone());
                    at.push(name);
                    self.names.insert(at.clone());
                    if let Some(target) = link(&at) {
                        at.pop();
                        return ControlFlow::Continue(at.join(target).join(parts.as_path()));
                    }
                }
            }
        }
        ControlFlow::Break(at)
    }

    /// Whether something that happened to this path may have changed a file of the set.
    #[must_use]
    pub fn concerns(&self, path: &Path) -> bool {
        self.names.contains(path) || path.parent().is_some_and(|parent| self.whole.contains(parent))
    }

    /// Whether every entry of a directory counts.
    #[must_use]
    pub fn is_whole(&self, directory: &Path) -> bool {
        self.whole.contains(directory)
    }

    /// The directories to watch, outer ones first; some may not be there.
    pub fn directories(&self) -> impl Iterator<Item = &Path> {
        self.directories.iter().map(PathBuf::as_path)
    }

    /// What to watch more and what no longer to come here from `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> WatchChange {
        WatchChange {
            added: self.directories.difference(&earlier.directories).cloned().collect(),
            removed: earlier.directories.difference(&self.directories).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(files: &[&str], links: &[(&str, &str)]) -> WatchSet {
        WatchSet::of(files.iter().map(Path::new), |path| {
            links.iter().find(|(from, _)| Path::new(from) == path).map(|(_, to)| PathBuf::from(to))
        })
    }

    fn shown<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Vec<String> {
        paths.into_iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn every_name_on_the_way_counts_and_no_other() {
        let links = [("/w/d", "../real/d"), ("/real/d/b", "/else/c"), ("/loop", "/loop")];
        for (file, directories, concerned) in [
            ("/w/x.toml", &["/", "/w"][..], &["/w/x.toml", "/w"][..]),
            ("/w/./p/../x.toml", &["/", "/w"], &["/w/x.toml", "/w", "/w/p"]),
            ("/w/d/a", &["/", "/real", "/real/d", "/w"], &["/w/d", "/real", "/real/d", "/real/d/a"]),
            ("/w/d/b", &["/", "/else", "/real", "/real/d", "/w"], &["/real/d/b", "/else", "/else/c"]),
            ("/loop", &["/"], &["/loop"]),
        ] {
            let set = set(&[file], &links);
            assert_eq!(shown(set.directories()), directories, "{file}");
            for name in concerned {
                assert!(set.concerns(Path::new(name)), "{file}: {name}");
            }
            for name in ["/w/y.toml", "/w/x.toml~", "/w/.x.toml.swp", "/real/other", "/"] {
                assert!(!set.concerns(Path::new(name)), "{file}: {name}");
            }
        }
    }

    #[test]
    fn every_entry_of_a_whole_directory_counts_and_nothing_below_its_entries() {
        let link = |path: &Path| (path == Path::new("/w/s")).then(|| PathBuf::from("real"));
        let set = set(&["/w/y"], &[]).with_whole([Path::new("/w/s")], link);
        assert_eq!(shown(set.directories()), ["/", "/w", "/w/real"]);
        for (path, counts) in
            [("/w/real/a", true), ("/w/s", true), ("/w/real", true), ("/w/real/a/b", false), ("/w/z", false)]
        {
            assert_eq!(set.concerns(Path::new(path)), counts, "{path}");
        }
        assert!(set.is_whole(Path::new("/w/real")) && !set.is_whole(Path::new("/w")));
    }

    #[test]
    fn a_change_of_the_set_is_what_is_more_and_what_is_less() {
        let (one, two) = (set(&["/w/a/x", "/w/y"], &[]), set(&["/w/y", "/w/b/c/z"], &[]));
        let change = two.since(&one);
        assert_eq!(shown(change.added.iter().map(PathBuf::as_path)), ["/w/b", "/w/b/c"], "outer ones first");
        assert_eq!(shown(change.removed.iter().map(PathBuf::as_path)), ["/w/a"]);
        assert_eq!(two.since(&two), WatchChange::default());
    }
}

use std::collections::BTreeSet;
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

    fn add(&mut self, file: &Path, link: &impl Fn(&Path) -> Option<PathBuf>) {
        let mut path = file.to_owned();
        for _ in 0..MOST_LINKS {
            match self.walk(&path, link) {
                Some(led_to) => path = led_to,
                None => return,
            }
        }
    }

    /// Adds every name on the way to a path up to its first link; returns where that leads.
    fn walk(&mut self, path: &Path, link: &impl Fn(&Path) -> Option<PathBuf>) -> Option<PathBuf> {
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
                        return Some(at.join(target).join(parts.as_path()));
                    }
                }
            }
        }
        None
    }

    /// Whether something that happened to this path may have changed a file of the set.
    #[must_use]
    pub fn concerns(&self, path: &Path) -> bool {
        self.names.contains(path)
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
    fn a_change_of_the_set_is_what_is_more_and_what_is_less() {
        let (one, two) = (set(&["/w/a/x", "/w/y"], &[]), set(&["/w/y", "/w/b/c/z"], &[]));
        let change = two.since(&one);
        assert_eq!(shown(change.added.iter().map(PathBuf::as_path)), ["/w/b", "/w/b/c"], "outer ones first");
        assert_eq!(shown(change.removed.iter().map(PathBuf::as_path)), ["/w/a"]);
        assert_eq!(two.since(&two), WatchChange::default());
    }
}

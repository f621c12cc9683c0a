use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What files looked like: enough to see that one was written or replaced, without reading it.
#[derive(Debug, Clone, Default)]
pub struct Stamps(BTreeMap<PathBuf, Option<Stamp>>);

/// A file that is there.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    content: Content,
    /// When anything about it changed, also its name or its rights.
    touched_ns: i128,
}

/// What hangs on a file's content, as far as its entry shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content {
    /// Device and number: a file that was renamed over another has its own.
    inode: (u64, u64),
    bytes: u64,
    modified_ns: i128,
}

/// By so much the time of a file may lag behind the clock: the kernel takes it from its last tick.
const TICK_NS: i128 = 10_000_000;

impl Stamps {
    /// What these files look like now.
    pub fn of<'p>(files: impl IntoIterator<Item = &'p Path>) -> Self {
        Self(files.into_iter().map(|path| (path.to_owned(), Stamp::of(path))).collect())
    }

    /// The files that look otherwise than in `earlier`, and those that it does not know and that were touched at
    /// `since_unix_ns` or later.
    #[must_use]
    pub fn changed(&self, earlier: &Self, since_unix_ns: i64) -> Vec<PathBuf> {
        let since_ns = i128::from(since_unix_ns) - TICK_NS;
        let is_changed = |path: &Path, stamp: &Option<Stamp>| match earlier.0.get(path) {
            Some(known) => known.map(|known| known.content) != stamp.map(|stamp| stamp.content),
            None => stamp.is_some_and(|stamp| stamp.touched_ns >= since_ns),
        };
        self.0.iter().filter(|(path, stamp)| is_changed(path, stamp)).map(|(path, _)| path.clone()).collect()
    }

    /// The files.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            content: Content {
                inode: (metadata.dev(), metadata.ino()),
                bytes: metadata.len(),
                modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            },
            touched_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn whatever_happens_to_a_file_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["same", "written", "replaced", "gone"] {
            fs::write(path(name), "1").unwrap();
        }
        fs::write(path("other"), "1").unwrap();
        let names = ["same", "written", "replaced", "gone", "new"].map(path);
        let earlier = Stamps::of(names.iter().map(PathBuf::as_path));
        assert!(earlier.changed(&earlier, 0).is_empty());
        fs::write(path("written"), "12").unwrap();
        fs::rename(path("other"), path("replaced")).unwrap();
        fs::remove_file(path("gone")).unwrap();
        fs::write(path("new"), "1").unwrap();
        fs::set_permissions(path("same"), fs::Permissions::from_mode(0o600)).unwrap();
        let now = Stamps::of(names.iter().map(PathBuf::as_path));
        assert_eq!(now.changed(&earlier, 0), ["gone", "new", "replaced", "written"].map(path));
    }

    #[test]
    fn a_file_that_is_new_to_the_set_has_changed_when_it_was_touched_since() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("late");
        fs::write(&path, "1").unwrap();
        let now = Stamps::of([path.as_path()]);
        assert_eq!(now.changed(&Stamps::default(), 0), [path]);
        assert!(now.changed(&Stamps::default(), i64::MAX).is_empty());
    }
}

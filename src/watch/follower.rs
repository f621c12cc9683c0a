use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::{Config, Event, EventKindMask, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::{Stamps, WatchSet};

/// Follows files wherever their names lead, by watching directories.
///
/// Wakes whoever asked, from a thread of its own, when one of the files may have changed;
/// [`changed`](Self::changed) then says which did.
pub struct Follower {
    watcher: RecommendedWatcher,
    set: Arc<Mutex<WatchSet>>,
    /// The directories that are watched and which each was: one that is replaced is another.
    watched: BTreeMap<PathBuf, (u64, u64)>,
    stamps: Stamps,
    /// Directories of which every entry wakes, absolute.
    whole: BTreeSet<PathBuf>,
}

/// Why files cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system gives no notices at all.
    #[error("files cannot be followed: {0}")]
    NoNotices(notify::Error),
    /// A directory takes no watch.
    #[error("{} cannot be watched: {error}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: notify::Error,
    },
}

impl Follower {
    /// Follows nothing yet. `wake` is called from another thread.
    pub fn start(wake: impl Fn() + Send + 'static) -> Result<Self, WatchError> {
        let set = Arc::new(Mutex::new(WatchSet::default()));
        let concerned = Arc::clone(&set);
        let notice = move |event: notify::Result<Event>| {
            let set = concerned.lock().unwrap_or_else(PoisonError::into_inner);
            // Notices that were lost, for want of room or by an error, may have been of anything.
            let is_apart = |event: Event| !event.need_rescan() && !event.paths.iter().any(|path| set.concerns(path));
            if !event.is_ok_and(is_apart) {
                wake();
            }
        };
        // Reading is no change: it is what a run does.
        let config = Config::default().with_event_kinds(EventKindMask::CORE);
        let watcher = RecommendedWatcher::new(notice, config).map_err(WatchError::NoNotices)?;
        Ok(Self { watcher, set, watched: BTreeMap::new(), stamps: Stamps::default(), whole: BTreeSet::new() })
    }

    /// Wakes also when an entry of one of these directories comes, goes or changes, from the next look on; what that
    /// means is for the caller to see.
    pub fn enter<'p>(&mut self, directories: impl IntoIterator<Item = &'p Path>) {
        self.whole = directories.into_iter().filter_map(|path| std::path::absolute(path).ok()).collect();
    }

    /// Follows these files from now on, and no others. Returns those that changed since the last look, and those that
    /// are new here and were touched at `since_unix_ns` or later: when reading them began.
    ///
    /// An error says which files are not followed; the others are.
    pub fn follow<'p>(
        &mut self,
        files: impl IntoIterator<Item = &'p Path>,
        since_unix_ns: i64,
    ) -> Result<Vec<PathBuf>, WatchError> {
        let files: BTreeSet<PathBuf> = files.into_iter().filter_map(|path| std::path::absolute(path).ok()).collect();
        // First watch, then look: what comes between is noticed by both.
        let watched = self.watch(&files);
        let now = Stamps::of(files.iter().map(PathBuf::as_path));
        let changed = now.changed(&self.stamps, since_unix_ns);
        self.stamps = now;
        watched.map(|()| changed)
    }

    /// The files that changed since the last look. Directories that were replaced or came to be are watched again.
    pub fn changed(&mut self) -> Result<Vec<PathBuf>, WatchError> {
        let files: Vec<PathBuf> = self.files().map(Path::to_owned).collect();
        self.follow(files.iter().map(PathBuf::as_path), i64::MAX)
    }

    /// The files that are followed, by their absolute paths.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.stamps.files()
    }

    /// Watches the directories of these files. Outer directories come first, so that one that comes to be meanwhile
    /// is noticed by the watch on the one around it.
    fn watch(&mut self, files: &BTreeSet<PathBuf>) -> Result<(), WatchError> {
        let link = |path: &Path| fs::read_link(path).ok();
        let wanted = WatchSet::of(files.iter().map(PathBuf::as_path), link)
            .with_whole(self.whole.iter().map(PathBuf::as_path), link);
        let before = std::mem::replace(&mut *self.set(), wanted.clone());
        for directory in wanted.since(&before).removed {
            self.forget(&directory);
        }
        let holds_a_file =
            |directory: &Path| wanted.is_whole(directory) || files.iter().any(|file| file.parent() == Some(directory));
        let mut worst = Ok(());
        for directory in wanted.directories() {
            // Without the right to read an outer directory, what happens to the inner ones is not noticed; no more.
            if let Err(error) = self.watch_directory(directory)
                && holds_a_file(directory)
            {
                worst = Err(error);
            }
        }
        worst
    }

    fn watch_directory(&mut self, path: &Path) -> Result<(), WatchError> {
        let inode = fs::metadata(path).ok().filter(fs::Metadata::is_dir).map(|now| (now.dev(), now.ino()));
        if self.watched.get(path).copied() == inode {
            return Ok(());
        }
        self.forget(path);
        let Some(inode) = inode else { return Ok(()) };
        match self.watcher.watch(path, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(path.to_owned(), inode);
                Ok(())
            }
            // Gone again: the directory around it tells when it is back.
            Err(_) if !path.is_dir() => Ok(()),
            Err(error) => Err(WatchError::Directory { path: path.to_owned(), error }),
        }
    }

    fn forget(&mut self, path: &Path) {
        if self.watched.remove(path).is_some() {
            // A watch on what is gone is gone by itself.
            let _ = self.watcher.unwatch(path);
        }
    }

    fn set(&self) -> MutexGuard<'_, WatchSet> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    /// Files of a directory, followed.
    struct Bench {
        dir: tempfile::TempDir,
        follower: Follower,
        woken: Receiver<()>,
    }

    impl Bench {
        fn following(prepare: impl Fn(&Path), names: &[&str]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            prepare(dir.path());
            let (sender, woken) = channel();
            // A test that is over listens no longer.
            let mut follower = Follower::start(move || sender.send(()).unwrap_or_default()).unwrap();
            let paths: Vec<PathBuf> = names.iter().map(|name| dir.path().join(name)).collect();
            assert!(follower.follow(paths.iter().map(PathBuf::as_path), i64::MAX).unwrap().is_empty());
            Self { dir, follower, woken }
        }

        /// Whether it is woken by what `act` does, and which files have changed then.
        fn after(&mut self, act: impl Fn(&Path)) -> (bool, Vec<String>) {
            act(self.dir.path());
            let woken = self.woken.recv_timeout(Duration::from_millis(500)).is_ok();
            while self.woken.recv_timeout(Duration::from_millis(20)).is_ok() {}
            let changed = self.follower.changed().unwrap();
            while self.woken.recv_timeout(Duration::from_millis(20)).is_ok() {}
            let name = |path: PathBuf| path.strip_prefix(self.dir.path()).unwrap().display().to_string();
            (woken, changed.into_iter().map(name).collect())
        }
    }

    fn write(dir: &Path, name: &str, text: &str) {
        fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
        fs::write(dir.join(name), text).unwrap();
    }

    fn rename(dir: &Path, from: &str, to: &str) {
        fs::rename(dir.join(from), dir.join(to)).unwrap();
    }

    #[test]
    fn every_way_to_save_is_noticed_again_and_again() {
        let mut bench = Bench::following(|dir| write(dir, "a", "0"), &["a"]);
        let changed = (true, vec!["a".to_owned()]);
        for round in 1..3 {
            let text = "1".repeat(round);
            assert_eq!(bench.after(|dir| write(dir, "a", &text)), changed, "written");
            let by_rename = |dir: &Path| {
                write(dir, "a.new", "23");
                rename(dir, "a.new", "a");
            };
            assert_eq!(bench.after(by_rename), changed, "renamed over");
            let by_backup = |dir: &Path| {
                rename(dir, "a", "a~");
                write(dir, "a", "456");
            };
            assert_eq!(bench.after(by_backup), changed, "moved away and written anew");
            assert_eq!(bench.after(|dir| fs::remove_file(dir.join("a")).unwrap()), changed, "gone");
            assert_eq!(bench.after(|dir| write(dir, "a", "7890")), changed, "back");
        }
        assert_eq!(bench.after(|dir| write(dir, "b", "1")), (false, vec![]), "another file");
        assert_eq!(bench.after(|dir| drop(fs::read(dir.join("a")))), (false, vec![]), "reading");
    }

    #[test]
    fn directories_may_appear_and_be_replaced() {
        let mut bench = Bench::following(|_| {}, &["p/q/a"]);
        let changed = (true, vec!["p/q/a".to_owned()]);
        assert_eq!(bench.after(|dir| fs::create_dir(dir.join("p")).unwrap()), (true, vec![]));
        assert_eq!(bench.after(|dir| write(dir, "p/q/a", "1")), changed, "two at once");
        assert_eq!(bench.after(|dir| write(dir, "p/q/a", "12")), changed);
        let replaced = |dir: &Path| {
            write(dir, "new/q/a", "3");
            rename(dir, "p", "old");
            rename(dir, "new", "p");
        };
        assert_eq!(bench.after(replaced), changed, "another directory of that name");
        assert_eq!(bench.after(|dir| write(dir, "p/q/a", "34")), changed, "and what is written there");
        assert_eq!(bench.after(|dir| fs::remove_dir_all(dir.join("p")).unwrap()), changed);
        assert_eq!(bench.after(|dir| write(dir, "p/q/a", "5")), changed);
    }

    #[test]
    fn whatever_comes_to_a_directory_that_was_entered_wakes() {
        let mut bench = Bench::following(|dir| write(dir, "s/a", "1"), &["s/a"]);
        let woken = (true, vec![]);
        assert_eq!(bench.after(|dir| write(dir, "s/b", "1")), (false, vec![]), "not entered");
        let entered = bench.dir.path().join("s");
        bench.follower.enter([entered.as_path()]);
        assert_eq!(bench.after(|_| {}), (false, vec![]), "a look begins it");
        assert_eq!(bench.after(|dir| write(dir, "s/c", "1")), woken, "a new file");
        assert_eq!(bench.after(|dir| fs::create_dir(dir.join("s/d")).unwrap()), woken, "a new directory");
        assert_eq!(bench.after(|dir| write(dir, "s/d/e", "1")), (false, vec![]), "that nobody entered");
        assert_eq!(bench.after(|dir| fs::remove_file(dir.join("s/b")).unwrap()), woken, "one that goes");
        assert_eq!(bench.after(|dir| write(dir, "s/a", "12")), (true, vec!["s/a".to_owned()]), "one that is followed");
    }

    #[test]
    fn a_link_is_followed_and_may_be_turned() {
        let link = |dir: &Path, to: &str| {
            std::os::unix::fs::symlink(to, dir.join("next")).unwrap();
            rename(dir, "next", "now");
        };
        let prepare = |dir: &Path| {
            write(dir, "v1/a", "1");
            write(dir, "v2/a", "1");
            link(dir, "v1");
        };
        let mut bench = Bench::following(prepare, &["now/a"]);
        let changed = (true, vec!["now/a".to_owned()]);
        assert_eq!(bench.after(|dir| write(dir, "v1/a", "12")), changed, "behind the link");
        assert_eq!(bench.after(|dir| link(dir, "v2")), changed, "the link itself");
        assert_eq!(bench.after(|dir| write(dir, "v2/a", "13")), changed, "where it leads now");
        assert_eq!(bench.after(|dir| write(dir, "v1/a", "123")), (false, vec![]), "where it led");
    }
}

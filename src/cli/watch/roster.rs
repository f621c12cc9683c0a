use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::exit::Failure;
use crate::scenario::{Glance, Places, Suite};

/// What the paths of the command line come to as files come and go: named files always, and the scenarios of named
/// directories.
pub(super) struct Roster {
    paths: Vec<PathBuf>,
    tags: Vec<String>,
    directories: Vec<PathBuf>,
    /// Every file of the directories that may be a scenario or a base, as it was last seen, absolute.
    files: BTreeSet<PathBuf>,
}

impl Roster {
    pub(super) fn new(paths: &[PathBuf], tags: &[String]) -> Self {
        let directories = paths.iter().filter(|path| path.is_dir()).cloned().collect();
        Self { paths: paths.to_vec(), tags: tags.to_vec(), directories, files: BTreeSet::new() }
    }

    /// Whether scenarios may come and go.
    pub(super) fn is_suite(&self) -> bool {
        !self.directories.is_empty()
    }

    /// The scenarios that are there now; `is_known` tells those that were at the last look.
    pub(super) fn scenarios(&mut self, is_known: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Failure> {
        let files = self.listed();
        let found = Suite::find(&self.paths).map_err(Failure::usage)?.scenarios;
        let has_tag = |glance: &Glance| self.tags.is_empty() || glance.tags.iter().any(|tag| self.tags.contains(tag));
        // A file that does not read stays what it was: a broken base is no scenario, and hides the tags of those that
        // extend it. One that is new shows its faults.
        let was_none = |path: &Path| absolute(path).is_some_and(|path| self.files.contains(&path)) && !is_known(path);
        let wanted = |glance: &Glance| if glance.is_sound() { has_tag(glance) } else { !was_none(&glance.path) };
        let wanted = found.into_iter().filter(wanted).map(|glance| glance.path).collect();
        self.files = files;
        Ok(wanted)
    }

    /// Files that came or went since the last look at the scenarios.
    pub(super) fn changed(&self) -> Vec<PathBuf> {
        self.files.symmetric_difference(&self.listed()).cloned().collect()
    }

    /// Every file that may be a scenario or a base, as it was last seen.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// Whether a scenario of a directory is gone; one that is named is waited for.
    pub(super) fn has_left(&self, path: &Path) -> bool {
        !path.exists() && !self.paths.iter().any(|named| named == path)
    }

    /// The directories in which a scenario may appear.
    pub(super) fn places(&self) -> Vec<PathBuf> {
        self.below().flat_map(|places| places.directories).collect()
    }

    fn listed(&self) -> BTreeSet<PathBuf> {
        self.below().flat_map(|places| places.files).filter_map(|path| absolute(&path)).collect()
    }

    /// A directory that cannot be read now has nothing; the look at its scenarios says so.
    fn below(&self) -> impl Iterator<Item = Places> {
        self.directories.iter().map(|directory| Places::below(directory).unwrap_or_default())
    }
}

fn absolute(path: &Path) -> Option<PathBuf> {
    std::path::absolute(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const WHOLE: &str = "extends = \"base.toml\"\ntags = [\"t\"]\n[matrix]\n";
    const BASE: &str = "[endpoints.s]\n";

    #[test]
    fn scenarios_come_and_go_and_faults_make_none_of_a_base() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("base.toml"), BASE).unwrap();
        fs::write(path("a.toml"), WHOLE).unwrap();
        let named = path("named.toml");
        let mut roster = Roster::new(&[dir.path().to_owned(), named.clone()], &["t".to_owned()]);
        assert!(roster.is_suite());
        let known = std::cell::RefCell::new(Vec::new());
        let mut look = |what: &str, expected: &[&str]| {
            let found = roster.scenarios(|path| known.borrow().contains(&path.to_owned())).unwrap();
            assert_eq!(found, expected.iter().map(|name| path(name)).collect::<Vec<_>>(), "{what}");
            assert!(roster.changed().is_empty(), "{what}");
            known.replace(found);
        };
        look("one that is named and not there is waited for", &["a.toml", "named.toml"]);
        fs::write(path("base.toml"), "[").unwrap();
        look("a broken base", &["a.toml", "named.toml"]);
        fs::write(path("base.toml"), BASE).unwrap();
        fs::write(path("b.toml"), WHOLE).unwrap();
        fs::write(path("c.toml"), WHOLE.replace("t\"", "u\"")).unwrap();
        look("a new one, and one without the tag", &["a.toml", "b.toml", "named.toml"]);
        fs::write(path("d.toml"), "[matrix").unwrap();
        look("a new one that is broken", &["a.toml", "b.toml", "d.toml", "named.toml"]);
        fs::remove_file(path("a.toml")).unwrap();
        fs::remove_file(path("d.toml")).unwrap();
        look("two that go", &["b.toml", "named.toml"]);
        fs::create_dir(path("sub")).unwrap();
        assert_eq!(roster.places(), [dir.path().to_owned(), path("sub")]);
        fs::write(path("sub/e.toml"), WHOLE).unwrap();
        fs::remove_file(path("b.toml")).unwrap();
        assert_eq!(roster.changed(), [path("b.toml"), path("sub/e.toml")]);
        assert!(roster.has_left(&path("b.toml")) && !roster.has_left(&named) && !roster.has_left(&path("c.toml")));
    }
}

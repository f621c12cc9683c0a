//! Suites: which files of a directory are scenarios, and what a file says of itself before it is read in full.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::layers::read_file;
use super::tree::Node;
use crate::diagnostic::Faults;

/// Why a suite cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot read directory {}: {error}", path.display())]
pub struct SuiteError {
    /// The directory.
    pub path: PathBuf,
    /// What the system says.
    pub error: io::Error,
}

/// The scenarios that some paths come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Suite {
    /// Scenarios: those of a directory in order of path, otherwise as they were named; none twice.
    pub scenarios: Vec<Glance>,
    /// What was passed over, and why.
    pub skipped: Vec<Skipped>,
}

/// A file that looks like a scenario and is none, or that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why, as `it has no [matrix]`.
    pub why: String,
}

/// What a scenario file, with all that it extends, says of itself; right where the file is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glance {
    /// The file.
    pub path: PathBuf,
    /// Its `tags`.
    pub tags: Vec<String>,
    /// The names of its `[profiles]`.
    pub profiles: Vec<String>,
    has_matrix: bool,
    has_endpoints: bool,
    sound: bool,
    /// The files under it.
    bases: Vec<PathBuf>,
}

impl Suite {
    /// The scenarios of files and directories. A named file is one; of a directory, every `*.toml` below it that has
    /// a `[matrix]`, its own or one that it extends. Run directories and hidden ones are not entered.
    pub fn find(paths: &[PathBuf]) -> Result<Self, SuiteError> {
        let (mut suite, mut known) = (Self::default(), BTreeSet::new());
        for path in paths {
            if !path.is_dir() {
                suite.add(Glance::at(path), &mut known);
                continue;
            }
            let Places { files, hidden, .. } = Places::below(path)?;
            suite.skipped.extend(hidden.into_iter().map(|path| Skipped { path, why: "it is hidden".to_owned() }));
            let glances: Vec<Glance> = files.iter().map(|file| Glance::at(file)).collect();
            let bases: BTreeSet<PathBuf> = glances.iter().flat_map(|glance| glance.bases.iter().cloned()).collect();
            for glance in glances {
                match glance.is_no_scenario(&bases) {
                    Some(why) => suite.skipped.push(Skipped { path: glance.path, why: why.to_owned() }),
                    None => suite.add(glance, &mut known),
                }
            }
        }
        Ok(suite)
    }

    fn add(&mut self, glance: Glance, known: &mut BTreeSet<PathBuf>) {
        if known.insert(real(&glance.path)) {
            self.scenarios.push(glance);
        }
    }
}

impl Glance {
    /// Looks at a file; one that does not read says nothing of itself.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        let (mut files, mut faults) = (Vec::new(), Faults::default());
        let Some(tree) = read_file(path, &mut files, &mut faults) else {
            return Self { path: path.to_owned(), ..Self::default() };
        };
        let entries = |key: &str| tree.get(key).map(Node::entries).unwrap_or_default();
        let tags = tree.get("tags").map(Node::items).unwrap_or_default();
        Self {
            path: path.to_owned(),
            tags: tags.iter().filter_map(Node::scalar).collect(),
            profiles: entries("profiles").iter().map(|entry| entry.key.clone()).collect(),
            has_matrix: tree.get("matrix").is_some(),
            has_endpoints: tree.get("endpoints").is_some(),
            sound: !faults.has_errors(),
            bases: files.iter().skip(1).map(|file| real(file)).collect(),
        }
    }

    /// Whether the file, and all that it extends, reads: a broken one says little of itself.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.sound
    }

    /// Why a file of a directory is none of its scenarios. A faulty one is: its faults are to be seen.
    fn is_no_scenario(&self, bases: &BTreeSet<PathBuf>) -> Option<&'static str> {
        let is_base = bases.contains(&real(&self.path));
        match (self.has_matrix, is_base) {
            _ if !self.sound => None,
            (false, true) => Some("others extend it, and it has no [matrix]"),
            (false, false) => Some("it has no [matrix]"),
            (true, true) if !self.has_endpoints => Some("others extend it, and it has no [endpoints]"),
            _ => None,
        }
    }
}

/// What lies below a directory of scenarios. Results and hidden directories are not entered.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Places {
    /// Every `*.toml` that is not hidden, in order of path: scenarios and their bases.
    pub files: Vec<PathBuf>,
    /// The directories that were entered, the first itself.
    pub directories: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
}

impl Places {
    /// Those of a directory.
    pub fn below(dir: &Path) -> Result<Self, SuiteError> {
        let mut places = Self::default();
        places.enter(dir)?;
        places.files.sort();
        Ok(places)
    }

    fn enter(&mut self, dir: &Path) -> Result<(), SuiteError> {
        let failed = |error| SuiteError { path: dir.to_owned(), error };
        self.directories.push(dir.to_owned());
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            // A link to a directory may lead round in a circle, as `latest` leads into results.
            let is_dir = entry.file_type().map_err(failed)?.is_dir();
            // The frozen scenarios of runs are results, not part of a suite.
            if is_dir && !hidden && !path.join("manifest.json").is_file() {
                match self.enter(&path) {
                    // It went away meanwhile.
                    Err(gone) if gone.error.kind() == io::ErrorKind::NotFound => {}
                    entered => entered?,
                }
            } else if path.is_file() && path.extension().is_some_and(|extension| extension == "toml") {
                if hidden { self.hidden.push(path) } else { self.files.push(path) }
            }
        }
        Ok(())
    }
}

/// One name for one file.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    const WHOLE: &str = "tags = [\"nightly\"]\n[endpoints.s]\n[matrix]\n[profiles.quick]\n";

    #[test]
    fn a_directory_has_the_scenarios_below_it_in_order_and_says_what_it_skips() {
        let dir = tree(&[
            ("b.toml", WHOLE),
            ("a/z.toml", "extends = \"../base.toml\"\n"),
            ("a/deep/m.toml", "extends = \"../../shape.toml\"\n[endpoints.s]\n"),
            ("base.toml", WHOLE),
            ("shape.toml", "[matrix]\n"),
            ("common.toml", "[endpoints.s]\n"),
            ("c.toml", "extends = \"common.toml\"\n[matrix]\n"),
            ("other.toml", "[package]\n"),
            ("broken.toml", "[matrix\n"),
            (".hidden.toml", WHOLE),
            (".git/x.toml", WHOLE),
            ("results/b/run/scenario.toml", WHOLE),
            ("results/b/run/manifest.json", "{}"),
            ("infersweep.lock", WHOLE),
        ]);
        let suite = Suite::find(&[dir.path().to_owned()]).unwrap();
        let name = |path: &Path| path.strip_prefix(dir.path()).unwrap().display().to_string();
        let found: Vec<String> = suite.scenarios.iter().map(|glance| name(&glance.path)).collect();
        assert_eq!(found, ["a/deep/m.toml", "a/z.toml", "b.toml", "base.toml", "broken.toml", "c.toml"]);
        let skipped: Vec<String> =
            suite.skipped.iter().map(|one| format!("{}: {}", name(&one.path), one.why)).collect();
        assert_eq!(
            skipped,
            [
                ".hidden.toml: it is hidden",
                "common.toml: others extend it, and it has no [matrix]",
                "other.toml: it has no [matrix]",
                "shape.toml: others extend it, and it has no [endpoints]",
            ]
        );
        let z = suite.scenarios.iter().find(|glance| glance.path.ends_with("a/z.toml")).unwrap();
        assert_eq!(
            (z.tags.as_slice(), z.profiles.as_slice()),
            (&["nightly".to_owned()][..], &["quick".to_owned()][..])
        );
    }

    #[test]
    fn a_named_file_is_a_scenario_whatever_is_in_it_and_none_comes_twice() {
        let dir = tree(&[("base.toml", ""), ("a.toml", WHOLE)]);
        let paths = [dir.path().join("base.toml"), dir.path().join("a.toml"), dir.path().to_owned()];
        let suite = Suite::find(&paths).unwrap();
        let found: Vec<&Path> = suite.scenarios.iter().map(|glance| glance.path.as_path()).collect();
        assert_eq!(found, [paths[0].as_path(), paths[1].as_path()]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_back_is_not_followed() {
        let dir = tree(&[("a.toml", WHOLE)]);
        std::os::unix::fs::symlink(".", dir.path().join("again")).unwrap();
        assert_eq!(Suite::find(&[dir.path().to_owned()]).unwrap().scenarios.len(), 1);
    }
}

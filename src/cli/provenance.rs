use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::plan::content_files;
use crate::scenario::Scenario;
use crate::store::{Build, LockFile, LockState, Provenance, SuiteState, hash_file};

/// Where the results of a scenario will come from, as it is now. What cannot be told is left out.
pub(super) fn provenance(path: &Path, scenario: &Scenario, locked: bool) -> Provenance {
    let now = jiff::ZonedDateTime::now();
    Provenance {
        build: Build::of_this_program(),
        suite: suite_state(scenario),
        lock: LockFile::nearest(path).and_then(|path| lock_state(&path, locked)),
        time_zone: now.time_zone().iana_name().map(str::to_owned),
        utc_offset: Some(now.strftime("%:z").to_string()),
    }
}

fn lock_state(path: &Path, held: bool) -> Option<LockState> {
    Some(LockState { path: path.display().to_string(), sha256: hash_file(path).ok()?, held })
}

fn suite_state(scenario: &Scenario) -> Option<SuiteState> {
    // A run without a file lies in no repository, even where it is called from one.
    let file = std::path::absolute(scenario.files.first()?).ok()?;
    let git = Git { dir: file.parent()?.to_owned() };
    let root = PathBuf::from(git.says(&["rev-parse", "--show-toplevel"])?);
    let commit = git.says(&["rev-parse", "--verify", "--quiet", "HEAD"]);
    let branch = git.says(&["symbolic-ref", "--short", "--quiet", "HEAD"]);
    let mut files: Vec<PathBuf> = scenario.files.clone();
    files.extend(content_files(scenario));
    let files: Vec<PathBuf> = files.iter().filter_map(|file| file.canonicalize().ok()).collect();
    let root = root.canonicalize().unwrap_or(root);
    // What lies elsewhere is known by its hash alone.
    let inside = files.iter().filter(|file| file.starts_with(&root));
    let mut words: Vec<String> = ["status", "--porcelain", "-z", "--no-renames", "--"].map(str::to_owned).into();
    words.extend(inside.map(|file| format!(":(literal,top){}", from(&root, file))));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let changed = lines_of_status(&git.says_raw(&words)?);
    let tracked = git.says(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(SuiteState {
        file: from(&root, &file.canonicalize().unwrap_or(file)),
        commit,
        branch,
        dirty: !tracked.is_empty() || !changed.is_empty(),
        changed,
    })
}

fn from(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

/// The paths of `git status --porcelain -z`: two letters and a space before each.
fn lines_of_status(text: &str) -> Vec<String> {
    text.split('\0').filter_map(|entry| entry.get(3..)).map(str::to_owned).collect()
}

/// The git of a directory, when there is one.
struct Git {
    dir: PathBuf,
}

impl Git {
    fn says(&self, words: &[&str]) -> Option<String> {
        Some(self.says_raw(words)?.trim().to_owned())
    }

    fn says_raw(&self, words: &[&str]) -> Option<String> {
        let mut git = Command::new("git");
        git.arg("-C").arg(&self.dir).args(words).stdin(Stdio::null()).stderr(Stdio::null());
        // Looking must not take the index's lock from somebody who works there.
        let output = git.env("GIT_OPTIONAL_LOCKS", "0").output().ok()?;
        if output.status.success() { String::from_utf8(output.stdout).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_status_are_found() {
        assert_eq!(lines_of_status(" M a b.toml\0?? new.yaml\0"), ["a b.toml", "new.yaml"]);
        assert_eq!(lines_of_status(""), [""; 0]);
    }
}

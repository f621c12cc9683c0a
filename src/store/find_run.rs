use std::fs;
use std::path::{Path, PathBuf};

use super::{Manifest, earlier_runs};
use crate::text::{nearest, one_of};

/// Why a word names no run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchRun {
    /// Nothing is called that.
    #[error("there is no run `{word}`{}", nearest.as_ref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default())]
    Unknown {
        /// What was written.
        word: String,
        /// The nearest scenario's name.
        nearest: Option<String>,
    },
    /// A scenario has fewer runs than that.
    #[error("`{word}`: {name} has {count} runs here")]
    TooFew {
        /// What was written.
        word: String,
        /// The scenario.
        name: String,
        /// Its runs.
        count: usize,
    },
    /// The part of an id fits several.
    #[error("`{word}` fits several runs: {fitting}")]
    Several {
        /// What was written.
        word: String,
        /// Some of them.
        fitting: String,
    },
}

/// Where a run is that a word names: a path; below `results` a scenario's name for its newest run, `NAME~2` for the
/// second before that, `NAME/ID`; or the id of a run of any scenario, or enough of its beginning or end.
pub fn find_run(results: &Path, word: &Path) -> Result<PathBuf, NoSuchRun> {
    if word.exists() {
        return Ok(word.to_owned());
    }
    let text = word.to_string_lossy().into_owned();
    let below = results.join(word);
    if below.join("latest").exists() {
        return Ok(below.join("latest"));
    }
    if below.exists() {
        return Ok(below);
    }
    if let Some((name, before)) = text.rsplit_once('~').and_then(|(name, n)| Some((name, n.parse::<usize>().ok()?))) {
        let runs = earlier_runs(results, name).map(|earlier| earlier.runs).unwrap_or_default();
        return match runs.get(before) {
            Some(run) => Ok(run.dir.path().to_owned()),
            None => Err(NoSuchRun::TooFew { word: text.clone(), name: name.to_owned(), count: runs.len() }),
        };
    }
    by_id(results, &text)
}

fn by_id(results: &Path, word: &str) -> Result<PathBuf, NoSuchRun> {
    let directories = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        found.sort();
        found
    };
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let scenarios = directories(results);
    let fits = |path: &PathBuf| {
        let id = name(path);
        !word.is_empty() && (id.starts_with(word) || id.ends_with(word)) && path.join(Manifest::FILE).is_file()
    };
    let mut fitting: Vec<PathBuf> = scenarios.iter().flat_map(|scenario| directories(scenario)).filter(fits).collect();
    match (fitting.pop(), fitting.as_slice()) {
        (Some(only), []) => Ok(only),
        (Some(last), others) => {
            let some: Vec<String> = others.iter().chain([&last]).take(3).map(|path| name(path)).collect();
            Err(NoSuchRun::Several { word: word.to_owned(), fitting: one_of(some.iter().map(String::as_str)) })
        }
        (None, _) => {
            let known: Vec<String> = scenarios.iter().map(|scenario| name(scenario)).collect();
            let nearest = nearest(word, known.iter().map(String::as_str)).map(str::to_owned);
            Err(NoSuchRun::Unknown { word: word.to_owned(), nearest })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RunDir;

    #[test]
    fn a_run_goes_by_path_name_distance_and_parts_of_its_id() {
        let out = tempfile::tempdir().unwrap();
        let run = |name: &str, second: i64, nonce| {
            let dir = RunDir::create(out.path(), name, second * 1_000_000_000, nonce).unwrap();
            Manifest::default().write(&dir).unwrap();
            dir.announce().unwrap();
            dir.path().to_owned()
        };
        let (old, new, other) = (run("small", 1, 1), run("small", 100, 2), run("large", 100, 3));
        let found = |word: &str| {
            find_run(out.path(), Path::new(word))
                .map(|path| path.canonicalize().unwrap())
                .map_err(|error| error.to_string())
        };
        let same = |path: &Path| Ok(path.canonicalize().unwrap());
        let id = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(found(&old.display().to_string()), same(&old));
        assert_eq!(found("small"), same(&new));
        assert_eq!(found("small~0"), same(&new));
        assert_eq!(found("small~1"), same(&old));
        assert_eq!(found("small/latest"), same(&new));
        assert_eq!(found(&format!("small/{}", id(&old))), same(&old));
        assert_eq!(found(&id(&other)), same(&other));
        assert_eq!(found(id(&new).rsplit('-').next().unwrap()), same(&new));
        assert_eq!(found("small~2"), Err("`small~2`: small has 2 runs here".to_owned()));
        assert_eq!(found("smal"), Err("there is no run `smal` (did you mean `small`?)".to_owned()));
        assert!(found("19700101T000140Z").unwrap_err().starts_with("`19700101T000140Z` fits several runs: "));
    }
}

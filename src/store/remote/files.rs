use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use super::Stage;
use crate::store::{Manifest, StoreError};

/// A file at one moment: another one by the same name looks different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) size: u64,
    changed: Option<SystemTime>,
}

/// The files of a run that are final, by their names within it.
///
/// Journals grow and hidden files are not whole yet: neither is listed. What is written beside a repeat's rows is final
/// when they are in their file.
pub(super) fn final_files(dir: &Path, stage: Stage) -> Result<BTreeMap<String, Look>, StoreError> {
    let mut found = BTreeMap::new();
    collect(dir, "", &mut found)?;
    if stage == Stage::UnderWay {
        let has_rows = |file: &str| {
            let unit = file.rsplit_once('.').map_or(file, |(unit, _)| unit);
            ["requests", "partial"].iter().any(|dir| found.contains_key(&format!("{dir}/{unit}.parquet")))
        };
        let is_final = |name: &str| match name.split_once('/') {
            Some(("responses" | "debug" | "hooks" | "server", file)) => has_rows(file),
            _ => true,
        };
        let growing: Vec<String> = found.keys().filter(|name| !is_final(name)).cloned().collect();
        for name in growing {
            found.remove(&name);
        }
    }
    Ok(found)
}

fn collect(dir: &Path, under: &str, found: &mut BTreeMap<String, Look>) -> Result<(), StoreError> {
    let wrong = |error| StoreError::io("read directory", dir)(error);
    for entry in fs::read_dir(dir).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = if under.is_empty() { name } else { format!("{under}/{name}") };
        let is_journal = ["partial", "server"].contains(&under) && !name.ends_with(".parquet");
        if entry.file_name().to_string_lossy().starts_with('.') || is_journal {
            continue;
        }
        // What went away meanwhile was not final.
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() {
            collect(&entry.path(), &name, found)?;
        } else if about.is_file() {
            found.insert(name, Look { size: about.len(), changed: about.modified().ok() });
        }
    }
    Ok(())
}

/// Names in the order in which they are sent: the manifest last, so that one that says `complete` is true.
pub(super) fn in_order(names: Vec<&String>) -> (Vec<&String>, Vec<&String>) {
    names.into_iter().partition(|name| *name != Manifest::FILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::write_atomic;

    #[test]
    fn journals_and_files_that_are_not_whole_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["manifest.json", "requests/a.0.parquet", "partial/b.0.parquet", "inputs/x/y.yaml", "hooks/a.0.log"]
        {
            write_atomic(&dir.path().join(name), b"x").unwrap();
        }
        fs::create_dir(dir.path().join("server")).unwrap();
        for name in ["partial/c.0.jsonl", "server/b.0.jsonl", ".writing-x", "requests/.writing-y"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        write_atomic(&dir.path().join("hooks/c.0.log"), b"x").unwrap();
        assert!(final_files(dir.path(), Stage::Over).unwrap().contains_key("hooks/c.0.log"));
        let found = final_files(dir.path(), Stage::UnderWay).unwrap();
        let names: Vec<&String> = found.keys().collect();
        assert_eq!(
            names,
            ["hooks/a.0.log", "inputs/x/y.yaml", "manifest.json", "partial/b.0.parquet", "requests/a.0.parquet"]
        );
        let (first, last) = in_order(names);
        assert_eq!((first.len(), last[0].as_str()), (4, "manifest.json"));
    }
}

//! The floors of the house hold: no module uses one above it.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the ground up; those of one row may use one another's types only downwards.
const FLOORS: &[&[&str]] = &[
    &["units", "time", "text", "diagnostic", "tokens", "seed", "cpus", "statistics"],
    &["scenario"],
    &["plan"],
    &["workload", "record"],
    &["client", "metrics"],
    &["load", "store"],
    &["run", "compare"],
    &["report", "convert", "calibrate"],
    &["watch", "ui", "launch"],
    &["cli"],
];

/// Modules that stand beside the floors: they use floor 0 only, and are used from `run` upwards.
const BESIDE: &[&str] = &["simulator"];

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|row| row.contains(&module))
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else { return found };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The modules that a source names by `crate::NAME`, also in `use crate::{a, b::c}`.
fn uses(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("crate::") {
        let rest = &text[start + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => top_level_items(list),
            None => vec![rest],
        };
        for name in names {
            let word: String = name.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push(word);
        }
    }
    found
}

/// The items of a brace list, without those nested in further braces.
fn top_level_items(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&list[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items
}

/// What `module` may not use although `text` does.
fn upward(module: &str, text: &str) -> Vec<String> {
    let mine = floor_of(module);
    uses(text)
        .into_iter()
        .filter(|used| used != module)
        .filter(|used| match (mine, floor_of(used)) {
            (None, Some(theirs)) => BESIDE.contains(&module) && theirs > 0,
            (Some(mine), None) => BESIDE.contains(&used.as_str()) && mine < 6,
            (Some(mine), Some(theirs)) => theirs > mine || (theirs == mine && mine > 0),
            (None, None) => false,
        })
        .collect()
}

#[test]
fn no_module_uses_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).unwrap();
        let module =
            inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if module == "main" || module == "lib" {
            continue;
        }
        assert!(
            floor_of(&module).is_some() || BESIDE.contains(&module.as_str()),
            "{module} stands on no floor: add it to FLOORS"
        );
        for used in upward(&module, &fs::read_to_string(&path).unwrap()) {
            wrong.push(format!("{} uses crate::{used}", inside.display()));
        }
    }
    assert!(wrong.is_empty(), "upward uses:\n{}", wrong.join("\n"));
}

#[test]
fn an_upward_use_is_noticed() {
    assert_eq!(upward("plan", "use crate::{units::Qps, client::{Api, Reply}};"), ["client"]);
    assert_eq!(upward("client", "use crate::metrics::Summary;"), ["metrics"]);
    assert_eq!(upward("simulator", "use crate::scenario::Api; use crate::time::Clock;"), ["scenario"]);
    assert!(upward("run", "use crate::simulator::Simulator; use crate::load::drive;").is_empty());
}

#[test]
fn files_stay_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut long = Vec::new();
    for dir in ["src", "tests", "benches"] {
        for path in sources(&root.join(dir)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            if lines > 420 {
                long.push(format!("{}: {lines} lines", path.strip_prefix(root).unwrap().display()));
            }
        }
    }
    assert!(long.is_empty(), "split by stage or variant:\n{}", long.join("\n"));
}

//! The corpus of scenarios: every faulty file with the exact text a user sees, every sound one with its values,
//! the schema and the examples.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use infersweep::diagnostic::{Style, render};
use infersweep::scenario::{AxisName, AxisValue, ReadOptions, Reading, Scenario, Unset, Variables, read, schema};
use serde_json::Value;
use snapbox::{Data, assert_data_eq};

const INVALID: &str = "tests/scenarios/invalid";
const VALID: &str = "tests/scenarios/valid";
const EXAMPLES: &str = "scenarios";

/// Paths of the scenarios of a folder, relative to the package, so that messages read alike everywhere.
fn scenarios(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

/// Reads a file with the options in its first lines: `#? set KEY=VALUE`, `#? profile NAME`, `#? env NAME=VALUE` and
/// `#? keep`, which keeps unset variables.
fn read_corpus(path: &Path) -> Reading {
    let text = std::fs::read_to_string(path).unwrap();
    let (mut set, mut profile, mut variables, mut unset) = (Vec::new(), None, BTreeMap::new(), Unset::Refuse);
    for option in text.lines().map_while(|line| line.strip_prefix("#? ")) {
        match option.split_once(' ') {
            Some(("set", setting)) => set.push(setting.to_owned()),
            Some(("profile", name)) => profile = Some(name),
            Some(("env", setting)) => {
                let (name, value) = setting.split_once('=').unwrap();
                variables.insert(name.to_owned(), value.to_owned());
            }
            None if option == "keep" => unset = Unset::Keep,
            _ => panic!("{}: no option `{option}`", path.display()),
        }
    }
    let variables = Variables::new(variables);
    read(path, &ReadOptions { variables: &variables, unset, set: &set, profile })
}

fn shown(reading: &Reading) -> String {
    format!("{}\n", render(&reading.faults, Style::Plain).replace("tests/scenarios/", ""))
}

/// A scenario that reads without any fault.
fn sound(path: &Path) -> Scenario {
    let reading = read_corpus(path);
    assert!(reading.faults.is_empty(), "{}", shown(&reading));
    reading.scenario.unwrap()
}

#[test]
fn every_faulty_scenario_says_what_is_wrong() {
    let files = scenarios(INVALID);
    let count = files.len();
    let mut wrong = Vec::new();
    for path in files {
        let reading = read_corpus(&path);
        assert!(!reading.faults.is_empty(), "{} has no fault", path.display());
        let expected = Data::read_from(&path.with_extension("stderr"), None);
        let one = std::panic::catch_unwind(|| assert_data_eq!(shown(&reading), expected.raw()));
        if one.is_err() {
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "messages differ in {wrong:?}; SNAPSHOTS=overwrite takes the new ones");
    assert!(count >= 38, "the corpus has shrunk to {count}");
}

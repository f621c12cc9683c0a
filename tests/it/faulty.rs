//! Every kind of fault, with its exact message: `tests/scenarios/invalid/NAME.toml` and `NAME.stderr`.
//!
//! `SNAPSHOTS=overwrite cargo test --test it faulty` updates the messages. A first line `#? set KEY=VALUE` or
//! `#? profile NAME` goes to the command line; `THE_VARIABLE` is set, others are not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use infersweep::diagnostic::{Code, Severity, Style, render};
use infersweep::scenario::{ReadOptions, Reading, Unset, Variables};
use snapbox::Data;

fn directory(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(kind)
}

fn scenarios(kind: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> Reading {
    let text = std::fs::read_to_string(path).unwrap();
    let option = |word: &str| {
        text.lines()
            .filter_map(|line| line.strip_prefix("#? ")?.strip_prefix(word))
            .map(|rest| rest.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let (set, profile) = (option("set "), option("profile "));
    let variables = Variables::new(BTreeMap::from([("THE_VARIABLE".to_owned(), "value".to_owned())]));
    let options = ReadOptions {
        variables: &variables,
        unset: Unset::Refuse,
        set: &set,
        profile: profile.first().map(String::as_str),
    };
    infersweep::scenario::read(path, &options)
}

/// The message without the path of this machine.
fn shown(reading: &Reading) -> String {
    let root = format!("{}/", directory("").display().to_string().trim_end_matches('/'));
    render(&reading.faults, Style::Plain).replace(&root, "") + "\n"
}

#[test]
fn every_fault_has_its_message() {
    let paths = scenarios("invalid");
    let faulty: Vec<&PathBuf> = paths.iter().filter(|path| !path.to_string_lossy().contains("base_")).collect();
    assert!(faulty.len() >= 40, "only {} faulty files", faulty.len());
    for path in faulty {
        let reading = read(path);
        assert!(!reading.faults.is_empty(), "{} is not faulty", path.display());
        snapbox::assert_data_eq!(shown(&reading), Data::read_from(&path.with_extension("stderr"), None).raw());
    }
}

#[test]
fn an_error_of_any_code_is_shown_by_some_file() {
    let readings: Vec<Reading> = scenarios("invalid").iter().map(|path| read(path)).collect();
    let has = |code| readings.iter().flat_map(|reading| &reading.faults).any(|fault| fault.code == code);
    for code in [
        Code::Syntax,
        Code::UnknownKey,
        Code::MissingKey,
        Code::WrongType,
        Code::BadValue,
        Code::UnknownName,
        Code::Conflict,
        Code::NotSupportedYet,
        Code::File,
        Code::Environment,
        Code::NoEffect,
    ] {
        assert!(has(code), "{}", code.as_str());
    }
}

#[test]
fn valid_files_have_no_fault() {
    for path in scenarios("valid") {
        let reading = read(&path);
        assert!(reading.faults.is_empty(), "{}", shown(&reading));
        assert!(reading.scenario.is_some());
    }
    let extended = read(&directory("valid").join("extends.toml")).scenario.unwrap();
    assert_eq!((extended.name.as_str(), extended.seed, extended.load.repeats), ("extends", 5, 3));
    assert_eq!(extended.endpoints[0].base_url.as_deref(), Some("http://127.0.0.1:9000/v1"));
    assert_eq!(extended.labels.len(), 2);
    assert_eq!(extended.files.len(), 2);
}

#[test]
fn a_key_that_was_pasted_is_not_repeated() {
    let reading = read(&directory("invalid").join("key_for_its_name.toml"));
    assert!(reading.faults.iter().all(|fault| fault.severity == Severity::Error));
    assert!(!shown(&reading).contains("sk-1234"), "{}", shown(&reading));
}

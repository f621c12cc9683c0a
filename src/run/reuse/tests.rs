//! What is taken from which run, and why the rest is not.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::plan::{ContentHashes, Plan, expand};
use crate::scenario::{ReadOptions, Scenario, Unset, Variables, read_text};
use crate::store::{Manifest, PlanFile, RepeatState, RunDir, RunState, ServerIdentity, UnitId};

const HOUR_NS: i64 = 3_600_000_000_000;
/// Now.
const NOW: i64 = 1_795_512_600_000_000_000;

fn scenario(more: &str) -> (Scenario, Plan) {
    let text = format!(
        "[endpoints.sim]\nbase_url = \"http://h/v1\"\n[matrix]\nmodel = \"m\"\ninput_tokens = 10\noutput_tokens = 5\n{more}"
    );
    let variables = Variables::new(BTreeMap::new());
    let options = ReadOptions { variables: &variables, unset: Unset::Keep, set: &[], profile: None };
    let scenario = read_text("s.toml".as_ref(), &text, &options).scenario.unwrap();
    let plan = expand(&scenario, &ContentHashes::new());
    (scenario, plan)
}

fn server(version: &str) -> ServerIdentity {
    ServerIdentity { version: Some(version.to_owned()), ..ServerIdentity::default() }
}

fn servers(version: &str) -> Servers {
    BTreeMap::from([("sim".to_owned(), server(version))])
}

/// Runs under a directory of their own.
struct Runs(tempfile::TempDir);

impl Runs {
    /// A run of `more`, so many hours ago, with these states of its repeats, cell by cell: `c` complete, `i` cut off,
    /// `p` pending, `g` complete with its rows gone.
    fn add(self, hours_ago: i64, more: &str, states: &str) -> Self {
        let (scenario, plan) = scenario(more);
        let end = NOW - hours_ago * HOUR_NS;
        let dir = RunDir::create(self.0.path(), "s", end, 0).unwrap();
        let mut manifest = Manifest { state: RunState::Complete, start_unix_ns: end, ..Manifest::default() };
        manifest.servers = servers("1");
        manifest.write(&dir).unwrap();
        let mut file = PlanFile::of(&plan, scenario.load.repeats);
        let mut states = states.chars();
        for cell in &mut file.cells {
            for repeat in &mut cell.repeats {
                let letter = states.next().unwrap();
                repeat.state = match letter {
                    'c' | 'g' => RepeatState::Complete,
                    'i' => RepeatState::Interrupted,
                    _ => RepeatState::Pending,
                };
                repeat.server = Some(server("1").fingerprint());
                repeat.end_unix_ns = Some(end);
                if letter == 'c' {
                    let unit = UnitId::new(cell.cell_id.clone(), repeat.repeat);
                    dir.write(&format!("requests/{unit}.parquet"), b"rows").unwrap();
                }
            }
        }
        file.write(&dir).unwrap();
        self
    }

    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn look_up(&self, more: &str, max_age: Option<Duration>, servers: Option<&Servers>) -> Vec<CellOutlook> {
        let (scenario, plan) = scenario(more);
        Reuse::read(self.0.path(), "s", max_age).unwrap().look_up(&scenario, &plan, servers, NOW)
    }

    /// What becomes of each cell, in words.
    fn states(&self, more: &str) -> Vec<String> {
        let words = |outlook: &CellOutlook| {
            let state = outlook.state();
            format!("{} {}", state.left, state.why)
        };
        self.look_up(more, None, None).iter().map(words).collect()
    }
}

const TWO: &str = "concurrency = [1, 2]\n[load]\nrequests = 4\nrepeats = 2\n";

#[test]
fn a_repeat_is_taken_from_the_newest_run_that_has_it() {
    let runs = Runs::new().add(5, TWO, "ccci").add(3, TWO, "cpgc");
    let outlooks = runs.look_up(TWO, None, Some(&servers("1")));
    let ages: Vec<Vec<Option<f64>>> = outlooks
        .iter()
        .map(|cell| {
            let age = |outlook: &Outlook| match outlook {
                Outlook::Reuse(source) => Some(source.age_s / 3600.0),
                Outlook::Run { .. } => None,
            };
            cell.repeats.iter().map(age).collect()
        })
        .collect();
    assert_eq!(ages, [[Some(3.0), Some(5.0)], [Some(5.0), Some(3.0)]]);
    assert!(outlooks[0].state().why.ends_with("5h old and 1 from later ones"), "{}", outlooks[0].state().why);
}

#[test]
fn what_is_not_taken_says_why() {
    let runs = Runs::new().add(3, TWO, "cigp");
    let name = "in ";
    for (more, expected) in [
        (TWO, ["1 cut off in ", "2 its rows are gone from "]),
        (&TWO.replace("repeats = 2", "repeats = 3"), ["2 cut off in ", "3 its rows are gone from "]),
        (&TWO.replace("requests = 4", "requests = 5"), ["2 requests 4 is now 5", "2 requests 4 is now 5"]),
        (&TWO.replace("[1, 2]", "[1, 3]"), ["1 cut off in ", "2 concurrency 2 is now 3"]),
        (
            &TWO.replace("[load]", "[prompt]\nunique = \"none\"\n[load]\nwarmup = 1"),
            ["2 load.warmup changed, prompt.unique changed", "2 load.warmup changed, prompt.unique changed"],
        ),
        (&TWO.replace("[1, 2]", "[1, 2]\nqps = 3\nmode = \"real_workload\""), ["2 new", ""]),
    ] {
        let states = runs.states(more);
        for (state, expected) in states.iter().zip(expected) {
            assert!(state.starts_with(expected), "{more}: {state} {name}");
        }
    }
    assert_eq!(Runs::new().states(TWO), ["2 no earlier run"; 2]);
}

#[test]
fn age_and_server_are_looked_at_where_they_are_known() {
    let runs = Runs::new().add(49, TWO, "cccc");
    let why = |max_age: Option<u64>, now: Option<&str>| {
        let servers = now.map(servers);
        let state =
            runs.look_up(TWO, max_age.map(|hours| Duration::from_secs(hours * 3600)), servers.as_ref())[0].state();
        (state.left, state.why)
    };
    assert_eq!(why(Some(50), Some("1")).0, 0);
    assert_eq!(why(Some(24), None), (2, "2d old, more than 1d".to_owned()));
    assert_eq!(why(None, Some("2")), (2, "the server of `sim`: version `1` is now `2`".to_owned()));
    assert_eq!(why(None, None).0, 0, "a plan asks no server");
}

#[test]
fn a_run_that_cannot_be_read_is_passed_over() {
    let runs = Runs::new().add(3, TWO, "cccc").add(2, TWO, "cccc");
    let newest = std::fs::read_dir(runs.0.path().join("s")).unwrap().map(|entry| entry.unwrap().path());
    let newest = newest.filter(|path| !path.is_symlink()).max().unwrap();
    std::fs::write(newest.join("plan.json"), "{\"format_version\": 99}").unwrap();
    let reuse = Reuse::read(runs.0.path(), "s", None).unwrap();
    assert!(reuse.unreadable()[0].1.to_string().contains("format version 99"), "{:?}", reuse.unreadable());
    assert!(runs.states(TWO)[0].starts_with("0 from "));
}

//! `calibrate`: the real engine against the simulator's stamps, in one process and in two.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::tool::Bench;

/// The directory of the only calibration.
fn results(bench: &Bench) -> PathBuf {
    let mut dirs = fs::read_dir(bench.path("results/calibrate")).unwrap().map(|entry| entry.unwrap().path());
    let dir = dirs.next().unwrap();
    assert!(dirs.next().is_none());
    dir
}

fn is_matched(reader: &Value) -> bool {
    let matched = |key: &str| reader[key].as_u64().unwrap();
    matched("mismatches") == 0
        && matched("requests_matched") >= 4
        && matched("events_matched") == 25 * matched("requests_matched")
}

#[test]
fn every_request_and_event_is_matched_in_one_process_and_in_two() {
    for (more, place) in [("", "in_process"), ("--separate", "separate")] {
        let bench = Bench::new();
        let said = bench.call(&format!("calibrate --concurrency 2 --duration 1s --json {more}"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        let json: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((&json["format_version"], &json["server"]["place"]), (&1.into(), &place.into()));
        assert_eq!(json["complete"], true);
        let rung = &json["rungs"][0];
        assert_eq!(
            (&rung["streams"], &rung["events_per_s"], &rung["output_tokens"]),
            (&2.into(), &50.into(), &25.into())
        );
        for reader in ["client", "floor"] {
            assert!(is_matched(&rung[reader]), "{reader}: {rung:#}");
            for error in ["send_error_ms", "arrival_error_ms", "ttft_error_ms", "itl_error_ms", "e2e_error_ms"] {
                let figures = &rung[reader][error];
                assert!(figures["count"].as_u64() > Some(0) && figures["max"].is_f64(), "{reader} {error}: {figures}");
            }
            assert!(rung[reader]["cpu_us_per_event"].as_f64() > Some(0.0), "{rung:#}");
        }
        assert_eq!(Bench::json(&results(&bench).join("calibration.json")), json);
        assert!(fs::read_to_string(results(&bench).join("calibration.svg")).unwrap().starts_with("<svg"));
    }
}

#[test]
fn the_table_has_both_readers_and_a_conclusion() {
    let bench = Bench::new();
    let said =
        bench.call("calibrate --concurrency 1,3 --events-per-s 100 --output-tokens 20 --duration 300ms --limit 10s");
    assert_eq!(said.code, 0, "{}", said.stderr);
    for words in
        ["arrival error us", "infersweep", "raw reader", "3 streams of 100 events/s", "no higher one was tried"]
    {
        assert!(said.stdout.contains(words), "{words}:\n{}", said.stdout);
    }
    assert!(said.stderr.contains("  4 of 4  3 streams of 100 events/s, raw reader"), "{}", said.stderr);
    assert!(said.stderr.contains("results: results/calibrate/"), "{}", said.stderr);
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_is_sent() {
    let bench = Bench::new();
    for (words, message) in [
        ("--duration 0s", "is no time at all"),
        ("--limit soon", "--limit"),
        ("--concurrency 100 --events-per-s 100 --duration 10m", "keeps the stamps of 4000000"),
        ("--concurrency 0", "0 is not in 1..=20000"),
    ] {
        let said = bench.call(&format!("calibrate {words}"));
        assert_eq!(said.code, 2, "{words}: {}", said.stderr);
        assert!(said.stderr.contains(message), "{words}: {}", said.stderr);
    }
    assert!(!bench.path("results").exists());
}

#[test]
fn a_simulator_is_held_to_processors_and_stops_with_its_input() {
    let bench = Bench::new();
    // Its standard input is empty, and so has ended.
    let said = bench.call("simulate --port 0 --apart --until-eof");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("http://127.0.0.1:"), "{}", said.stdout);
    let nowhere = bench.call("simulate --port 0 --until-eof --cpus 1023");
    assert!(nowhere.code == 1 && nowhere.stderr.contains("--cpus 1023"), "{} {}", nowhere.code, nowhere.stderr);
    assert_eq!(bench.call("simulate --cpus most").code, 2);
}

#[test]
fn what_is_stopped_keeps_the_loads_that_are_done() {
    let bench = Bench::new();
    let mut command = bench.command("calibrate --concurrency 1,2 --duration 500ms --json");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().contains("3 of 4")));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert!(told.any(|line| line.unwrap().contains("stopping")));
    // Read to its end, so that the child can write all it has to say.
    let rest: Vec<String> = told.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest:?}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["complete"], json["rungs"].as_array().unwrap().len()), (&false.into(), 1));
    assert_eq!(Bench::json(&results(&bench).join("calibration.json")), json);
}

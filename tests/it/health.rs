//! The client watches itself: what it lacks is refused before, and what slowed it is told after.

use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::tool::{Bench, SMALL, files, said};

/// One cell of about two seconds.
const CALM: &str = r#"
name = "calm"
[endpoints.sim]
api = "simulator"
simulator = { ttft = "20ms", itl = "5ms" }
[matrix]
model = "m"
input_tokens = 30
output_tokens = 20
concurrency = 2
[load]
duration = "2s"
require_healthy_client = true
"#;

fn with_descriptors(bench: &Bench, limit: u32, words: &str) -> Command {
    let tool = bench.command(words);
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")])
        .arg(tool.get_program())
        .args(tool.get_args());
    shell.current_dir(bench.path("")).stdin(Stdio::null());
    shell
}

#[test]
fn too_few_descriptors_are_refused_before_anything_is_sent() {
    let bench = Bench::new().file("small.toml", &SMALL.replace("concurrency = [1, 4]", "concurrency = [1, 200]"));
    let refused = said(&with_descriptors(&bench, 64, "run small.toml").output().unwrap());
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    for words in [
        "file descriptors, and this process may have 64",
        "`ulimit -n ",
        "or lower the concurrency",
        "nothing was sent",
    ] {
        assert!(refused.stderr.contains(words), "{words}:\n{}", refused.stderr);
    }
    assert!(!bench.path("results").exists());
    let planned = said(&with_descriptors(&bench, 64, "plan small.toml").output().unwrap());
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    assert!(planned.stderr.contains("`ulimit -n "), "{}", planned.stderr);
    let enough = said(&with_descriptors(&bench, 600, "plan small.toml").output().unwrap());
    assert!(!enough.stderr.contains("ulimit"), "{}", enough.stderr);
}

#[test]
fn the_soft_limit_is_raised_by_itself() {
    let bench = Bench::new().file("small.toml", &SMALL.replace("concurrency = [1, 4]", "concurrency = 40"));
    let mut shell = with_descriptors(&bench, 1000, "run small.toml --only model=a --only input_tokens=24");
    let words: Vec<_> = shell.get_args().skip(2).map(ToOwned::to_owned).collect();
    shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -Sn 64 && exec \"$0\" \"$@\""]).args(words).current_dir(bench.path(""));
    let said = said(&shell.output().unwrap());
    assert_eq!(said.code, 0, "{}", said.stderr);
}

/// Stopped for half of the time: no machine is so noisy that this is not the worst that happened.
#[test]
fn a_client_that_is_stopped_is_limited_and_fails_the_run() {
    let bench = Bench::new().file("calm.toml", CALM);
    let child = bench.command("run calm.toml").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let partial = bench.path("results/calm/latest/partial");
    while !partial.is_dir() || files(&partial).is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let send = |signal| kill_process(Pid::from_child(&child), signal).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    send(Signal::STOP);
    std::thread::sleep(Duration::from_millis(500));
    send(Signal::CONT);
    let said = said(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 1, "{}\n{}", said.stdout, said.stderr);
    assert!(said.stderr.contains("error: the client limited cell "), "{}", said.stderr);
    assert!(said.stdout.contains(": client limited: what was due or had arrived waited up to"), "{}", said.stdout);
    let client = &Bench::json(&bench.latest("calm").join("summary.json"))["cells"][0]["client"];
    assert_eq!(client["verdict"], "limited");
    assert!(client["loop_lag_ms_max"].as_f64().unwrap() > 400.0, "{client}");
    assert!(
        client["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .any(|reason| reason.as_str().unwrap().contains("once stood still"))
    );
}

#[test]
fn every_cell_and_repeat_has_its_figures_and_show_draws_them() {
    let bench = Bench::new().file("small.toml", SMALL);
    let ran = bench.call("run small.toml --only concurrency=4 --set load.repeats=2 --set load.requests=40");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let summary = Bench::json(&bench.latest("small").join("summary.json"));
    for cell in summary["cells"].as_array().unwrap() {
        for client in [&cell["client"], &cell["repeats"][0]["client"], &cell["repeats"][1]["client"]] {
            assert!(["ok", "suspect", "limited"].contains(&client["verdict"].as_str().unwrap()), "{client}");
            for figure in ["loop_lag_ms_p99", "loop_lag_ms_max", "cpu_utilization"] {
                assert!(client[figure].as_f64().unwrap() >= 0.0, "{figure}: {client}");
            }
            assert_eq!(client["simulator_inside"], true);
            assert!(client["descriptors"].as_u64().unwrap() > 3);
        }
    }
    assert!(ran.stdout.contains("\nclient: "), "{}", ran.stdout);
    assert!(bench.call("show results/small/latest").stdout.contains("\nclient: "));
}

//! Commands round cells, cache resets, endpoints at the same time.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use infersweep::record::{Outcome, RequestRecord};
use infersweep::time::Clock;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::tool::{Bench, Simulated, files, rows, said};

/// Two cells on a simulator of its own process at `URL`.
const SCENARIO: &str = r#"
name = "hooked"
[endpoints.server]
base_url = "URL"
[matrix]
model = "m"
input_tokens = 20
output_tokens = 4
concurrency = [1, 2]
vars = { language = "en" }
[load]
requests = 4
"#;

fn hooked(bench: Bench, url: &str, hooks: &str) -> Bench {
    let text = SCENARIO.replace("URL", url);
    bench.file("suite/hooked.toml", &format!("{text}[load.hooks]\n{hooks}\n"))
}

fn script(bench: Bench, name: &str, text: &str) -> Bench {
    let bench = bench.file(name, &format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(bench.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    bench
}

fn states(dir: &Path) -> Vec<String> {
    let plan = Bench::json(&dir.join("plan.json"));
    let cells = plan["cells"].as_array().unwrap();
    let repeats = cells.iter().flat_map(|cell| cell["repeats"].as_array().unwrap());
    repeats.map(|repeat| repeat["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn commands_run_only_when_allowed_and_are_told_which_cell_it_is() {
    let simulated = Simulated::start(&Bench::new(), "--ttft 1ms --itl 1ms");
    let bench = Bench::new().variable("SECRET_OF_THE_USER", "is theirs");
    let bench = script(bench, "suite/note.sh", r#"env | grep -E "INFERSWEEP|SECRET" | sort; echo "$1 in $PWD""#);
    let bench = hooked(bench, &simulated.url, "before_cell = \"./note.sh before\"\nafter_cell = \"./note.sh after\"");

    let refused = bench.call("run suite/hooked.toml");
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("--allow-hooks") && refused.stderr.contains("./note.sh before"),
        "{}",
        refused.stderr
    );
    assert!(!bench.path("results").exists(), "nothing is begun");
    let plan = bench.call("plan suite/hooked.toml");
    assert!(plan.stdout.contains("before_cell `./note.sh before`, after_cell `./note.sh after`"), "{}", plan.stdout);
    assert!(bench.call("plan suite/hooked.toml --json").stdout.contains("\"after_cell\": \"./note.sh after\""));

    let done = bench.call("run suite/hooked.toml --allow-hooks");
    assert_eq!(done.code, 0, "{}", done.stderr);
    let dir = bench.latest("hooked");
    let logs = files(&dir.join("hooks"));
    assert_eq!(logs.len(), 2, "one a unit: {logs:?}");
    let text = fs::read_to_string(logs.iter().find(|path| path.display().to_string().contains("c2")).unwrap()).unwrap();
    let cell_id = Bench::json(&dir.join("plan.json"))["cells"][1]["cell_id"].as_str().unwrap().to_owned();
    let suite = bench.path("suite").canonicalize().unwrap();
    for line in [
        "# before_cell: ./note.sh before".to_owned(),
        format!("INFERSWEEP_CELL_ID={cell_id}"),
        "INFERSWEEP_REPEAT=0".to_owned(),
        "INFERSWEEP_CONCURRENCY=2".to_owned(),
        "INFERSWEEP_LANGUAGE=en".to_owned(),
        "INFERSWEEP_ENDPOINT=server".to_owned(),
        format!("INFERSWEEP_BASE_URL={}", simulated.url),
        format!("INFERSWEEP_RUN_DIR={}", dir.display()),
        "INFERSWEEP_HOOK=before_cell".to_owned(),
        "SECRET_OF_THE_USER=is theirs".to_owned(),
        format!("before in {}", suite.display()),
        "# after_cell: ./note.sh after".to_owned(),
        format!("after in {}", suite.display()),
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    // The frozen copy runs them where they were.
    let frozen = dir.join("scenario.toml").display().to_string();
    assert_eq!(bench.call(&format!("run {frozen} --allow-hooks")).code, 0);
}

#[test]
fn a_command_that_fails_fails_its_cell_and_the_run_goes_on() {
    let simulated = Simulated::start(&Bench::new(), "--ttft 1ms --itl 1ms");
    for (text, mode, timeout, why) in [
        (
            "test $INFERSWEEP_CONCURRENCY = 2 || { echo no memory left >&2; exit 3; }",
            0o755,
            "5s",
            "ended with exit code 3: no memory left (its output: hooks/",
        ),
        ("true", 0o644, "5s", "could not be run (exit code 126; is it executable?)"),
        ("test $INFERSWEEP_CONCURRENCY = 2 || kill -9 $$", 0o755, "5s", "ended with exit code 137"),
        (
            "test $INFERSWEEP_CONCURRENCY = 2 || { sleep 77 & sleep 77; }",
            0o755,
            "300ms",
            "took longer than load.hooks.timeout, 300ms",
        ),
    ] {
        let bench = script(Bench::new(), "suite/prepare.sh", text);
        fs::set_permissions(bench.path("suite/prepare.sh"), fs::Permissions::from_mode(mode)).unwrap();
        let hooks = format!("before_cell = \"echo $$ > pid; ./prepare.sh\"\ntimeout = \"{timeout}\"");
        let bench = hooked(bench, &simulated.url, &hooks);
        let begun_ns = Clock::start().now_ns();
        let said = bench.call("run suite/hooked.toml --allow-hooks");
        assert_eq!(said.code, 1, "{}", said.stderr);
        assert!(said.stderr.contains(why) && said.stderr.contains("not measured"), "{why}\n{}", said.stderr);
        assert!(Clock::start().now_ns() - begun_ns < 20_000_000_000);
        let dir = bench.latest("hooked");
        let expected = if mode == 0o644 { ["failed", "failed"] } else { ["failed", "complete"] };
        assert_eq!(states(&dir), expected, "{why}");
        let noted =
            Bench::json(&dir.join("plan.json"))["cells"][0]["repeats"][0]["notes"][0].as_str().unwrap().to_owned();
        assert!(noted.contains(why), "{noted}");
        assert_eq!(Bench::json(&dir.join("manifest.json"))["state"], "interrupted");
    }
}

#[test]
fn a_command_after_a_cell_that_fails_leaves_the_rows_and_fails_the_run() {
    let simulated = Simulated::start(&Bench::new(), "--ttft 1ms --itl 1ms");
    let bench = hooked(Bench::new(), &simulated.url, "after_cell = \"./missing.sh\"");
    let said = bench.call("run suite/hooked.toml --allow-hooks");
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("was not found (exit code 127"), "{}", said.stderr);
    let dir = bench.latest("hooked");
    assert_eq!(states(&dir), ["complete", "complete"]);
    assert_eq!(rows(&dir.join("requests")).len(), 8);
    assert!(said.stdout.contains("after_cell `./missing.sh` was not found"), "{}", said.stdout);
    assert_eq!(Bench::json(&dir.join("manifest.json"))["state"], "complete");
}

#[test]
fn a_stop_ends_a_command_with_all_that_it_started() {
    let simulated = Simulated::start(&Bench::new(), "--ttft 1ms --itl 1ms");
    let bench = hooked(Bench::new(), &simulated.url, "before_cell = \"sleep 97 & echo $! > child; wait\"");
    let child = bench.command("run suite/hooked.toml --allow-hooks").stderr(Stdio::piped()).spawn().unwrap();
    let pid_file = bench.path("suite/child");
    let mut text = String::new();
    wait_until(|| {
        text = fs::read_to_string(&pid_file).unwrap_or_default();
        text.ends_with('\n')
    });
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let said = said(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 130, "{}", said.stderr);
    let sleeping = Pid::from_raw(text.trim().parse().unwrap()).unwrap();
    // Whoever takes in orphans may take a moment to bury it.
    let gone = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", text.trim())).unwrap_or_default();
        test_kill_process(sleeping).is_err() || stat.contains(") Z ")
    };
    wait_until(gone);
}

#[test]
fn a_server_that_a_command_starts_again_is_waited_for() {
    let tool = env!("CARGO_BIN_EXE_infersweep");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let simulate = format!("simulate --port {port} --ttft 1ms --itl 1ms");
    let restart =
        format!("kill -9 $(cat pid)\n(sleep 1; exec {tool} {simulate} >/dev/null) &\necho $! > pid; echo $! >> pids");
    let bench = script(Bench::new(), "suite/restart.sh", &restart);
    let bench = hooked(bench, &format!("http://127.0.0.1:{port}/v1"), "before_cell = \"./restart.sh\"");
    let mut first = bench.command(&simulate).stdout(Stdio::piped()).spawn().unwrap();
    fs::write(bench.path("suite/pid"), first.id().to_string()).unwrap();
    wait_until(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let said = bench.call("run suite/hooked.toml --allow-hooks");
    for pid in fs::read_to_string(bench.path("suite/pids")).unwrap().lines() {
        let _ = kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::KILL);
    }
    first.wait().unwrap();
    assert_eq!(said.code, 0, "{}", said.stderr);
    let rows = rows(&bench.latest("hooked").join("requests"));
    assert!(rows.len() == 8 && rows.iter().all(|row| row.outcome == Outcome::Completed), "{rows:?}");
    assert!(rows.iter().all(|row| row.attempts.len() <= 1), "no connection of the old server");
}

/// Stands before a simulator and answers `GET` itself; its version is what a file says.
fn versioned(simulated: &Simulated, version: PathBuf) -> String {
    let address = simulated.url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let serve = move |mut stream: TcpStream| {
        let mut first = [0; 14];
        let read = stream.peek(&mut first).unwrap_or(0);
        if !first[..read].starts_with(b"GET") {
            let mut server = TcpStream::connect(&address).unwrap();
            let (mut from, mut to) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            let _ = std::io::copy(&mut server, &mut stream);
            return;
        }
        let body = match &first[..read] {
            b"GET /version H" => fs::read_to_string(&version).unwrap(),
            _ => r#"{"data": [{"id": "m"}]}"#.to_owned(),
        };
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all((head + &body).as_bytes());
        let _ = std::io::copy(&mut stream.take(1), &mut std::io::sink());
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    url
}

#[test]
fn a_server_that_a_command_changed_is_noted_with_the_cell() {
    let simulated = Simulated::start(&Bench::new(), "--ttft 1ms --itl 1ms");
    let bench = Bench::new().file("suite/version", "one");
    let url = versioned(&simulated, bench.path("suite/version"));
    let bench = hooked(bench, &url, "before_cell = \"test $INFERSWEEP_CONCURRENCY = 1 || echo two > version\"");
    let said = bench.call("run suite/hooked.toml --allow-hooks");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let manifest = Bench::json(&bench.latest("hooked").join("manifest.json"));
    assert_eq!(manifest["servers"]["server"]["version"], "one");
    let changes = manifest["server_changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["server"]["version"]), (1, &"two".into()));
    assert!(changes[0]["cell_id"].as_str().unwrap().contains("c2") && changes[0]["repeat"] == 0, "{changes:?}");
}

/// Waits for what must come to pass, half a minute at most.
fn wait_until(mut done: impl FnMut() -> bool) {
    for _ in 0..1500 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it did not come to pass");
}

#[test]
fn a_server_that_never_comes_back_fails_its_cell() {
    let simulated = Simulated::start(&Bench::new(), "--ttft 1ms --itl 1ms");
    let bench = hooked(Bench::new(), &simulated.url, "before_cell = \"kill -9 $(cat pid)\"\nready_timeout = \"700ms\"");
    fs::write(bench.path("suite/pid"), simulated.id().to_string()).unwrap();
    let said = bench.call("run suite/hooked.toml --allow-hooks --only concurrency=1");
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("did not answer within load.hooks.ready_timeout, 700ms"), "{}", said.stderr);
}

#[test]
fn a_cache_is_reset_from_the_servers_root_and_a_refusal_is_told_once() {
    let simulated = Simulated::start(&Bench::new(), "--ttft 1ms --itl 1ms");
    for (path, told) in [("/reset_prefix_cache", false), ("/nothing_here", true)] {
        let bench = Bench::new().file("hooked.toml", &SCENARIO.replace("URL", &simulated.url));
        let mut command = bench.command("run hooked.toml");
        let output = command.arg("--set").arg(format!("endpoints.server.cache_reset=POST {path}")).output().unwrap();
        let said = crate::tool::said(&output);
        assert_eq!(said.code, 0, "{}", said.stderr);
        let root = simulated.url.trim_end_matches("/v1");
        let why = format!("the cache was not reset: the server knows no POST {root}{path} (HTTP 404)");
        assert_eq!(said.stderr.matches(&why).count(), usize::from(told), "{}", said.stderr);
        assert_eq!(said.stdout.matches(&why).count(), usize::from(told), "{}", said.stdout);
        let summary = Bench::json(&bench.latest("hooked").join("summary.json"));
        let noted = summary["cells"].as_array().unwrap().iter().filter(|cell| cell["notes"][0] == why.as_str()).count();
        assert_eq!(noted, if told { 2 } else { 0 });
    }
}

/// Two endpoints, each slow enough that units overlap only when they are meant to.
const TWO: &str = r#"
name = "two"
seed = 5
[endpoints.a]
base_url = "URL_A"
[endpoints.b]
base_url = "URL_B"
[prompt]
unique = "seed"
[matrix]
model = "m"
endpoint = ["a", "b"]
input_tokens = 20
output_tokens = 10
concurrency = [1, 2]
[load]
requests = 6
repeats = 2
"#;

#[test]
fn endpoints_at_the_same_time_give_the_rows_of_one_after_the_other() {
    // Long against what lies between two repeats on a busy machine.
    let servers = [(); 2].map(|()| Simulated::start(&Bench::new(), "--ttft 250ms --itl 4ms"));
    let text = TWO.replace("URL_A", &servers[0].url).replace("URL_B", &servers[1].url);
    let run = |parallel: &str| {
        let bench = Bench::new().file("two.toml", &text);
        let said = bench.call(&format!("run two.toml --set load.parallel={parallel}"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        let dir = bench.latest("two");
        assert_eq!(states(&dir), ["complete"; 8]);
        (windows(&dir), facts(&rows(&dir.join("requests"))), bench)
    };
    let (apart, one_by_one, _first) = run("none");
    let (together, at_once, bench) = run("endpoint");
    assert_eq!(one_by_one, at_once, "the same rows");
    let overlaps = |of: &[(String, i64, i64)]| {
        let pairs = of.iter().flat_map(|one| of.iter().map(move |other| (one, other)));
        let over = pairs.filter(|(one, other)| one.0 < other.0 && one.1 < other.2 && other.1 < one.2);
        over.count()
    };
    assert_eq!(overlaps(&apart), 0);
    assert!(overlaps(&together) >= 4, "{together:?}");
    for endpoint in ["a", "b"] {
        let mut own: Vec<_> = together.iter().filter(|(name, ..)| name == endpoint).collect();
        own.sort_by_key(|(_, start, _)| *start);
        assert!(own.windows(2).all(|pair| pair[0].2 <= pair[1].1), "one at a time at {endpoint}: {own:?}");
    }
    let summary = Bench::json(&bench.latest("two").join("summary.json"));
    assert_eq!(summary["cells"].as_array().unwrap().len(), 4);
}

/// Endpoint, begin and end of every unit, on the machine's clock.
fn windows(dir: &Path) -> Vec<(String, i64, i64)> {
    let summary = Bench::json(&dir.join("summary.json"));
    let mut found = Vec::new();
    for cell in summary["cells"].as_array().unwrap() {
        for repeat in cell["repeats"].as_array().unwrap() {
            let start = repeat["start_monotonic_ns"].as_i64().unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "seconds of a short run")]
            let end = start + (repeat["duration_s"].as_f64().unwrap() * 1e9) as i64;
            found.push((cell["axes"]["endpoint"].as_str().unwrap().to_owned(), start, end));
        }
    }
    found
}

/// What does not hang on time.
fn facts(rows: &[RequestRecord]) -> Vec<String> {
    let mut facts: Vec<String> = rows
        .iter()
        .map(|row| format!("{:?} {:?} {:?} {}", row.phase, row.outcome, row.tokens, row.request_index))
        .collect();
    facts.sort();
    facts
}

#[test]
fn a_stop_reaches_every_endpoint() {
    let servers = [(); 2].map(|()| Simulated::start(&Bench::new(), "--ttft 20ms --itl 4ms"));
    let text = TWO.replace("URL_A", &servers[0].url).replace("URL_B", &servers[1].url);
    let bench = Bench::new().file("two.toml", &text);
    let words = "run two.toml --set load.parallel=endpoint --set load.requests=2000";
    let child = bench.command(words).stderr(Stdio::piped()).spawn().unwrap();
    let partial = bench.path("results/two/latest/partial");
    wait_until(|| partial.is_dir() && files(&partial).len() == 2);
    std::thread::sleep(Duration::from_millis(400));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let said = said(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 130, "{}", said.stderr);
    let dir = bench.latest("two");
    let interrupted = states(&dir).iter().filter(|state| *state == "interrupted").count();
    assert_eq!(interrupted, 2, "one of each endpoint");
    assert_eq!(files(&dir.join("partial")).len(), 2);
}

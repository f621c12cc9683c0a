//! Disks that take no more, stored runs that are not as they should be, and signals at bad moments: said, and survived.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use infersweep::store::RunDir;
use rustix::process::{Pid, Signal, kill_process};

use crate::tool::{Bench, SMALL, files, said};

/// A first cell of a moment, and a second one without end whose rows are large.
const GROWING: &str = r#"
name = "growing"
[endpoints.sim]
api = "simulator"
simulator = { ttft = "1ms", itl = "0ms", prefill_per_token = "0us" }
[models.m]
tokenizer = "words"
[matrix]
model = "m"
input_tokens = 20
output_tokens = [4, 3000]
concurrency = 2
[load]
requests = 100000
duration = "SECONDSs"
cell_timeout = "600s"
[output]
MORE
"#;

/// The tool in a shell that first does something else.
fn after(bench: &Bench, first: &str, words: &str) -> Command {
    let tool = bench.command(words);
    let mut shell = Command::new("/bin/bash");
    shell.args(["-c", &format!("{first} && exec \"$0\" \"$@\"")]).arg(tool.get_program()).args(tool.get_args());
    shell.current_dir(bench.path("")).stdin(Stdio::null());
    shell
}

#[test]
fn a_file_that_may_not_grow_ends_the_run_at_once_and_leaves_it_intact() {
    for (more, file) in
        [("formats = [\"table\"]", "partial/"), ("save_responses = true\nchunk_times = \"first_last\"", "responses/")]
    {
        let text = GROWING.replace("SECONDS", "300").replace("MORE", more).replace("[4, 3000]", "3000");
        let bench = Bench::new().file("growing.toml", &text);
        let ran = said(&after(&bench, "ulimit -f 1024", "run growing.toml").output().unwrap());
        assert_eq!(ran.code, 1, "{more}: {}", ran.stderr);
        for words in ["error: cannot write ", file, ".jsonl: ", "ulimit -f unlimited", "marked interrupted: "] {
            assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        }
        let dir = bench.latest("growing");
        assert_eq!(Bench::json(&dir.join("manifest.json"))["state"], "interrupted");
        assert!(!files(&dir).iter().any(|path| path.to_string_lossy().contains(".writing-")));
        let shown = bench.call("show results/growing/latest");
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        assert!(shown.stderr.contains("rows of 1 repeat that were cut off are saved in partial/"), "{}", shown.stderr);
        assert!(shown.stderr.contains("0 of 1 repeat"), "{}", shown.stderr);
    }
}

#[test]
fn results_that_cannot_be_written_are_said_before_anything_is_measured() {
    let bench = Bench::new().file("small.toml", SMALL).file("file", "precious");
    for (out, words) in [("file", "cannot create directory file"), ("/proc/none", "cannot create directory /proc/none")]
    {
        let ran = bench.call(&format!("run small.toml --out {out}"));
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(words) && ran.stderr.contains("--out DIR"), "{}", ran.stderr);
    }
    assert_eq!(fs::read_to_string(bench.path("file")).unwrap(), "precious");
}

fn stored() -> (Bench, PathBuf) {
    let bench = Bench::new().file("small.toml", SMALL);
    let ran = bench.call("run small.toml --only model=a --only concurrency=1 --quiet");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let dir = bench.latest("small");
    (bench, dir)
}

fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(dir).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    fs::write(path, change(fs::read_to_string(path).unwrap())).unwrap();
}

/// What is done to a run, and what `show` and `run --resume` say of it.
type Case = (&'static str, fn(&Path), i32, &'static str, Option<&'static str>);

const CASES: [Case; 8] = [
    (
        "a newer manifest",
        |dir| edit(&dir.join("manifest.json"), |text| text.replacen("version\": 1", "version\": 2", 1)),
        1,
        "manifest.json has format version 2; this version of infersweep reads up to 1",
        Some("reads up to 1"),
    ),
    (
        "half a manifest",
        |dir| edit(&dir.join("manifest.json"), |text| text[..text.len() / 2].to_owned()),
        1,
        "manifest.json cannot be read: EOF",
        Some("manifest.json cannot be read"),
    ),
    (
        "no manifest",
        |dir| fs::remove_file(dir.join("manifest.json")).unwrap(),
        2,
        "is not a run directory",
        Some("is not a run directory"),
    ),
    ("no plan", |dir| fs::remove_file(dir.join("plan.json")).unwrap(), 1, "plan.json: ", Some("plan.json: ")),
    (
        "a newer plan",
        |dir| edit(&dir.join("plan.json"), |text| text.replacen("version\": 1", "version\": 3", 1)),
        1,
        "plan.json has format version 3",
        Some("plan.json has format version 3"),
    ),
    (
        "a newer summary",
        |dir| edit(&dir.join("summary.json"), |text| text.replacen("version\": 1", "version\": 4", 1)),
        1,
        "summary.json has format version 4",
        None,
    ),
    (
        "a Parquet file that is cut off",
        |dir| {
            let path = &files(&dir.join("requests"))[0];
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
        1,
        ".parquet cannot be read: ",
        None,
    ),
    (
        "an empty Parquet file",
        |dir| fs::write(&files(&dir.join("requests"))[0], "").unwrap(),
        1,
        ".parquet cannot be read: ",
        None,
    ),
];

#[test]
fn a_stored_run_that_is_not_as_it_should_be_is_said_and_not_touched() {
    let (bench, dir) = stored();
    let whole = contents(&dir);
    for (kind, spoil, code, words, resumed) in CASES {
        spoil(&dir);
        let before = contents(&dir);
        let shown = bench.call(&format!("show {}", dir.display()));
        assert!(shown.code == code && shown.stderr.contains(words), "{kind}: {} {}", shown.code, shown.stderr);
        if let Some(words) = resumed {
            let ran = bench.call(&format!("run small.toml --resume {}", dir.display()));
            assert!(ran.code > 0 && ran.stderr.contains(words), "{kind}: {} {}", ran.code, ran.stderr);
        }
        assert!(contents(&dir) == before, "{kind}: something was written");
        for (path, bytes) in &whole {
            fs::write(path, bytes).unwrap();
        }
    }
    assert_eq!(bench.call(&format!("show {}", dir.display())).code, 0);
}

#[test]
fn a_run_of_another_scenario_is_not_taken_up() {
    let (bench, dir) = stored();
    edit(&dir.join("manifest.json"), |text| text.replace("\"complete\"", "\"interrupted\""));
    let bench = bench.file("other.toml", &SMALL.replace("output_tokens = 6", "output_tokens = 7"));
    let before = contents(&dir);
    let ran = bench.call(&format!("run other.toml --resume {}", dir.display()));
    assert!(ran.code == 2 && ran.stderr.contains("the scenario is not the one"), "{} {}", ran.code, ran.stderr);
    assert!(contents(&dir) == before);
}

#[test]
fn summaries_that_are_lost_are_made_again_from_the_rows() {
    let (bench, dir) = stored();
    let path = dir.join("summary.json");
    let whole = fs::read_to_string(&path).unwrap();
    for half in [Some(&whole[..whole.len() / 2]), None] {
        match half {
            Some(half) => fs::write(&path, half).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let shown = bench.call("show results/small/latest");
        assert!(shown.code == 0 && shown.stderr.contains("summed up anew"), "{}", shown.stderr);
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    }
}

#[test]
fn a_lock_of_a_living_process_is_told_with_its_number_and_one_of_a_dead_process_is_none() {
    let (bench, dir) = stored();
    let manifest = dir.join("manifest.json");
    // A process that lives, but does not hold the lock: of another boot.
    edit(&manifest, |text| text.replace("\"complete\"", "\"running\"").replace("\"pid\": ", "\"pid\": 1, \"was\": "));
    let held = RunDir::open(&dir).unwrap().locked().unwrap();
    let shown = bench.call("show results/small/latest");
    assert!(shown.code == 0 && shown.stderr.contains("this run goes on in process 1: "), "{}", shown.stderr);
    let ran = bench.call("run small.toml --resume results/small/latest");
    assert!(ran.code > 0 && ran.stderr.contains("is in use by process 1"), "{}", ran.stderr);
    drop(held);
    let shown = bench.call("show results/small/latest");
    assert!(shown.code == 0 && shown.stderr.contains("the process of this run was killed"), "{}", shown.stderr);
    assert!(shown.stderr.contains("2 of 2 repeats"), "{}", shown.stderr);
    assert_eq!(Bench::json(&manifest)["state"], "interrupted");
}

#[test]
fn a_signal_before_the_first_cell_ends_the_run_at_once() {
    // It takes every connection and answers none.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let text =
        format!("name = \"s\"\n[endpoints.s]\nbase_url = \"{url}\"\n[matrix]\nmodel = \"m\"\ninput_tokens = 9\n");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let bench = Bench::new().file("s.toml", &text);
        let child = bench.command("run s.toml").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        std::thread::sleep(Duration::from_millis(700));
        kill_process(pid, signal).unwrap();
        let clock = infersweep::time::Clock::start();
        let begun_ns = clock.now_ns();
        let ended = said(&child.wait_with_output().unwrap());
        assert!(ended.code == code && ended.stderr.contains("nothing was measured"), "{} {}", ended.code, ended.stderr);
        assert!(clock.now_ns() - begun_ns < 2_000_000_000, "at once");
        assert!(!bench.path("results").exists());
    }
}

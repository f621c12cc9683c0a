//! `run --watch`: what each kind of edit runs again, however it is saved.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::tool::{Bench, Simulated, files};

/// Two cells that are over in a moment; prompts from a file that includes another.
const WATCHED: &str = r#"
extends = "base.toml"
name = "watched"
[matrix]
model = "m"
input_tokens = 40
output_tokens = 4
concurrency = [1, 2]
[prompt]
file = "prompts/p.yaml"
[load]
requests = 4
"#;

const BASE: &str = "[endpoints.sim]\napi = \"simulator\"\nsimulator = { ttft = \"3ms\", itl = \"1ms\" }\n";
const PROMPTS: &str = "default_prompt:\n  - name: a\n    template: \"Hello. {% include 'part.txt' %}\"\n";

fn bench() -> Bench {
    Bench::new()
        .file("watched.toml", WATCHED)
        .file("base.toml", BASE)
        .file("prompts/p.yaml", PROMPTS)
        .file("prompts/part.txt", "Tell me of bridges.")
}

/// A session without a terminal, and what it says.
struct Watched<'b> {
    bench: &'b Bench,
    child: Child,
    lines: Receiver<String>,
}

impl<'b> Watched<'b> {
    fn start(bench: &'b Bench, more: &str) -> Self {
        Self::of(bench, &format!("watched.toml {more}"))
    }

    fn of(bench: &'b Bench, what: &str) -> Self {
        let words = format!("run --watch {what}");
        let mut child = bench.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let said = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || said.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { bench, child, lines }
    }

    /// All that it says up to a line with this text.
    fn until(&self, text: &str) -> String {
        let mut said = String::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(Duration::from_secs(60)) else { panic!("no `{text}` in:\n{said}") };
            said.push_str(&line);
            said.push('\n');
            if line.contains(text) {
                return said;
            }
        }
    }

    /// All that it says until it waits again.
    fn settled(&self) -> String {
        self.until("watching ")
    }

    /// All that it says after an edit, and how many repeats the run that came of it measured; `None` without one.
    fn after(&self, edit: impl Fn(&Bench)) -> (String, Option<usize>) {
        let before = runs(self.bench);
        edit(self.bench);
        let said = self.settled();
        (said, (runs(self.bench) > before).then(|| measured(&self.bench.latest("watched"))))
    }

    fn end(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn runs(bench: &Bench) -> usize {
    let runs = fs::read_dir(bench.path("results/watched")).into_iter().flatten().flatten();
    runs.filter(|entry| entry.file_type().unwrap().is_dir()).count()
}

/// Repeats of a run that are not taken over.
fn measured(run: &Path) -> usize {
    let plan = Bench::json(&run.join("plan.json"));
    let repeats = plan["cells"].as_array().unwrap().iter().flat_map(|cell| cell["repeats"].as_array().unwrap());
    repeats.filter(|repeat| repeat["reused_from"] == Value::Null).count()
}

fn write(bench: &Bench, name: &str, text: &str) {
    fs::write(bench.path(name), text).unwrap();
}

#[test]
fn an_edit_runs_what_it_touches_and_nothing_else() {
    let bench = bench().file("serve.sh", "1");
    let session = Watched::start(&bench, "--watch-also serve.sh");
    assert!(session.settled().contains("results: "));
    assert_eq!(measured(&bench.latest("watched")), 2, "the first run measures everything");
    let scenario = |from: &str, to: &str| WATCHED.replace(from, to);
    let (comment, axis) = (scenario("[matrix]", "# why\n[matrix]"), scenario("[1, 2]", "[1, 3]"));
    let (less, more) = (scenario("[1, 2]", "1"), scenario("requests = 4", "requests = 5"));
    let repeats = scenario("requests = 4", "requests = 4\nrepeats = 2");
    let labels = scenario("name =", "labels = { a = \"b\" }\nname =");
    let base = BASE.replace("3ms", "4ms");
    for (edit, file, text, expected) in [
        ("a comment", "watched.toml", comment.as_str(), None),
        ("an axis value", "watched.toml", &axis, Some(1)),
        ("and back", "watched.toml", WATCHED, Some(0)),
        ("a cell less", "watched.toml", &less, Some(0)),
        ("and back", "watched.toml", WATCHED, Some(0)),
        ("a label", "watched.toml", &labels, Some(0)),
        ("a repeat more", "watched.toml", &repeats, Some(2)),
        ("other requests", "watched.toml", &more, Some(2)),
        ("and back", "watched.toml", WATCHED, Some(0)),
        ("an included template", "prompts/part.txt", "Tell me of tunnels.", Some(2)),
        ("the same again", "prompts/part.txt", "Tell me of tunnels.", None),
        ("a base file", "base.toml", &base, Some(2)),
        ("a server's script", "serve.sh", "2", Some(2)),
    ] {
        let (said, outcome) = session.after(|bench| write(bench, file, text));
        assert_eq!(outcome, expected, "{edit}: {said}");
        assert!(said.contains(&format!("{file} changed")), "{edit}: {said}");
        assert_eq!(said.contains("nothing that counts"), expected.is_none(), "{edit}: {said}");
    }
    assert_eq!(session.end(Signal::INT), Some(130));
}

#[test]
fn every_way_to_save_is_one_change() {
    let bench = bench();
    let session = Watched::start(&bench, "");
    session.settled();
    for (round, concurrency) in [(0, "[1, 4]"), (1, "[1, 5]")] {
        let text = |more: usize| WATCHED.replace("[1, 2]", &concurrency.replace(']', &format!(", {}]", 10 + more)));
        let path = bench.path("watched.toml");
        let saves: [(&str, &dyn Fn()); 4] = [
            ("written", &|| fs::write(&path, text(round)).unwrap()),
            ("renamed over", &|| {
                fs::write(path.with_extension("tmp"), text(round + 2)).unwrap();
                fs::rename(path.with_extension("tmp"), &path).unwrap();
            }),
            ("moved to a backup and written anew", &|| {
                fs::rename(&path, path.with_extension("toml~")).unwrap();
                std::thread::sleep(Duration::from_millis(5));
                fs::write(&path, text(round + 4)).unwrap();
            }),
            ("removed and made again", &|| {
                fs::remove_file(&path).unwrap();
                std::thread::sleep(Duration::from_millis(20));
                fs::write(&path, text(round + 6)).unwrap();
            }),
        ];
        for (way, save) in saves {
            let before = runs(&bench);
            save();
            let said = session.settled();
            assert_eq!(runs(&bench), before + 1, "{way}: {said}");
            assert!(measured(&bench.latest("watched")) <= 2 && !said.contains("error"), "{way}: {said}");
        }
    }
}

#[test]
fn what_is_not_there_yet_is_waited_for() {
    let bench = bench().file("watched.toml", &WATCHED.replace("base.toml", "later/base.toml"));
    fs::remove_dir_all(bench.path("prompts")).unwrap();
    let session = Watched::start(&bench, "");
    let said = session.settled();
    assert!(said.contains("later/base.toml does not exist") && said.contains("^^^^"), "{said}");
    let appear = |name: &str, text: &str| {
        fs::create_dir_all(bench.path(name).parent().unwrap()).unwrap();
        fs::write(bench.path(name), text).unwrap();
    };
    let (said, outcome) = session.after(|_| appear("later/base.toml", BASE));
    assert!(outcome.is_none() && said.contains("p.yaml does not exist"), "{said}");
    let (said, outcome) = session.after(|_| appear("prompts/p.yaml", PROMPTS));
    assert!(outcome.is_none() && said.contains("no template `part.txt`"), "{said}");
    let (said, outcome) = session.after(|_| appear("prompts/part.txt", "x"));
    assert_eq!(outcome, Some(2), "{said}");
}

#[test]
fn a_faulty_edit_is_shown_and_leaves_the_results() {
    let bench = bench();
    let session = Watched::start(&bench, "");
    session.settled();
    let latest = bench.latest("watched");
    let (said, outcome) = session.after(|bench| write(bench, "watched.toml", &WATCHED.replace("requests", "requets")));
    assert!(outcome.is_none() && bench.latest("watched") == latest, "{said}");
    assert!(said.contains("did you mean `requests`?") && said.contains("^^^^^^^"), "{said}");
    let (said, outcome) = session.after(|bench| write(bench, "watched.toml", WATCHED));
    assert!(outcome.is_none() && said.contains("nothing that counts"), "{said}");
    session.after(|bench| write(bench, "watched.toml", &WATCHED.replace("requests", "requets")));
    let (said, outcome) = session.after(|bench| write(bench, "watched.toml", &WATCHED.replace("[1, 2]", "[1, 2, 3]")));
    assert_eq!(outcome, Some(1), "{said}");
    assert_eq!(session.end(Signal::TERM), Some(143));
}

/// Three cells of a second or so.
const SLOW: &str = r#"
name = "watched"
[endpoints.sim]
api = "simulator"
simulator = { ttft = "5ms", itl = "4ms" }
[matrix]
model = "m"
input_tokens = 30
output_tokens = 20
concurrency = [1, 2, 3]
[load]
requests = "12x"
"#;

#[test]
fn an_edit_during_a_run_cancels_what_it_touches_and_finishes_the_rest() {
    let (other, untouched) = (SLOW.replace("12x", "11x"), SLOW.replace("[1, 2, 3]", "[1, 2, 4]"));
    for (policy, text, cut_off, measured_after) in [
        ("auto", &untouched, false, 2),
        ("auto", &other, true, 3),
        ("finish", &other, false, 3),
        ("cancel", &untouched, true, 3),
    ] {
        let bench = Bench::new().file("watched.toml", SLOW);
        let session = Watched::start(&bench, &format!("--on-edit {policy}"));
        wait_for_rows(&bench);
        let first = bench.latest("watched");
        write(&bench, "watched.toml", text);
        let said = session.settled();
        let parts = if first.join("partial").is_dir() { files(&first.join("partial")) } else { Vec::new() };
        assert_eq!(!parts.is_empty(), cut_off, "{policy}: {parts:?} {said}");
        assert_eq!(Bench::json(&first.join("manifest.json"))["state"], "interrupted", "{policy}: {said}");
        assert_eq!(measured(&bench.latest("watched")), measured_after, "{policy}: {said}");
        assert_eq!(said.matches("results: ").count(), 1, "only the last is shown: {said}");
    }
}

#[test]
fn a_signal_during_a_run_leaves_one_that_can_be_resumed() {
    let bench = Bench::new().file("watched.toml", SLOW);
    let session = Watched::start(&bench, "");
    wait_for_rows(&bench);
    assert_eq!(session.end(Signal::INT), Some(130));
    let run = bench.latest("watched");
    assert_eq!(Bench::json(&run.join("manifest.json"))["state"], "interrupted");
    let said = bench.call(&format!("run {}", run.display()));
    assert_eq!(
        (said.code, Bench::json(&run.join("manifest.json"))["state"].as_str()),
        (0, Some("complete")),
        "{}",
        said.stderr
    );
}

/// How many runs of a scenario there are, and how many repeats the last of them measured.
fn outcome(bench: &Bench, name: &str) -> (usize, usize) {
    let runs = fs::read_dir(bench.path("results").join(name)).into_iter().flatten().flatten();
    let count = runs.filter(|entry| entry.file_type().unwrap().is_dir()).count();
    (count, if count > 0 { measured(&bench.latest(name)) } else { 0 })
}

#[test]
fn a_suite_runs_what_an_edit_touches_and_its_scenarios_come_and_go() {
    let scenario =
        |axis: &str| format!("extends = \"base.toml\"\n[matrix]\nmodel = \"m\"\noutput_tokens = 4\n{axis}\n");
    let base = |itl: &str| format!("{}[load]\nrequests = 2\n", BASE.replace("1ms", itl));
    let bench = Bench::new()
        .file("s/base.toml", &base("1ms"))
        .file("s/one.toml", &scenario("concurrency = [1, 2]"))
        .file("s/two.toml", &scenario("concurrency = [1, 2, 3]"));
    let session = Watched::of(&bench, "s");
    let state = |names: &[&str]| names.iter().map(|name| outcome(&bench, name)).collect::<Vec<_>>();
    let all = ["one", "two", "three", "four"];
    let said = session.settled();
    assert_eq!(state(&all), [(1, 2), (1, 3), (0, 0), (0, 0)], "{said}");

    write(&bench, "s/one.toml", &scenario("concurrency = [1, 2, 4]"));
    let said = session.settled();
    assert_eq!(state(&all), [(2, 1), (1, 3), (0, 0), (0, 0)], "one edited: {said}");

    write(&bench, "s/base.toml", &base("2ms"));
    let said = session.settled();
    assert_eq!(state(&all), [(3, 3), (2, 3), (0, 0), (0, 0)], "what both extend: {said}");

    write(&bench, "s/three.toml", &scenario("concurrency = 1"));
    let said = session.settled();
    assert!(said.contains("s/three.toml is new"), "{said}");
    assert_eq!(state(&all), [(3, 3), (2, 3), (1, 1), (0, 0)], "a new one: {said}");

    fs::create_dir(bench.path("s/deep")).unwrap();
    write(&bench, "s/deep/four.toml", &scenario("concurrency = 1").replace("base", "../base"));
    let said = session.settled();
    assert_eq!(state(&all), [(3, 3), (2, 3), (1, 1), (1, 1)], "in a new directory: {said}");

    fs::remove_file(bench.path("s/two.toml")).unwrap();
    let said = session.settled();
    assert!(said.contains("s/two.toml is no longer among the scenarios") && !said.contains("error"), "{said}");
    write(&bench, "s/base.toml", &base("3ms"));
    let said = session.settled();
    assert_eq!(state(&all), [(4, 3), (2, 3), (2, 1), (2, 1)], "one that is gone runs no more: {said}");

    write(&bench, "s/five.toml", &format!("name = \"one\"\n{}", scenario("concurrency = 1")));
    let said = session.settled();
    assert!(said.contains("two scenarios are called `one`"), "{said}");
    assert_eq!(session.end(Signal::TERM), Some(143));
}

#[test]
fn a_scenario_that_is_removed_while_it_runs_leaves() {
    let bench = Bench::new()
        .file("s/watched.toml", SLOW)
        .file("s/z.toml", &SLOW.replace("\"watched\"", "\"z\"").replace("12x", "1x"));
    let session = Watched::of(&bench, "s --only concurrency=3");
    wait_for_rows(&bench);
    fs::remove_file(bench.path("s/watched.toml")).unwrap();
    let said = session.settled();
    assert!(said.contains("s/watched.toml is no longer among the scenarios"), "{said}");
    assert_eq!(Bench::json(&bench.latest("watched").join("manifest.json"))["state"], "interrupted", "{said}");
    assert_eq!(outcome(&bench, "z"), (1, 1), "{said}");
}

#[test]
fn a_server_that_was_replaced_is_measured_anew() {
    let bench = bench();
    let server = Simulated::start(&bench, "--ttft 3ms --itl 1ms");
    let (url, port) = (
        server.url.clone(),
        server.url.rsplit([':', '/']).find(|part| part.parse::<u16>().is_ok()).unwrap().to_owned(),
    );
    write(&bench, "base.toml", &format!("[endpoints.sim]\nbase_url = \"{url}\"\n[models.m]\ntokenizer = \"words\"\n"));
    let session = Watched::start(&bench, "");
    session.settled();
    let with_three = WATCHED.replace("[1, 2]", "[1, 2, 3]");
    let (said, outcome) = session.after(|bench| write(bench, "watched.toml", &with_three));
    assert_eq!(outcome, Some(1), "the same server: {said}");
    drop(server);
    let with_four = WATCHED.replace("[1, 2]", "[1, 2, 3, 4]");
    let (said, outcome) = session.after(|bench| write(bench, "watched.toml", &with_four));
    assert!(outcome.is_none() && said.contains("cannot be reached") && said.contains("trying"), "{said}");
    let _server = Simulated::start_at(&bench, &port, "--ttft 3ms --itl 1ms");
    let said = session.until("results: ");
    assert_eq!(measured(&bench.latest("watched")), 4, "another server: {said}");
}

/// Waits until a journal holds a row.
fn wait_for_rows(bench: &Bench) {
    let partial = bench.path("results/watched/latest/partial");
    for _ in 0..500 {
        let has_row = |path: &Path| fs::read_to_string(path).is_ok_and(|text| text.lines().count() > 2);
        if partial.is_dir() && files(&partial).iter().any(|path| has_row(path)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("no row was journalled");
}

//! Suites: several scenarios as one campaign.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::tool::{Bench, Said, said};

const BASE: &str = r#"
tags = ["all"]
[endpoints.sim]
api = "simulator"
simulator = { ttft = "5ms", itl = "1ms" }
[load]
requests = 4
[profiles.quick]
load = { requests = 2 }
"#;

fn scenario(more: &str, matrix: &str) -> String {
    format!("extends = \"base.toml\"\n{more}\n[matrix]\ninput_tokens = 24\noutput_tokens = 4\n{matrix}\n")
}

/// Two scenarios that run, a base, and what is none.
fn suite() -> Bench {
    Bench::new()
        .file("s/base.toml", BASE)
        .file("s/one.toml", &scenario("tags = [\"nightly\"]", "model = \"a\"\nconcurrency = [1, 2]"))
        .file("s/two.toml", &scenario("", "model = \"b\"\nconcurrency = [1, 2, 4]"))
        .file("s/infersweep.lock", "version = 1\n")
        .file("s/notes.toml", "x = 1\n")
}

fn campaign(bench: &Bench, name: &str) -> Value {
    Bench::json(&bench.path(&format!("results/campaigns/{name}/latest/campaign.json")))
}

#[test]
fn a_directory_runs_as_one_campaign_with_one_table() {
    let bench = suite();
    let run = bench.call("run s");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("skipped s/base.toml: others extend it, and it has no [matrix]"), "{}", run.stderr);
    assert!(run.stderr.contains("skipped s/notes.toml: it has no [matrix]"), "{}", run.stderr);
    assert!(run.stderr.contains("scenario 2 of 2: two (s/two.toml)"), "{}", run.stderr);
    let rows = run.stdout.lines().filter(|line| line.starts_with("one ") || line.starts_with("two ")).count();
    assert_eq!(rows, 5, "{}", run.stdout);
    for name in ["one", "two"] {
        assert_eq!(Bench::json(&bench.latest(name).join("manifest.json"))["state"], "complete");
    }
    let file = campaign(&bench, "s");
    assert_eq!((&file["state"], file["runs"].as_array().unwrap().len()), (&"complete".into(), 2));
    assert_eq!(file["runs"][1]["cells"].as_array().unwrap().len(), 3);
    let page = std::fs::read_to_string(bench.path("results/campaigns/s/latest/campaign.md")).unwrap();
    assert!(page.contains("| one | s/one.toml | complete | 2/2 |") && page.contains("**s by model"), "{page}");

    // One model a scenario: side by side, the scenarios need no row of their own.
    let shown =
        bench.call("show results/campaigns/s/latest --pivot model --metric ttft_ms --metric request_throughput");
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let header = shown.stdout.lines().nth(3).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(header, "conc a b a b", "{}", shown.stdout);
    let last = shown.stdout.lines().nth(7).unwrap().split_whitespace().next().unwrap();
    assert_eq!(last, "4", "{}", shown.stdout);
    let turned = bench.call("show results/campaigns/s/latest --pivot scenario");
    assert!(turned.stdout.contains("output_token_throughput") && turned.stdout.contains("two"), "{}", turned.stdout);
    let again = bench.call("show results/campaigns/s/latest --json");
    assert_eq!(serde_json::from_str::<Value>(&again.stdout).unwrap(), file);
}

#[test]
fn tags_filters_and_profiles_go_for_all() {
    let bench = suite();
    let said = bench.call("run s --tag nightly --profile quick --json");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("left out 1 scenario without the tag nightly"), "{}", said.stderr);
    let file: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(file["runs"].as_array().unwrap().len(), 1);
    assert_eq!(file["runs"][0]["cells"][0]["requests"]["completed"], 2);

    let said = bench.call("plan s --only concurrency=4 --json");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("skipped s/one.toml: no cell has concurrency = 4"), "{}", said.stderr);
    let plan: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(plan["scenarios"].as_array().unwrap().len(), 1);
    assert_eq!(plan["scenarios"][0]["cells"].as_array().unwrap().len(), 1);
    let said = bench.call("check s --only concurrency=4");
    assert_eq!((said.code, said.stdout.trim()), (0, "s/two.toml: ok, 1 cell"), "{}", said.stderr);
    let table = bench.call("plan s").stdout;
    assert!(table.contains("2 scenarios, 5 cells: 20 requests"), "{table}");

    for (words, message) in [
        ("run s --only concurrency=64", "no scenario has a cell for --only concurrency=64"),
        ("run s --only concurrency=many", "2 of 2 scenarios cannot be carried out"),
        ("run s --tag weekly", "no scenario to look at"),
        ("run s --profile slow", "there is no profile `slow`"),
        ("run s --pivot moodel", "did you mean `model`?"),
        ("run s --pivot model --metric ttft_sm", "did you mean `ttft_ms`?"),
        ("run s/base.toml", "missing"),
    ] {
        let said = bench.call(words);
        assert_eq!(said.code, 2, "{words}: {}", said.stderr);
        assert!(said.stderr.contains(message), "{words}: {}", said.stderr);
    }
    assert!(!bench.path("results/two").exists(), "nothing was sent");
}

#[test]
fn the_faults_of_all_files_come_before_anything_runs() {
    let bench = suite()
        .file("s/a.toml", &scenario("", "model = \"a\"\nconcurency = 2"))
        .file("s/z.toml", &scenario("", "model = \"a\"\nconcurrency = 0"));
    let said = bench.call("run s");
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("concurency") && said.stderr.contains("s/z.toml:"), "{}", said.stderr);
    assert!(said.stderr.contains("2 of 4 scenarios cannot be carried out; nothing was sent"), "{}", said.stderr);
    assert!(!bench.path("results").exists());

    let bench = suite().file("s/same.toml", &scenario("name = \"one\"", "model = \"a\""));
    let said = bench.call("run s");
    assert!(said.code == 2 && said.stderr.contains("two scenarios are called `one`"), "{}", said.stderr);
}

#[test]
fn one_that_cannot_be_carried_out_does_not_stop_the_others() {
    let bench = suite().file(
        "s/dead.toml",
        "[endpoints.gone]\nbase_url = \"http://127.0.0.1:9/v1\"\n[matrix]\nmodel = \"m\"\nconcurrency = [1]\n",
    );
    let said = bench.call("run s --quiet");
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("error: s/dead.toml: endpoint `gone`"), "{}", said.stderr);
    let file = campaign(&bench, "s");
    let states: Vec<&str> = file["runs"].as_array().unwrap().iter().map(|run| run["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["failed", "complete", "complete"]);
    assert_eq!(file["state"], "interrupted");
}

#[test]
fn a_signal_stops_the_suite_and_keeps_what_is_there() {
    let bench = suite()
        .file(
            "s/two.toml",
            &scenario("", "model = \"b\"\nconcurrency = 1").replace("output_tokens = 4", "output_tokens = 400"),
        )
        .file("s/zwei.toml", &scenario("", "model = \"c\""));
    let child = bench.command("run s").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..500 {
        if bench.path("results/two/latest/partial").is_dir() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let said = said(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 130, "{}", said.stderr);
    let file = campaign(&bench, "s");
    let states: Vec<&str> = file["runs"].as_array().unwrap().iter().map(|run| run["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["complete", "interrupted", "pending"], "{}", said.stderr);
    assert_eq!(file["runs"][0]["cells"].as_array().unwrap().len(), 2);
    assert!(said.stdout.contains("one") && said.stderr.contains("zwei is pending: 0 of 1 repeat"), "{}", said.stderr);
    assert!(!bench.path("results/zwei").exists());
}

/// A suite of which the second scenario takes long, and a campaign of it that a signal ends in that.
fn cut_off(signal: Signal) -> (Bench, Said) {
    let slow = "model = \"b\"\nconcurrency = [1, 2]\n[load]\nrequests = 3\nrepeats = 2";
    let bench = suite()
        .file("s/two.toml", &scenario("", slow).replace("output_tokens = 4", "output_tokens = 300"))
        .file("s/zwei.toml", &scenario("", "model = \"c\""));
    let child = bench.command("run s --yes").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let rows = bench.path("results/two/latest/requests");
    for _ in 0..1500 {
        if rows.is_dir() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), signal).unwrap();
    (bench, said(&child.wait_with_output().unwrap()))
}

/// State, repeats complete and cells of each scenario.
fn states(file: &Value) -> Vec<(String, u64, usize)> {
    let of = |run: &Value| {
        let cells = run["cells"].as_array().unwrap().len();
        (run["state"].as_str().unwrap().to_owned(), run["complete"].as_u64().unwrap(), cells)
    };
    file["runs"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_campaign_that_was_cut_off_goes_on_and_ends_with_one_table() {
    for signal in [Signal::INT, Signal::KILL] {
        let (bench, said) = cut_off(signal);
        let dir = bench.path("results/campaigns/s/latest").canonicalize().unwrap();
        let shown = bench.call("show results/campaigns/s/latest");
        let command = format!("infersweep run s --yes --resume {}", dir.display());
        assert!(shown.stderr.contains(&command), "{}", shown.stderr);
        if signal == Signal::INT {
            let name = dir.file_name().unwrap().display();
            let command = format!("infersweep run s --yes --resume results/campaigns/s/{name}");
            assert!(said.code == 130 && said.stderr.contains(&command), "{}", said.stderr);
        }
        let (first, second) = (bench.latest("one"), bench.latest("two"));
        let before = std::fs::metadata(first.join("manifest.json")).unwrap().modified().unwrap();

        let resumed = bench.call("run s --resume --yes");
        assert_eq!(resumed.code, 0, "{}", resumed.stderr);
        assert!(resumed.stderr.contains(&format!("resuming {}: ", dir.display())), "{}", resumed.stderr);
        let file = campaign(&bench, "s");
        let done = |complete, cells| ("complete".to_owned(), complete, cells);
        assert_eq!(states(&file), [done(2, 2), done(4, 2), done(1, 1)], "{}", resumed.stderr);
        assert_eq!((&file["state"], file["resumes"].as_array().unwrap().len()), (&"complete".into(), 1));
        let rows = |name: &str| resumed.stdout.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!((rows("one "), rows("two "), rows("zwei ")), (2, 2, 1), "{}", resumed.stdout);
        assert_eq!((bench.latest("one"), bench.latest("two")), (first.clone(), second), "in place");
        let after = std::fs::metadata(first.join("manifest.json")).unwrap().modified().unwrap();
        assert_eq!(before, after, "what was whole was not touched");

        let again = bench.call("run s --resume");
        assert!(again.code == 2 && again.stderr.contains("nothing is left to measure"), "{}", again.stderr);
    }
}

#[test]
fn a_campaign_is_resumed_only_as_what_it_was() {
    let (bench, _) = cut_off(Signal::KILL);
    let place = "results/campaigns/s/latest";
    let none = suite().call("run s --resume");
    assert!(none.code == 2 && none.stderr.contains("no campaign in results/campaigns/s to resume"), "{}", none.stderr);
    for (words, message) in [
        ("run s --tag nightly --resume", "`two` is missing, `zwei` is missing"),
        ("run s --set load.requests=7 --resume", "2 of 3 scenarios cannot be resumed; nothing was sent"),
        ("run s --resume results/one/latest", "is not a campaign's directory"),
        ("run s --resume results/campaigns/s/latest --out elsewhere", "add --out "),
        ("run results/campaigns/s/latest", "is a campaign, not a suite"),
        ("run s/one.toml --resume results/campaigns/s/latest", "is a campaign, not a suite"),
        ("run s/one.toml --resume", "nothing is left to measure"),
        ("run s --reuse --resume", "cannot be used with"),
    ] {
        let said = bench.call(words);
        assert_eq!(said.code, 2, "{words}: {}", said.stderr);
        assert!(said.stderr.contains(message), "{words}: {}", said.stderr);
    }
    assert!(!bench.path("results/zwei").exists(), "nothing was sent");

    // A new campaign names the old one, and only that.
    let anew = bench.call("run s --profile quick --set load.repeats=1 --set matrix.output_tokens=4");
    assert!(anew.stderr.contains("an earlier run of this suite was interrupted at "), "{}", anew.stderr);
    assert_eq!(anew.stderr.matches("--resume").count(), 1, "{}", anew.stderr);

    // One of them is finished by itself, another deleted: the older campaign is told of the one and measures the other.
    let old = std::fs::read_dir(bench.path(place).parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let old = old.filter(|path| !path.is_symlink()).min().unwrap();
    let run = Bench::json(&old.join("campaign.json"))["runs"].clone();
    let dir_of = |at: usize| run[at]["run"].as_str().unwrap().to_owned();
    let alone = bench.call(&format!("run {}", dir_of(1)));
    assert_eq!(alone.code, 0, "{}", alone.stderr);
    std::fs::remove_dir_all(bench.path(&dir_of(0))).unwrap();
    let said = bench.call(&format!("run s --yes --resume {}", old.display()));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("is gone; measured anew") && !said.stderr.contains(": two ("), "{}", said.stderr);
    let done = |complete, cells| ("complete".to_owned(), complete, cells);
    assert_eq!(states(&Bench::json(&old.join("campaign.json"))), [done(2, 2), done(4, 2), done(1, 1)]);
}

#[test]
fn several_files_are_a_campaign_in_the_order_they_are_named() {
    let bench = suite();
    let said = bench.call("run s/two.toml s/one.toml s --only concurrency=1 --json");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let file: Value = serde_json::from_str(&said.stdout).unwrap();
    let names: Vec<&str> =
        file["runs"].as_array().unwrap().iter().map(|run| run["scenario"].as_str().unwrap()).collect();
    assert_eq!((names, &file["name"]), (vec!["two", "one"], &"campaign".into()));
    // A suite may hold its own results: they are no scenarios.
    let bench = suite();
    for _ in 0..2 {
        let said = bench.call("run s --out s/results --only concurrency=1");
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(said.stderr.contains("of 2:") && !said.stderr.contains("of 4:"), "{}", said.stderr);
    }
}

#[test]
fn two_processes_in_one_place_do_not_harm_one_another() {
    let bench = suite();
    let start = || bench.command("run s --quiet").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let running = [start(), start(), start()];
    for child in running {
        let said = said(&child.wait_with_output().unwrap());
        assert_eq!(said.code, 0, "{}", said.stderr);
    }
    for name in ["one", "two", "campaigns/s"] {
        let dir = bench.path(&format!("results/{name}"));
        let names: Vec<String> =
            std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(names.len(), 4, "three runs and latest: {names:?}");
        let file = if name.starts_with('c') { "campaign.json" } else { "manifest.json" };
        for run in &names {
            assert_eq!(Bench::json(&dir.join(run).join(file))["state"], "complete", "{name}/{run}");
        }
    }
}

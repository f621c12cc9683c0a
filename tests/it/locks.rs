//! `infersweep.lock` and `--locked`.

use crate::tool::Bench;

const SCENARIO: &str = r#"
[endpoints.sim]
api = "simulator"
simulator = { ttft = "2ms", itl = "1ms" }
[matrix]
model = "m"
input_tokens = 40
output_tokens = 4
concurrency = [1, 2]
[prompt]
file = "../prompts/p.yaml"
[load]
requests = 2
[profiles.quick]
load = { requests = 1 }
"#;

fn suite() -> Bench {
    Bench::new()
        .file("s/a.toml", SCENARIO)
        .file("s/deep/b.toml", &SCENARIO.replace("../prompts", "../../prompts").replace("[1, 2]", "4"))
        .file(
            "prompts/p.yaml",
            "default_prompt:\n  - {name: a, template: \"{% include 'part.jinja' %} {{ words(9) }}\"}\n",
        )
        .file("prompts/part.jinja", "Tell me")
}

#[test]
fn what_is_locked_runs_and_what_drifted_is_told() {
    let bench = suite();
    let said = bench.call("plan s --locked");
    assert!(said.code == 2 && said.stderr.contains("is not locked: there is no infersweep.lock"), "{}", said.stderr);

    let said = bench.call("lock s");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(said.stdout.trim(), "wrote s/infersweep.lock: 2 scenarios, 3 cells, 2 files");
    assert!(bench.call("lock s").stdout.contains("is up to date"));
    let text = std::fs::read_to_string(bench.path("s/infersweep.lock")).unwrap();
    assert!(text.contains("\"../prompts/part.jinja\" = \"") && text.contains("profile = \"quick\""), "{text}");
    assert!(!text.contains(bench.path("s").to_str().unwrap()), "no path of this machine: {text}");

    for words in [
        "check s --locked",
        "plan s --locked --profile quick",
        "plan s/deep --locked",
        "plan s/a.toml --locked --only concurrency=2",
        "run s --locked --quiet",
    ] {
        let said = bench.call(words);
        assert_eq!(said.code, 0, "{words}: {}", said.stderr);
    }
    let lock = &Bench::json(&bench.latest("a").join("manifest.json"))["provenance"]["lock"];
    assert_eq!(lock["held"], true);
    assert!(lock["path"].as_str().unwrap().ends_with("s/infersweep.lock"), "{lock}");

    // A comment is no drift; a template, a key and a scenario are.
    let bench = bench.file("s/a.toml", &format!("# A word.\n{SCENARIO}"));
    assert_eq!(bench.call("check s --locked").code, 0);
    let bench = bench
        .file("prompts/part.jinja", "Explain")
        .file("s/c.toml", SCENARIO)
        .file("s/a.toml", &SCENARIO.replace("requests = 2", "requests = 2\nrepeats = 3"));
    std::fs::remove_file(bench.path("s/deep/b.toml")).unwrap();
    for words in ["check s --locked", "plan s --locked", "run s --locked"] {
        let said = bench.call(words);
        assert_eq!(said.code, 2, "{words}: {}", said.stderr);
        for told in [
            "changed  ../prompts/part.jinja",
            "changed  a.toml: load.repeats  (1 -> 3)",
            "(with ../prompts/part.jinja)",
            "added    c.toml",
            "removed  deep/b.toml",
            "5 things are not as they are locked; nothing was sent",
        ] {
            assert!(said.stderr.contains(told), "{words} does not say {told}: {}", said.stderr);
        }
    }
    assert_eq!(bench.call("lock s").code, 0);
    assert_eq!(bench.call("plan s --locked").code, 0);
    let said = bench.call("plan s --locked --set load.requests=9");
    assert!(said.code == 2 && said.stderr.contains("by the scenario, what it extends, --set"), "{}", said.stderr);
}

#[test]
fn a_single_scenario_is_locked_beside_others() {
    let bench = suite();
    assert_eq!(bench.call("lock s/a.toml").stdout.trim(), "wrote s/infersweep.lock: 1 scenario, 2 cells, 2 files");
    assert_eq!(
        bench.call("lock s/deep/b.toml").stdout.trim(),
        "wrote s/infersweep.lock: 2 scenarios, 3 cells, 2 files"
    );
    assert!(bench.call("lock s").stdout.contains("up to date"), "one by one is as good as all at once");
    let bench = bench.file("s/infersweep.lock", "version = 9\n");
    let said = bench.call("plan s --locked");
    assert!(said.code == 2 && said.stderr.contains("version 9"), "{}", said.stderr);
    let bench = bench.file("s/infersweep.lock", "<<<<<<< ours\n");
    let said = bench.call("plan s --locked");
    assert!(said.code == 2 && said.stderr.contains("infersweep.lock cannot be read"), "{}", said.stderr);
}

#[test]
fn a_run_notes_its_repository() {
    let bench = suite().variable("PATH", "/usr/local/bin:/usr/bin:/bin");
    let git = |words: &str| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b.c"]).args(words.split_whitespace());
        git.current_dir(bench.path("")).env("GIT_CONFIG_GLOBAL", "/dev/null").output()
    };
    if !git("init -q -b main").is_ok_and(|output| output.status.success()) {
        return;
    }
    git("add s prompts").unwrap();
    git("commit -q -m all").unwrap();
    let suite = || {
        let said = bench.call("run s/a.toml --only concurrency=1 --quiet");
        assert_eq!(said.code, 0, "{}", said.stderr);
        Bench::json(&bench.latest("a").join("manifest.json"))["provenance"]["suite"].clone()
    };
    let clean = suite();
    assert_eq!((&clean["file"], &clean["branch"]), (&"s/a.toml".into(), &"main".into()));
    assert_eq!((&clean["dirty"], clean["commit"].as_str().unwrap().len()), (&false.into(), 40));
    std::fs::write(bench.path("prompts/part.jinja"), "Explain").unwrap();
    let dirty = suite();
    assert_eq!((&dirty["dirty"], &dirty["changed"]), (&true.into(), &serde_json::json!(["prompts/part.jinja"])));
    let shown = bench.call("show results/a/latest --provenance").stdout;
    for told in ["s/a.toml at ", " with changes on main", "tool         infersweep ", "rustc", "server sim"] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
}

//! The commands of README and docs do what they say: every `$` line of a console block runs.

use std::path::Path;

use crate::tool::{Bench, files};

fn console_lines(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            lines.push(command.to_owned());
        }
    }
    lines
}

/// A directory with the shipped scenarios and prompts.
fn clone_of_examples() -> Bench {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut bench = Bench::new();
    for path in ["scenarios", "prompts"].iter().flat_map(|dir| files(&root.join(dir))) {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        bench = bench.file(&name, &std::fs::read_to_string(&path).unwrap());
    }
    bench
}

#[test]
fn every_console_command_of_the_readme_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commands = console_lines(&std::fs::read_to_string(root.join("README.md")).unwrap());
    assert!(commands.contains(&"cargo test".to_owned()));
    let ours: Vec<&str> = commands
        .iter()
        .filter_map(|line| line.strip_prefix("cargo run --release -- ").or_else(|| line.strip_prefix("infersweep ")))
        .collect();
    assert!(!ours.is_empty());
    for command in ours {
        let bench = clone_of_examples();
        let said = bench.call(command);
        assert_eq!(said.code, 0, "{command}: {}", said.stderr);
        assert!(said.stdout.contains("quickstart · mode = synthetic"), "{}", said.stdout);
    }
}

#[test]
fn every_shipped_scenario_checks_clean_with_its_prompts_and_rows() {
    let bench = clone_of_examples();
    for path in std::fs::read_dir(bench.path("scenarios")).unwrap().map(|entry| entry.unwrap().path()) {
        let said = bench.call(&format!("check {}", path.display()));
        assert_eq!(said.code, 0, "{}: {}", path.display(), said.stderr);
    }
    let bench = bench.file("vision.toml", "[endpoints.s]\nbase_url = \"http://127.0.0.1:9\"\n[matrix]\nmodel = \"m\"\n[prompt]\nfile = \"prompts/vision_instruct.yaml\"\nmultiple = true\n");
    assert_eq!(bench.call("check vision.toml").code, 0);
    let said = bench.call("run scenarios/chat.toml --only concurrency=8 --only input_tokens=32 --set load.requests=2");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let said = bench.call("run scenarios/custom.toml --only concurrency=16");
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[test]
fn every_console_command_of_the_calibration_page_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commands = console_lines(&std::fs::read_to_string(root.join("docs/CALIBRATION.md")).unwrap());
    assert!(!commands.is_empty());
    for command in commands {
        let said = Bench::new().call(command.strip_prefix("infersweep ").unwrap());
        assert_eq!(said.code, 0, "{command}: {}", said.stderr);
        assert!(said.stdout.contains("arrival error us") && said.stdout.contains("below the limit"), "{}", said.stdout);
    }
}

#[test]
fn every_console_command_of_the_page_on_suites_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commands = console_lines(&std::fs::read_to_string(root.join("docs/SUITES.md")).unwrap());
    assert!(commands.len() > 5);
    let bench = clone_of_examples();
    for command in commands {
        let said = bench.call(command.strip_prefix("infersweep ").unwrap());
        assert_eq!(said.code, 0, "{command}: {}", said.stderr);
    }
}

#[test]
fn every_console_command_of_the_page_on_transport_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/TRANSPORT.md")).unwrap();
    let bench = clone_of_examples().variable("LOCAL_API_KEY", "k");
    let commands = console_lines(&text);
    assert!(commands.len() > 1);
    for command in commands {
        let said = bench.call(command.strip_prefix("infersweep ").unwrap());
        assert_eq!(said.code, 0, "{command}: {}", said.stderr);
    }
    let cells = Bench::json(&bench.latest("transport").join("summary.json"));
    for cell in cells["cells"].as_array().unwrap() {
        let opened = cell["metrics"]["connect_ms"]["count"].as_u64();
        assert_eq!(opened, (cell["axes"]["endpoint"] == "new").then_some(32), "{}", cell["cell_id"]);
    }
    // The scenario on the page is one, but for what is not there to be read.
    let toml = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let more = "[matrix]\nmodel = \"m\"\n";
    let bench = Bench::new().variable("PROXY_PASSWORD", "pass").file("s/page.toml", &format!("{toml}{more}"));
    let bench = bench.file("s/ca.pem", "").file("s/client.pem", "").file("s/client.key", "");
    std::fs::set_permissions(bench.path("s/client.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let said = bench.call("check s/page.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[test]
fn the_console_commands_of_the_page_on_reuse_run_one_after_the_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commands = console_lines(&std::fs::read_to_string(root.join("docs/REUSE.md")).unwrap());
    let bench = clone_of_examples();
    let mut said = Vec::new();
    for command in &commands {
        if command.contains("--resume") {
            // As a killed process leaves it.
            let latest = bench.latest("quickstart");
            std::fs::remove_file(&crate::tool::files(&latest.join("requests"))[0]).unwrap();
            let manifest = latest.join("manifest.json");
            let text = std::fs::read_to_string(&manifest).unwrap();
            std::fs::write(manifest, text.replace("\"complete\"", "\"running\"")).unwrap();
        }
        let command = command.strip_prefix("infersweep ").unwrap();
        let one = bench.call(&format!("{command} --set load.requests=1"));
        assert_eq!(one.code, 0, "{command}: {}", one.stderr);
        said.push(one);
    }
    assert!(said[1].stderr.contains("11 of 12 repeats complete"), "{}", said[1].stderr);
    assert!(said[2].stdout.contains("concurrency 16 is now 32"), "{}", said[2].stdout);
    assert!(said[3].stderr.contains("8 of 12 repeats reused"), "{}", said[3].stderr);
}

#[test]
fn the_commands_and_the_keys_of_the_page_on_server_metrics_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/SERVER-METRICS.md")).unwrap();
    let keys = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let bench = clone_of_examples().file("keys.toml", &format!("{keys}[matrix]\nmodel = \"m\"\n"));
    let checked = bench.call("check keys.toml");
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let [run, show] = console_lines(&text).try_into().unwrap();
    let said = bench.call(run.strip_prefix("infersweep ").unwrap());
    assert!(said.code == 0 && said.stdout.contains("running  waiting"), "{}{}", said.stdout, said.stderr);
    let said = bench.call(show.strip_prefix("infersweep ").unwrap());
    assert!(said.code == 0 && said.stdout.contains("the server's metrics page"), "{}{}", said.stdout, said.stderr);
}

#[test]
fn the_scenario_of_the_readme_checks_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("README.md")).unwrap();
    let scenario = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let said = Bench::new().file("readme.toml", scenario).call("check readme.toml");
    assert!(said.code == 0 && said.stdout.contains("12 cells"), "{}{}", said.stdout, said.stderr);
}

#[test]
fn the_console_commands_of_the_page_on_searches_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commands = console_lines(&std::fs::read_to_string(root.join("docs/SEARCH.md")).unwrap());
    let bench = clone_of_examples();
    for command in &commands {
        let said = bench.call(command.strip_prefix("infersweep ").unwrap());
        assert_eq!(said.code, 0, "{command}: {}", said.stderr);
        assert!(said.stdout.contains("search toy_in20_out16-"), "{command}: {}", said.stdout);
    }
    assert_eq!(commands.len(), 2);
}

#[test]
fn the_console_commands_of_the_pages_on_comparison_and_gates_run_one_after_the_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in ["docs/COMPARE.md", "docs/GATES.md"] {
        let commands = console_lines(&std::fs::read_to_string(root.join(page)).unwrap());
        assert!(commands.len() > 2, "{page}");
        let bench = clone_of_examples();
        for command in commands {
            let said = bench.shell(&on_a_busy_machine(&command));
            assert_eq!(said.code, 0, "{page}: {command}: {}", said.stderr);
        }
    }
}

/// The same command where other tests may slow the client down, which is refused otherwise.
fn on_a_busy_machine(command: &str) -> String {
    command.replace("infersweep compare ", "infersweep compare --force ")
}

#[test]
fn the_steps_of_the_github_workflow_run_as_they_stand() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/GATES.md")).unwrap();
    let workflow = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let workflow: serde_json::Value = serde_yaml::from_str(workflow).unwrap();
    let steps = workflow["jobs"]["regression"]["steps"].as_array().unwrap();
    let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    assert_eq!(runs.len(), 3);
    let bench = clone_of_examples().variable("GITHUB_ACTIONS", "true");
    let summary = bench.path("summary.md");
    let bench = bench.variable("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
    for run in runs {
        let said = bench.shell(&on_a_busy_machine(run));
        assert_eq!(said.code, 0, "{run}: {}", said.stderr);
        assert!(!said.stderr.contains("::error"), "{run}: {}", said.stderr);
    }
    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(summary.contains("gates: ") && summary.contains("ttft_ms") && summary.contains("verdict"), "{summary}");
    for made in ["comparison.html", "gates.xml"] {
        assert!(bench.path(made).is_file(), "{made}: what is uploaded is there");
    }
    let gates: Vec<&str> = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let scenario = "[endpoints.s]\nbase_url = \"http://127.0.0.1:9\"\n[matrix]\nmodel = \"m\"\nconcurrency = 16\n";
    let said = bench.file("gate.toml", &format!("{scenario}{}", gates[0])).call("check gate.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
}

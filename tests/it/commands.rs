//! The small commands, and the files that are held against the code.

use std::path::Path;

use infersweep::scenario::schema;

use crate::tool::Bench;

fn root(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn the_schema_file_is_what_the_tool_prints() {
    let bench = Bench::new();
    let printed = bench.call("schema").stdout;
    snapbox::assert_data_eq!(printed, snapbox::Data::read_from(&root("schemas/scenario.schema.json"), None).raw());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&bench.call("schema scenario").stdout).unwrap(), schema());
}

#[test]
fn plan_lists_cells_and_totals_and_sends_nothing() {
    let bench = Bench::new().file(
        "s.toml",
        "[endpoints.s]\nbase_url = \"http://127.0.0.1:9/v1\"\n[models.m]\nprice = { input = 1.0, output = 2.0 }\n\
         [matrix]\nmodel = \"m\"\nmode = [\"synthetic\", \"real_workload\"]\ninput_tokens = 100\noutput_tokens = 10\nconcurrency = [1, 4]\nqps = [1, 2]\n\
         [load]\nrequests = 10\n[output]\nformats = [\"html\"]\n",
    );
    let said = bench.call("plan s.toml --json");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("not supported yet"), "{}", said.stderr);
    let plan: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(plan["cells"].as_array().unwrap().len(), 4);
    assert_eq!(
        (&plan["requests"], &plan["input_tokens"], &plan["output_tokens"]),
        (&40.into(), &4000.into(), &400.into())
    );
    assert!((plan["cost_usd"].as_f64().unwrap() - 0.0048).abs() < 1e-9);
    let table = bench.call("plan s.toml").stdout;
    assert!(table.contains("4 cells: 40 requests") && table.contains("$0.0048"), "{table}");
    assert_eq!(bench.call("run s.toml").code, 2, "what is not supported is not run");
}

#[test]
fn the_example_scenarios_check_clean() {
    let bench = Bench::new();
    for entry in std::fs::read_dir(root("scenarios")).unwrap() {
        let path = entry.unwrap().path();
        let said = bench.call(&format!("check {}", path.display()));
        assert_eq!(said.code, 0, "{}: {}", path.display(), said.stderr);
        assert!(!said.stderr.contains("warning"), "{}: {}", path.display(), said.stderr);
    }
}

#[test]
fn help_names_every_command() {
    let help = Bench::new().call("--help").stdout;
    for command in ["run", "init", "plan", "check", "schema", "show", "calibrate", "simulate", "Exit codes"] {
        assert!(help.contains(command), "{command}:\n{help}");
    }
}

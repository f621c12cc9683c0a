//! Editing a suite reruns what the edit touches and nothing else; a server that is another one reruns all of its own.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;

use crate::tool::{Bench, SMALL, Simulated, files, rows};

/// A cell of every mode for each of two models at endpoints of their own.
const SUITE: &str = r#"
name = "suite"
seed = 1
[endpoints.one]
api = "simulator"
simulator = { ttft = "1ms", itl = "1ms" }
headers = { x-team = "bench", x-key = "${KEY:-none}" }
[endpoints.two]
api = "simulator"
simulator = { ttft = "1ms", itl = "1ms" }
[models.a]
endpoint = "one"
tokenizer = "tokenizers/a.json"
price = { input = 1.0, output = 2.0 }
[models.b]
endpoint = "two"
tokenizer = "words"
[matrix]
model = ["a", "b"]
mode = ["synthetic", "custom", "chat", "real_workload"]
input_tokens = 40
output_tokens = 2
concurrency = [1, 2]
qps = 50
[prompt]
file = "prompts/p.yaml"
system = "prompts/system.jinja"
[dataset]
file = "rows.jsonl"
[chat]
turns = 1
[load]
requests = 1
"#;

const WORDS: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
"pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
"model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}"#;

fn suite() -> Bench {
    Bench::new()
        .file("suite.toml", SUITE)
        .file("tokenizers/a.json", WORDS)
        .file("prompts/p.yaml", "default_prompt:\n  - name: p\n    template: \"{% include 'part.jinja' %}\"\n")
        .file("prompts/part.jinja", "for {{ model }}")
        .file("prompts/system.jinja", "Be brief.")
        .file("rows.jsonl", "{\"prompt\": \"hello there\"}\n")
}

/// What a plan says of a cell: its axes, how many repeats are measured, and why.
type Told = (Value, u64, String);

impl Bench {
    fn told(&self, words: &str) -> Vec<Told> {
        let said = self.call(words);
        assert_eq!(said.code, 0, "{words}: {}", said.stderr);
        let plan: Value = serde_json::from_str(&said.stdout).unwrap();
        let cells = plan["cells"].as_array().unwrap();
        let told = |cell: &Value| {
            let why = cell["why"].as_str().unwrap_or_default().to_owned();
            let to_run = cell["to_run"].as_u64().unwrap();
            assert_eq!(cell["state"], if to_run == 0 { "reuse" } else { "run" });
            (cell["axes"].clone(), to_run, why)
        };
        cells.iter().map(told).collect()
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.path(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }
}

/// Which cells an edit touches, and the words that say so.
struct Edit {
    what: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    touches: fn(&Value) -> bool,
    why: &'static str,
}

const fn edit(
    what: &'static str,
    file: &'static str,
    [from, to]: [&'static str; 2],
    touches: fn(&Value) -> bool,
    why: &'static str,
) -> Edit {
    Edit { what, file, from, to, touches, why }
}

fn all(_: &Value) -> bool {
    true
}

fn none(_: &Value) -> bool {
    false
}

fn of_a(axes: &Value) -> bool {
    axes["model"] == "a"
}

fn of_b(axes: &Value) -> bool {
    axes["model"] == "b"
}

fn is_open(axes: &Value) -> bool {
    axes["mode"] == "real_workload"
}

const EDITS: [Edit; 46] = [
    edit("nothing", "suite.toml", ["seed = 1", "seed = 1 "], none, ""),
    // What cannot change a result.
    edit("about", "suite.toml", ["seed = 1", "seed = 1\nabout = \"x\""], none, ""),
    edit("labels", "suite.toml", ["seed = 1", "seed = 1\nlabels = { ticket = \"1\" }"], none, ""),
    edit("tags", "suite.toml", ["seed = 1", "seed = 1\ntags = [\"x\"]"], none, ""),
    edit("order", "suite.toml", ["[load]", "[load]\norder = \"shuffled\""], none, ""),
    edit("cooldown", "suite.toml", ["[load]", "[load]\ncooldown = \"1ms\""], none, ""),
    edit("group_by_model", "suite.toml", ["[load]", "[load]\ngroup_by_model = false"], none, ""),
    edit("price", "suite.toml", ["output = 2.0", "output = 3.0"], none, ""),
    edit(
        "a comment and the order of keys",
        "suite.toml",
        ["input_tokens = 40\noutput_tokens = 2", "# x\noutput_tokens = 2\ninput_tokens = 40"],
        none,
        "",
    ),
    edit("the order of values", "suite.toml", ["[\"a\", \"b\"]", "[\"b\", \"a\"]"], none, ""),
    edit("an axis value goes", "suite.toml", ["[1, 2]", "[1]"], none, ""),
    edit(
        "an endpoint that nobody uses",
        "suite.toml",
        ["[models.a]", "[endpoints.three]\nbase_url = \"http://h\"\n[models.a]"],
        none,
        "",
    ),
    edit("a file of the same content", "prompts/part.jinja", ["for {{ model }}", "for {{ model }}"], none, ""),
    // The matrix.
    edit("an axis value comes", "suite.toml", ["[1, 2]", "[1, 2, 3]"], |axes| axes["concurrency"] == 3, "new"),
    edit(
        "an axis value changes",
        "suite.toml",
        ["[1, 2]", "[1, 4]"],
        |axes| axes["concurrency"] == 4,
        "concurrency 2 is now 4",
    ),
    edit("the rate changes", "suite.toml", ["qps = 50", "qps = 60"], is_open, "qps 50.0 is now 60.0"),
    edit(
        "the distribution",
        "suite.toml",
        ["qps = 50", "qps = 50\nqps_distribution = \"uniform\""],
        is_open,
        "qps_distribution constant is now uniform",
    ),
    edit(
        "input_tokens",
        "suite.toml",
        ["input_tokens = 40", "input_tokens = 41"],
        |axes| axes["mode"] != "custom",
        "input_tokens 40 is now 41",
    ),
    edit("output_tokens", "suite.toml", ["output_tokens = 2", "output_tokens = 3"], all, "output_tokens 2 is now 3"),
    edit("seed", "suite.toml", ["seed = 1", "seed = 2"], all, "seed changed"),
    // Files.
    edit("a template", "prompts/p.yaml", ["{% inc", "x {% inc"], all, "prompts/p.yaml changed"),
    edit(
        "an included template",
        "prompts/part.jinja",
        ["for {{ model }}", "Read: for {{ model }}"],
        all,
        "prompts/part.jinja changed",
    ),
    edit("the system message", "prompts/system.jinja", ["brief", "terse"], all, "prompts/system.jinja changed"),
    edit("the dataset", "rows.jsonl", ["there", "you"], |axes| axes["mode"] == "custom", "rows.jsonl changed"),
    edit("a tokenizer", "tokenizers/a.json", ["\"1.0\"", "\"1.0\" "], of_a, "tokenizers/a.json changed"),
    edit(
        "another tokenizer",
        "suite.toml",
        ["tokenizer = \"words\"", "tokenizer = \"tokenizers/a.json\""],
        of_b,
        "tokenizers/a.json changed",
    ),
    edit(
        "the dataset's order",
        "suite.toml",
        ["[dataset]", "[dataset]\norder = \"shuffle\""],
        |axes| axes["mode"] == "custom",
        "dataset.order changed",
    ),
    edit("turns", "suite.toml", ["turns = 1", "turns = 2"], |axes| axes["mode"] == "chat", "chat.turns changed"),
    // Endpoints and models.
    edit("a header", "suite.toml", ["\"bench\"", "\"other\""], of_a, "endpoints.one.headers changed"),
    edit(
        "one more header",
        "suite.toml",
        ["x-team =", "x-more = \"1\", x-team ="],
        of_a,
        "endpoints.one.headers changed",
    ),
    edit(
        "revision",
        "suite.toml",
        ["[endpoints.two]", "[endpoints.two]\nrevision = \"2\""],
        of_b,
        "endpoints.two.revision changed",
    ),
    edit(
        "stream",
        "suite.toml",
        ["[endpoints.two]", "[endpoints.two]\nstream = false"],
        of_b,
        "endpoints.two.stream changed",
    ),
    edit(
        "timeouts",
        "suite.toml",
        ["[endpoints.two]", "[endpoints.two]\ntimeouts = { idle = \"9s\" }"],
        of_b,
        "endpoints.two.timeouts changed",
    ),
    edit("the simulator", "suite.toml", ["itl = \"1ms\"", "itl = \"2ms\""], of_a, "endpoints.one.simulator changed"),
    edit(
        "a model's name on the wire",
        "suite.toml",
        ["[models.b]", "[models.b]\nid = \"bb\""],
        of_b,
        "models.b.id changed",
    ),
    edit(
        "a model's body",
        "suite.toml",
        ["[models.b]", "[models.b]\nbody = { top_k = 1 }"],
        of_b,
        "request.top_k changed",
    ),
    edit(
        "a request option",
        "suite.toml",
        ["[load]", "[request]\ntemperature = 0.5\n[load]"],
        all,
        "request.temperature changed",
    ),
    // Load.
    edit("requests", "suite.toml", ["requests = 1", "requests = 2"], all, "requests 1 is now 2"),
    edit("duration", "suite.toml", ["[load]", "[load]\nduration = \"9s\""], all, "load.duration changed"),
    edit("warmup", "suite.toml", ["[load]", "[load]\nwarmup = 1"], all, "load.warmup changed"),
    edit("ramp", "suite.toml", ["[load]", "[load]\nramp = \"1ms\""], all, "load.ramp changed"),
    edit("cell_timeout", "suite.toml", ["[load]", "[load]\ncell_timeout = \"9s\""], all, "load.cell_timeout changed"),
    edit("max_in_flight", "suite.toml", ["[load]", "[load]\nmax_in_flight = 9"], is_open, "load.max_in_flight changed"),
    edit("unique", "suite.toml", ["[prompt]", "[prompt]\nunique = \"seed\""], all, "prompt.unique changed"),
    edit(
        "a shared prefix",
        "suite.toml",
        ["[prompt]", "[prompt]\nshared_prefix = { tokens = 4, groups = 1 }"],
        all,
        "prompt.shared_prefix changed",
    ),
    edit(
        "chunk_times",
        "suite.toml",
        ["[load]", "[output]\nchunk_times = \"first_last\"\n[load]"],
        all,
        "output.chunk_times changed",
    ),
];

#[test]
fn an_edit_reruns_what_it_touches_and_says_why() {
    let bench = suite();
    let said = bench.call("run suite.toml --quiet");
    assert_eq!(said.code, 0, "{}", said.stderr);
    for Edit { what, file, from, to, touches, why } in EDITS {
        let before = fs::read_to_string(bench.path(file)).unwrap();
        bench.edit(file, from, to);
        let told = bench.told("plan suite.toml --reuse --json");
        for (axes, to_run, reason) in &told {
            assert_eq!(*to_run == 1, touches(axes), "{what}: {axes}: {reason}");
            assert!(*to_run == 0 || reason == why, "{what}: {axes}: {reason}");
            assert!(*to_run == 1 || reason.starts_with("from 2"), "{what}: {axes}: {reason}");
        }
        fs::write(bench.path(file), before).unwrap();
    }
    // A value of the environment counts by its name: a key that is changed reruns nothing, nor does one that is missing.
    assert!(bench.variable("KEY", "sk-1234567").told("plan suite.toml --reuse --json").iter().all(|cell| cell.1 == 0));
}

#[test]
fn a_run_measures_what_is_left_and_takes_the_rest_over() {
    let bench = Bench::new().file("small.toml", SMALL);
    assert_eq!(bench.call("run small.toml").code, 0);
    let first = bench.latest("small");
    bench.edit("small.toml", "concurrency = [1, 4]", "concurrency = [1, 2]");
    bench.edit("small.toml", "warmup = \"1x\"", "warmup = \"1x\"\nrepeats = 2");
    let said = bench.call("run small.toml --reuse");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let second = bench.latest("small");
    let name = first.file_name().unwrap().to_string_lossy().into_owned();
    assert!(said.stderr.contains(&format!("4 of 16 repeats reused: 4 from {name} (")), "{}", said.stderr);
    assert!(said.stderr.contains(" 12 of 12 "), "{}", said.stderr);
    assert!(said.stdout.contains("1 of 2, ") && said.stdout.contains("4 of 16 repeats reused"), "{}", said.stdout);
    assert_eq!(rows(&second.join("requests")).len(), 4 * 9 + 4 * 9 + 8 * 10);
    let plan = Bench::json(&second.join("plan.json"));
    let repeats = plan["cells"].as_array().unwrap().iter().flat_map(|cell| cell["repeats"].as_array().unwrap());
    let reused =
        repeats.filter(|repeat| repeat["reused_from"] == name.as_str() && repeat["age_s"].as_f64() >= Some(0.0));
    assert_eq!(reused.count(), 4);
    // Rows are shared, not copied.
    let shared = files(&second.join("requests")).into_iter().filter(|path| path.metadata().unwrap().nlink() == 2);
    assert_eq!(shared.count(), 4);
    // All of it: no probe, nothing measured; what was taken over already is told by the run that measured it.
    let third = bench.call("run small.toml --reuse --json --quiet");
    assert_eq!(third.code, 0, "{}", third.stderr);
    let manifest = Bench::json(&bench.latest("small").join("manifest.json"));
    assert_eq!((manifest["probes"].as_array().unwrap().len(), &manifest["state"]), (0, &"complete".into()));
    let summary: Value = serde_json::from_str(&third.stdout).unwrap();
    let mut from: BTreeMap<String, usize> = BTreeMap::new();
    for repeat in summary["cells"].as_array().unwrap().iter().flat_map(|cell| cell["repeats"].as_array().unwrap()) {
        *from.entry(repeat["reused"]["from"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(from.into_values().collect::<Vec<_>>(), [4, 12]);
    let shown = bench.call("show results/small/latest").stdout;
    assert!(shown.contains("16 of 16 repeats reused, not measured by this run"), "{shown}");
    // And a plain run measures all of it.
    let plain = bench.call("run small.toml");
    assert!(plain.stderr.contains(" 16 of 16 ") && !plain.stderr.contains("reused"), "{}", plain.stderr);
    fs::remove_dir_all(&first).unwrap();
    assert_eq!(rows(&second.join("requests")).len(), 4 * 9 + 4 * 9 + 8 * 10, "links outlive what they came from");
}

#[test]
fn a_server_that_is_another_one_reruns_what_it_answered() {
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--ttft 1ms --itl 1ms");
    let base = |name: &str, url: &str| format!("[endpoints.{name}]\nbase_url = \"{url}\"\n");
    let port = server.url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
    let rest = "[models.x]\nendpoint = \"far\"\n[models.y]\nendpoint = \"near\"\n[matrix]\nmodel = [\"x\", \"y\"]\ninput_tokens = 20\noutput_tokens = 2\n[load]\nrequests = 2\n";
    let near = "[endpoints.near]\napi = \"simulator\"\nsimulator = { ttft = \"1ms\", itl = \"1ms\" }\n";
    let bench = bench.file("s.toml", &format!("name = \"s\"\n{}{near}{rest}", base("far", &server.url)));
    assert_eq!(bench.call("run s.toml").code, 0);
    let same = bench.call("run s.toml --reuse");
    assert!(same.code == 0 && same.stderr.contains("2 of 2 repeats reused"), "{}", same.stderr);
    drop(server);
    let again = Simulated::start_at(&bench, &port, "--ttft 1ms --itl 1ms");
    assert_eq!(again.url.rsplit(':').next().unwrap().split('/').next(), Some(port.as_str()));
    let told = bench.told("plan s.toml --reuse --json");
    assert!(told.iter().all(|cell| cell.1 == 0), "a plan asks nobody");
    let restarted = bench.call("run s.toml --reuse");
    assert!(restarted.stderr.contains("1 of 2 repeats reused"), "{}", restarted.stderr);
    assert!(
        restarted.stderr.contains("x_in20_out2_c1")
            && restarted.stderr.contains("the server of `far`: it was restarted"),
        "{}",
        restarted.stderr
    );
    let manifest = Bench::json(&bench.latest("s").join("manifest.json"));
    assert!(manifest["servers"]["far"]["process_start_s"].is_number());
    assert!(manifest["servers"]["near"]["process_start_s"].is_null());
    let probed: Vec<&str> =
        manifest["probes"].as_array().unwrap().iter().map(|probe| probe["model"].as_str().unwrap()).collect();
    assert_eq!(probed, ["x"], "no probe of a model whose cells are reused");
}

#[test]
fn what_is_too_old_or_broken_or_without_answers_is_measured() {
    let bench = Bench::new().file("small.toml", SMALL);
    let words = "small.toml --only model=a --only concurrency=1";
    assert_eq!(bench.call(&format!("run {words}")).code, 0);
    let path = |dir: &Path| files(&dir.join("requests")).into_iter().min().unwrap();
    fs::write(path(&bench.latest("small")), "PAR1 no more").unwrap();
    let said = bench.call(&format!("run {words} --reuse"));
    assert!(said.code == 0 && said.stderr.contains("1 of 2 repeats reused"), "{}", said.stderr);
    assert!(said.stderr.contains("cannot be read") && said.stderr.contains("it is measured anew"), "{}", said.stderr);
    let old = bench.told(&format!("plan {words} --reuse=1ms --json"));
    assert!(old.iter().all(|(_, to_run, why)| *to_run == 1 && why.contains("old, more than 0s")), "{old:?}");
    let answers = bench.told(&format!("plan {words} --reuse --set output.save_responses=true --json"));
    assert!(answers.iter().all(|(_, to_run, why)| *to_run == 1 && why.contains("kept no answers")), "{answers:?}");
    for wrong in ["--reuse=7", "--reuse=soon", "--reuse --resume results/small/latest"] {
        assert_eq!(bench.call(&format!("run {words} {wrong}")).code, 2, "{wrong}");
    }
}

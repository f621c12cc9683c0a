//! Every protocol, spoken by the whole binary to a fake that follows its documentation.

use std::path::Path;

use infersweep::record::{Outcome, RequestRecord};
use serde_json::Value;

use crate::tool::{Bench, Simulated, rows};

/// A scenario of one cell at an endpoint with these keys.
fn scenario(endpoint: &str) -> String {
    format!(
        "name = \"p\"\n[endpoints.server]\n{endpoint}\n\
         [models.expert]\nid = \"Bundle/Expert-8B\"\ntokenizer = \"words\"\n\
         [matrix]\nmodel = \"expert\"\ninput_tokens = 24\noutput_tokens = 6\nconcurrency = 2\n\
         [load]\nrequests = 6\nwarmup = 1\n"
    )
}

fn run(bench: &Bench, more: &str) -> (Vec<RequestRecord>, Value) {
    let said = bench.call(&format!("run p.toml {more}"));
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let dir = bench.latest("p");
    (rows(&dir.join("requests")), Bench::json(&dir.join("summary.json")))
}

fn columns(file: &Path) -> Vec<String> {
    let bytes = std::fs::read(file).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    ["server_queue_ms", "server_wait_ms", "server_acceptance_rate", "server_total_tokens_per_s"]
        .into_iter()
        .filter(|name| text.contains(name))
        .map(str::to_owned)
        .collect()
}

#[test]
fn sambastudio_is_spoken_in_both_versions_streamed_and_whole() {
    let bench = Bench::new().variable("SAMBASTUDIO_API_KEY", "marker-key-4713");
    let server = Simulated::start(&bench, "--ttft 5ms --itl 2ms");
    for path in ["/api/predict/generic/p/e", "/api/v2/predict/generic/stream/p/e", "/openai/v1/p/e/chat/completions"] {
        let bench = Bench::new()
            .variable("SAMBASTUDIO_API_KEY", "marker-key-4713")
            .variable("SAMBASTUDIO_URL", &server.url.replace("/v1", path))
            .file("p.toml", &scenario("api = \"sambastudio\""));
        for stream in [true, false] {
            let (rows, summary) = run(&bench, &format!("--set endpoints.server.stream={stream}"));
            assert_eq!(rows.len(), 7, "{path}");
            for row in &rows {
                assert_eq!(row.outcome, Outcome::Completed, "{path}");
                assert_eq!((row.tokens.output_server, row.tokens.input_server), (Some(6), Some(24)), "{path} {stream}");
                assert_eq!(row.chunks.len(), if stream { 6 } else { 0 }, "{path}");
                assert!(row.server.ttft_ms.is_some_and(|ms| ms >= 5.0) && row.server.batch_size_used.is_some());
                assert!(row.server.extra["server_total_tokens_per_s"] > 0.0);
            }
            let metrics = &summary["cells"][0]["metrics"];
            assert_eq!(metrics["server_ttft_ms"]["count"], 6);
            assert_eq!(metrics["server_total_tokens_per_s"]["count"], 6);
        }
        for file in crate::tool::files(&bench.latest("p")) {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("marker-key-4713"), "{}", file.display());
        }
    }
}

#[test]
fn sambastudio_says_what_it_lacks() {
    let bench = Bench::new().file("p.toml", &scenario("api = \"sambastudio\""));
    assert_eq!(bench.call("check p.toml").code, 0, "neither key nor address is needed to check");
    let said = bench.call("run p.toml");
    assert!(said.code != 0 && said.stderr.contains("`SAMBASTUDIO_URL` is not set"), "{}", said.stderr);

    let url = "base_url = \"https://studio.example/api/v2/predict/generic/p/e\"";
    let bench = Bench::new().file("p.toml", &scenario(&format!("api = \"sambastudio\"\n{url}")));
    let said = bench.call("check p.toml --set matrix.image_size=[\"na\",\"small\"]");
    assert!(said.code == 2 && said.stderr.contains("endpoint `server` carries text only"), "{}", said.stderr);
    let chat = "--set endpoints.server.base_url=https://studio.example/openai/v1/p/e/chat/completions";
    assert_eq!(bench.call(&format!("check p.toml --set matrix.image_size=[\"small\"] {chat}")).code, 0);
}

#[test]
fn a_fake_without_the_key_refuses() {
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--ttft 1ms --itl 1ms");
    let url = server.url.replace("/v1", "/api/predict/generic/p/e");
    let endpoint =
        format!("api = \"sambastudio\"\nbase_url = \"{url}\"\napi_key_env = \"K\"\nheaders = {{ x-a = \"b\" }}");
    let bench = bench.file("p.toml", &scenario(&endpoint)).variable("K", "k-4714");
    assert_eq!(bench.call("run p.toml").code, 0);
    let completions = scenario(&format!("api = \"openai_completions\"\nbase_url = \"{url}\""));
    let bench = bench.file("p.toml", &completions);
    assert_ne!(bench.call("run p.toml").code, 0, "another protocol's path is not there");
}

#[test]
fn completions_are_counted_without_a_template() {
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--ttft 5ms --itl 2ms");
    let bench =
        bench.file("p.toml", &scenario(&format!("api = \"openai_completions\"\nbase_url = \"{}\"", server.url)));
    for stream in [true, false] {
        let (rows, _) = run(&bench, &format!("--set endpoints.server.stream={stream}"));
        assert_eq!(rows.len(), 7);
        for row in &rows {
            assert_eq!((&row.outcome, row.tokens.input_server), (&Outcome::Completed, Some(24)));
            assert!(row.response_id.as_deref().is_some_and(|id| id.starts_with("cmpl-")), "{:?}", row.response_id);
            assert_eq!((row.tokens.output_server, row.chunks.len()), (Some(6), if stream { 6 } else { 0 }));
        }
    }
    let said = bench.call("check p.toml --set matrix.image_size=[\"64x64\"]");
    assert!(said.code == 2 && said.stderr.contains("carries text only"), "{}", said.stderr);
}

#[test]
fn a_metric_of_the_scenario_is_a_column_a_figure_and_stands_in_the_table() {
    let metrics = "server_metrics = { wait = { pointer = \"/usage/total_latency\", unit = \"s\" } }";
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--ttft 5ms --itl 2ms");
    let endpoint = format!("api = \"openai_chat\"\nbase_url = \"{}\"\n{metrics}", server.url);
    let bench = bench.file("p.toml", &scenario(&endpoint));
    let (rows, summary) = run(&bench, "");
    for row in &rows {
        assert_eq!(row.server.extra.get("server_wait_ms"), row.server.e2e_ms.as_ref());
    }
    assert_eq!(summary["cells"][0]["metrics"]["server_wait_ms"]["count"], 6);
    let dir = bench.latest("p");
    let file = std::fs::read_dir(dir.join("requests")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(columns(&file).len(), 4, "{:?}", columns(&file));
    assert!(std::fs::read_to_string(dir.join("summary.csv")).unwrap().contains("server_wait_ms_p50"));
}

#[test]
fn the_cloud_is_asked_for_its_debug_answer_when_it_is_wanted() {
    let cloud = "[endpoints.c]\napi = \"sambanova\"\naccuracy_debug = true\n[matrix]\nmodel = \"m\"\n";
    let bench = Bench::new().file("c.toml", cloud);
    assert_eq!(bench.call("check c.toml").code, 0);
    let other = bench.call("check c.toml --set endpoints.c.api=openai_chat --set endpoints.c.base_url=http://h/v1");
    assert!(other.code == 2 && other.stderr.contains("only for api = \"sambanova\""), "{}", other.stderr);
}

#[test]
fn alternating_two_models_measures_what_a_switch_takes() {
    let scenario = std::fs::read_to_string("scenarios/switching.toml").unwrap();
    let bench = Bench::new().file("switching.toml", &scenario);
    let said = bench.call("run switching.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let dir = bench.latest("switching");
    let summary = Bench::json(&dir.join("summary.json"));
    for cell in summary["cells"].as_array().unwrap() {
        let found = &cell["switching"];
        if cell["axes"]["visit"] == 1 {
            let ms = found["switching_ms"].as_f64().unwrap();
            assert!((245.0..300.0).contains(&ms) && found["switches"].as_u64().unwrap() >= 4, "{found}");
        } else {
            assert_eq!(*found, Value::Null, "the control begins after itself");
        }
    }
    assert!(said.stdout.contains("switching to this model takes 2"), "{}", said.stdout);
}

#[test]
fn batches_of_the_server_are_groups() {
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--ttft 5ms --itl 2ms");
    let endpoint = format!("api = \"sambanova\"\nbase_url = \"{}\"\napi_key_env = \"K\"", server.url);
    let bench = bench.file("p.toml", &scenario(&endpoint)).variable("K", "k-4715");
    let (_, summary) = run(&bench, "--set matrix.concurrency=4 --set load.requests=24");
    let batches = &summary["cells"][0]["batches"];
    assert_eq!(batches["source"], "server");
    let of = |groups: &Value| -> u64 {
        groups.as_array().unwrap().iter().map(|group| group["requests"].as_u64().unwrap()).sum()
    };
    assert_eq!(of(&batches["groups"]), 24, "{batches}");
    let shown = bench.call("show results/p/latest --server");
    assert!(shown.code == 0 && shown.stdout.contains("server beside client"), "{}{}", shown.stdout, shown.stderr);
}

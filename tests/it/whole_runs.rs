//! Whole runs on the simulator: what is sent, what is written, what is shown.

use std::fs;

use infersweep::record::{Outcome, Phase};
use serde_json::Value;

use crate::tool::{Bench, SMALL, Simulated, files, rows};

#[test]
fn a_run_leaves_exactly_what_the_plan_says() {
    let bench = Bench::new().file("small.toml", SMALL);
    let said = bench.call("run small.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let dir = bench.latest("small");
    let rows = rows(&dir.join("requests"));
    let counted = |phase| rows.iter().filter(|row| row.phase == phase).count();
    assert_eq!((counted(Phase::Measure), counted(Phase::Warmup)), (8 * 8, 4 + 4 * 4));
    for row in &rows {
        assert_eq!(row.outcome, Outcome::Completed);
        assert_eq!(row.tokens.input_server, row.tokens.input_requested, "the server counts what was asked for");
        assert_eq!(row.tokens.output_server, Some(6));
        assert_eq!(row.chunks.len(), 6);
        assert!(row.stamps.first_token_ns.unwrap() - row.stamps.sent_ns.unwrap() >= 5_000_000);
    }
    let summary = Bench::json(&dir.join("summary.json"));
    let cells = summary["cells"].as_array().unwrap();
    assert_eq!((cells.len(), &summary["labels"]["ticket"]), (8, &"PERF-1".into()));
    assert!(cells.iter().all(|cell| cell["requests"]["completed"] == 8 && cell["metrics"]["ttft_ms"]["count"] == 8));
    let manifest = Bench::json(&dir.join("manifest.json"));
    assert_eq!((&manifest["state"], manifest["probes"].as_array().unwrap().len()), (&"complete".into(), 2));
    let plan = Bench::json(&dir.join("plan.json"));
    assert!(plan["cells"].as_array().unwrap().iter().all(|cell| cell["repeats"][0]["state"] == "complete"));
    for file in ["scenario.toml", "summary.csv", "comparison.md"] {
        assert!(dir.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    assert!(said.stdout.contains("TTFT ms") && said.stdout.contains("▲ best"), "{}", said.stdout);
    assert!(fs::read_dir(dir.join("partial")).map_or(0, Iterator::count) == 0);
}

#[test]
fn answers_that_are_not_streamed_have_an_end_and_no_tokens_in_time() {
    let bench = Bench::new().file("small.toml", SMALL);
    let words = "run small.toml --only model=a --only concurrency=4 --set endpoints.sim.stream=false";
    assert_eq!(bench.call(words).code, 0);
    let dir = bench.latest("small");
    let rows = rows(&dir.join("requests"));
    assert!(!rows.is_empty());
    for row in &rows {
        assert_eq!((&row.outcome, row.tokens.output_server), (&Outcome::Completed, Some(6)));
        assert_eq!((row.stamps.first_token_ns, row.chunks.len()), (None, 0));
    }
    let summary = Bench::json(&dir.join("summary.json"));
    for cell in summary["cells"].as_array().unwrap() {
        assert_eq!((&cell["metrics"]["ttft_ms"], &cell["metrics"]["e2e_ms"]["count"]), (&Value::Null, &8.into()));
    }
}

#[test]
fn the_frozen_scenario_gives_the_same_plan() {
    let bench = Bench::new().file("small.toml", SMALL);
    assert_eq!(bench.call("run small.toml --only concurrency=1 --set load.requests=1").code, 0);
    let frozen = bench.latest("small").join("scenario.toml");
    let plan = |file: &str| bench.json_of(&format!("plan {file} --json"));
    assert_eq!(plan("small.toml --set load.requests=1"), plan(&frozen.display().to_string()));
}

impl Bench {
    fn json_of(&self, words: &str) -> serde_json::Value {
        let said = self.call(words);
        serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}{}", said.stdout, said.stderr))
    }
}

#[test]
fn an_exclude_names_vars_by_their_bare_words() {
    let more = "vars = { language = [\"en\", \"ko\"] }\n[[matrix.exclude]]\nlanguage = \"ko\"\nconcurrency = 4\n[load]";
    let bench = Bench::new().file("small.toml", &SMALL.replace("[load]", more));
    assert_eq!(bench.json_of("plan small.toml --json")["cells"].as_array().unwrap().len(), 16 - 4);
    let wrong = bench.call("plan small.toml --set matrix.exclude=[{languag=1}]");
    assert!(wrong.code == 2 && wrong.stderr.contains("unknown key `languag`"), "{}", wrong.stderr);
}

#[test]
fn only_and_set_and_json_do_what_they_say() {
    let bench = Bench::new().file("small.toml", SMALL);
    let summary =
        bench.json_of("run small.toml --only model=a --only concurrency=4 --set load.requests=3 --json --quiet");
    let cells = summary["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 2);
    assert!(cells.iter().all(|cell| cell["axes"]["model"] == "a" && cell["requests"]["completed"] == 3));
}

#[test]
fn a_run_without_a_file_is_saved_as_one() {
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--ttft 5ms --itl 1ms");
    let said = bench.call(&format!("run --url {} --model demo --concurrency 1,2 --output-tokens 4", server.url));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let dir = bench.latest("quick");
    let measured = rows(&dir.join("requests"));
    assert_eq!(measured.len(), 4 + 8);
    assert!(measured.iter().all(|row| row.tokens.input_server == Some(256)), "learnt from the server");
    let again = bench.call(&format!("run {} --quiet", dir.join("scenario.toml").display()));
    assert_eq!(again.code, 0, "{}", again.stderr);
}

#[test]
fn a_scenario_made_by_init_runs() {
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--ttft 5ms --itl 1ms");
    let said = bench.call(&format!("init --url {} --out made.toml", server.url));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(bench.call("check made.toml").code, 0);
    assert_eq!(bench.call(&format!("init --url {} --out made.toml", server.url)).code, 2, "never over a file");
    let said = bench.call("run made.toml --only concurrency=4 --only input_tokens=250 --set matrix.output_tokens=3");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(bench.call("init --out sim.toml").code, 0);
    assert_eq!(bench.call("run sim.toml --only concurrency=1 --only input_tokens=64").code, 0);
}

#[test]
fn every_repeat_has_its_rows_in_the_order_asked_for() {
    let bench = Bench::new().file("small.toml", SMALL);
    let said = bench.call("run small.toml --only model=a --only input_tokens=24 --set load.repeats=2 --set load.order=interleaved --set load.cooldown=10ms");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let order: Vec<&str> = said.stderr.lines().filter(|line| line.contains(" of 4 ")).collect();
    assert!(
        order.len() == 4 && order[0].contains("_c1-") && order[1].contains("_c4-") && order[2].contains("_c1-"),
        "{order:?}"
    );
    let summary = Bench::json(&bench.latest("small").join("summary.json"));
    assert!(summary["cells"].as_array().unwrap().iter().all(|cell| cell["repeats"].as_array().unwrap().len() == 2));
}

#[test]
fn a_secret_reaches_no_file_and_no_screen() {
    const KEY: &str = "marker-key-4711";
    let bench = Bench::new().variable("THE_KEY", KEY).variable("TEAM", "marker-team-4712");
    let server = Simulated::start(&bench, "--ttft 2ms --itl 1ms");
    let scenario = format!(
        "name = \"secret\"\n[endpoints.s]\nbase_url = \"{}\"\napi_key_env = \"THE_KEY\"\nheaders = {{ x-team = \"${{TEAM}}\" }}\n\
         [matrix]\nmodel = \"m\"\ninput_tokens = 30\noutput_tokens = 2\n[load]\nrequests = 2\n",
        server.url
    );
    let bench = bench.file("secret.toml", &scenario);
    let said = bench.call("run secret.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    for path in files(&bench.path("results")) {
        let bytes = fs::read(&path).unwrap();
        for secret in [KEY, "marker-team-4712"] {
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{secret} is in {}",
                path.display()
            );
        }
    }
    assert!(!format!("{}{}", said.stdout, said.stderr).contains("marker-"));
}

#[test]
fn show_draws_a_stored_run() {
    let bench = Bench::new().file("small.toml", SMALL);
    let ran = bench.call("run small.toml --only model=a");
    let shown = bench.call("show results/small/latest");
    assert_eq!((ran.code, shown.code), (0, 0));
    assert_eq!(ran.stdout, shown.stdout);
    assert!(bench.call("show results/small/latest --json").stdout.contains("\"format_version\": 1"));
    assert_eq!(bench.call("show results").code, 2);
}

#[test]
fn prompts_answers_and_failures_are_kept_where_asked_for_and_without_secrets() {
    let bench = Bench::new().variable("THE_KEY", "marker-key-4711").variable("TEAM", "marker-team-4712");
    let server = Simulated::start(&bench, "--ttft 2ms --itl 1ms");
    // The second size is beyond the simulator's context: it is refused.
    let scenario = format!(
        "name = \"kept\"\n[endpoints.s]\nbase_url = \"{}\"\napi_key_env = \"THE_KEY\"\nheaders = {{ x-team = \"${{TEAM}}\" }}\n\
         body = {{ user = \"${{TEAM}}\" }}\n[models.m]\ntokenizer = \"words\"\n\
         [matrix]\nmodel = \"m\"\ninput_tokens = 30\noutput_tokens = [3, 200000]\nimage_size = \"30x20\"\nconcurrency = 2\n\
         [load]\nrequests = 4\n[output]\nsave_responses = true\ndebug = true\n",
        server.url
    );
    let bench = bench.file("kept.toml", &scenario);
    assert_eq!(bench.call("run kept.toml").code, 1, "every request of a cell failed");
    let dir = bench.latest("kept");
    let lines = |folder: &str| -> Vec<serde_json::Value> {
        let mut paths = files(&dir.join(folder));
        paths.sort();
        let texts = paths.iter().map(|path| fs::read_to_string(path).unwrap());
        texts
            .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>())
            .collect()
    };
    let (answers, failures) = (lines("responses"), lines("debug"));
    assert_eq!((answers.len(), failures.len()), (8, 4));
    let rows = rows(&dir.join("requests"));
    for answer in answers.iter().filter(|answer| answer["outcome"] == "completed") {
        assert_eq!(answer["text"].as_str().unwrap().split(' ').count(), 3);
        assert!(rows.iter().any(|row| row.response_id.as_deref() == answer["response_id"].as_str()));
        let prompt = answer["messages"][0]["content"].as_str().unwrap();
        assert_eq!(prompt.split_whitespace().count(), 23);
        assert_eq!((&answer["images"][0]["mime"], &answer["finish_reason"]), (&"image/jpeg".into(), &"length".into()));
    }
    for failure in &failures {
        let head = failure["request_head"].as_str().unwrap();
        assert!(head.starts_with("POST /v1/chat/completions") && head.contains("authorization: ***"), "{head}");
        assert!(head.contains("x-team: ***"), "{head}");
        assert!(failure["request_body"].as_str().unwrap().contains("\"user\":\"[redacted]\""), "{failure}");
        assert!(failure["response_body"].as_str().unwrap().contains("maximum context length"), "{failure}");
        assert_eq!((&failure["http_status"], &failure["cause"]), (&400.into(), &"http_status".into()));
        assert_eq!(failure["response_headers"]["content-type"], "application/json");
    }
    for path in files(&dir) {
        let bytes = fs::read(&path).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("marker-"), "{}", path.display());
    }
}

#[test]
fn the_steady_window_of_every_repeat_is_stored_with_its_figures() {
    let bench = Bench::new().file("small.toml", SMALL);
    let said =
        bench.call("run small.toml --only model=a --only input_tokens=24 --set load.requests=40 --set load.repeats=2 --set load.warmup=0");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let dir = bench.latest("small");
    let summary = Bench::json(&dir.join("summary.json"));
    for cell in summary["cells"].as_array().unwrap() {
        let steady = &cell["steady"];
        assert_eq!((&steady["rule"], &steady["reason"]), (&"closed_full".into(), &serde_json::Value::Null), "{steady}");
        let concurrency = cell["axes"]["concurrency"].as_f64().unwrap();
        assert!((steady["mean_in_flight"].as_f64().unwrap() - concurrency).abs() < 0.35 * concurrency, "{steady}");
        let windows = steady["repeats"].as_array().unwrap();
        assert_eq!(windows.len(), 2);
        let lengths = windows.iter().map(|window| {
            let (from, to) = (window["from_ns"].as_f64().unwrap(), window["to_ns"].as_f64().unwrap());
            assert!(from >= 0.0 && to > from);
            (to - from) / 1e9
        });
        assert!((lengths.sum::<f64>() - steady["duration_s"].as_f64().unwrap()).abs() < 1e-6);
        let counted: f64 = windows.iter().map(|window| window["requests"].as_f64().unwrap()).sum();
        assert_eq!(steady["metrics"]["ttft_ms"]["count"].as_f64(), Some(counted));
        assert!(counted < 80.0 && counted > 60.0, "those that fill the slots do not count: {counted}");
    }
    assert!(bench.call("show results/small/latest --steady").stdout.starts_with("small · steady state"));
    assert!(fs::read_to_string(dir.join("comparison.md")).unwrap().contains("**small · steady state"));
    let csv = fs::read_to_string(dir.join("summary.csv")).unwrap();
    assert!(csv.lines().next().unwrap().contains(",steady_ttft_ms_p99,"));
}

#[test]
fn rows_keep_the_stamps_that_were_asked_for() {
    let bench = Bench::new().file("small.toml", SMALL);
    let run = |kept: &str| {
        let words = "run small.toml --only model=a --only input_tokens=24 --only concurrency=4 --set load.requests=64 --json --quiet";
        let said = bench.call(&format!("{words} --set output.chunk_times={kept}"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        let cell = serde_json::from_str::<serde_json::Value>(&said.stdout).unwrap()["cells"][0].clone();
        (rows(&bench.latest("small").join("requests")), cell["metrics"].clone(), cell["itl_left_out"].clone())
    };
    let (all, metrics, left_out) = run("all");
    assert!(all.iter().all(|row| row.chunks.len() == 6) && left_out == 0);
    assert_eq!(metrics["itl_ms"]["count"], 64 * 5);
    let (ends, metrics, left_out) = run("first_last");
    assert!(ends.iter().all(|row| row.chunks.iter().map(|chunk| chunk.tokens).eq([1, 5])));
    assert!(metrics["itl_ms"].is_null() && metrics["chunk_gap_ms"].is_null() && left_out == 64);
    assert_eq!((&metrics["tpot_ms"]["count"], &metrics["ttft_ms"]["count"]), (&64.into(), &64.into()));
    let (sampled, metrics, left_out) = run("sampled");
    let whole = sampled.iter().filter(|row| row.chunks.len() == 6);
    let measured = whole.clone().filter(|row| row.phase == Phase::Measure).count();
    assert_eq!(whole.count(), sampled.len() / 16);
    assert_eq!((&metrics["itl_ms"]["count"], left_out.as_u64()), (&(measured * 5).into(), Some(64 - measured as u64)));
}

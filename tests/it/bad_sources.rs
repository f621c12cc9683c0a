//! What is wrong with what a user wants sent is a clear fault before anything is sent, or a recorded deviation: never a
//! run that dies.

use infersweep::record::RequestRecord;

use crate::tool::{Bench, rows};

fn scenario(matrix: &str, more: &str) -> String {
    format!(
        "name = \"s\"\nseed = 3\n[endpoints.sim]\napi = \"simulator\"\nsimulator = {{ ttft = \"2ms\", itl = \"1ms\", context_length = 500 }}\n\
         [models.m]\ntokenizer = \"words\"\n[matrix]\nmodel = \"m\"\noutput_tokens = 3\n{matrix}\n{more}"
    )
}

fn measured(bench: &Bench) -> Vec<RequestRecord> {
    rows(&bench.latest("s").join("requests"))
}

#[test]
fn a_faulty_dataset_is_told_with_its_line_in_every_mode_that_takes_it() {
    const GOOD: &str = "{\"prompt\": \"x\"}\n\n";
    let seventh = |row: &str| format!("{}{row}\n", GOOD.repeat(3));
    let bench = Bench::new();
    let large = std::fs::File::create(bench.path("large.png")).unwrap();
    large.set_len((20 << 20) + 1).unwrap();
    let url = r#"{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/a.png"}}]}]}"#;
    for (text, parts) in [
        (String::new(), ["d.jsonl has no row", ""]),
        ("\n \n\n".to_owned(), ["d.jsonl has no row", ""]),
        (seventh("{\"prompt\": \"x\""), ["d.jsonl:7:", "this row is no JSON table"]),
        (seventh("{\"text\": \"x\"}"), ["d.jsonl:7:1", "neither `prompt` nor `messages`"]),
        (seventh("{\"prompt\": \"x\", \"image_path\": \"none.png\"}"), ["d.jsonl:7:17", "none.png: No such file"]),
        (seventh("{\"prompt\": \"x\", \"image_path\": \"large.png\"}"), ["d.jsonl:7:17", "up to 20971520"]),
        (seventh("{\"prompt\": \"x\", \"image_path\": \"s.toml\"}"), ["d.jsonl:7:17", "is not a picture"]),
        (seventh(url), ["d.jsonl:7:2", "allow_image_urls = true"]),
    ] {
        std::fs::write(bench.path("d.jsonl"), text).unwrap();
        for mode in ["mode = \"custom\"", "mode = \"chat\""] {
            let more = "[dataset]\nfile = \"d.jsonl\"\n[chat]\nsource = \"dataset\"\n";
            let more = if mode.contains("chat") { more } else { more.split("[chat]").next().unwrap() };
            std::fs::write(bench.path("s.toml"), scenario(mode, more)).unwrap();
            for command in ["check", "run"] {
                let said = bench.call(&format!("{command} s.toml"));
                assert_eq!(said.code, 2, "{command} {mode}: {}", said.stderr);
                assert!(parts.iter().all(|part| said.stderr.contains(part)), "{command} {mode}: {}", said.stderr);
            }
        }
    }
    assert!(!bench.path("results").exists());
}

#[test]
fn a_picture_that_the_server_refuses_fails_its_cell_and_no_other() {
    let bench = Bench::new()
        .file("s.toml", &scenario("input_tokens = 20\nimage_size = [\"1000x1000\", \"na\"]", "[load]\nrequests = 2\n"));
    let said = bench.call("run s.toml");
    assert!(said.code == 1 && said.stdout.contains("all failed"), "{} {}", said.stdout, said.stderr);
    let summary = Bench::json(&bench.latest("s").join("summary.json"));
    let requests: Vec<_> = summary["cells"].as_array().unwrap().iter().map(|cell| &cell["requests"]).collect();
    assert_eq!((&requests[0]["failed"], &requests[0]["causes"]["http_status"]), (&2.into(), &2.into()));
    assert_eq!(requests[1]["completed"], 2);
}

#[test]
fn a_size_below_the_template_s_own_tokens_is_the_smallest_there_is_and_said() {
    let bench = Bench::new().file("s.toml", &scenario("input_tokens = [3, 30]", "[load]\nrequests = 2\n"));
    let said = bench.call("run s.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let mut tokens: Vec<_> = measured(&bench)
        .iter()
        .map(|row| (row.tokens.input_requested, row.tokens.input_client, row.tokens.input_server))
        .collect();
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens, [(Some(3), Some(8), Some(8)), (Some(30), Some(30), Some(30))]);
    let summary = Bench::json(&bench.latest("s").join("summary.json"));
    let off: Vec<_> =
        summary["cells"].as_array().unwrap().iter().map(|cell| cell["input_tokens_off"].as_u64()).collect();
    assert_eq!(off, [Some(2), Some(0)]);
    assert!(said.stdout.contains("input tokens"), "{}", said.stdout);
}

#[test]
fn a_distribution_that_goes_below_one_is_cut_there_with_a_warning() {
    let bench = Bench::new().file(
        "s.toml",
        &scenario("input_tokens = \"normal(12,20)\"", "[load]\nrequests = 60\n")
            .replace("output_tokens = 3", "output_tokens = \"normal(2,3)\""),
    );
    let said = bench.call("check s.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.matches("warning").count() >= 2 && said.stderr.contains("below 1"), "{}", said.stderr);
    assert_eq!(bench.call("run s.toml").code, 0);
    let rows = measured(&bench);
    let least = |of: fn(&RequestRecord) -> Option<u64>| rows.iter().filter_map(of).min();
    assert_eq!((least(|row| row.tokens.input_requested), least(|row| row.tokens.output_requested)), (Some(1), Some(1)));
    assert!(rows.iter().all(|row| row.tokens.input_server == row.tokens.input_requested.map(|size| size.max(8))));
    for (wrong, said) in [("\\\"uniform(0,5)\\\"", "uniform"), ("\\\"normal(-5,1)\\\"", "normal")] {
        let got = bench.call(&format!("check s.toml --set matrix.input_tokens={}", wrong.replace('\\', "")));
        assert!(got.stderr.contains(said), "{wrong}: {} {}", got.code, got.stderr);
    }
}

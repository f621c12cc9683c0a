//! What whole runs of modes custom and chat, and the features of prompts, send and write.

use std::collections::BTreeSet;

use infersweep::record::{Phase, RequestRecord};

use crate::tool::{Bench, rows};

/// A scenario of the simulator, `more` behind its matrix.
fn scenario(matrix: &str, more: &str) -> String {
    format!(
        "name = \"s\"\nseed = 3\n[endpoints.sim]\napi = \"simulator\"\nsimulator = {{ ttft = \"5ms\", itl = \"1ms\" }}\n\
         [models.m]\ntokenizer = \"words\"\n[matrix]\nmodel = \"m\"\noutput_tokens = 5\n{matrix}\n{more}"
    )
}

fn measured(bench: &Bench) -> Vec<RequestRecord> {
    rows(&bench.latest("s").join("requests")).into_iter().filter(|row| row.phase == Phase::Measure).collect()
}

const ROWS: &str = r#"{"prompt": "one two three", "lang": "en"}

{"max_tokens": 2, "prompt": "uno dos", "lang": "es", "id": "dos"}
{"messages": [{"role": "user", "content": "eins"}, {"role": "assistant", "content": "zwei drei"}, {"role": "user", "content": "vier"}], "lang": "de"}
"#;

#[test]
fn every_row_of_a_dataset_goes_out_once() {
    let more = "[dataset]\nfile = \"d.jsonl\"\n[load]\nwarmup = 2\n";
    let bench = Bench::new().file("d.jsonl", ROWS).file("s.toml", &scenario("mode = \"custom\"", more));
    let said = bench.call("run s.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let seen: Vec<_> = measured(&bench)
        .iter()
        .map(|row| {
            let tokens = row.tokens;
            assert_eq!((tokens.input_client, tokens.input_requested), (tokens.input_server, None));
            (row.prompt_name.clone().unwrap(), tokens.input_server.unwrap(), tokens.output_server.unwrap())
        })
        .collect();
    let expected = [("row-1", 3 + 7, 5), ("dos", 2 + 7, 2), ("row-4", 4 + 7, 5)];
    assert_eq!(seen, expected.map(|(name, input, output)| (name.to_owned(), input, output)));
    let plan = bench.call("plan s.toml --json").stdout;
    assert!(plan.contains("\"requests\": 3,"), "{plan}");
    let more = "--set dataset.filter.lang=[\"es\",\"de\"] --set load.requests=5 --set dataset.order=shuffle";
    assert_eq!(bench.call(&format!("run s.toml {more}")).code, 0);
    let names: BTreeSet<String> = measured(&bench).into_iter().filter_map(|row| row.prompt_name).collect();
    assert_eq!((measured(&bench).len(), names), (5, BTreeSet::from(["dos".to_owned(), "row-4".to_owned()])));
}

#[test]
fn a_faulty_dataset_stops_every_command_before_anything_is_sent() {
    let rows = format!("{ROWS}{{\"prompt\": \"x\",}}\n{{\"text\": 1}}\n");
    let more = "[dataset]\nfile = \"d.jsonl\"\n";
    let bench = Bench::new().file("d.jsonl", &rows).file("s.toml", &scenario("mode = \"custom\"", more));
    for command in ["check", "plan", "run"] {
        let said = bench.call(&format!("{command} s.toml"));
        assert_eq!(said.code, 2, "{command}");
        for part in ["d.jsonl:5:16", "d.jsonl:6:1", "neither `prompt` nor `messages`", "2 errors in what"] {
            assert!(said.stderr.contains(part), "{command}: {part}: {}", said.stderr);
        }
    }
    assert!(!bench.path("results").exists());
}

#[test]
fn conversations_grow_by_their_turns_and_live_answers() {
    let more = "[chat]\nturns = 3\nthink_time = \"40ms\"\n[load]\nrequests = 4\nwarmup = 1\n";
    let bench = Bench::new().file("s.toml", &scenario("mode = \"chat\"\ninput_tokens = 20\nconcurrency = 2", more));
    let said = bench.call("run s.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let rows = measured(&bench);
    assert_eq!(rows.len(), 4 * 3);
    for conversation in 0..4 {
        let turns: Vec<&RequestRecord> = rows.iter().filter(|row| row.conversation == Some(conversation)).collect();
        for (turn, row) in (0_u32..).zip(&turns) {
            assert_eq!(row.turn, Some(turn));
            let said = u64::from(turn + 1) * 20 + u64::from(turn) * 5 + 7;
            assert_eq!((row.tokens.input_server, row.tokens.input_client), (Some(said), Some(said)));
        }
        for pair in turns.windows(2) {
            let thought = pair[1].stamps.sent_ns.unwrap() - pair[0].stamps.end_ns.unwrap();
            assert!((40_000_000..140_000_000).contains(&thought), "{thought}");
        }
    }
    let warm = |row: &RequestRecord| row.phase == Phase::Warmup;
    assert_eq!(crate::tool::rows(&bench.latest("s").join("requests")).iter().filter(|row| warm(row)).count(), 3);
}

#[test]
fn a_chat_replays_the_users_side_of_a_dataset() {
    let more = "[dataset]\nfile = \"d.jsonl\"\nfilter = { lang = \"de\" }\n[chat]\nsource = \"dataset\"\n[load]\nrequests = 1\n";
    let bench = Bench::new().file("d.jsonl", ROWS).file("s.toml", &scenario("mode = \"chat\"", more));
    assert_eq!(bench.call("run s.toml").code, 0);
    let counts: Vec<_> = measured(&bench).iter().map(|row| row.tokens.input_server.unwrap()).collect();
    assert_eq!(counts, [1 + 7, 1 + 5 + 1 + 7], "the live answer of five tokens, not the old one of two");
}

#[test]
fn system_messages_prefixes_and_includes_keep_the_size_exact() {
    let more = "[prompt]\nfile = \"prompts/p.yaml\"\nsystem = \"prompts/s.jinja\"\nshared_prefix = { tokens = 9, groups = 2 }\n\
                [load]\nrequests = 4\n";
    let bench = Bench::new()
        .file("prompts/p.yaml", "default_prompt:\n  - name: p\n    template: \"{% include 'parts/a.jinja' %}\"\n")
        .file("prompts/parts/a.jinja", "Write on {{ choice(['rivers', 'towns']) }} in {{ language }}.")
        .file("prompts/s.jinja", "Answer in {{ language }} and briefly.")
        .file("s.toml", &scenario("input_tokens = 60\nvars = { language = [\"en\", \"ko\"] }", more));
    let said = bench.call("run s.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(measured(&bench).iter().all(|row| row.tokens.input_server == Some(60)));
    let frozen = bench.latest("s").join("scenario.toml");
    let plan = |file: &str| bench.call(&format!("plan {file} --json")).stdout;
    assert!(bench.latest("s").join("inputs/parts/a.jinja").is_file());
    assert_eq!(plan("s.toml"), plan(&frozen.display().to_string()));
    let before = plan("s.toml");
    let bench = bench.file("prompts/parts/a.jinja", "Sing on towns.");
    assert_ne!(before, bench.call("plan s.toml --json").stdout, "what is included belongs to the digest");
    let bench = bench.file("prompts/parts/a.jinja", "On {{ langage }}.");
    let said = bench.call("check s.toml");
    assert!(
        said.code == 2 && said.stderr.contains("a.jinja:1:7") && said.stderr.contains("`language`?"),
        "{}",
        said.stderr
    );
}

//! Servers that misbehave in every way, by the whole binary: each bad answer has its cause and its message, the good
//! ones between them keep their figures, memory stays bounded, and nothing outlasts its limits.
//!
//! A behaviour is an endpoint of its own, asked good and bad questions in turn, two at a time.

mod behaviour;
mod broken;
mod oddities;
mod others;
mod refusals;
mod retries;
mod server;
mod slow;
mod unreachable;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use infersweep::record::{Outcome, RequestRecord};

use crate::tool::{Bench, Said, rows, said};
use behaviour::{Behaviour, Expected};
use server::{GOOD_TOKENS, GOOD_TTFT, serve};

/// What an end may be later than its limit on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// Questions, good and bad in turn.
fn questions(of_each: usize) -> String {
    (0..of_each)
        .flat_map(|at| {
            ["good", "bad"].map(|sort| format!("{{\"id\": \"{sort}\", \"prompt\": \"a {sort} question {at}\"}}\n"))
        })
        .collect()
}

struct Limits {
    first_token: Duration,
    idle: Duration,
    total: Duration,
    /// Of the process's own memory, KiB.
    memory: u32,
    /// Questions of each sort to every endpoint.
    of_each: usize,
}

const WIDE: Limits = Limits {
    first_token: Duration::from_secs(50),
    idle: Duration::from_secs(50),
    total: Duration::from_secs(60),
    memory: 600_000,
    of_each: 2,
};

fn scenario(behaviours: &[Behaviour], port: u16, limits: &Limits) -> String {
    let Limits { first_token, idle, total, .. } = limits;
    let mut text = "name = \"hostile\"\nseed = 1\n".to_owned();
    for (number, behaviour) in behaviours.iter().enumerate() {
        let keys = behaviour.kind.keys(&format!("http://127.0.0.1:{port}/b{number}"));
        write!(text, "[endpoints.b{number}]\n{keys}\n").unwrap();
        writeln!(
            text,
            "timeouts = {{ first_token = \"{first_token:?}\", idle = \"{idle:?}\", total = \"{total:?}\" }}"
        )
        .unwrap();
    }
    let names: Vec<String> = (0..behaviours.len()).map(|number| format!("\"b{number}\"")).collect();
    write!(
        text,
        "[models.m]\ntokenizer = \"words\"\n[matrix]\nmodel = \"m\"\nendpoint = [{}]\nmode = \"custom\"\noutput_tokens = {GOOD_TOKENS}\nconcurrency = 2\n\
         [dataset]\nfile = \"questions.jsonl\"\norder = \"file\"\n[load]\nrequests = {}\nparallel = \"endpoint\"\n",
        names.join(", "),
        2 * limits.of_each
    )
    .unwrap();
    text
}

/// Runs the tool with no more memory of its own than that.
fn within(bench: &Bench, memory: u32, words: &str) -> Said {
    let tool = bench.command(words);
    let mut shell = Command::new("/bin/bash");
    shell
        .args(["-c", &format!("ulimit -d {memory} && exec \"$0\" \"$@\"")])
        .arg(tool.get_program())
        .args(tool.get_args());
    shell.current_dir(bench.path("")).stdin(Stdio::null()).env("SAMBASTUDIO_API_KEY", "key");
    said(&shell.output().unwrap())
}

/// Runs them all and holds every request against what must come of it.
fn hold(behaviours: &[Behaviour], limits: &Limits) {
    let port = serve(behaviours.to_vec());
    let bench = Bench::new()
        .file("questions.jsonl", &questions(limits.of_each))
        .file("hostile.toml", &scenario(behaviours, port, limits));
    let ran = within(&bench, limits.memory, "run hostile.toml");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let dir = bench.latest("hostile");
    let summary = Bench::json(&dir.join("summary.json"));
    let mut of_endpoint: BTreeMap<String, &serde_json::Value> = BTreeMap::new();
    for cell in summary["cells"].as_array().unwrap() {
        of_endpoint.insert(cell["axes"]["endpoint"].as_str().unwrap().to_owned(), cell);
    }
    for (number, behaviour) in behaviours.iter().enumerate() {
        let cell = of_endpoint[&format!("b{number}")];
        let id = cell["cell_id"].as_str().unwrap();
        let mine = bench.path("").join("mine").join(number.to_string());
        std::fs::create_dir_all(&mine).unwrap();
        for path in crate::tool::files(&dir.join("requests")) {
            if path.file_name().unwrap().to_str().unwrap().starts_with(&format!("{id}.")) {
                std::fs::copy(&path, mine.join(path.file_name().unwrap())).unwrap();
            }
        }
        let rows = rows(&mine);
        assert_eq!(rows.len(), 2 * limits.of_each, "{}", behaviour.name);
        for row in &rows {
            hold_row(behaviour, row, limits);
        }
        hold_summary(behaviour, cell, limits.of_each);
    }
}

fn hold_row(behaviour: &Behaviour, row: &RequestRecord, limits: &Limits) {
    let name = format!("{} ({:?})", behaviour.name, behaviour.kind);
    let stamps = &row.stamps;
    let took = stamps.end_ns.unwrap() - stamps.sent_ns.unwrap();
    assert!(took < i64::try_from((limits.total + SLACK).as_nanos()).unwrap(), "{name}: {took} ns");
    // A pooled connection that dies unanswered is replaced once.
    assert!((1..=2).contains(&row.attempts.len()), "{name}: {:?}", row.attempts);
    let streamed = behaviour.kind != behaviour::Kind::Whole;
    let (tokens, chunks) = match (row.prompt_name.as_deref().unwrap(), behaviour.expected) {
        ("good", _) => {
            let ttft = i64::try_from(GOOD_TTFT.as_nanos()).unwrap();
            let first = stamps.first_token_ns.unwrap_or(stamps.end_ns.unwrap());
            assert!(first - stamps.sent_ns.unwrap() >= ttft, "{name}: {stamps:?}");
            (GOOD_TOKENS as u64, if streamed { GOOD_TOKENS } else { 0 })
        }
        (_, Expected::Completes(tokens, chunks)) => (tokens, chunks),
        (_, Expected::Fails(cause, part)) => {
            let Outcome::Failed(failure) = &row.outcome else { panic!("{name}: {:?}", row.outcome) };
            assert_eq!(failure.cause, cause, "{name}: {failure:?}");
            assert!(failure.message.contains(part), "{name}: {failure:?}");
            assert_eq!(row.attempts.last().unwrap().cause, Some(cause), "{name}");
            return;
        }
    };
    assert_eq!(row.outcome, Outcome::Completed, "{name}");
    assert_eq!((row.tokens.output_server, row.chunks.len()), (Some(tokens), chunks), "{name}");
    assert!(stamps.first_token_ns.is_none_or(|first| first >= stamps.headers_ns.unwrap()), "{name}");
    assert!(row.chunks.is_sorted_by_key(|chunk| chunk.at_ns), "{name}");
}

/// The cell's figures are those of its good answers.
fn hold_summary(behaviour: &Behaviour, cell: &serde_json::Value, of_each: usize) {
    let (requests, name) = (&cell["requests"], behaviour.name);
    let (completed, failed) = match behaviour.expected {
        Expected::Completes(..) => (2 * of_each, 0),
        Expected::Fails(cause, part) => {
            assert_eq!(requests["causes"], serde_json::json!({ cause.as_str(): of_each }), "{name}");
            let message = requests["first_messages"][cause.as_str()].as_str().unwrap();
            assert!(message.contains(part), "{name}: {message}");
            assert!(
                cell["metrics"]["ttft_ms"].is_null() || cell["metrics"]["ttft_ms"]["min"].as_f64().unwrap() >= 20.0
            );
            (of_each, of_each)
        }
    };
    assert_eq!((&requests["completed"], &requests["failed"]), (&completed.into(), &failed.into()), "{name}");
    assert_eq!(cell["metrics"]["e2e_ms"]["count"], completed, "{name}");
    assert_eq!(cell["metrics"]["output_tokens_server"]["count"], completed, "{name}");
}

#[test]
fn refusals_by_status() {
    hold(&refusals::statuses(), &WIDE);
}

#[test]
fn documents_in_the_place_of_a_stream() {
    hold(&refusals::documents(), &WIDE);
}

#[test]
fn strange_events_that_are_good() {
    hold(&oddities::of_events(), &WIDE);
}

#[test]
fn very_large_and_very_many_events() {
    hold(&oddities::of_size(), &Limits { of_each: 1, ..WIDE });
}

#[test]
fn strange_http_that_is_good() {
    hold(&oddities::of_http(), &WIDE);
}

#[test]
fn streams_that_break() {
    hold(&broken::streams(), &WIDE);
}

#[test]
fn framing_that_breaks() {
    hold(&broken::framing(), &WIDE);
}

#[test]
fn answers_that_take_too_long() {
    let limits = Limits { first_token: slow::FIRST_TOKEN, idle: slow::IDLE, total: slow::TOTAL, ..WIDE };
    hold(&slow::by_time(), &limits);
}

#[test]
fn answers_without_end() {
    hold(&slow::by_size(), &Limits { memory: 900_000, of_each: 1, ..WIDE });
}

#[test]
fn answers_that_are_not_streamed() {
    hold(&others::whole(), &WIDE);
}

#[test]
fn text_completions_and_lines_of_json() {
    hold(&[others::texts(), others::lines()].concat(), &WIDE);
}

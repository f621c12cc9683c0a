//! What goes over the wire hangs on the seed, the nonce and the workload alone.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::tool::Bench;

/// A server that keeps every body of a chat completion and answers each alike.
fn recording() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&bodies);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || answer_all(&stream, &kept));
        }
    });
    (url, bodies)
}

fn answer_all(mut stream: &TcpStream, kept: &Mutex<Vec<String>>) {
    const EVENTS: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"so it is\"}}]}\n\n\
        data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut line, mut first) = (0, String::new(), String::new());
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            first = if first.is_empty() { line.clone() } else { first };
            line.clear();
        }
        let mut body = vec![0; length];
        if first.is_empty() || reader.read_exact(&mut body).is_err() {
            return;
        }
        let is_chat = first.contains("/chat/completions");
        let (kind, text) = if is_chat { ("text/event-stream", EVENTS) } else { ("application/json", "{\"data\":[]}") };
        if is_chat {
            kept.lock().unwrap().push(String::from_utf8(body).unwrap());
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", text.len());
        if stream.write_all(format!("{head}{text}").as_bytes()).is_err() {
            return;
        }
    }
}

const ROWS: &str = r#"{"prompt": "one two three"}
{"prompt": "uno dos", "image_path": "a.png"}
{"messages": [{"role": "user", "content": "eins"}, {"role": "assistant", "content": "zwei"}, {"role": "user", "content": "vier"}], "image_path": "a.png", "tools": []}
"#;

/// All four modes with and without pictures, for two models; rows of a dataset with pictures of their own.
fn every_mode(url: &str) -> Bench {
    let text = format!(
        "name = \"r\"\nseed = 3\n[endpoints.s]\nbase_url = \"{url}\"\n[models]\na.tokenizer = \"words\"\nb.tokenizer = \"words\"\n\
         [matrix]\nmodel = [\"a\", \"b\"]\nmode = [\"synthetic\", \"real_workload\", \"custom\", \"chat\"]\ninput_tokens = \"uniform(20,40)\"\n\
         output_tokens = \"uniform(2,9)\"\nimage_size = [\"na\", \"24x16\"]\nconcurrency = 2\nqps = \"inf\"\n\
         [prompt]\nfile = \"p.yaml\"\nmultiple = true\nsystem = \"s.jinja\"\nshared_prefix = {{ tokens = 6, groups = 2 }}\n\
         image = {{ count = 2, format = \"png\" }}\n\
         [dataset]\nfile = \"d.jsonl\"\norder = \"sample\"\n[chat]\nturns = 2\n[load]\nrequests = 4\nwarmup = 1\n"
    );
    let templates = "default_prompt: []\nmultiple_prompts:\n  - {name: a, template: \"Write on {{ choice(['rivers', 'towns']) }} {{ words(4) }}\"}\n  - {name: b, template: Sing}\n";
    let bench = Bench::new().file("d.jsonl", ROWS).file("r.toml", &text);
    std::fs::write(bench.path("a.png"), b"\x89PNG\r\n\x1a\nrest").unwrap();
    bench.file("p.yaml", templates).file("s.jinja", "Answer {{ choice(['briefly', 'at length']) }}.")
}

/// The bodies of a run, sorted: two at a time come in any order.
fn sent(bench: &Bench, bodies: &Mutex<Vec<String>>, more: &str) -> Vec<String> {
    let said = bench.call(&format!("run r.toml {more}"));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let mut sent = std::mem::take(&mut *bodies.lock().unwrap());
    sent.sort();
    sent
}

#[test]
fn two_runs_with_one_nonce_send_the_same_bytes() {
    let (url, bodies) = recording();
    let bench = every_mode(&url);
    for source in ["synthetic", "dataset"] {
        let of = |nonce: u64| sent(&bench, &bodies, &format!("--nonce {nonce} --set chat.source={source}"));
        let (one, two, other) = (of(1), of(1), of(2));
        assert!(one == two, "{source}");
        let shared = one.iter().filter(|body| other.contains(body)).count();
        // Probes, rows without made pictures and replayed conversations are the same in every run.
        assert!(shared > 0 && shared < one.len() / 2, "{source}: {shared} of {}", one.len());
        for part in ["\"role\":\"assistant\"", "data:image/png;base64,iVBORw0KGgpyZXN0", "\"tools\":[]"] {
            assert!(one.iter().any(|body| body.contains(part)), "{source}: {part}");
        }
        let seeded = |nonce: u64| {
            sent(&bench, &bodies, &format!("--nonce {nonce} --set chat.source={source} --set prompt.unique=seed"))
        };
        assert!(seeded(1) == seeded(2), "{source}: the seed alone");
    }
}

#[test]
fn two_models_are_sent_the_same_prompts_and_pictures() {
    let (url, bodies) = recording();
    let bench = every_mode(&url);
    for source in ["synthetic", "dataset"] {
        let all = sent(&bench, &bodies, &format!("--set chat.source={source} --set prompt.unique=none"));
        let of = |model: &str| -> Vec<String> {
            let name = format!("\"model\":\"{model}\"");
            all.iter().filter(|body| body.contains(&name)).map(|body| body.replace(&name, "")).collect()
        };
        // Seven cells of five requests, chat of more; two probes.
        assert!(of("a").len() > 7 * 5 && of("a") == of("b"), "{source}: {} bodies", all.len());
    }
}

//! Requests that are sent again, by the whole binary.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use infersweep::record::{Cause, Outcome};

use super::behaviour::{ALL, Act, document, stream};
use crate::tool::{Bench, rows};

/// A server that refuses each question so many times before it answers; its port.
fn refusing(times: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(BTreeMap::new()));
    thread::spawn(move || {
        for connection in listener.incoming() {
            let asked = Arc::clone(&asked);
            thread::spawn(move || refuse(connection.unwrap(), &asked, times));
        }
    });
    port
}

fn refuse(mut connection: TcpStream, asked: &Mutex<BTreeMap<Vec<u8>, usize>>, times: usize) {
    let mut buffer = [0; 16 << 10];
    // A small request is one read.
    while let Ok(read @ 1..) = connection.read(&mut buffer) {
        let count = asked
            .lock()
            .unwrap()
            .entry(buffer[..read].to_vec())
            .and_modify(|count| *count += 1)
            .or_insert(1)
            .to_owned();
        let refusal =
            document("429 Too Many Requests", "text/plain", "slow").replace("\r\n\r\n", "\r\nretry-after: 0\r\n\r\n");
        let acts = if count <= times { vec![Act::text(&refusal)] } else { stream(&ALL) };
        for act in acts {
            let Act::Send(bytes) = act else { unreachable!() };
            connection.write_all(&bytes).unwrap_or_default();
        }
    }
}

fn bench(port: u16, retries: &str) -> Bench {
    let text = format!(
        "name = \"r\"\nseed = 1\n[endpoints.e]\nbase_url = \"http://127.0.0.1:{port}/v1\"\n[models.m]\ntokenizer = \"words\"\n\
         [matrix]\nmodel = \"m\"\nmode = \"custom\"\noutput_tokens = 2\nconcurrency = 1\n\
         [dataset]\nfile = \"q.jsonl\"\n[load]\nrequests = 4\n{retries}"
    );
    let questions = [0, 1, 2, 3].map(|at| format!("{{\"prompt\": \"why {at}\"}}\n"));
    Bench::new().file("q.jsonl", &questions.concat()).file("r.toml", &text)
}

#[test]
fn every_attempt_is_in_the_row_and_latency_runs_from_the_first() {
    let bench = bench(refusing(2), "retries = { count = 2, backoff = \"30ms\" }\n");
    let ran = bench.call("run r.toml");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("4 of 4 requests sent again, 8 times in all, timed from the first attempt: 8 rate_limited"),
        "{}",
        ran.stdout
    );
    let dir = bench.latest("r");
    for row in rows(&dir.join("requests")) {
        let causes: Vec<_> = row.attempts.iter().map(|attempt| attempt.cause).collect();
        assert_eq!(causes, [Some(Cause::RateLimited), Some(Cause::RateLimited), None]);
        assert_eq!((row.outcome, row.stamps.sent_ns), (Outcome::Completed, row.attempts[0].sent_ns));
    }
    let cell = &Bench::json(&dir.join("summary.json"))["cells"][0];
    assert_eq!(
        (&cell["requests"]["sent_again"], &cell["requests"]["attempt_causes"]["rate_limited"]),
        (&4.into(), &8.into())
    );
    // Two waits: 30 ms and twice as much.
    assert!(cell["metrics"]["ttft_ms"]["min"].as_f64().unwrap() >= 90.0, "{}", cell["metrics"]["ttft_ms"]);
}

#[test]
fn without_a_word_nothing_is_sent_again() {
    let bench = bench(refusing(1), "");
    let ran = bench.call("run r.toml");
    let requests = &Bench::json(&bench.latest("r").join("summary.json"))["cells"][0]["requests"];
    assert_eq!(
        (&requests["completed"], &requests["failed"], &requests["sent_again"]),
        (&0.into(), &4.into(), &0.into())
    );
    assert!(ran.stdout.contains("4 of 4 requests failed: 4 rate_limited"), "{}", ran.stdout);
    let told = "rate_limited: \"HTTP 429 Too Many Requests (Retry-After: 0): slow\"; lower the load";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
}

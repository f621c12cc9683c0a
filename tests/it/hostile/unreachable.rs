//! Servers that cannot be reached: from the start, which is said before anything is measured, or from some time on.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;

use super::behaviour::{ALL, Act, stream};
use crate::tool::Bench;

const QUESTION: &str = "how far is it to the moon";

fn bench(base_url: &str, more: &str) -> Bench {
    let text = format!(
        "name = \"u\"\nseed = 1\n[endpoints.e]\nbase_url = \"{base_url}\"\n{more}\n[models.m]\ntokenizer = \"words\"\n\
         [matrix]\nmodel = \"m\"\nmode = \"custom\"\noutput_tokens = 2\nconcurrency = 1\n\
         [dataset]\nfile = \"q.jsonl\"\n[load]\nrequests = 4\n"
    );
    Bench::new().file("q.jsonl", &format!("{{\"prompt\": \"{QUESTION}\"}}\n")).file("u.toml", &text)
}

#[test]
fn a_server_that_is_out_of_reach_is_said_before_anything_is_measured() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    thread::spawn(move || {
        for connection in plain.incoming() {
            let _ = connection.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    for (url, part) in [
        ("http://no-such-host.invalid/v1".to_owned(), "the host no-such-host.invalid is not known"),
        (format!("http://{closed}/v1"), "Connection refused"),
        (format!("https://localhost:{port}/v1"), "the TLS handshake with localhost"),
    ] {
        let bench = bench(&url, "");
        let ran = bench.call("run u.toml");
        assert!(ran.code == 1 && ran.stderr.contains(part), "{url}: {} {}", ran.code, ran.stderr);
        assert!(!bench.path("results").exists(), "{url}");
    }
}

/// Answers one question and takes no more connections from then on; its port.
fn vanishing() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        while let Ok((connection, _)) = listener.accept() {
            let listener = listener.try_clone().unwrap();
            thread::spawn(move || answer_a_question(connection, &listener));
        }
    });
    port
}

fn answer_a_question(mut connection: TcpStream, listener: &TcpListener) {
    let mut buffer = [0; 16 << 10];
    while connection.read(&mut buffer).is_ok_and(|read| read > 0) {
        // Not those that only learn how tokens are counted.
        if String::from_utf8_lossy(&buffer).contains(QUESTION) {
            // Before the answer, after which the client wants another connection.
            nix::sys::socket::shutdown(listener.as_raw_fd(), nix::sys::socket::Shutdown::Both).unwrap();
            for act in stream(&ALL) {
                let Act::Send(bytes) = act else { unreachable!() };
                connection.write_all(&bytes).unwrap();
            }
            return;
        }
        connection.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").unwrap();
        buffer.fill(0);
    }
}

#[test]
fn a_server_that_goes_away_is_a_cause_of_its_own() {
    let bench = bench(&format!("http://127.0.0.1:{}/v1", vanishing()), "");
    let ran = bench.call("run u.toml");
    let requests = &Bench::json(&bench.latest("u").join("summary.json"))["cells"][0]["requests"];
    assert_eq!((&requests["completed"], &requests["causes"]["connect"]), (&1.into(), &3.into()), "{requests}");
    assert!(ran.stdout.contains("Connection refused (os error 111)\"; check that the server runs"), "{}", ran.stdout);
}

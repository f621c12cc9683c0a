//! What goes wrong before and during a run is said clearly, with the documented exit code.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::tool::{Bench, SMALL, Simulated};

fn endpoint(url: &str, more: &str) -> String {
    format!(
        "name = \"bad\"\n[endpoints.s]\nbase_url = \"{url}\"\n{more}\n[matrix]\nmodel = \"m\"\ninput_tokens = 30\noutput_tokens = 2\n[load]\nrequests = 3\n"
    )
}

/// A server that answers every request with the same bytes.
fn fixed(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = [0; 16384];
                while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
                    if stream.write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            });
        }
    });
    url
}

#[test]
fn what_is_wrong_with_the_call_is_two_and_sends_nothing() {
    let bench = Bench::new().file("small.toml", SMALL).file("faulty.toml", &SMALL.replace("[matrix]", "[matrx]"));
    for (words, said) in [
        ("run absent.toml", "absent.toml does not exist"),
        ("run faulty.toml", "did you mean `matrix`?"),
        ("run small.toml --only concurency=1", "did you mean `concurrency`?"),
        ("run small.toml --only concurrency=9", "there is `1` or `4`"),
        ("run small.toml --set load.request=9", "did you mean `requests`?"),
        ("run small.toml --profile fast", "there is no profile `fast`"),
        ("run --url http://127.0.0.1:9/v1", "needs a model"),
        ("run", "required arguments were not provided"),
        ("frobnicate", "unrecognized subcommand"),
    ] {
        let got = bench.call(words);
        assert!(got.code == 2 && got.stderr.contains(said), "{words}: {} {}", got.code, got.stderr);
    }
    assert!(!bench.path("results").exists());
}

#[test]
fn a_missing_key_is_named_and_only_needed_to_run() {
    let bench = Bench::new().file("s.toml", &endpoint("http://127.0.0.1:9/v1", "api_key_env = \"NO_SUCH_KEY\""));
    assert_eq!((bench.call("check s.toml").code, bench.call("plan s.toml").code), (0, 0));
    let said = bench.call("run s.toml");
    assert!(said.code == 2 && said.stderr.contains("`NO_SUCH_KEY` is not set"), "{}", said.stderr);
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_told_apart() {
    for (url, cause) in [
        ("http://127.0.0.1:9/v1", "connect"),
        ("http://no-such-host.invalid/v1", "dns"),
        ("https://127.0.0.1:9/v1", "connect"),
    ] {
        let bench = Bench::new().file("s.toml", &endpoint(url, ""));
        let said = bench.call("run s.toml");
        assert!(
            said.code == 1 && said.stderr.contains(&format!("cannot be reached ({cause})")),
            "{url}: {}",
            said.stderr
        );
        assert!(!bench.path("results").exists(), "no load was sent");
    }
    let plain = fixed("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").replace("http:", "https:");
    let bench = Bench::new().file("s.toml", &endpoint(&plain, ""));
    let said = bench.call("run s.toml");
    assert!(said.code == 1 && said.stderr.contains("(tls)"), "{}", said.stderr);
}

#[test]
fn a_refused_key_ends_the_run_before_any_load() {
    let body = r#"{"error":{"message":"bad key"}}"#;
    let answer = format!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let bench = Bench::new()
        .variable("K", "secret-value")
        .file("s.toml", &endpoint(&fixed(answer.leak()), "api_key_env = \"K\""));
    let said = bench.call("run s.toml");
    assert!(
        said.code == 1 && said.stderr.contains("refused the key") && said.stderr.contains("is K the right key"),
        "{}",
        said.stderr
    );
}

#[test]
fn an_all_failed_cell_is_shown_and_fails_the_run() {
    let body = r#"{"error":{"message":"overloaded"}}"#;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let bench = Bench::new().file("s.toml", &endpoint(&fixed(answer.leak()), ""));
    let said = bench.call("run s.toml");
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stdout.contains("all failed") && said.stdout.contains("3 http_status"), "{}", said.stdout);
    let manifest = Bench::json(&bench.latest("bad").join("manifest.json"));
    assert!(manifest["probes"][0]["failed"].as_str().unwrap().contains("overloaded"), "{manifest}");
}

#[test]
fn a_model_that_is_not_listed_is_a_warning() {
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--ttft 1ms --itl 1ms");
    let bench = bench.file("s.toml", &endpoint(&server.url, ""));
    let said = bench.call("run s.toml");
    assert!(said.code == 0 && said.stderr.contains("does not list model `m`"), "{}", said.stderr);
}

#[test]
fn a_template_fault_stops_check_and_run() {
    let bench = Bench::new()
        .file("p.yaml", "default_prompt:\n  - name: x\n    template: Hello {{ modle }}\n")
        .file("s.toml", &SMALL.replace("[matrix]", "[prompt]\nfile = \"p.yaml\"\n[matrix]"));
    for command in ["check", "run"] {
        let said = bench.call(&format!("{command} s.toml"));
        assert!(
            said.code == 2 && said.stderr.contains("p.yaml:3:") && said.stderr.contains("did you mean `model`?"),
            "{}",
            said.stderr
        );
    }
}

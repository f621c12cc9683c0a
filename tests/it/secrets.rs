//! No secret is ever written: everything runs with marker keys, in all ways of failing, and every byte is looked through.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use infersweep::store::read_records;

use crate::fronts::{self, authority};
use crate::tool::{Bench, Said, Simulated, files};

/// The key, with what encodings change in it.
const KEY: &str = "marker/key+zulu=\"x\"";
/// The key in a file.
const FILE_KEY: &str = "marker-file-yankee";
/// A header's value, and a part of the body.
const TEAM: &str = "marker team xray";
/// A proxy's password, as it stands in a URL.
const PROXY: &str = "marker%40proxy%20whiskey";

/// What each of them leaves behind as it is, in a URL, and in base64 at each of its three alignments.
const TRACES: [&str; 9] = ["marker", "zulu", "yankee", "xray", "whiskey", "victor", "bWFya2Vy", "1hcmtlc", "tYXJrZX"];

/// A server that tells all it was told, in a way that the path of the request's base URL names.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let (mut held, mut buffer) = (Vec::new(), [0; 16384]);
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    held.extend_from_slice(&buffer[..read]);
                    let text = String::from_utf8_lossy(&held).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head.to_lowercase();
                    let length = length.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
                    if body.len() < length.map_or(0, |length| length.parse().unwrap()) {
                        continue;
                    }
                    let (answer, closes) = answer(head);
                    if stream.write_all(answer.as_bytes()).is_err() || closes {
                        return;
                    }
                    held.clear();
                }
            });
        }
    });
    url
}

fn answer(head: &str) -> (String, bool) {
    let value = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let key = value("authorization:").replace("Bearer ", "");
    let mut url = reqwest::Url::parse("http://echo.invalid").unwrap();
    url.query_pairs_mut().append_pair("key", &key);
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &key);
    let told =
        format!("{key} {} {} {url} {base64} {}", value("x-team:"), value("proxy-authorization:"), value("x-basic:"));
    let json = serde_json::Value::from(told.as_str()).to_string();
    let whole = |status: &str, kind: &str, body: &str| {
        let header = told.replace(['\r', '\n'], " ");
        (
            format!(
                "HTTP/1.1 {status}\r\nserver: {header}\r\nx-told: {header}\r\nset-cookie: {header}\r\nlocation: {url}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
            false,
        )
    };
    let stream = |events: &str| whole("200 OK", "text/event-stream", events);
    let content = format!("data: {{\"id\":{json},\"choices\":[{{\"delta\":{{\"content\":{json}}}}}]}}\n\n");
    if head.starts_with("GET ") {
        return if head.contains("/deny/") {
            whole("401 Unauthorized", "application/json", &format!("{{\"error\":{{\"message\":{json}}}}}"))
        } else {
            whole("200 OK", "application/json", &format!("{{\"data\":[{{\"id\":{json}}}]}}"))
        };
    }
    let way =
        head.split_whitespace().nth(1).unwrap().split('/').find(|part| !part.is_empty() && !part.contains([':', '.']));
    match way.unwrap_or_default() {
        "status" => whole("500 Internal", "application/json", &format!("{{\"error\":{{\"message\":{json}}}}}")),
        "limit" => whole("429 Slow", "text/plain", &told),
        "redirect" => whole("307 Elsewhere", "text/plain", ""),
        "html" => whole("200 OK", "text/html", &format!("<html>{told}")),
        "document" => whole("200 OK", "application/json", &format!("{{\"error\":{json}}}")),
        "event" => stream(&format!("{content}data: {{\"error\":{{\"message\":{json}}}}}\n\n")),
        "bad" => stream(&format!("{content}data: {{{told}\n\n")),
        "cut" => (stream(&content).0 + "", true),
        "junk" => (format!("{told}\r\n\r\n"), true),
        _ => stream(&format!(
            "{content}data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":{json}}}]}}\n\ndata: [DONE]\n\n"
        )),
    }
}

fn look(what: &str, text: &str) {
    for trace in TRACES {
        if let Some(at) = text.find(trace) {
            let near: String = text[at..].chars().take(60).collect();
            panic!("`{trace}` in {what}: {near}");
        }
    }
}

fn look_at(words: &str, said: &Said) {
    look(&format!("the output of {words}"), &said.stdout);
    look(&format!("the errors of {words}"), &said.stderr);
}

/// Every file but those that the test itself wrote.
fn look_through(bench: &Bench, own: &[PathBuf]) {
    for path in files(&bench.path("")) {
        look("a name", &path.display().to_string());
        if !own.contains(&path) {
            look(&path.display().to_string(), &String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
        // Their pages are compressed.
        if path.parent().is_some_and(|dir| dir.ends_with("requests")) {
            for row in read_records(&path).unwrap().map(Result::unwrap) {
                look(&path.display().to_string(), &format!("{row:?}"));
            }
        }
    }
}

fn scenario(url: &str, more: &str) -> String {
    format!(
        "name = \"secret\"\nabout = \"${{ABOUT:-none}}\"\n[endpoints.s]\nbase_url = \"{url}\"\n{more}\n\
         headers = {{ x-team = \"${{TEAM}}\", x-basic = \"Basic ${{PAIR}}\" }}\nbody = {{ user = \"${{TEAM}}\" }}\n\
         [models.m]\ntokenizer = \"words\"\n[matrix]\nmodel = \"m\"\ninput_tokens = 24\noutput_tokens = 3\n\
         [load]\nrequests = 2\ncell_timeout = \"20s\"\n[output]\nsave_responses = true\ndebug = true\n"
    )
}

fn bench() -> Bench {
    let bench = Bench::new()
        .variable("THE_KEY", KEY)
        .variable("TEAM", TEAM)
        .variable("PAIR", "dXNlcjptYXJrZXItdmljdG9y")
        .variable("PROXY_PASSWORD", PROXY)
        .file("key", FILE_KEY);
    fs::set_permissions(bench.path("key"), fs::Permissions::from_mode(0o600)).unwrap();
    bench
}

#[test]
fn the_marker_is_in_no_byte_that_any_failure_writes() {
    let url = echo();
    let bench = bench();
    let own = vec![bench.path("key")];
    for way in ["well", "status", "limit", "redirect", "html", "document", "event", "bad", "cut", "junk", "deny"] {
        for key in ["api_key_env = \"THE_KEY\"", "api_key_file = \"key\""] {
            let proxied = format!("{key}\nproxy = \"http://user:${{PROXY_PASSWORD}}@{}\"", authority(&url));
            for (base, more) in [(format!("{url}/{way}/v1"), key), (format!("http://m.invalid/{way}/v1"), &proxied)] {
                fs::write(bench.path("s.toml"), scenario(&base, more)).unwrap();
                let said = bench.call("run s.toml --json");
                look_at(&format!("run, {way}, {more}"), &said);
                assert!(way == "deny" || bench.path("results").exists(), "{way}: {}", said.stderr);
            }
        }
    }
    let init = format!("init --url {url}/well/v1 --api-key-env THE_KEY --out made.toml");
    for words in ["show results/secret/latest", "show results/secret/latest --json", "runs", "runs --json", &init] {
        look_at(words, &bench.call(words));
    }
    look_through(&bench, &own);
    assert!(files(&bench.path("results")).len() > 100, "something was looked through");
}

#[test]
fn the_marker_is_in_no_byte_that_any_command_writes() {
    let bench = bench();
    let server = Simulated::start(&bench, "--ttft 2ms --itl 1ms");
    let front = fronts::proxy(&authority(&server.url), None);
    let more = format!("api_key_env = \"THE_KEY\"\nproxy = \"http://user:${{PROXY_PASSWORD}}@{}\"", front.address);
    let bench = bench.file("s.toml", &scenario("http://m.invalid/v1", &more));
    let own = [bench.path("key")];
    for words in [
        "check s.toml",
        "plan s.toml",
        "plan s.toml --json",
        "lock s.toml",
        "run s.toml",
        "run s.toml --reuse --set load.requests=3",
        "run s.toml --set endpoints.s.headers.x-api-key=${THE_KEY}",
        "fmt s.toml",
        "plan s.toml --reuse",
        "show results/secret/latest",
        "show results/secret/latest --steady",
        "runs",
        "runs --json",
        "schema",
        "import kit absent.csv",
    ] {
        look_at(words, &bench.call(words));
    }
    // The proxy saw the real thing.
    assert!(front.asked().iter().any(|head| head.contains(KEY) && head.contains(TEAM)), "{:?}", front.asked());
    let init = format!("init --url {} --api-key-env THE_KEY --out made.toml", server.url);
    look_at(&init, &bench.call(&init));
    let quick = format!("run --url {} --model m --api-key-env THE_KEY --output-tokens 2 --quiet", server.url);
    look_at(&quick, &bench.call(&quick));
    look_through(&bench, &own);
}

#[test]
fn the_marker_is_in_no_error_before_a_run() {
    let bench = bench();
    let away = "http://127.0.0.1:9/v1";
    let (with_variable, plain_header) = ("api_key_env = \"THE_KEY\"", "[endpoints.t]\nbase_url = \"http://h\"");
    for (base, more, part) in [
        (away, with_variable, "cannot be reached"),
        ("https://127.0.0.1:9/v1", with_variable, "cannot be reached"),
        ("http://no-such-host.invalid/${TEAM}/v1", with_variable, ""),
        ("http://marker-victor@h/v1", "", "holds a user name or a password"),
        (away, "api_key = \"marker-victor\"", "holds a key in plain text"),
        (away, "api_key_env = \"marker-victor\"", "never the key"),
        (away, "proxy = \"http://u:marker-victor@p:1\"", "holds a password in plain text"),
        (away, "proxy = \"http://u:${PROXY_PASSWORD}@127.0.0.1:9\"", "no connection to the proxy 127.0.0.1:9"),
        (away, "proxy = \"socks5://u:${PROXY_PASSWORD}@127.0.0.1:9\"", "this is not the URL of an HTTP proxy"),
        (away, "api_key_file = \"open\"", "chmod 600"),
        (away, "api_key_env = \"TWO_LINES\"", "cannot be sent"),
        (away, "revision = 3 # ${THE_KEY}", "takes a string"),
        (away, plain_header, ""),
    ] {
        let bench = Bench::new()
            .variable("THE_KEY", KEY)
            .variable("TEAM", TEAM)
            .variable("PAIR", "marker-pair")
            .variable("TWO_LINES", "marker\nvictor")
            .variable("PROXY_PASSWORD", PROXY)
            .file("open", FILE_KEY)
            .file("s.toml", &scenario(base, more));
        fs::set_permissions(bench.path("open"), fs::Permissions::from_mode(0o644)).unwrap();
        for words in ["check s.toml", "plan s.toml", "run s.toml", "run s.toml --json"] {
            let said = bench.call(words);
            look_at(&format!("{words} ({base}, {more})"), &said);
            assert!(!words.ends_with("run s.toml") || said.stderr.contains(part), "{part}: {}", said.stderr);
        }
        let own = [bench.path("open"), bench.path("s.toml")];
        look_through(&bench, &own);
    }
    drop(bench);
    let bench = self::bench().file("p.toml", &scenario(away, "headers = { authorization = \"Bearer marker-victor\" }"));
    let said = bench.call("check p.toml");
    assert_eq!(said.code, 2);
    look_at("check of a plain header", &said);
}

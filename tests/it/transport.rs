//! The ways to a server: HTTP/2, TLS, proxies, Unix sockets, a connection for every request.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use infersweep::record::{Outcome, RequestRecord};
use infersweep::store::ServerFile;

use crate::fronts::{self, Authority, authority};
use crate::tool::{Bench, Said, Simulated, files, rows};

/// A scenario of eight requests at `url`, with `more` in its endpoint.
fn scenario(url: &str, more: &str) -> String {
    format!(
        "name = \"way\"\n[endpoints.s]\nbase_url = \"{url}\"\n{more}\n[models.m]\ntokenizer = \"words\"\n[matrix]\nmodel = \"m\"\n\
         input_tokens = 24\noutput_tokens = 6\nconcurrency = 4\n[load]\nrequests = 8\n"
    )
}

fn runs(bench: &Bench, url: &str, more: &str) -> (Said, Vec<RequestRecord>) {
    fs::write(bench.path("way.toml"), scenario(url, more)).unwrap();
    let said = bench.call("run way.toml");
    assert_eq!(said.code, 0, "{more}: {}", said.stderr);
    let rows = rows(&bench.latest("way").join("requests"));
    assert_eq!(rows.len(), 8);
    for row in &rows {
        assert_eq!((&row.outcome, row.chunks.len(), row.http_status), (&Outcome::Completed, 6, Some(200)));
        let stamps = &row.stamps;
        let order = [stamps.dial_ns, stamps.handshake_ns, stamps.connect_ns, stamps.sent_ns, stamps.headers_ns];
        let order: Vec<_> = order.iter().chain([&stamps.first_token_ns, &stamps.last_token_ns]).flatten().collect();
        assert!(order.is_sorted(), "{stamps:?}");
        assert!(stamps.first_token_ns.unwrap() - stamps.sent_ns.unwrap() >= 5_000_000, "the server's own time");
    }
    (said, rows)
}

/// The metrics page was reached, and at every try.
fn is_scraped(bench: &Bench, said: &Said) {
    assert!(!said.stderr.contains("metrics of"), "{}", said.stderr);
    let [page] = files(&bench.latest("way").join("server")).try_into().unwrap();
    let samples: Vec<_> = ServerFile::open(&page).unwrap().samples().unwrap().map(Result::unwrap).collect();
    assert!(samples.len() >= 2 && samples.iter().all(|sample| sample.fault.is_none()), "{samples:?}");
}

fn fails(bench: &Bench, url: &str, more: &str, parts: &[&str]) {
    fs::write(bench.path("way.toml"), scenario(url, more)).unwrap();
    let said = bench.call("run way.toml");
    assert!(said.code > 0, "{more}: {}", said.stdout);
    for part in parts {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    }
}

#[test]
fn http2_gives_the_same_answers_over_one_connection() {
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--http2 --ttft 5ms --itl 1ms");
    let (_, rows) = runs(&bench, &server.url, "http = \"2\"");
    assert!(rows.iter().all(|row| row.attempts.len() == 1));
    fails(&bench, &server.url, "", &["endpoint `s`"]);
    let old = Simulated::start(&bench, "--ttft 5ms");
    fails(&bench, &old.url, "http = \"2\"", &["cannot be reached (connect)", "http = \"1.1\""]);
}

#[test]
fn new_connections_have_their_time_beside_the_first_token_not_in_it() {
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--ttft 5ms --itl 1ms");
    let (_, rows) = runs(&bench, &server.url, "connection = \"new\"");
    assert!(rows.iter().all(|row| row.stamps.dial_ns.is_some() && row.stamps.handshake_ns.is_none()));
    let summary = Bench::json(&bench.latest("way").join("summary.json"));
    let metrics = &summary["cells"][0]["metrics"];
    assert_eq!((&metrics["connect_ms"]["count"], &metrics["tls_ms"]), (&8.into(), &serde_json::Value::Null));
    let (_, rows) = runs(&bench, &server.url, "");
    assert!(rows.iter().all(|row| row.stamps.dial_ns.is_none()), "opened before the load");
}

#[test]
fn certificates_are_checked_unless_that_is_turned_off_which_is_told_everywhere() {
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--ttft 5ms --itl 1ms");
    let of = Authority::new();
    let front = fronts::tls(&authority(&server.url), &of, &["http/1.1"], false);
    let url = format!("https://{}/v1", front.address);
    fails(&bench, &url, "", &["(tls)", "tls.ca", "tls.verify = false"]);
    let bench = bench.file("ca.pem", &of.certificate);
    let more = "tls = { ca = \"ca.pem\" }\nconnection = \"new\"\nmetrics_url = \"/metrics\"";
    let (said, rows) = runs(&bench, &url, more);
    is_scraped(&bench, &said);
    assert!(rows.iter().all(|row| row.stamps.handshake_ns.is_some()));
    assert!(!said.stdout.contains("NOT VERIFIED"), "{}", said.stdout);
    let summary = Bench::json(&bench.latest("way").join("summary.json"));
    assert_eq!(summary["cells"][0]["metrics"]["tls_ms"]["count"], 8);
    fails(&bench, &url, "tls = { ca = \"ca.pem\" }\nhttp = \"2\"", &["(tls)", "http"]);

    let (said, _) = runs(&bench, &url, "tls = { verify = false }");
    assert!(said.stdout.contains("all cells: NOT VERIFIED"), "{}", said.stdout);
    assert!(said.stderr.contains("tls.verify = false"), "{}", said.stderr);
    let dir = bench.latest("way");
    assert_eq!(Bench::json(&dir.join("summary.json"))["cells"][0]["unverified"], true);
    assert!(fs::read_to_string(dir.join("comparison.md")).unwrap().contains("NOT VERIFIED"));
    let csv = fs::read_to_string(dir.join("summary.csv")).unwrap();
    let column = csv.lines().next().unwrap().split(',').position(|name| name == "unverified").unwrap();
    assert_eq!(csv.lines().nth(1).unwrap().split(',').nth(column), Some("true"));
    assert!(bench.call("show results/way/latest").stdout.contains("NOT VERIFIED"));
    assert!(bench.call("run way.toml --reuse").stdout.contains("NOT VERIFIED"), "taken over, told again");
}

#[test]
fn http2_is_agreed_on_under_tls_and_clients_show_certificates() {
    let bench = Bench::new();
    let of = Authority::new();
    let bench = bench.file("ca.pem", &of.certificate).file("client.pem", &of.client.0).file("client.key", &of.client.1);
    let server = Simulated::start(&bench, "--http2 --ttft 5ms --itl 1ms");
    let front = fronts::tls(&authority(&server.url), &of, &["h2"], true);
    let url = format!("https://{}/v1", front.address);
    let own =
        "http = \"2\"\ntls = { ca = \"ca.pem\", client_certificate = \"client.pem\", client_key = \"client.key\" }";
    fs::set_permissions(bench.path("client.key"), fs::Permissions::from_mode(0o644)).unwrap();
    fails(&bench, &url, own, &["client_key", "chmod 600"]);
    fs::set_permissions(bench.path("client.key"), fs::Permissions::from_mode(0o600)).unwrap();
    runs(&bench, &url, own);
    fails(&bench, &url, "http = \"2\"\ntls = { ca = \"ca.pem\" }", &["no HTTP/2"]);
    let plain = Simulated::start(&bench, "--ttft 5ms --itl 1ms");
    let front = fronts::tls(&authority(&plain.url), &of, &["http/1.1"], true);
    let url = format!("https://{}/v1", front.address);
    fails(&bench, &url, "tls = { ca = \"ca.pem\" }", &["tls"]);
    // No private key is kept with a run.
    for path in files(&bench.path("results")) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("PRIVATE KEY"), "{}", path.display());
    }
}

#[test]
fn proxies_of_the_scenario_and_of_the_environment_are_gone_through() {
    let bench = Bench::new().variable("PROXY_PASSWORD", "pa ss@word");
    let server = Simulated::start(&bench, "--ttft 5ms --itl 1ms");
    // user:pa ss@word
    let pair = "dXNlcjpwYSBzc0B3b3Jk";
    let front = fronts::proxy(&authority(&server.url), Some(pair));
    let away = "http://model.invalid:8000/v1";
    let by_scenario = format!("proxy = \"http://user:pa%20ss%40word@{}\"", front.address);
    fails(&bench, away, &by_scenario, &["holds a password in plain text", "${PASSWORD}"]);
    let bench = bench.variable("PROXY_PASSWORD", "pa%20ss%40word");
    let by_variable = format!("proxy = \"http://user:${{PROXY_PASSWORD}}@{}\"", front.address);
    runs(&bench, away, &by_variable);
    assert!(front.asked().iter().all(|head| head.contains(" http://model.invalid:8000/")), "{:?}", front.asked());
    assert!(front.asked().iter().any(|head| head.starts_with("POST http://model.invalid:8000/v1/chat/completions ")));
    for path in files(&bench.path("results")) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(pair) && !text.contains("ss%40word") && !text.contains("ss@word"), "{}", path.display());
    }

    let front = fronts::proxy(&authority(&server.url), None);
    let bench =
        bench.variable("HTTP_PROXY", &format!("http://{}", front.address)).variable("NO_PROXY", "other.invalid");
    runs(&bench, away, "");
    assert!(!front.asked().is_empty());
    let before = front.asked().len();
    runs(&bench, &server.url, "");
    assert_eq!(front.asked().len(), before, "loopback is never behind a proxy of the environment");
    fails(&bench, "http://other.invalid/v1", "", &["(dns)"]);
    fails(&bench, away, "proxy = \"none\"", &["(dns)"]);

    let of = Authority::new();
    let encrypted = fronts::tls(&authority(&server.url), &of, &["http/1.1"], false);
    let front = fronts::proxy(&encrypted.address, None);
    let bench = bench.variable("ALL_PROXY", &front.address);
    runs(&bench, "https://model.invalid/v1", "tls = { verify = false }");
    assert!(front.asked().iter().all(|head| head.starts_with("CONNECT model.invalid:443 HTTP/1.1\r\n")));
    let bench = bench.variable("ALL_PROXY", "socks5://127.0.0.1:1");
    fails(&bench, "https://model.invalid/v1", "", &["`ALL_PROXY`", "proxy = \"none\""]);
}

#[test]
fn a_unix_socket_leads_to_the_server_also_for_what_is_not_timed() {
    let bench = Bench::new();
    let server = Simulated::start(&bench, "--ttft 5ms --itl 1ms");
    let _front = fronts::unix(&bench.path("llm.sock"), &authority(&server.url));
    let (said, _) = runs(&bench, "http://model.invalid/v1", "unix_socket = \"llm.sock\"\nmetrics_url = \"/metrics\"");
    assert!(!said.stderr.contains("no list of models"), "{}", said.stderr);
    is_scraped(&bench, &said);
    // A page elsewhere is reached as if there were no socket.
    let elsewhere = format!("metrics_url = \"{}/metrics\"", server.url.trim_end_matches("/v1"));
    let (said, _) = runs(&bench, "http://model.invalid/v1", &format!("unix_socket = \"llm.sock\"\n{elsewhere}"));
    is_scraped(&bench, &said);
    let frozen = fs::read_to_string(bench.latest("way").join("scenario.toml")).unwrap();
    assert!(frozen.contains(&format!("unix_socket = \"{}", bench.path("").display())), "{frozen}");
    fails(&bench, "http://model.invalid/v1", "unix_socket = \"none.sock\"", &["(connect)", "none.sock"]);
}

#[test]
fn a_key_is_read_from_a_file_that_is_its_owners_alone() {
    let bench = Bench::new().file("key", "sk-of-a-file\n");
    let server = Simulated::start(&bench, "--ttft 5ms --itl 1ms");
    let front = fronts::proxy(&authority(&server.url), None);
    let more = format!("api_key_file = \"key\"\nproxy = \"http://{}\"", front.address);
    fs::set_permissions(bench.path("key"), fs::Permissions::from_mode(0o644)).unwrap();
    fails(&bench, "http://m.invalid/v1", &more, &["others may read or change it", "644", "chmod 600"]);
    fs::set_permissions(bench.path("key"), fs::Permissions::from_mode(0o600)).unwrap();
    runs(&bench, "http://m.invalid/v1", &more);
    assert!(front.asked().iter().all(|head| head.contains("Bearer sk-of-a-file")));
    fs::remove_file(bench.path("key")).unwrap();
    assert_eq!(bench.call("check way.toml").code, 0, "needed to run only");
    fails(&bench, "http://m.invalid/v1", &more, &["api_key_file", "cannot be read"]);
}

#[test]
fn digests_cover_the_way_and_no_secret_of_it() {
    let bench = Bench::new().file("ca.pem", &Authority::new().certificate);
    let digest = |bench: &Bench, more: &str| {
        fs::write(bench.path("way.toml"), scenario("https://m.invalid/v1", more)).unwrap();
        let said = bench.call("plan way.toml --json");
        let plan: serde_json::Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.stderr));
        plan["cells"][0]["digest"].as_str().unwrap().to_owned()
    };
    let plain = digest(&bench, "");
    for same in [
        "http = \"1.1\"",
        "connection = \"keep_alive\"",
        "proxy = \"none\"",
        "tls = { verify = true }",
        "api_key_env = \"K\"",
    ] {
        assert_eq!(digest(&bench, same), plain, "{same}");
    }
    let ways = [
        "http = \"2\"",
        "connection = \"new\"",
        "proxy = \"p:1\"",
        "proxy = \"p:2\"",
        "unix_socket = \"s\"",
        "tls = { verify = false }",
        "tls = { ca = \"ca.pem\" }",
    ];
    let mut digests: BTreeSet<String> = ways.iter().map(|more| digest(&bench, more)).collect();
    let by_variable = "proxy = \"http://u:${PASS}@p:1\"";
    digests.extend([plain, digest(&bench, "http = \"2\"\nconnection = \"new\"")]);
    assert_eq!(digests.len(), ways.len() + 2);
    let bench = bench.variable("PASS", "one-password");
    let one = digest(&bench, by_variable);
    let bench = bench.variable("PASS", "other-password");
    assert_eq!(one, digest(&bench, by_variable));
    let bench = bench.variable("HTTPS_PROXY", "http://p:1");
    assert_eq!(digest(&bench, ""), one, "the environment's proxy counts as the scenario's");
    fs::write(bench.path("ca.pem"), Authority::new().certificate).unwrap();
    assert!(!digests.contains(&digest(&bench, "proxy = \"none\"\ntls = { ca = \"ca.pem\" }")));
}

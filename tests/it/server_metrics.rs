//! Prometheus pages: scraped beside the load, kept as a table, and told of where they are wrong.

#![expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "counts are whole and small")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use infersweep::record::{Phase, RequestRecord, ScrapedSample};
use infersweep::store::ServerFile;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::tool::{Bench, Simulated, files, rows};

/// Twice as many requests as slots, so that half of them wait.
const QUEUED: &str = r#"
name = "queued"
[endpoints.sim]
api = "simulator"
simulator = { ttft = "20ms", itl = "5ms", slots = 4 }
metrics_url = "/metrics"
metrics_interval = "20ms"
metrics_columns = { aborted = { metric = "vllm:request_success_total{finished_reason=\"abort\"}" } }
[matrix]
model = "m"
input_tokens = 30
output_tokens = 20
concurrency = 8
[load]
requests = 40
"#;

/// The one file of scraped metrics of a run: its columns and its samples.
fn scraped(run: &Path) -> (Vec<String>, Vec<ScrapedSample>) {
    let [path] = files(&run.join("server")).try_into().unwrap();
    let file = ServerFile::open(&path).unwrap();
    let names = file.columns().iter().map(|column| column.name.clone()).collect();
    (names, file.samples().unwrap().map(Result::unwrap).collect())
}

/// The values of a column.
fn column((names, samples): &(Vec<String>, Vec<ScrapedSample>), name: &str) -> Vec<f64> {
    let place = names.iter().position(|column| column == name).unwrap();
    samples.iter().filter_map(|sample| sample.values[place]).collect()
}

fn tokens(rows: &[RequestRecord]) -> u64 {
    rows.iter().filter_map(|row| row.tokens.output_server).sum()
}

#[test]
fn a_page_becomes_a_table_on_the_clock_of_the_rows() {
    let bench = Bench::new().file("queued.toml", QUEUED);
    let said = bench.call("run queued.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let run = bench.latest("queued");
    let rows = rows(&run.join("requests"));
    let page = scraped(&run);
    let samples = &page.1;
    assert!(samples.windows(2).all(|pair| pair[0].at_ns < pair[1].at_ns && pair[0].fault.is_none()));
    let first_ns = rows.iter().filter_map(|row| row.stamps.sent_ns).min().unwrap();
    let last_ns = rows.iter().filter_map(|row| row.stamps.end_ns).max().unwrap();
    assert!(samples[0].at_ns <= first_ns && samples.last().unwrap().at_ns >= last_ns, "{first_ns} {last_ns}");
    // What the server had: never more than its slots, and never more than were in flight.
    let (running, waiting) = (column(&page, "requests_running"), column(&page, "requests_waiting"));
    assert!(running.iter().all(|count| *count <= 4.0) && waiting.iter().all(|count| *count <= 4.0));
    assert!(running.contains(&4.0) && waiting.contains(&4.0), "{running:?} {waiting:?}");
    assert_eq!((running[0], waiting[0]), (0.0, 0.0));
    // What it counted: exactly what the rows say.
    let rise = |name: &str| column(&page, name).last().unwrap() - column(&page, name)[0];
    assert_eq!(rise("generation_tokens_total"), tokens(&rows) as f64);
    assert_eq!((rise("requests_total"), rise("aborted"), rise("preemptions_total")), (rows.len() as f64, 0.0, 0.0));

    let summary = Bench::json(&run.join("summary.json"));
    let cell = &summary["cells"][0]["scraped"];
    assert_eq!(cell["scrapes"], samples.len());
    let measured: Vec<RequestRecord> = rows.into_iter().filter(|row| row.phase == Phase::Measure).collect();
    let counted = cell["counters"]["generation_tokens_total"]["increase"].as_f64().unwrap();
    assert!(counted >= tokens(&measured) as f64, "{cell}");
    assert_eq!((&cell["gauges"]["requests_running"]["max"], &cell["restarts"]), (&Value::from(4.0), &Value::from(0)));
    let shown = bench.call("show results/queued/latest");
    for said in [&said, &shown] {
        assert!(said.stdout.contains("running  waiting"), "{}", said.stdout);
    }
    let own = bench.call("show results/queued/latest --server");
    assert!(own.stdout.contains("the server's metrics page") && own.stdout.contains("aborted"), "{}", own.stdout);
}

#[test]
fn four_servers_names_come_to_the_same_columns() {
    let bench = Bench::new().file("queued.toml", QUEUED);
    for server in ["llamacpp", "sglang", "tgi"] {
        let said = bench.call(&format!("run queued.toml --set endpoints.sim.metrics_url=/metrics?names={server}"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        let run = bench.latest("queued");
        let page = scraped(&run);
        for (name, most) in [("requests_running", 4.0), ("requests_waiting", 4.0)] {
            assert_eq!(column(&page, name).into_iter().fold(0.0, f64::max), most, "{server} {name}");
        }
        let generated = column(&page, "generation_tokens_total");
        assert_eq!(generated.last().unwrap() - generated[0], tokens(&rows(&run.join("requests"))) as f64, "{server}");
        assert!(said.stdout.contains("no page has aborted"), "{}", said.stdout);
    }
}

/// A page of our own making: what is asked, and what is answered to the n-th request; `None` never answers.
struct Page {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Page {
    fn serve(answer: impl Fn(usize) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || answer_one(stream.unwrap(), &seen, &*answer));
            }
        });
        Self { url, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn answer_one(mut stream: TcpStream, seen: &Mutex<Vec<String>>, answer: &dyn Fn(usize) -> Option<String>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    if head.is_empty() {
        return;
    }
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(head.join("\n").to_ascii_lowercase());
        seen.len() - 1
    };
    match answer(number) {
        // Whoever is gone reads nothing.
        Some(answer) => drop(stream.write_all(answer.as_bytes())),
        // Until the other side gives up.
        None => drop(lines.count()),
    }
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// A run of the queued scenario with another page: what it said.
fn run_with(page: &str) -> (Bench, String, String) {
    let bench = Bench::new().file("queued.toml", QUEUED);
    let said = bench.call(&format!("run queued.toml --set load.requests=24 --set endpoints.sim.metrics_url={page}"));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let completed =
        Bench::json(&bench.latest("queued").join("summary.json"))["cells"][0]["requests"]["completed"].clone();
    assert_eq!(completed, 24, "nothing happens to the requests");
    (bench, said.stdout, said.stderr)
}

#[test]
fn a_page_that_is_none_is_a_warning_and_a_note_never_a_failure() {
    let page = |status: &'static str, body: &'static str| Page::serve(move |_| Some(answer(status, body)));
    let long = "x 1\n".repeat(5 << 20);
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\nconnection: close\r\n\r\nvllm:num_requests_running 1\n";
    for (page, fault) in [
        (page("404 Not Found", "{\"detail\":\"no page here\"}"), "HTTP 404 Not Found: no page here"),
        (page("200 OK", "<!doctype html><h1>Welcome</h1>"), "HTML, not a Prometheus page"),
        (page("200 OK", "\u{0}\u{1}garbage of many words"), "not a Prometheus page: `"),
        (page("200 OK", ""), "the page has no metrics"),
        (page("200 OK", "go_goroutines 12\n"), "none of the metrics that are known"),
        (page("302 Found", ""), "redirects are not followed"),
        (Page::serve(move |_| Some(answer("200 OK", &long))), "the page is longer than 16 MiB"),
        (Page::serve(move |_| Some(cut.to_owned())), "no page: "),
    ] {
        let (_, stdout, stderr) = run_with(&page.url);
        let warnings =
            stderr.lines().filter(|line| line.contains("endpoint `sim`: metrics of http://127.0.0.1:")).count();
        assert!(warnings == 1 && stderr.contains(fault), "{fault}:\n{stderr}");
        assert!(stdout.contains("scrapes failed: ") && stdout.contains(fault), "{fault}:\n{stdout}");
    }
    let (_, stdout, stderr) = run_with("http://127.0.0.1:9/metrics");
    assert!(stderr.contains("no page: ") && stdout.contains("scrapes failed: no page: "), "{stderr}{stdout}");
}

#[test]
fn a_page_that_never_comes_holds_a_cell_up_for_some_seconds_only() {
    let page = Page::serve(|_| None);
    let (bench, stdout, _) = run_with(&page.url);
    assert!(stdout.contains("scrapes failed: no page within 5 s"), "{stdout}");
    // One before the load and one beside it: none is under way with another.
    assert_eq!((page.heads().len(), scraped(&bench.latest("queued")).1.len()), (2, 2));
}

#[test]
fn a_server_that_was_restarted_is_told() {
    let page = Page::serve(|number| {
        let tokens = if number < 3 { 1000 + number } else { number };
        Some(answer("200 OK", &format!("vllm:num_requests_running 1\nvllm:generation_tokens_total {tokens}\n")))
    });
    let (bench, stdout, _) = run_with(&page.url);
    assert!(stdout.contains("server metrics: counters began anew 1 times: the server was restarted"), "{stdout}");
    let counters = &Bench::json(&bench.latest("queued").join("summary.json"))["cells"][0]["scraped"]["counters"];
    assert!(counters["generation_tokens_total"]["increase"].as_f64().unwrap() < 1000.0, "{counters}");
}

#[test]
fn the_key_goes_to_its_own_origin_only_unless_told() {
    let key = "sk-marker-of-this-test";
    let text = "[endpoints.a]\nbase_url = \"URL\"\napi_key_env = \"THE_KEY\"\nheaders = { x-team = \"bench\" }\nmetrics_url = \"PAGE\"\n[matrix]\nmodel = \"m\"\ninput_tokens = 16\noutput_tokens = 4\n[load]\nrequests = 2\n";
    let bench = Bench::new().variable("THE_KEY", key);
    let server = Simulated::start(&bench, "--ttft 1ms --itl 1ms");
    let page = Page::serve(|_| Some(answer("200 OK", "vllm:num_requests_running 1\n")));
    let bench = bench.file("a.toml", &text.replace("URL", &server.url).replace("PAGE", &page.url));
    assert_eq!(bench.call("run a.toml").code, 0);
    let heads = page.heads();
    assert!(heads.len() >= 2 && heads.iter().all(|head| !head.contains(key) && !head.contains("x-team")), "{heads:?}");
    assert_eq!(bench.call("run a.toml --set endpoints.a.metrics_auth=true").code, 0);
    let told = page.heads().split_off(heads.len());
    assert!(
        told.iter()
            .all(|head| head.contains(&format!("authorization: bearer {key}")) && head.contains("x-team: bench"))
    );
    for path in files(&bench.path("results")) {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()), "{}", path.display());
    }
    // Its own origin: a page that is the LLM server's itself, here one that has no models.
    let own = Page::serve(|_| Some(answer("200 OK", "vllm:num_requests_running 1\n")));
    let bench = bench
        .file("a.toml", &text.replace("URL", own.url.strip_suffix("/metrics").unwrap()).replace("PAGE", "/scraped"));
    bench.call("run a.toml --set models.m.tokenizer=words");
    let scrapes: Vec<String> = own.heads().into_iter().filter(|head| head.starts_with("get /scraped ")).collect();
    assert!(!scrapes.is_empty() && scrapes.iter().all(|head| head.contains(key)), "{:?}", own.heads());
}

#[test]
fn samples_of_a_killed_run_are_saved_when_it_is_next_opened() {
    let bench = Bench::new().file("queued.toml", QUEUED);
    let mut child = bench.command("run queued.toml --set load.requests=100000").spawn().unwrap();
    let latest = bench.path("results/queued/latest");
    let lines = |dir: &str| {
        let path = latest.join(dir);
        let found = if path.is_dir() { files(&path) } else { Vec::new() };
        found.iter().map(|path| std::fs::read_to_string(path).unwrap_or_default().lines().count()).sum::<usize>()
    };
    while lines("server") < 12 || lines("partial") < 12 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    let opened = bench.call("show results/queued/latest");
    assert_eq!(opened.code, 0, "{}", opened.stderr);
    let samples = scraped(&bench.latest("queued")).1;
    assert!(samples.len() >= 10, "{}", samples.len());
    let rows = rows(&bench.latest("queued").join("partial"));
    let first_ns = rows.iter().filter_map(|row| row.stamps.sent_ns).min().unwrap();
    let last_ns = rows.iter().filter_map(|row| row.stamps.end_ns).max().unwrap();
    let beside = samples.iter().filter(|sample| (first_ns..last_ns).contains(&sample.at_ns)).count();
    assert!(beside > 0, "on the clock of the rows");
}

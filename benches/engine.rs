//! What the client costs and how far it is off, beside a raw socket reader in the same process.
//!
//! `cargo bench --bench engine [-- STREAMS]`. A simulator on a thread of its own streams an event every 20 ms to each of
//! STREAMS (100) streams; both readers run on the main thread, whose processor time is theirs alone. The simulator's own
//! stamps, on the same monotonic clock, are the truth.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on should stop, and prints")]

mod figures;
mod streams;

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc;
use std::time::Duration;

use figures::{count, quantile};
use infersweep::client::{Asked, Client};
use infersweep::record::Phase;
use infersweep::simulator::{RequestStamps, Simulator};
use infersweep::time::Clock;
use rustix::time::{ClockId, clock_gettime};
use streams::{body, client, options, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const REQUESTS_A_STREAM: usize = 4;
const TOKENS: u64 = 128;
const ROUNDS: usize = 5;

/// One answer as a reader saw it: when it was sent and when each token arrived.
struct Seen {
    id: String,
    sent_ns: i64,
    tokens_ns: Vec<i64>,
}

/// The figures of one round.
struct Round {
    cpu_us_per_event: f64,
    arrival_us: Vec<f64>,
    ttft_off_us: Vec<f64>,
}

fn main() {
    let streams: usize = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(100);
    let (url, truth) = simulate();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Clock::start();
    let client = client(&url, clock);
    let mut rounds: BTreeMap<&str, Vec<Round>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for reader in ["raw socket", "client"] {
            let began = cpu_s();
            let seen = match reader {
                "client" => runtime.block_on(by_client(&client, streams)),
                _ => runtime.block_on(by_raw_socket(&url, streams, clock)),
            };
            rounds.entry(reader).or_default().push(judge(&seen, cpu_s() - began, &truth()));
        }
    }
    println!(
        "{streams} streams, {} requests of {TOKENS} tokens, an event every 20 ms; medians of {ROUNDS} rounds\n",
        streams * REQUESTS_A_STREAM
    );
    println!("reader      CPU us/event  arrival us: mean     p50     p99   TTFT off us: mean     p99");
    for (reader, rounds) in &rounds {
        let median = |of: &dyn Fn(&Round) -> f64| quantile(&rounds.iter().map(of).collect::<Vec<_>>(), 0.5);
        println!(
            "{reader:10}  {:12.1}  {:16.0} {:7.0} {:7.0}   {:17.0} {:7.0}",
            median(&|round| round.cpu_us_per_event),
            median(&|round| mean(&round.arrival_us)),
            median(&|round| quantile(&round.arrival_us, 0.5)),
            median(&|round| quantile(&round.arrival_us, 0.99)),
            median(&|round| mean(&round.ttft_off_us)),
            median(&|round| quantile(&round.ttft_off_us, 0.99)),
        );
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!(
        "\npeak memory of the whole, simulator included: {}",
        status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("unknown")
    );
}

type Truth = Box<dyn Fn() -> HashMap<String, RequestStamps>>;

/// Starts the simulator on a thread of its own; returns its base URL and a way to ask for its stamps.
fn simulate() -> (String, Truth) {
    let options = options(Duration::from_millis(20));
    let (ready, started) = mpsc::channel();
    let (ask, asked) = mpsc::channel::<mpsc::Sender<Vec<RequestStamps>>>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let simulator = Simulator::start(options, TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
            ready.send(simulator.base_url()).unwrap();
            loop {
                if let Ok(answer) = asked.try_recv() {
                    answer.send(simulator.stamps()).unwrap();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    });
    let truth = move || {
        let (send, receive) = mpsc::channel();
        ask.send(send).unwrap();
        receive.recv().unwrap().into_iter().map(|stamps| (stamps.id.clone(), stamps)).collect()
    };
    (started.recv().unwrap(), Box::new(truth))
}

async fn by_client(client: &Client, streams: usize) -> Vec<Seen> {
    client.warm(streams).await.unwrap();
    let request = request(TOKENS);
    let body = body(client, &request);
    let mut tasks = JoinSet::new();
    for stream in 0..streams {
        let (client, body, request) = (client.clone(), body.clone(), request.clone());
        tasks.spawn(async move {
            apart(stream).await;
            let mut seen = Vec::new();
            for _ in 0..REQUESTS_A_STREAM {
                let mut observed = client.observation();
                client.exchange(&body, &mut observed).await;
                let asked = Asked {
                    request_index: 0,
                    phase: Phase::Measure,
                    model_id: "m",
                    request: &request,
                    conversation: None,
                    turn: None,
                    scheduled_ns: None,
                };
                let record = observed.into_record(&asked, None);
                seen.push(Seen {
                    id: record.response_id.unwrap_or_default(),
                    sent_ns: record.stamps.sent_ns.unwrap_or_default(),
                    tokens_ns: record.chunks.iter().map(|chunk| chunk.at_ns).collect(),
                });
            }
            seen
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// Reads sockets and does nothing else until the answer is over: the limit.
async fn by_raw_socket(url: &str, streams: usize, clock: Clock) -> Vec<Seen> {
    let host = url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"hello there"}}],"max_tokens":{TOKENS},"stream":true}}"#
    );
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut tasks = JoinSet::new();
    for stream in 0..streams {
        let (host, request) = (host.clone(), request.clone());
        let mut socket = TcpStream::connect(&host).await.unwrap();
        socket.set_nodelay(true).unwrap();
        tasks.spawn(async move {
            apart(stream).await;
            let mut seen = Vec::new();
            for _ in 0..REQUESTS_A_STREAM {
                let sent_ns = clock.now_ns();
                socket.write_all(request.as_bytes()).await.unwrap();
                let (mut text, mut reads) = (Vec::new(), Vec::new());
                while !text.ends_with(b"0\r\n\r\n") {
                    let read = socket.read_buf(&mut text).await.unwrap();
                    assert!(read > 0, "the server closed the connection");
                    reads.push((text.len(), clock.now_ns()));
                }
                seen.push(parse(&text, &reads, sent_ns));
            }
            seen
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

fn parse(text: &[u8], reads: &[(usize, i64)], sent_ns: i64) -> Seen {
    let text = String::from_utf8_lossy(text);
    let id = text.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
    // Token events are those whose delta has text; the role event's is empty.
    let tokens_ns = text
        .match_indices("\"content\":\"")
        .filter(|(at, key)| !text[at + key.len()..].starts_with('"'))
        .map(|(at, _)| reads.iter().find(|(end, _)| *end > at).map_or(0, |(_, stamp)| *stamp))
        .collect();
    Seen { id, sent_ns, tokens_ns }
}

/// Starts 300 us apart: all at once, the readers would measure the burst.
async fn apart(stream: usize) {
    tokio::time::sleep(Duration::from_micros(300 * u64::try_from(stream).unwrap())).await;
}

fn judge(seen: &[Seen], cpu_s: f64, truth: &HashMap<String, RequestStamps>) -> Round {
    let (mut arrival_us, mut ttft_off_us) = (Vec::new(), Vec::new());
    for answer in seen {
        let stamps = &truth[&answer.id];
        let sent = &stamps.send_ns[stamps.first_token_event..][..stamps.token_events];
        assert_eq!(sent.len(), answer.tokens_ns.len(), "every token is seen once");
        arrival_us.extend(answer.tokens_ns.iter().zip(sent).map(|(ours, theirs)| us(ours - theirs)));
        ttft_off_us.push(us((answer.tokens_ns[0] - answer.sent_ns) - (sent[0] - stamps.received_ns)));
    }
    Round { cpu_us_per_event: cpu_s * 1e6 / count(arrival_us.len()), arrival_us, ttft_off_us }
}

/// Processor time of this thread.
fn cpu_s() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    us(now.tv_sec * 1_000_000_000 + now.tv_nsec) / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "spans of a bench")]
fn us(ns: i64) -> f64 {
    ns as f64 / 1e3
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

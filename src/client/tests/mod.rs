mod causes;
mod connections;
mod encrypted;
mod fuzz;
mod openai_chat;
mod openai_completions;
mod quirks;
mod retries;
mod sambastudio;
mod strange;
mod streams;
mod ways;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::record::{Cause, Failure, Outcome, Phase, RequestRecord};
use crate::scenario::{Api, Endpoint, RequestOptions, Timeouts};
use crate::text::{Secret, Secrets};
use crate::time::Clock;
use crate::workload::{ChatRequest, Message, Role};

/// `bytes` cut into pieces of these sizes, over and over.
pub(super) fn pieces<'b>(mut bytes: &'b [u8], sizes: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// What a server does next on a connection.
#[derive(Debug, Clone)]
enum Act {
    /// Reads a whole request.
    Read,
    /// Sends bytes in one write.
    Send(String),
    /// Sends bytes one at a time.
    Trickle(String),
    Wait(u64),
    /// Sends the same bytes without a pause until the client closes.
    Flood(String),
    /// Closes, although it announced keep-alive.
    Close,
    /// Waits until the client closes.
    AwaitClose,
}

use Act::{AwaitClose, Close, Flood, Read, Send, Trickle, Wait};

/// A server that plays one script a connection; it gives back the requests that it read.
struct Server {
    url: String,
    playing: JoinHandle<Vec<String>>,
}

impl Server {
    async fn start(connections: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let playing = tokio::spawn(async move {
            let mut requests = Vec::new();
            for script in connections {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                requests.extend(play(stream, script).await);
            }
            requests
        });
        Self { url, playing }
    }

    /// One connection that reads a request and plays `acts`.
    async fn answering(acts: &[Act]) -> Self {
        Self::start(vec![[&[Read], acts].concat()]).await
    }

    async fn requests(self) -> Vec<String> {
        tokio::time::timeout(Duration::from_secs(5), self.playing).await.unwrap().unwrap()
    }
}

async fn play(mut stream: impl AsyncRead + AsyncWrite + Unpin, script: Vec<Act>) -> Vec<String> {
    let mut requests = Vec::new();
    for act in script {
        match act {
            Read => requests.push(read_request(&mut stream).await),
            Send(text) => {
                stream.write_all(text.as_bytes()).await.unwrap_or_default();
                stream.flush().await.unwrap_or_default();
            }
            Trickle(text) => {
                for byte in text.as_bytes() {
                    stream.write_all(&[*byte]).await.unwrap_or_default();
                    tokio::task::yield_now().await;
                }
            }
            Flood(text) => while stream.write_all(text.as_bytes()).await.is_ok() {},
            Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Close => {
                stream.shutdown().await.unwrap_or_default();
                break;
            }
            AwaitClose => {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.unwrap_or_default();
                break;
            }
        }
    }
    requests
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some(head) = text.find("\r\n\r\n") {
            let lower = text.to_lowercase();
            let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if all.len() >= head + 4 + length {
                return text;
            }
        }
        if stream.read_buf(&mut all).await.unwrap_or(0) == 0 {
            return String::from_utf8_lossy(&all).into_owned();
        }
    }
}

/// The head of a stream in HTTP chunks.
fn head() -> Act {
    send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
}

fn send(text: &str) -> Act {
    Send(text.to_owned())
}

/// One HTTP chunk.
fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn content(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

const ROLE: &str = "data: {\"id\":\"c-1\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n";
const DONE: &str = "data: [DONE]\n\n";
/// The end of a body in HTTP chunks.
const LAST: &str = "0\r\n\r\n";

/// A whole answer of two tokens after its head.
fn two_tokens() -> Act {
    let events = [ROLE, &content("one"), &content(" two"), STOP, USAGE, DONE].map(chunk).concat();
    Send(events + LAST)
}

fn whole(status: &str, kind: &str, body: &str) -> Act {
    Send(format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

pub(super) fn endpoint() -> Endpoint {
    Endpoint {
        name: "test".into(),
        api: Api::OpenaiChat,
        base_url: None,
        api_key_env: None,
        api_key_file: None,
        transport: crate::scenario::Transport::default(),
        api_key: Some(Secret::new("sk-secret")),
        stream: true,
        headers: BTreeMap::from([("x-team".to_owned(), Secret::new("bench"))]),
        timeouts: Timeouts {
            connect: Duration::from_millis(500),
            first_token: Duration::from_secs(2),
            idle: Duration::from_secs(2),
            total: Duration::from_secs(4),
        },
        request: RequestOptions::default(),
        server_metrics: BTreeMap::new(),
        scrape: None,
        cache_reset: None,
        revision: None,
        accelerators: None,
        simulator: None,
    }
}

fn client_of(endpoint: &Endpoint, url: &str) -> Client {
    Client::new(endpoint, url, Clock::start(), Secrets::default()).unwrap()
}

pub(super) fn client(url: &str) -> Client {
    client_of(&endpoint(), url)
}

fn request() -> ChatRequest {
    ChatRequest {
        messages: vec![Message::user("hi")],
        output_tokens: Some(2),
        input_tokens_requested: Some(6),
        input_tokens_client: Some(7),
        prompt_name: Some("p".into()),
        ..ChatRequest::default()
    }
}

fn body(client: &Client) -> Bytes {
    client.encode(&request(), &Target { model_id: "m".into(), options: RequestOptions::default() })
}

async fn observe(client: &Client) -> Observation {
    let mut observed = client.observation();
    client.exchange(&body(client), &mut observed).await;
    observed
}

pub(super) fn record(observed: Observation) -> RequestRecord {
    let request = request();
    let asked = Asked {
        request_index: 3,
        phase: Phase::Measure,
        model_id: "m",
        request: &request,
        conversation: None,
        turn: None,
        scheduled_ns: Some(11),
    };
    observed.into_record(&asked, None)
}

fn failure(observed: &Observation) -> &Failure {
    match observed.outcome() {
        Some(Outcome::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

fn assert_failed(observed: &Observation, cause: Cause, part: &str) {
    let failure = failure(observed);
    assert_eq!(failure.cause, cause, "{failure:?}");
    assert!(failure.message.contains(part), "{failure:?}");
    assert!(observed.stamps().end_ns.is_some());
    assert_eq!(observed.attempts().last().unwrap().cause, Some(cause));
}

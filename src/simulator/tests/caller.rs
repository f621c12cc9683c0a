//! A plain client of the server under test.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::super::{Simulator, SimulatorOptions};

pub(super) async fn start(options: SimulatorOptions) -> Simulator {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Simulator::start(options, listener).unwrap()
}

/// Status and body of one exchange on a connection of its own.
pub(super) async fn call(
    server: &Simulator,
    method: &str,
    path: &str,
    body: &str,
) -> Result<(StatusCode, String), hyper::Error> {
    let socket = TcpStream::connect(server.addr()).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}

/// A GET that succeeds.
pub(super) async fn get(server: &Simulator, path: &str) -> String {
    let (status, body) = call(server, "GET", path, "").await.unwrap();
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

/// A JSON answer to a POST.
pub(super) async fn post(server: &Simulator, path: &str, body: &Value) -> (StatusCode, Value) {
    let (status, text) = call(server, "POST", path, &body.to_string()).await.unwrap();
    (status, serde_json::from_str(&text).unwrap())
}

/// The events of a streamed answer; the last must be `[DONE]` and is left out.
pub(super) async fn stream(server: &Simulator, path: &str, body: &Value) -> Vec<Value> {
    let (status, text) = call(server, "POST", path, &body.to_string()).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{text}");
    let mut events: Vec<&str> =
        text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect();
    assert_eq!(events.pop(), Some("[DONE]"));
    events.into_iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

/// A chat request with a prompt of four words.
pub(super) fn chat(max_tokens: u64, stream: bool) -> Value {
    json!({
        "model": "m",
        "messages": [{ "role": "user", "content": "one two three four" }],
        "max_tokens": max_tokens,
        "stream": stream,
    })
}

/// The texts of a field of the events' deltas, joined.
pub(super) fn joined(events: &[Value], pointer: &str) -> String {
    events.iter().filter_map(|event| event.pointer(pointer)?.as_str()).collect()
}

use std::time::Duration;

use hyper::StatusCode;
use tokio::time::timeout;

use super::super::{Failures, SimulatorOptions};
use super::caller::{call, chat, joined, post, start, stream};

const CHAT: &str = "/v1/chat/completions";

fn failing(failures: Failures) -> SimulatorOptions {
    let [ttft, itl] = [Duration::from_millis(2), Duration::from_millis(1)];
    SimulatorOptions { ttft, itl, failures, ..SimulatorOptions::default() }
}

#[tokio::test]
async fn a_refused_request_is_told_to_come_back() {
    let server = start(failing(Failures { refused: 1.0, ..Failures::default() })).await;
    let (status, body) = post(&server, CHAT, &chat(4, true)).await;
    assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("overloaded")));
    assert!(server.stamps().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_cut_connection_has_no_end() {
    let server = start(failing(Failures { cut: 1.0, ..Failures::default() })).await;
    for stream in [true, false] {
        assert!(call(&server, "POST", CHAT, &chat(8, stream).to_string()).await.is_err());
    }
    // The whole answer never began; of the stream the role and half of the tokens went out.
    while server.stamps().len() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut events: Vec<_> = server.stamps().iter().map(|request| (request.token_events, request.completed)).collect();
    events.sort_unstable();
    assert_eq!(events, [(0, false), (4, false)]);
    server.stop().await;
}

#[tokio::test]
async fn a_broken_answer_ends_with_an_error() {
    let server = start(failing(Failures { broken: 1.0, ..Failures::default() })).await;
    let events = stream(&server, CHAT, &chat(8, true)).await;
    assert_eq!(joined(&events, "/choices/0/delta/content").split(' ').count(), 4);
    assert_eq!(events.last().unwrap()["error"]["type"], "server_error");
    let (status, body) = post(&server, CHAT, &chat(8, false)).await;
    assert_eq!((status, body["error"]["type"].as_str()), (StatusCode::INTERNAL_SERVER_ERROR, Some("server_error")));
    server.stop().await;
}

#[tokio::test]
async fn a_stalled_answer_stays_open() {
    let server = start(failing(Failures { stalled: 1.0, ..Failures::default() })).await;
    for stream in [true, false] {
        let body = chat(8, stream).to_string();
        assert!(timeout(Duration::from_millis(100), call(&server, "POST", CHAT, &body)).await.is_err());
    }
    server.stop().await;
}

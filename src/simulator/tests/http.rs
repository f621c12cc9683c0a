use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::{RequestStamps, SimulatedModel, Simulator, SimulatorOptions};
use super::caller::{call, chat, get, joined, post, start, stream};
use crate::time::Clock;
use crate::tokens::{Tokenizer, Words};

const CHAT: &str = "/v1/chat/completions";
const CONTENT: &str = "/choices/0/delta/content";

fn quick() -> SimulatorOptions {
    SimulatorOptions {
        ttft: Duration::from_millis(5),
        prefill_per_token: Duration::ZERO,
        itl: Duration::from_millis(2),
        batch_slowdown: 0.0,
        ..SimulatorOptions::default()
    }
}

/// The value of a sample on the metrics page.
async fn metric(server: &Simulator, sample: &str) -> f64 {
    let page = get(server, "/metrics").await;
    let line = page.lines().find_map(|line| line.strip_prefix(sample)).unwrap_or_else(|| panic!("{sample} in\n{page}"));
    line.trim().parse().unwrap()
}

async fn until_metric(server: &Simulator, sample: &str, wanted: f64) {
    for _ in 0..200 {
        if (metric(server, sample).await - wanted).abs() < 1e-9 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{sample} did not become {wanted}");
}

#[tokio::test]
async fn a_stream_has_a_role_every_token_an_end_and_no_usage_unasked() {
    let server = start(quick()).await;
    let events = stream(&server, CHAT, &chat(20, true)).await;
    assert_eq!(events.len(), 1 + 20 + 1);
    assert_eq!(events[0]["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
    assert_eq!(Words.count(&joined(&events, CONTENT)), 20);
    assert!(events[2]["choices"][0]["delta"]["content"].as_str().unwrap().starts_with(' '));
    assert_eq!(events[20]["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(events[21]["choices"][0]["finish_reason"], "length");
    assert!(events.iter().all(|event| event.get("usage").is_none()));
    assert!(events.iter().all(|event| event["id"] == "chatcmpl-sim-0" && event["model"] == "m"));
    server.stop().await;
}

#[tokio::test]
async fn usage_comes_last_and_adds_up() {
    let server = start(quick()).await;
    let mut body = chat(12, true);
    body["stream_options"] = json!({ "include_usage": true });
    let events = stream(&server, CHAT, &body).await;
    let last = events.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    let usage = &last["usage"];
    let counts = ["prompt_tokens", "completion_tokens", "total_tokens"].map(|name| usage[name].as_u64().unwrap());
    assert_eq!(counts, [4 + 7, 12, 23]);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!((&usage["batch_size_used"], &usage["is_last_response"]), (&json!(1), &json!(true)));
    let seconds = |name: &str| usage[name].as_f64().unwrap();
    assert!(seconds("time_to_first_token") >= 0.005 && seconds("total_latency") >= 0.005 + 11.0 * 0.002);
    assert!((seconds("end_time") - seconds("start_time") - seconds("total_latency")).abs() < 1e-3);

    body["stream_options"] = json!({ "continuous_usage_stats": true });
    let events = stream(&server, CHAT, &body).await;
    let so_far: Vec<_> =
        events[1..].iter().map(|event| event["usage"]["completion_tokens"].as_u64().unwrap()).collect();
    assert_eq!(so_far, [(1..=12).collect(), vec![12]].concat());
    server.stop().await;
}

#[tokio::test]
async fn whole_answers_carry_the_same_text_as_streams() {
    let server = start(SimulatorOptions { reasoning_tokens: 3, ..quick() }).await;
    let (status, whole) = post(&server, CHAT, &chat(9, false)).await;
    assert_eq!(status, StatusCode::OK);
    let events = stream(&server, CHAT, &chat(9, true)).await;
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["content"], joined(&events, CONTENT));
    assert_eq!(message["reasoning_content"], joined(&events, "/choices/0/delta/reasoning_content"));
    assert_eq!(Words.count(message["content"].as_str().unwrap()), 6);
    assert_eq!(whole["usage"]["completion_tokens_details"]["reasoning_tokens"], 3);
    assert_eq!(whole["usage"]["completion_tokens"], 9);

    let body = json!({ "model": "m", "prompt": "a b c", "max_tokens": 5 });
    let (_, text) = post(&server, "/completions", &body).await;
    assert_eq!(Words.count(text["choices"][0]["text"].as_str().unwrap()), 5);
    assert_eq!(text["usage"]["prompt_tokens"], 3);
    server.stop().await;
}

#[tokio::test]
async fn chunks_hold_as_many_tokens_as_asked_but_never_two_parts() {
    let server = start(SimulatorOptions { reasoning_tokens: 3, tokens_per_chunk: 4, ..quick() }).await;
    let events = stream(&server, CHAT, &chat(12, true)).await;
    let words = |event: &Value, field: &str| {
        event.pointer(&format!("/choices/0/delta/{field}")).map(|text| Words.count(text.as_str().unwrap()))
    };
    let found: Vec<_> =
        events[1..].iter().map(|event| (words(event, "reasoning_content"), words(event, "content"))).collect();
    assert_eq!(found, [(Some(3), None), (None, Some(4)), (None, Some(4)), (None, Some(1)), (None, None)]);
    server.stop().await;
}

#[tokio::test]
async fn a_seed_and_a_prompt_have_one_text() {
    let mut texts = Vec::new();
    for seed in [1, 1, 2] {
        let server = start(SimulatorOptions { seed, ..quick() }).await;
        texts.push(post(&server, CHAT, &chat(16, false)).await.1["choices"][0].clone());
        server.stop().await;
    }
    assert_eq!(texts[0], texts[1]);
    assert_ne!(texts[0], texts[2]);
}

#[tokio::test]
async fn what_cannot_be_served_says_why() {
    let models = vec![SimulatedModel { id: "m".to_owned(), speed: 1.0 }];
    let server = start(SimulatorOptions { models, context_length: 20, ..quick() }).await;
    let mut other = chat(4, true);
    other["model"] = json!("nobody");
    for (method, path, body, status, code) in [
        ("POST", CHAT, other.to_string(), 404, "model_not_found"),
        ("POST", CHAT, chat(10, true).to_string(), 400, "context_length_exceeded"),
        ("POST", CHAT, json!({ "model": "m" }).to_string(), 400, "missing_required_parameter"),
        ("POST", CHAT, "{".to_owned(), 400, ""),
        ("GET", CHAT, String::new(), 405, "method_not_supported"),
        ("GET", "/v1/nowhere", String::new(), 404, "unknown_url"),
        ("GET", "/v1", String::new(), 404, "unknown_url"),
    ] {
        let (found, text) = call(&server, method, path, &body).await.unwrap();
        let error: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((found.as_u16(), error["error"]["code"].as_str().unwrap_or("")), (status, code), "{method} {path}");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty());
    }
    // The context has room for nine more tokens, which is all a request without a length gets.
    let mut body = chat(9, false);
    body.as_object_mut().unwrap().remove("max_tokens");
    assert_eq!(post(&server, CHAT, &body).await.1["usage"]["completion_tokens"], 9);
    server.stop().await;
}

#[tokio::test]
async fn the_other_pages_answer() {
    let models = ["big", "small"].map(|id| SimulatedModel { id: id.to_owned(), speed: 2.0 }).to_vec();
    let server = start(SimulatorOptions { models, ..quick() }).await;
    for path in ["/v1/models", "/models"] {
        let list: Value = serde_json::from_str(&get(&server, path).await).unwrap();
        assert_eq!((&list["data"][0]["id"], &list["data"][1]["id"]), (&json!("big"), &json!("small")));
    }
    assert!(get(&server, "/version").await.contains("simulator"));
    assert_eq!(get(&server, "/health").await, "");
    for path in ["/reset_prefix_cache", "/v1/reset_prefix_cache"] {
        assert_eq!(call(&server, "POST", path, "").await.unwrap().0, StatusCode::OK);
    }
    server.stop().await;
}

#[tokio::test]
async fn metrics_count_what_was_served() {
    let server = start(quick()).await;
    stream(&server, CHAT, &chat(8, true)).await;
    post(&server, CHAT, &chat(4, false)).await;
    for (sample, value) in [
        ("vllm:prompt_tokens_total{model_name=\"simulator\"}", 22.0),
        ("vllm:generation_tokens_total{model_name=\"simulator\"}", 12.0),
        ("vllm:request_success_total{model_name=\"simulator\",finished_reason=\"length\"}", 2.0),
        ("vllm:time_to_first_token_seconds_count{model_name=\"simulator\"}", 2.0),
        ("vllm:e2e_request_latency_seconds_bucket{model_name=\"simulator\",le=\"+Inf\"}", 2.0),
    ] {
        until_metric(&server, sample, value).await;
    }
    let page = get(&server, "/metrics").await;
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(
            (name.starts_with("vllm:") || name == "process_start_time_seconds") && value.parse::<f64>().is_ok(),
            "{line}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn stamps_follow_the_schedule() {
    let server = start(quick()).await;
    let clock = Clock::start();
    let before = clock.now_ns();
    stream(&server, CHAT, &chat(10, true)).await;
    let after = clock.now_ns();
    let page: Value = serde_json::from_str(&get(&server, "/simulator/stamps").await).unwrap();
    let requests: Vec<RequestStamps> = serde_json::from_value(page["requests"].clone()).unwrap();
    assert_eq!(requests, server.stamps());
    let [request] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(request.id, "chatcmpl-sim-0");
    assert!(request.completed && request.send_ns.is_sorted());
    assert_eq!((request.send_ns.len(), request.first_token_event, request.token_events), (1 + 10 + 2, 1, 10));
    assert!(before <= request.received_ns && request.send_ns[12] <= after);
    assert_eq!(request.admitted_ns, Some(request.received_ns));
    let first_due = request.first_due_ns.unwrap();
    assert_eq!(first_due - request.received_ns, 5_000_000);
    assert_eq!(request.last_due_ns.unwrap() - first_due, 9 * 2_000_000);
    for (token, sent) in (0_i64..).zip(&request.send_ns[1..11]) {
        assert!(*sent >= first_due + token * 2_000_000, "token {token} was sent before it was due");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_slot() {
    let server = start(SimulatorOptions { slots: 1, ..quick() }).await;
    let running = "vllm:num_requests_running{model_name=\"simulator\"}";
    let waiting = "vllm:num_requests_waiting{model_name=\"simulator\"}";
    for stream in [true, false] {
        let body = chat(100_000, stream).to_string();
        let request = format!("POST {CHAT} HTTP/1.1\r\nhost: l\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let mut sockets = Vec::new();
        for (now_running, now_waiting) in [(1.0, 0.0), (1.0, 1.0)] {
            let mut socket = TcpStream::connect(server.addr()).await.unwrap();
            socket.write_all(request.as_bytes()).await.unwrap();
            until_metric(&server, running, now_running).await;
            until_metric(&server, waiting, now_waiting).await;
            sockets.push(socket);
        }
        // The one in the queue goes first, then the one in the slot.
        drop(sockets.pop());
        until_metric(&server, waiting, 0.0).await;
        until_metric(&server, running, 1.0).await;
        drop(sockets);
        until_metric(&server, running, 0.0).await;
    }
    assert!(server.stamps().iter().all(|request| !request.completed));
    assert_eq!(server.stamps().len(), 4);
    until_metric(&server, "vllm:request_success_total{model_name=\"simulator\",finished_reason=\"abort\"}", 4.0).await;
    server.stop().await;
}

#[tokio::test]
async fn stopping_lets_short_answers_end_and_cuts_long_ones() {
    let server = start(quick()).await;
    let addr = server.addr();
    let clock = Clock::start();
    let mut texts = Vec::new();
    for tokens in [50, 100_000] {
        let body = chat(tokens, true).to_string();
        let request = format!("POST {CHAT} HTTP/1.1\r\nhost: l\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let mut socket = TcpStream::connect(addr).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        texts.push(tokio::spawn(async move {
            let mut text = Vec::new();
            let _ = socket.read_to_end(&mut text).await;
            String::from_utf8(text).unwrap()
        }));
    }
    until_metric(&server, "vllm:num_requests_running{model_name=\"simulator\"}", 2.0).await;
    let before = clock.now_ns();
    server.stop().await;
    assert!(clock.now_ns() - before < 3_000_000_000);
    let long = texts.pop().unwrap().await.unwrap();
    let short = texts.pop().unwrap().await.unwrap();
    assert!(short.contains("[DONE]") && !long.contains("[DONE]"));
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn pictures_are_prompt_tokens_that_the_usage_tells_apart() {
    let server = start(quick()).await;
    let picture = json!({ "type": "image_url", "image_url": { "url": "https://example.org/a.png" } });
    let mut body = chat(2, false);
    body["messages"][0]["content"] = json!([{ "type": "text", "text": "one two" }, picture, picture]);
    let (_, answer) = post(&server, CHAT, &body).await;
    let usage = &answer["usage"];
    assert_eq!((&usage["prompt_tokens"], &usage["prompt_tokens_details"]["image_tokens"]), (&json!(521), &json!(512)));
    let (_, plain) = post(&server, CHAT, &chat(2, false)).await;
    assert!(plain["usage"]["prompt_tokens_details"].get("image_tokens").is_none());
    server.stop().await;
}

use serde_json::{Value, json};

use super::*;
use crate::client::api::{Piece, Provider, Reading, Usage};
use crate::client::sambastudio::{STUDIO_V1, STUDIO_V2};
use crate::scenario::MaxTokensKey;

fn encoded(provider: &dyn Provider, model_id: &str, options: RequestOptions) -> Value {
    let request = ChatRequest {
        messages: vec![Message::user("Hi \"한\"\n")],
        output_tokens: Some(5),
        body: json!({"stop_sequences": "x"}).as_object().cloned().unwrap(),
        ..ChatRequest::default()
    };
    let target = Target { model_id: model_id.into(), options };
    serde_json::from_slice(&provider.body(&request, &target, true)).unwrap()
}

fn options() -> RequestOptions {
    RequestOptions {
        body: json!({"temperature": 0.0, "do_sample": false, "top_p": 0.5}).as_object().cloned().unwrap(),
        ..RequestOptions::default()
    }
}

#[test]
fn the_second_version_takes_parameters_as_they_are() {
    assert_eq!(
        encoded(&STUDIO_V2, "llama", options()),
        json!({"items": [{"id": "item1", "value": "Hi \"한\"\n"}], "params": {
            "max_tokens_to_generate": 5, "temperature": 0.0, "do_sample": false, "top_p": 0.5, "stop_sequences": "x",
        }})
    );
}

#[test]
fn the_first_version_says_the_type_of_each_by_pythons_word() {
    let said = |kind: &str, value: &str| json!({"type": kind, "value": value});
    assert_eq!(
        encoded(&STUDIO_V1, "llama", options()),
        json!({"instance": "Hi \"한\"\n", "params": {
            "max_tokens_to_generate": said("int", "5"), "temperature": said("float", "0.0"),
            "do_sample": said("bool", "False"), "top_p": said("float", "0.5"), "stop_sequences": said("str", "x"),
        }})
    );
}

#[test]
fn a_bundle_has_its_expert() {
    let bundle = RequestOptions { ignore_eos: Some(true), ..RequestOptions::default() };
    let body = encoded(&STUDIO_V2, "Bundle/Meta-Llama-3.3-70B-Instruct", bundle);
    assert_eq!(
        body["params"],
        json!({
            "max_tokens_to_generate": 5, "select_expert": "Meta-Llama-3.3-70B-Instruct", "process_prompt": false,
            "top_k": 1, "ignore_eos": true, "stop_sequences": "x",
        })
    );
    let over = RequestOptions {
        body: json!({"top_k": 40, "process_prompt": true}).as_object().cloned().unwrap(),
        max_tokens_key: Some(MaxTokensKey::MaxTokens),
        ..RequestOptions::default()
    };
    let params = &encoded(&STUDIO_V1, "a/Bundle-7/E", over)["params"];
    assert_eq!((&params["top_k"]["value"], &params["process_prompt"]["value"]), (&json!("40"), &json!("True")));
    assert_eq!((&params["select_expert"]["value"], &params["max_tokens"]["value"]), (&json!("E"), &json!("5")));
}

/// The messages of a stream: two tokens, then the last one with the whole text.
const MESSAGES: [&str; 3] = [
    r#"{"is_last_response":false,"stream_token":"one","completion":"","tokens":[]}"#,
    r#"{"is_last_response":false,"stream_token":" \"two\"","completion":"","tokens":[]}"#,
    r#"{"is_last_response":true,"stream_token":"","completion":"one \"two\"","stop_reason":"max_len_reached","prompt_tokens_count":7,"completion_tokens_count":2,"total_tokens_count":9,"time_to_first_token":0.25,"total_latency":0.5,"model_execution_time":0.4,"completion_tokens_after_first_per_sec":4.0,"batch_size_used":1}"#,
];

fn in_version(second: bool, message: &str) -> String {
    if second {
        format!(r#"{{"result":{{"items":[{{"id":"item1","value":{message}}}]}}}}"#)
    } else {
        format!(r#"{{"result":{{"responses":[{message}]}}}}"#)
    }
}

#[test]
fn lines_of_both_versions_are_read_to_the_letter() {
    for second in [false, true] {
        let [one, two, last] = MESSAGES.map(|message| in_version(second, message));
        for (line, text) in [(&one, "one"), (&two, " \"two\"")] {
            let piece = Piece { visible: text.into(), ..Piece::default() };
            assert_eq!(STUDIO_V1.read_event(b"", line.as_bytes()).unwrap(), Reading::Piece(piece));
        }
        let Reading::Last(piece, whole) = STUDIO_V2.read_event(b"", last.as_bytes()).unwrap() else { panic!() };
        let usage = Usage { input: Some(7), output: Some(2), ..Usage::default() };
        assert_eq!((piece.usage, piece.finish_reason.as_deref()), (Some(usage), Some("max_len_reached")));
        for (said, rest) in [("one \"two\"", ""), ("one", " \"two\""), ("", "one \"two\""), ("One", "")] {
            let piece = Piece { visible: "".into(), ..Piece::default() };
            assert_eq!(piece.with_rest_of(&whole, said).visible, rest, "{said}");
        }
    }
    for line in [r#"{"error":{"message":"out of memory"}}"#, r#"{"error":"out of memory"}"#] {
        assert_eq!(STUDIO_V1.read_event(b"", line.as_bytes()).unwrap(), Reading::Fault("out of memory".into()));
    }
    for line in ["{", "data: {}", r#"{"result":5}"#] {
        assert!(STUDIO_V1.read_event(b"", line.as_bytes()).is_err(), "{line}");
    }
}

fn studio() -> Endpoint {
    Endpoint { api: Api::Sambastudio, ..endpoint() }
}

fn base(server: &Server, path: &str) -> String {
    server.url.replace("/v1", path)
}

fn ndjson() -> Act {
    send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
}

#[tokio::test]
async fn a_stream_of_either_version_becomes_a_row() {
    for (second, path, target) in [
        (false, "/api/predict/generic/p/e", "POST /api/predict/generic/stream/p/e HTTP/1.1"),
        (true, "/api/v2/predict/generic/stream/p/e", "POST /api/v2/predict/generic/stream/p/e HTTP/1.1"),
    ] {
        let [one, two, last] = MESSAGES.map(|message| chunk(&(in_version(second, message) + "\n")));
        let acts = [ndjson(), Send(one), Wait(30), Send(two), Wait(30), Trickle(last + LAST), AwaitClose];
        let server = Server::answering(&acts).await;
        let client = client_of(&studio(), &base(&server, path));
        let observed = observe(&client).await;
        assert_eq!((observed.outcome(), observed.text()), (Some(&Outcome::Completed), "one \"two\""));
        assert_eq!(client.models().await, Ok(Vec::new()), "nothing is asked for");
        assert_eq!(client.idle_connections(), 1);
        drop(client);
        let row = record(observed);
        assert_eq!((row.chunks.len(), row.tokens.input_server, row.tokens.output_server), (2, Some(7), Some(2)));
        assert_eq!((row.server.ttft_ms, row.server.e2e_ms), (Some(250.0), Some(500.0)));
        assert_eq!((row.server.output_tokens_per_s, row.server.batch_size_used), (Some(4.0), Some(1)));
        let decode = row.stamps.last_token_ns.unwrap() - row.stamps.first_token_ns.unwrap();
        assert!((20_000_000..60_000_000).contains(&decode), "the last message brings no token: {decode}");
        let request = server.requests().await.remove(0);
        assert!(request.starts_with(target), "{request}");
        let head = request.to_lowercase();
        assert!(head.contains("\r\nkey: sk-secret\r\n") && !head.contains("authorization"), "{head}");
    }
}

#[tokio::test]
async fn text_that_only_the_last_message_has_is_a_chunk() {
    let [one, _, last] = MESSAGES.map(|message| chunk(&(in_version(true, message) + "\n")));
    let server = Server::answering(&[ndjson(), Send(one), Wait(20), Send(last), AwaitClose]).await;
    let row = record(observe(&client_of(&studio(), &base(&server, "/api/v2/predict/generic/p/e"))).await);
    assert_eq!((row.outcome, row.chunks.len()), (Outcome::Completed, 2), "and no end of the body is waited for");
}

#[tokio::test]
async fn whole_answers_of_both_versions() {
    let message = MESSAGES[2];
    for (path, body) in [
        ("/api/predict/generic/stream/p/e", format!(r#"{{"predictions":[{message}]}}"#)),
        ("/api/v2/predict/generic/p/e", format!(r#"{{"items":[{{"id":"item1","value":{message}}}]}}"#)),
    ] {
        let server = Server::answering(&[whole("200 OK", "application/json", &body), AwaitClose]).await;
        let client = client_of(&Endpoint { stream: false, ..studio() }, &base(&server, path));
        let observed = observe(&client).await;
        assert_eq!((observed.outcome(), observed.text()), (Some(&Outcome::Completed), "one \"two\""));
        drop(client);
        let row = record(observed);
        assert_eq!((row.tokens.output_server, row.server.ttft_ms), (Some(2), Some(250.0)));
        let request = server.requests().await.remove(0);
        assert!(request.starts_with(&format!("POST {} ", path.replace("/stream", ""))), "{request}");
    }
}

#[tokio::test]
async fn failures_of_the_generic_api_have_their_causes() {
    let line = |message: &str| chunk(&(in_version(true, message) + "\n"));
    let error = chunk("{\"error\":{\"message\":\"out of memory\"}}\n");
    for (acts, cause, part) in [
        (vec![ndjson(), Send(error.clone() + LAST)], Cause::ErrorBody, "out of memory"),
        (vec![ndjson(), Send(line(MESSAGES[0]) + &error)], Cause::StreamError, "out of memory"),
        (vec![ndjson(), Send(line(MESSAGES[0]) + LAST)], Cause::StreamCut, "ended without"),
        (vec![ndjson(), Send(line(MESSAGES[0])), Close], Cause::StreamCut, "broke off"),
        (vec![ndjson(), Send(chunk("{\"result\"\n") + LAST)], Cause::BadData, "in `{\"result\"`"),
        (vec![ndjson(), Send(chunk("<html>\n<p>login</p>") + LAST)], Cause::NotAStream, "<html>"),
        (vec![ndjson(), Send(line(r#"{"is_last_response":true,"completion":""}"#) + LAST)], Cause::Empty, "no content"),
        (vec![whole("401 Unauthorized", "application/json", r#"{"error":"bad key"}"#)], Cause::HttpStatus, "bad key"),
    ] {
        let server = Server::answering(&acts).await;
        let client = client_of(&studio(), &base(&server, "/api/v2/predict/generic/p/e"));
        assert_failed(&observe(&client).await, cause, part);
    }
}

#[tokio::test]
async fn its_openai_addresses_are_chat_completions() {
    let server = Server::answering(&[head(), two_tokens(), AwaitClose]).await;
    let client = client_of(&studio(), &base(&server, "/openai/v1/p/e/chat/completions"));
    let observed = observe(&client).await;
    assert_eq!((observed.outcome(), observed.text()), (Some(&Outcome::Completed), "one two"));
    drop(client);
    let request = server.requests().await.remove(0);
    assert!(request.starts_with("POST /openai/v1/p/e/chat/completions HTTP/1.1"), "{request}");
    assert!(request.to_lowercase().contains("authorization: bearer sk-secret"), "{request}");
    assert!(!request.contains("ignore_eos"), "{request}");
}

use serde_json::{Value, json};

use super::*;
use crate::client::api::{Piece, Provider, Reading, Usage};
use crate::client::openai_completions::OPENAI_COMPLETIONS;
use crate::scenario::MaxTokensKey;

fn encoded(messages: Vec<Message>, options: RequestOptions, stream: bool) -> String {
    let request = ChatRequest { messages, output_tokens: Some(5), ..ChatRequest::default() };
    let target = Target { model_id: "org/m".into(), options };
    String::from_utf8(OPENAI_COMPLETIONS.body(&request, &target, stream)).unwrap()
}

#[test]
fn a_prompt_is_one_text() {
    let options = RequestOptions::default;
    let body = json!({"logprobs": 1}).as_object().cloned().unwrap();
    for (messages, options, stream, expected) in [
        (
            vec![Message::user("Hi \"한\"\n")],
            options(),
            true,
            r#"{"model":"org/m","prompt":"Hi \"한\"\n","max_tokens":5,"stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            vec![Message::system("S"), Message::user("A")],
            RequestOptions { ignore_eos: Some(true), body, max_tokens_key: Some(MaxTokensKey::MaxTokens) },
            false,
            r#"{"model":"org/m","prompt":"S\n\nA","max_tokens":5,"stream":false,"ignore_eos":true,"logprobs":1}"#,
        ),
    ] {
        assert_eq!(encoded(messages, options, stream), expected);
    }
}

/// A stream as OpenAI's reference has it, with the usage that `include_usage` adds.
const STREAM: [&str; 4] = [
    r#"{"id":"cmpl-7iA7iJjj8V2zOkCGvWF2hAkDWBQZe","object":"text_completion","created":1690759702,"choices":[{"text":"This","index":0,"logprobs":null,"finish_reason":null}],"model":"m","usage":null}"#,
    r#"{"id":"cmpl-7iA7iJjj8V2zOkCGvWF2hAkDWBQZe","object":"text_completion","created":1690759702,"choices":[{"text":" is \"it\"","index":0,"logprobs":null,"finish_reason":null}],"model":"m","usage":null}"#,
    r#"{"id":"cmpl-7iA7iJjj8V2zOkCGvWF2hAkDWBQZe","object":"text_completion","created":1690759702,"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"length"}],"model":"m","usage":null}"#,
    r#"{"id":"cmpl-7iA7iJjj8V2zOkCGvWF2hAkDWBQZe","object":"text_completion","created":1690759702,"choices":[],"model":"m","usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}"#,
];

fn piece(data: &str) -> Piece<'_> {
    match OPENAI_COMPLETIONS.read_event(b"", data.as_bytes()) {
        Ok(Reading::Piece(piece)) => piece,
        other => panic!("{data}: {other:?}"),
    }
}

#[test]
fn a_stream_is_read_to_the_letter() {
    let text: String = STREAM.iter().map(|data| piece(data).visible.into_owned()).collect();
    assert_eq!(text, "This is \"it\"");
    assert_eq!(piece(STREAM[0]).id.as_deref(), Some("cmpl-7iA7iJjj8V2zOkCGvWF2hAkDWBQZe"));
    assert_eq!(piece(STREAM[2]).finish_reason.as_deref(), Some("length"));
    let usage = Usage { input: Some(5), output: Some(7), cached: Some(4), ..Usage::default() };
    assert_eq!(piece(STREAM[3]).usage, Some(usage));
}

#[test]
fn what_servers_do_otherwise_is_read_too() {
    assert_eq!(piece(r#"{"choices":[{"text":null}]}"#), Piece::default());
    assert_eq!(piece(r#"{"choices":null}"#), Piece::default());
    let last = piece(r#"{"choices":[{"text":"x","finish_reason":"stop"}],"usage":{"completion_tokens":1.0}}"#);
    assert_eq!((&*last.visible, last.finish_reason.as_deref()), ("x", Some("stop")));
    assert_eq!(last.usage.and_then(|usage| usage.output), Some(1));
    for (data, expected) in [
        ("[DONE]", Reading::Done),
        (r#"{"error":{"message":"no"}}"#, Reading::Fault("no".into())),
        (r#"{"object":"error","message":"no"}"#, Reading::Fault("no".into())),
    ] {
        assert_eq!(OPENAI_COMPLETIONS.read_event(b"", data.as_bytes()).unwrap(), expected);
    }
    assert!(OPENAI_COMPLETIONS.read_event(b"", b"{").is_err());
}

#[tokio::test]
async fn completions_have_a_path_of_their_own_and_take_no_pictures() {
    let answer = r#"{"id":"c","choices":[{"text":"two words","finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2}}"#;
    let server = Server::answering(&[whole("200 OK", "application/json", answer), AwaitClose]).await;
    let endpoint = Endpoint { stream: false, api: Api::OpenaiCompletions, ..endpoint() };
    let client = client_of(&endpoint, &server.url);
    let observed = observe(&client).await;
    assert_eq!((observed.outcome(), observed.text()), (Some(&Outcome::Completed), "two words"));
    let row = json!({"role": "user", "content": [{"type": "image_url"}]}).as_object().cloned().unwrap();
    let picture = ChatRequest { messages: vec![Message::Verbatim(row)], ..ChatRequest::default() };
    assert!(client.refuses(&picture).is_some_and(|why| why.contains("text only")));
    assert!(endpoint.is_text_only() && client.refuses(&request()).is_none());
    drop(client);
    let request = server.requests().await.remove(0);
    assert!(request.starts_with("POST /v1/completions HTTP/1.1\r\n"), "{request}");
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body, json!({"model": "m", "prompt": "hi", "max_tokens": 2, "stream": false}));
}

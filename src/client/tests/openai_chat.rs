use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::*;
use crate::client::api::{Piece, Provider, Reading, Usage};
use crate::client::openai_chat::OPENAI_CHAT;
use crate::scenario::MaxTokensKey;
use crate::workload::{Picture, Shown};

fn talk(output_tokens: Option<u64>) -> ChatRequest {
    let message = |role, text: &str| Message::Said { role, text: text.to_owned() };
    ChatRequest {
        messages: vec![message(Role::System, "Be \"brief\"."), message(Role::User, "Hi\n한")],
        output_tokens,
        ..ChatRequest::default()
    }
}

fn encoded(options: RequestOptions, output_tokens: Option<u64>, stream: bool) -> String {
    let target = Target { model_id: "org/m".into(), options };
    String::from_utf8(OPENAI_CHAT.body(&talk(output_tokens), &target, stream)).unwrap()
}

fn keys(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

const MESSAGES: &str = r#""messages":[{"role":"system","content":"Be \"brief\"."},{"role":"user","content":"Hi\n한"}]"#;

#[test]
fn bodies_are_the_same_bytes_every_time() {
    let options = RequestOptions::default;
    for (options, output_tokens, stream, rest) in [
        (options(), Some(5), true, r#""max_tokens":5,"stream":true,"stream_options":{"include_usage":true}}"#),
        (options(), None, false, r#""stream":false}"#),
        (
            RequestOptions {
                body: keys(
                    &json!({"temperature": 0.0, "stop": ["a"], "chat_template_kwargs": {"enable_thinking": false}}),
                ),
                ignore_eos: Some(true),
                max_tokens_key: Some(MaxTokensKey::MaxCompletionTokens),
            },
            Some(9),
            true,
            r#""max_completion_tokens":9,"stream":true,"stream_options":{"include_usage":true},"ignore_eos":true,"chat_template_kwargs":{"enable_thinking":false},"stop":["a"],"temperature":0.0}"#,
        ),
        (
            RequestOptions {
                body: keys(&json!({"stream_options": {"continuous_usage_stats": true}, "max_tokens": 3})),
                ..options()
            },
            Some(5),
            true,
            r#""max_tokens":3,"stream":true,"stream_options":{"continuous_usage_stats":true,"include_usage":true}}"#,
        ),
    ] {
        assert_eq!(encoded(options, output_tokens, stream), format!(r#"{{"model":"org/m",{MESSAGES},{rest}"#));
    }
}

#[test]
fn what_the_body_table_says_of_our_own_keys_wins_and_no_key_comes_twice() {
    let options =
        RequestOptions { body: keys(&json!({"model": "x", "messages": [], "stream": true})), ..Default::default() };
    assert_eq!(
        encoded(options, None, true),
        r#"{"model":"x","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#
    );
}

fn picture(mime: &'static str, bytes: &'static [u8]) -> std::sync::Arc<Picture> {
    std::sync::Arc::new(Picture { mime, bytes: Bytes::from_static(bytes) })
}

#[test]
fn pictures_are_parts_of_the_last_message_of_a_user() {
    const PNG: &str = r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AQID"}}"#;
    const JPEG: &str = r#"{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,/w=="}}"#;
    let said = |role, text: &str| Message::Said { role, text: text.to_owned() };
    let verbatim = |message: Value| Message::Verbatim(keys(&message));
    for (messages, expected) in [
        (
            vec![said(Role::System, "S"), said(Role::User, "A"), said(Role::Assistant, "B"), said(Role::User, "C\"")],
            format!(
                r#"{{"role":"system","content":"S"}},{{"role":"user","content":"A"}},{{"role":"assistant","content":"B"}},{{"role":"user","content":[{{"type":"text","text":"C\""}},{PNG},{JPEG}]}}"#
            ),
        ),
        (
            vec![verbatim(json!({"role": "user", "content": "A", "name": "n"})), said(Role::Assistant, "B")],
            format!(
                r#"{{"name":"n","role":"user","content":[{{"type":"text","text":"A"}},{PNG},{JPEG}]}},{{"role":"assistant","content":"B"}}"#
            ),
        ),
        (
            vec![verbatim(json!({"role": "user", "content": [{"type": "text", "text": "A"}]}))],
            format!(r#"{{"role":"user","content":[{{"text":"A","type":"text"}},{PNG},{JPEG}]}}"#),
        ),
        (
            vec![said(Role::System, "S")],
            format!(r#"{{"role":"system","content":"S"}},{{"role":"user","content":[{PNG},{JPEG}]}}"#),
        ),
    ] {
        let images = vec![picture("image/png", &[1, 2, 3]), picture("image/jpeg", &[255])];
        let request = ChatRequest { messages, images, ..ChatRequest::default() };
        let target = Target { model_id: "m".into(), options: RequestOptions::default() };
        let body = String::from_utf8(OPENAI_CHAT.body(&request, &target, false)).unwrap();
        assert_eq!(body, format!(r#"{{"model":"m","messages":[{expected}],"stream":false}}"#));
        serde_json::from_str::<Value>(&body).unwrap();
    }
}

#[test]
fn pictures_of_a_conversation_stay_with_what_a_user_said_first() {
    let messages = vec![Message::system("S"), Message::user("A"), Message::assistant("B"), Message::user("C")];
    let images = vec![picture("image/png", &[1, 2, 3])];
    let request = ChatRequest { messages, images, shown: Shown::First, ..ChatRequest::default() };
    let target = Target { model_id: "m".into(), options: RequestOptions::default() };
    let body: Value = serde_json::from_slice(&OPENAI_CHAT.body(&request, &target, false)).unwrap();
    assert_eq!(body["messages"][1]["content"][1]["type"], "image_url");
    assert_eq!(body["messages"][3]["content"], "C");
}

#[test]
fn a_body_with_a_picture_is_written_into_memory_taken_once() {
    let images = vec![std::sync::Arc::new(Picture { mime: "image/png", bytes: vec![7; 1 << 20].into() })];
    let request = ChatRequest { messages: vec![Message::user("x".repeat(9000))], images, ..ChatRequest::default() };
    let target = Target { model_id: "m".into(), options: RequestOptions::default() };
    let body = OPENAI_CHAT.body(&request, &target, true);
    assert_eq!(body.capacity(), crate::client::messages::body_length(&request), "{}", body.len());
}

fn piece(data: &str) -> Piece<'_> {
    match OPENAI_CHAT.read_event(b"", data.as_bytes()).unwrap() {
        Reading::Piece(piece) => piece,
        other => panic!("{data}: {other:?}"),
    }
}

#[test]
fn content_is_found_in_every_shape() {
    for (delta, reasoning, visible, other) in [
        (r#"{"role":"assistant"}"#, "", "", ""),
        (r#"{"role":"assistant","content":""}"#, "", "", ""),
        (r#"{"content":null}"#, "", "", ""),
        ("{}", "", "", ""),
        ("null", "", "", ""),
        (r#"{"content":"a\nb"}"#, "", "a\nb", ""),
        (r#"{"content":" "}"#, "", " ", ""),
        (r#"{"reasoning_content":"hm"}"#, "hm", "", ""),
        (r#"{"reasoning":"hm","content":null}"#, "hm", "", ""),
        (r#"{"reasoning":"hm","reasoning_content":"hm"}"#, "hm", "", ""),
        (r#"{"reasoning_content":null,"reasoning":"hm"}"#, "hm", "", ""),
        (r#"{"reasoning":{"effort":"low"},"content":"a"}"#, "", "a", ""),
        (r#"{"reasoning":"hm","content":"a"}"#, "hm", "a", ""),
        (r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#, "", "ab", ""),
        (r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#, "hm", "", ""),
        (r#"{"refusal":"no"}"#, "", "", "no"),
        (r#"{"refusal":null,"tool_calls":null,"function_call":null,"content":"a"}"#, "", "a", ""),
        (r#"{"tool_calls":[]}"#, "", "", ""),
        (
            r#"{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]}"#,
            "",
            "",
            "f",
        ),
        (r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}"#, "", "", "{\"x\""),
        (r#"{"function_call":{"name":"f","arguments":"1"}}"#, "", "", "f1"),
    ] {
        let data =
            format!(r#"{{"id":"x","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}]}}"#);
        let piece = piece(&data);
        assert_eq!((&*piece.reasoning, &*piece.visible, &*piece.other), (reasoning, visible, other), "{delta}");
        assert_eq!((piece.id.as_deref(), piece.finish_reason), (Some("x"), None), "{delta}");
    }
}

#[test]
fn plain_text_is_borrowed_from_the_event() {
    let plain = piece(r#"{"choices":[{"delta":{"content":"a","reasoning":"b"}}]}"#);
    assert!(matches!((plain.visible, plain.reasoning), (Cow::Borrowed("a"), Cow::Borrowed("b"))));
}

#[test]
fn usage_and_ends_are_found_in_every_shape() {
    let usage = |input, output| Some(Usage { input, output, ..Usage::default() });
    for (data, finish, expected) in [
        (r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}"#, None, usage(Some(7), Some(5))),
        (r#"{"usage":{"prompt_tokens":7.0,"completion_tokens":null}}"#, None, usage(Some(7), None)),
        (r#"{"choices":null,"usage":null}"#, None, None),
        (
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"completion_tokens":5}}"#,
            Some("stop"),
            usage(None, Some(5)),
        ),
        (r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]}"#, Some("length"), None),
        (r#"{"choices":[{"finish_reason":""},{"finish_reason":"stop"}]}"#, None, None),
        ("{}", None, None),
        ("", None, None),
    ] {
        let piece = piece(data);
        assert_eq!((piece.finish_reason.as_deref(), piece.usage), (finish, expected), "{data}");
    }
    let details = piece(
        r#"{"usage":{"prompt_tokens":9,"completion_tokens":8,"prompt_tokens_details":{"cached_tokens":4,"image_tokens":2},"completion_tokens_details":{"reasoning_tokens":6}}}"#,
    );
    let all = Usage { input: Some(9), output: Some(8), reasoning: Some(6), cached: Some(4), image: Some(2) };
    assert_eq!(details.usage, Some(all));
    let kinds = piece(r#"{"usage":{"prompt_tokens_details":{"cached_tokens":0,"multimodal_tokens":{"image":64}}}}"#);
    assert_eq!(kinds.usage.map(|usage| usage.image), Some(Some(64)));
    let other = piece(r#"{"usage":{"prompt_cache_hit_tokens":3,"reasoning_tokens":2,"prompt_tokens_details":null}}"#);
    assert_eq!(other.usage, Some(Usage { cached: Some(3), reasoning: Some(2), ..Usage::default() }));
}

#[test]
fn ends_and_faults() {
    for (name, data, expected) in [
        ("", "[DONE]", Reading::Done),
        ("", " [DONE] ", Reading::Done),
        ("", r#"{"error":{"message":"out of memory"}}"#, Reading::Fault("out of memory".into())),
        ("", r#"{"error":"out of memory","choices":[]}"#, Reading::Fault("out of memory".into())),
        ("", r#"{"object":"error","message":"out of memory"}"#, Reading::Fault("out of memory".into())),
        ("error", "out of memory", Reading::Fault("out of memory".into())),
        ("error", r#"{"message":"out of memory"}"#, Reading::Fault("out of memory".into())),
        ("", r#"{"error":null}"#, Reading::Piece(Piece::default())),
    ] {
        assert_eq!(OPENAI_CHAT.read_event(name.as_bytes(), data.as_bytes()).unwrap(), expected, "{name} {data}");
    }
    for data in ["{", "nonsense", r#"{"choices":"#, r#"{"choices":5}"#, "\u{1}"] {
        assert!(OPENAI_CHAT.read_event(b"", data.as_bytes()).is_err(), "{data}");
    }
}

#[test]
fn a_whole_answer_is_read_too() {
    let answer = r#"{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let Reading::Piece(piece) = OPENAI_CHAT.read_answer(answer.as_bytes()).unwrap() else { panic!() };
    assert_eq!((&*piece.visible, piece.finish_reason.as_deref()), ("hello", Some("stop")));
    assert_eq!(piece.usage.and_then(|usage| usage.output), Some(2));
}

#[test]
fn what_a_request_brings_goes_over_the_scenario() {
    let options = RequestOptions { body: keys(&json!({"tools": [1], "user": "a"})), ..RequestOptions::default() };
    let target = Target { model_id: "m".into(), options };
    let body = keys(&json!({"tools": [2], "tool_choice": "auto"}));
    let request = ChatRequest { body, ..talk(Some(5)) };
    let text = String::from_utf8(OPENAI_CHAT.body(&request, &target, false)).unwrap();
    assert!(text.ends_with(r#""stream":false,"tool_choice":"auto","tools":[2],"user":"a"}"#), "{text}");
}

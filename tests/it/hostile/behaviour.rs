//! What a hostile server does, and what must come of it.

use std::time::Duration;

use infersweep::record::Cause;
use serde_json::json;

/// One step of an answer.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Send(Vec<u8>),
    /// A byte at a time, with that pause after each.
    Drip(Vec<u8>, Duration),
    Wait(Duration),
    /// The same bytes without a pause, until the client closes.
    Flood(Vec<u8>),
    /// Nothing more, until the client closes.
    Hold,
    Close,
    /// Closes at once, so that the client is told of an error.
    Reset,
}

impl Act {
    pub(super) fn text(text: &str) -> Self {
        Self::Send(text.as_bytes().to_vec())
    }

    pub(super) fn wait(ms: u64) -> Self {
        Self::Wait(Duration::from_millis(ms))
    }

    /// One HTTP chunk.
    pub(super) fn framed(text: &str) -> String {
        format!("{:x}\r\n{text}\r\n", text.len())
    }

    pub(super) fn chunk(text: &str) -> Self {
        Self::text(&Self::framed(text))
    }
}

/// How an endpoint is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Chat completions, streamed.
    Chat,
    /// The same, not streamed.
    Whole,
    /// Text completions, streamed.
    Text,
    /// `SambaStudio`'s generic API, version 2, streamed.
    Studio,
}

impl Kind {
    pub(super) fn head(self) -> String {
        let kind = if self == Self::Studio { "application/x-ndjson" } else { "text/event-stream" };
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n")
    }

    /// The event of one token.
    pub(super) fn token(self, text: &str) -> String {
        match self {
            Self::Chat | Self::Whole => event(&json!({"choices": [{"delta": {"content": text}}]})),
            Self::Text => event(&json!({"choices": [{"text": text}]})),
            Self::Studio => line(&json!({"is_last_response": false, "stream_token": text})),
        }
    }

    /// The events that end an answer of so many tokens.
    pub(super) fn end(self, tokens: usize) -> Vec<String> {
        let usage = json!({"prompt_tokens": 3, "completion_tokens": tokens});
        match self {
            Self::Chat | Self::Whole => vec![
                event(&json!({"choices": [{"delta": {}, "finish_reason": "length"}]})),
                event(&json!({"choices": [], "usage": usage})),
                "data: [DONE]\n\n".to_owned(),
            ],
            Self::Text => vec![
                event(&json!({"choices": [{"text": "", "finish_reason": "length"}], "usage": usage})),
                "data: [DONE]\n\n".to_owned(),
            ],
            Self::Studio => vec![line(&json!({
                "is_last_response": true, "completion": " word".repeat(tokens), "stop_reason": "length",
                "prompt_tokens_count": 3, "completion_tokens_count": tokens,
            }))],
        }
    }

    pub(super) fn whole_answer(tokens: usize) -> String {
        let body = json!({
            "choices": [{"message": {"content": "word ".repeat(tokens)}, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": tokens},
        });
        document("200 OK", "application/json", &body.to_string())
    }

    /// The keys of an endpoint that speaks so under `http://127.0.0.1:PORT/bNUMBER`.
    pub(super) fn keys(self, root: &str) -> String {
        match self {
            Self::Chat => format!("base_url = \"{root}/v1\""),
            Self::Whole => format!("base_url = \"{root}/v1\"\nstream = false"),
            Self::Text => format!("base_url = \"{root}/v1\"\napi = \"openai_completions\""),
            Self::Studio => format!("base_url = \"{root}/api/v2/predict/generic/p/e\"\napi = \"sambastudio\""),
        }
    }
}

fn event(value: &serde_json::Value) -> String {
    format!("data: {value}\n\n")
}

fn line(value: &serde_json::Value) -> String {
    format!("{}\n", json!({"result": {"items": [{"id": "item1", "value": value}]}}))
}

/// What must come of a bad answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
    /// It is none: so many output tokens, in so many chunks.
    Completes(u64, usize),
    /// That cause, with this in its message.
    Fails(Cause, &'static str),
}

/// One way to misbehave.
#[derive(Debug, Clone)]
pub(super) struct Behaviour {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) expected: Expected,
    pub(super) acts: Vec<Act>,
}

impl Behaviour {
    pub(super) fn of(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }
}

pub(super) fn fails(name: &'static str, cause: Cause, part: &'static str, acts: Vec<Act>) -> Behaviour {
    Behaviour { name, kind: Kind::Chat, expected: Expected::Fails(cause, part), acts }
}

/// An odd answer of two tokens in two chunks that is good all the same.
pub(super) fn completes(name: &'static str, acts: Vec<Act>) -> Behaviour {
    Behaviour { name, kind: Kind::Chat, expected: Expected::Completes(2, 2), acts }
}

/// A whole answer with that status and body.
pub(super) fn document(status: &str, kind: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The same as the only step.
pub(super) fn says(status: &str, kind: &str, body: &str) -> Vec<Act> {
    vec![Act::text(&document(status, kind, body))]
}

/// The same bytes whatever they are, and then the end of the connection.
pub(super) fn raw(bytes: impl AsRef<[u8]>) -> Vec<Act> {
    vec![Act::Send(bytes.as_ref().to_vec()), Act::Close]
}

/// A stream of chat completions with these events, one HTTP chunk each, and its proper end.
pub(super) fn stream(events: &[&str]) -> Vec<Act> {
    let mut acts = begun(events);
    acts.push(Act::text("0\r\n\r\n"));
    acts
}

/// The same without an end.
pub(super) fn begun(events: &[&str]) -> Vec<Act> {
    let chunks = events.iter().map(|event| Act::chunk(event));
    [Act::text(&Kind::Chat.head())].into_iter().chain(chunks).collect()
}

/// Those steps, and then another one.
pub(super) fn then(mut acts: Vec<Act>, act: Act) -> Vec<Act> {
    acts.push(act);
    acts
}

/// Two tokens of a chat and its end, event by event.
pub(super) const ONE: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n";
pub(super) const TWO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\" two\"}}]}\n\n";
pub(super) const ROLE: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
pub(super) const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
pub(super) const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
pub(super) const DONE: &str = "data: [DONE]\n\n";
/// All of it.
pub(super) const ALL: [&str; 6] = [ROLE, ONE, TWO, STOP, USAGE, DONE];
/// The head of a stream whose body ends with the connection.
pub(super) const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

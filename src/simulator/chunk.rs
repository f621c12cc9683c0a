//! Streamed events as bytes: what is the same in all events of a request is serialised once.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::Value;

use super::request::Interface;
use super::studio;
use super::usage::Usage;

/// Where a token's text belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Reasoning,
    Answer,
}

/// Draws the events of one request.
#[derive(Debug)]
pub(super) struct Chunks {
    interface: Interface,
    /// `data: {"id": .., "choices":[`
    head: Vec<u8>,
    /// The whole text, for the interface whose last event repeats it.
    said: String,
    /// Events are cut from one allocation after another.
    buffer: BytesMut,
}

/// How much is allocated at a time: some twenty events.
const BLOCK: usize = 4096;

impl Chunks {
    /// For the request called `id`, created at `created` (Unix seconds).
    pub(super) fn new(interface: Interface, id: &str, created: i64, model: &str) -> Self {
        let object = match interface {
            Interface::Chat => "chat.completion.chunk",
            Interface::Text | Interface::Studio(_) => "text_completion",
        };
        let (id, model) = (Value::from(id), Value::from(model));
        let head = format!(r#"data: {{"id":{id},"object":"{object}","created":{created},"model":{model},"choices":["#);
        Self { interface, head: head.into_bytes(), said: String::new(), buffer: BytesMut::new() }
    }

    /// The event that says who speaks; completions of texts have none.
    pub(super) fn role(&mut self) -> Bytes {
        let choice = r#"{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}"#;
        self.event(&[choice], None)
    }

    /// An event with the text of one or more tokens, which needs no escapes.
    pub(super) fn tokens(&mut self, part: Part, text: &str, usage: Option<&Usage>) -> Bytes {
        if let Interface::Studio(version) = self.interface {
            self.said.push_str(text);
            return Bytes::from(studio::token_line(version, text));
        }
        let (before, after) = match (self.interface, part) {
            (Interface::Text | Interface::Studio(_), _) => {
                (r#"{"index":0,"text":""#, r#"","logprobs":null,"finish_reason":null}"#)
            }
            (Interface::Chat, Part::Answer) => {
                (r#"{"index":0,"delta":{"content":""#, r#""},"logprobs":null,"finish_reason":null}"#)
            }
            (Interface::Chat, Part::Reasoning) => {
                (r#"{"index":0,"delta":{"reasoning_content":""#, r#""},"logprobs":null,"finish_reason":null}"#)
            }
        };
        self.event(&[before, text, after], usage)
    }

    /// The event that says why the completion ended.
    pub(super) fn finish(&mut self, usage: Option<&Usage>) -> Bytes {
        let choice = match self.interface {
            Interface::Chat => r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}"#,
            Interface::Text | Interface::Studio(_) => {
                r#"{"index":0,"text":"","logprobs":null,"finish_reason":"length"}"#
            }
        };
        self.event(&[choice], usage)
    }

    /// The event that carries nothing but the usage; of `SambaStudio` the last, with the whole text.
    pub(super) fn usage(&mut self, usage: &Usage) -> Bytes {
        if let Interface::Studio(version) = self.interface {
            return Bytes::from(studio::last_line(version, &self.said, usage));
        }
        self.event(&[], Some(usage))
    }

    /// An event that reports an error.
    pub(super) fn error(&self, body: &Value) -> Bytes {
        match self.interface {
            Interface::Studio(_) => Bytes::from(format!("{body}\n")),
            Interface::Chat | Interface::Text => Bytes::from(format!("data: {body}\n\n")),
        }
    }

    fn event(&mut self, choice: &[&str], usage: Option<&Usage>) -> Bytes {
        let text: usize = choice.iter().map(|piece| piece.len()).sum();
        let length = self.head.len() + text + 4;
        if self.buffer.capacity() < length {
            self.buffer.reserve(length.max(BLOCK));
        }
        self.buffer.put_slice(&self.head);
        for piece in choice {
            self.buffer.put_slice(piece.as_bytes());
        }
        self.buffer.put_u8(b']');
        if let Some(usage) = usage {
            self.buffer.put_slice(br#","usage":"#);
            // Numbers and fixed names always have a JSON form, and the buffer grows.
            let _ = serde_json::to_writer((&mut self.buffer).writer(), usage);
        }
        self.buffer.put_slice(b"}\n\n");
        self.buffer.split().freeze()
    }
}

/// The event after the last.
pub(super) fn done() -> Bytes {
    Bytes::from_static(b"data: [DONE]\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(event: &Bytes) -> Value {
        let text = std::str::from_utf8(event).unwrap();
        serde_json::from_str(text.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap()).unwrap()
    }

    #[test]
    fn events_are_json_whatever_the_model_is_called() {
        let mut chunks = Chunks::new(Interface::Chat, "chatcmpl-sim-1", 5, "a\"b\\c");
        for event in [chunks.role(), chunks.tokens(Part::Answer, " sea", None), chunks.finish(None)] {
            let value = json(&event);
            assert_eq!(value["model"], "a\"b\\c");
            assert_eq!(value["object"], "chat.completion.chunk");
        }
        assert_eq!(
            json(&chunks.tokens(Part::Reasoning, "sea", None))["choices"][0]["delta"]["reasoning_content"],
            "sea"
        );
    }

    #[test]
    fn texts_have_no_delta() {
        let mut chunks = Chunks::new(Interface::Text, "cmpl-sim-1", 5, "m");
        let value = json(&chunks.tokens(Part::Answer, " sea", None));
        assert_eq!(value["choices"][0]["text"], " sea");
        assert_eq!(value["object"], "text_completion");
        assert_eq!(json(&chunks.finish(None))["choices"][0]["finish_reason"], "length");
    }

    #[test]
    fn many_events_do_not_overwrite_each_other() {
        let mut chunks = Chunks::new(Interface::Text, "cmpl-sim-1", 5, "m");
        let events: Vec<Bytes> = (0..100).map(|index| chunks.tokens(Part::Answer, &index.to_string(), None)).collect();
        for (index, event) in events.iter().enumerate() {
            assert_eq!(json(event)["choices"][0]["text"], index.to_string());
        }
    }
}

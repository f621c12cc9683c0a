use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use crate::scenario::MaxTokensKey;
use crate::text::shorten;
use crate::workload::ChatRequest;

use super::api::{BadAnswer, KnownMetric, Piece, Provider, Reading, Target};
use super::chat_chunk::ChatChunk;
use super::messages::{Messages, body_length};
use super::refusal::error_message;
use super::sambanova::USAGE_METRICS;

/// OpenAI's chat completions, as vLLM, `SGLang`, llama.cpp and most clouds speak it.
///
/// `ignore_eos` goes out only when the scenario sets it: OpenAI itself refuses keys that it does not know.
///
/// The server's own times are looked for in the usage object only. llama.cpp's `timings` are left alone: its
/// `prompt_ms` lacks the queue and the first token, its `predicted_per_second` counts the first token, so
/// neither is the quantity of our columns; `server_metrics` of the endpoint can ask for them by their own name.
pub(crate) static OPENAI_CHAT: OpenaiChat = OpenaiChat { knows_ignore_eos: false, metrics: USAGE_METRICS };

/// A server of chat completions.
#[derive(Debug)]
pub(crate) struct OpenaiChat {
    /// Whether `ignore_eos` is understood, and then asked for by default.
    pub(crate) knows_ignore_eos: bool,
    /// What the usage object tells besides counts.
    pub(crate) metrics: &'static [KnownMetric],
}

impl Provider for OpenaiChat {
    fn path(&self) -> &'static str {
        "/chat/completions"
    }

    fn body(&self, request: &ChatRequest, target: &Target, stream: bool) -> Vec<u8> {
        let body = ChatBody { request, target, stream, ignore_eos_by_default: self.knows_ignore_eos };
        let mut bytes = Vec::with_capacity(body_length(request));
        // Serializing maps with text keys into memory has no way to fail.
        let _ = serde_json::to_writer(&mut bytes, &body);
        bytes
    }

    fn read_event<'e>(&self, name: &[u8], data: &'e [u8]) -> Result<Reading<'e>, BadAnswer> {
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            return Ok(Reading::Done);
        }
        if name == b"error" {
            return Ok(Reading::Fault(error_message(data)));
        }
        if data.is_empty() {
            return Ok(Reading::Piece(Piece::default()));
        }
        self.read_answer(data)
    }

    fn read_answer<'e>(&self, body: &'e [u8]) -> Result<Reading<'e>, BadAnswer> {
        let chunk: ChatChunk<'e> = serde_json::from_slice(body)
            .map_err(|error| BadAnswer { error, excerpt: shorten(&String::from_utf8_lossy(body), EXCERPT) })?;
        if chunk.is_error() {
            return Ok(Reading::Fault(error_message(body)));
        }
        Ok(Reading::Piece(chunk.into_piece()))
    }

    fn server_metrics(&self) -> &'static [KnownMetric] {
        self.metrics
    }
}

/// Characters of bad data that are handed on: more than a message shows, so that the cut, which might go through a
/// secret, is not seen.
const EXCERPT: usize = 1000;

/// The body's keys in a fixed order. What the scenario writes in `body` goes over what stands here, and what the
/// request itself brings, as a dataset's row does, over both.
struct ChatBody<'r> {
    request: &'r ChatRequest,
    target: &'r Target,
    stream: bool,
    ignore_eos_by_default: bool,
}

impl ChatBody<'_> {
    fn own_keys(&self) -> Vec<(&'static str, Value)> {
        let options = &self.target.options;
        let mut keys = vec![("model", json!(self.target.model_id))];
        if let Some(limit) = self.request.output_tokens {
            keys.push((max_tokens_key(options.max_tokens_key), json!(limit)));
        }
        keys.push(("stream", json!(self.stream)));
        if self.stream {
            keys.push(("stream_options", json!({"include_usage": true})));
        }
        match options.ignore_eos {
            None if !self.ignore_eos_by_default => {}
            said => keys.push(("ignore_eos", json!(said.unwrap_or(true)))),
        }
        keys
    }
}

impl<'r> ChatBody<'r> {
    /// What goes over our own keys.
    fn over(&self) -> Cow<'r, Map<String, Value>> {
        let (of_scenario, of_request) = (&self.target.options.body, &self.request.body);
        if of_request.is_empty() {
            return Cow::Borrowed(of_scenario);
        }
        let both = of_scenario.iter().chain(of_request).map(|(key, value)| (key.clone(), value.clone()));
        Cow::Owned(both.collect())
    }
}

impl Serialize for ChatBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let over = self.over();
        let own = self.own_keys();
        let mut map = serializer.serialize_map(None)?;
        for (at, (key, value)) in own.iter().enumerate() {
            map.serialize_entry(key, &merged(value, over.get(*key)))?;
            if at == 0 && !over.contains_key("messages") {
                map.serialize_entry("messages", &Messages(self.request))?;
            }
        }
        for (key, value) in over.iter().filter(|(key, _)| own.iter().all(|(mine, _)| mine != key)) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

fn max_tokens_key(key: Option<MaxTokensKey>) -> &'static str {
    match key {
        None | Some(MaxTokensKey::MaxTokens) => "max_tokens",
        Some(MaxTokensKey::MaxCompletionTokens) => "max_completion_tokens",
    }
}

/// `over` where there is one; two tables become one with both their keys.
fn merged<'v>(own: &'v Value, over: Option<&'v Value>) -> Cow<'v, Value> {
    match (own, over) {
        (Value::Object(below), Some(Value::Object(above))) => {
            let both = below.iter().chain(above).map(|(key, value)| (key.clone(), value.clone())).collect();
            Cow::Owned(Value::Object(both))
        }
        (own, over) => Cow::Borrowed(over.unwrap_or(own)),
    }
}

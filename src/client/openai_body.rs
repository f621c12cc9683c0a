use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use crate::scenario::MaxTokensKey;
use crate::workload::ChatRequest;

use super::api::Target;
use super::flat_text::flat_text;
use super::messages::{Messages, body_length};

/// How a body carries what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// As `messages`.
    Messages,
    /// As one `prompt`.
    Prompt,
}

impl Says {
    fn key(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Prompt => "prompt",
        }
    }
}

/// The body's keys in a fixed order. What the scenario writes in `body` goes over what stands here, and what the
/// request itself brings, as a dataset's row does, over both.
pub(super) struct OpenaiBody<'r> {
    pub(super) says: Says,
    pub(super) request: &'r ChatRequest,
    pub(super) target: &'r Target,
    pub(super) stream: bool,
    pub(super) ignore_eos_by_default: bool,
}

impl OpenaiBody<'_> {
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

impl<'r> OpenaiBody<'r> {
    /// The body, the same bytes for the same input.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(body_length(self.request));
        // Serializing maps with text keys into memory has no way to fail.
        let _ = serde_json::to_writer(&mut bytes, self);
        bytes
    }

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

impl Serialize for OpenaiBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let over = self.over();
        let own = self.own_keys();
        let mut map = serializer.serialize_map(None)?;
        for (at, (key, value)) in own.iter().enumerate() {
            map.serialize_entry(key, &merged(value, over.get(*key)))?;
            if at == 0 && !over.contains_key(self.says.key()) {
                match self.says {
                    Says::Messages => map.serialize_entry("messages", &Messages(self.request))?,
                    Says::Prompt => map.serialize_entry("prompt", &flat_text(self.request))?,
                }
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

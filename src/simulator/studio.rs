//! `SambaStudio`'s generic API: its requests, and its answers as lines of JSON.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use super::request::{Generation, Interface};
use super::usage::Usage;
use crate::seed::Seed;
use crate::tokens::{Tokenizer, Words};

/// A version of the generic API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StudioVersion {
    V1,
    V2,
}

/// Which generic address a path is, and whether it streams.
pub(super) fn studio_route(path: &str) -> Option<(StudioVersion, bool)> {
    let (version, rest) = match path.strip_prefix("/api/v2/predict/generic/") {
        Some(rest) => (StudioVersion::V2, rest),
        None => (StudioVersion::V1, path.strip_prefix("/api/predict/generic/")?),
    };
    Some((version, rest.starts_with("stream/")))
}

#[derive(Debug, Deserialize)]
struct FirstVersion<'a> {
    #[serde(borrow)]
    instance: Cow<'a, str>,
    params: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct SecondVersion<'a> {
    #[serde(borrow)]
    items: Vec<Item<'a>>,
    params: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Item<'a> {
    #[serde(rename = "id")]
    _id: String,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

/// A parameter of version 1.
#[derive(Debug, Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

/// Reads a request's body; `seed` is where the seeds of texts begin.
pub(super) fn parse(version: StudioVersion, stream: bool, body: &[u8], seed: Seed) -> Result<Generation, Refusal> {
    let bad = |error: serde_json::Error| Refusal::BadJson(error.to_string());
    let (text, params) = match version {
        StudioVersion::V1 => {
            let FirstVersion { instance, params } = serde_json::from_slice(body).map_err(bad)?;
            (instance, untyped(params)?)
        }
        StudioVersion::V2 => {
            let SecondVersion { mut items, params } = serde_json::from_slice(body).map_err(bad)?;
            let Some(item) = items.pop().filter(|_| items.is_empty()) else {
                return Err(invalid("items", "only one item is supported"));
            };
            (item.value, params)
        }
    };
    let max_tokens = match params.get("max_tokens_to_generate") {
        None => None,
        Some(limit) => match limit.as_u64().filter(|limit| *limit > 0) {
            Some(limit) => Some(limit),
            None => return Err(invalid("max_tokens_to_generate", "it must be at least 1")),
        },
    };
    let expert = params.get("select_expert").and_then(Value::as_str);
    Ok(Generation {
        interface: Interface::Studio(version),
        model: expert.unwrap_or("endpoint").to_owned(),
        text_tokens: u64::try_from(Words.count(&text)).unwrap_or(u64::MAX),
        image_tokens: 0,
        text_seed: seed.child(&text),
        max_tokens,
        stream,
        include_usage: true,
        continuous_usage: false,
    })
}

fn invalid(parameter: &'static str, wrong: &str) -> Refusal {
    Refusal::Invalid { parameter, wrong: wrong.to_owned() }
}

/// The parameters of version 1 as values: each says its type by Python's word and its value as text.
fn untyped(params: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let value = |(key, typed): (String, Value)| {
        let Typed { kind, value } =
            serde_json::from_value(typed).map_err(|error| Refusal::BadJson(format!("params.{key}: {error}")))?;
        let parsed = match kind.as_str() {
            "int" => value.parse::<i64>().ok().map(Value::from),
            "float" => value.parse::<f64>().ok().map(Value::from),
            "bool" => match value.as_str() {
                "True" | "true" => Some(Value::Bool(true)),
                "False" | "false" => Some(Value::Bool(false)),
                _ => None,
            },
            "str" | "list" | "dict" => Some(Value::String(value.clone())),
            _ => None,
        };
        let wrong = || Refusal::BadJson(format!("params.{key}: `{value}` is no {kind}"));
        parsed.ok_or_else(wrong).map(|value| (key.clone(), value))
    };
    params.into_iter().map(value).collect()
}

/// The last message of an answer: the whole text, the counts and the server's times.
#[derive(Debug, Serialize)]
struct LastMessage<'a> {
    completion: &'a str,
    stream_token: &'static str,
    prompt_tokens_count: u64,
    completion_tokens_count: u64,
    total_tokens_count: u64,
    #[serde(flatten)]
    times: Value,
}

fn last_message(text: &str, usage: &Usage) -> Value {
    let message = LastMessage {
        completion: text,
        stream_token: "",
        prompt_tokens_count: usage.prompt_tokens(),
        completion_tokens_count: usage.completion_tokens(),
        total_tokens_count: usage.prompt_tokens() + usage.completion_tokens(),
        times: usage.times(),
    };
    // Numbers and texts always have a JSON form.
    serde_json::to_value(message).unwrap_or_default()
}

/// The line of a stream that carries a message.
fn line(version: StudioVersion, message: &Value) -> String {
    let result = match version {
        StudioVersion::V1 => json!({ "responses": [message] }),
        StudioVersion::V2 => json!({ "items": [{ "id": "item1", "value": message }] }),
    };
    format!("{}\n", json!({ "result": result }))
}

/// A line with new text.
pub(super) fn token_line(version: StudioVersion, text: &str) -> String {
    line(version, &json!({ "is_last_response": false, "stream_token": text }))
}

/// The line that ends a stream.
pub(super) fn last_line(version: StudioVersion, text: &str, usage: &Usage) -> String {
    line(version, &last_message(text, usage))
}

/// An answer that is not streamed.
pub(super) fn whole(version: StudioVersion, text: &str, usage: &Usage) -> Value {
    let message = last_message(text, usage);
    match version {
        StudioVersion::V1 => json!({ "predictions": [message] }),
        StudioVersion::V2 => json!({ "items": [{ "id": "item1", "value": message }] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(version: StudioVersion, body: &Value) -> Result<Generation, String> {
        parse(version, true, body.to_string().as_bytes(), Seed::root(0)).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn addresses_say_version_and_stream() {
        use StudioVersion::{V1, V2};
        for (path, route) in [
            ("/api/predict/generic/p/e", Some((V1, false))),
            ("/api/predict/generic/stream/p/e", Some((V1, true))),
            ("/api/v2/predict/generic/p/e", Some((V2, false))),
            ("/api/v2/predict/generic/stream/p/e", Some((V2, true))),
            ("/v1/chat/completions", None),
        ] {
            assert_eq!(studio_route(path), route, "{path}");
        }
    }

    #[test]
    fn both_versions_ask_for_the_same() {
        let first = json!({"instance": "a b c", "params": {
            "max_tokens_to_generate": {"type": "int", "value": "7"}, "process_prompt": {"type": "bool", "value": "False"},
            "select_expert": {"type": "str", "value": "M"}, "temperature": {"type": "float", "value": "0.0"},
        }});
        let second = json!({"items": [{"id": "item1", "value": "a b c"}],
            "params": {"max_tokens_to_generate": 7, "process_prompt": false, "select_expert": "M"}});
        for (version, body) in [(StudioVersion::V1, first), (StudioVersion::V2, second)] {
            let asked = parsed(version, &body).unwrap();
            assert_eq!((asked.model.as_str(), asked.text_tokens, asked.max_tokens), ("M", 3, Some(7)));
        }
    }

    #[test]
    fn what_is_not_to_the_letter_is_refused() {
        use StudioVersion::{V1, V2};
        for (version, body, part) in [
            (V1, json!({"instance": "a", "params": {"top_k": 1}}), "params.top_k"),
            (V1, json!({"instance": "a", "params": {"top_k": {"type": "int", "value": 1}}}), "params.top_k"),
            (V1, json!({"instance": "a", "params": {"top_k": {"type": "int", "value": "x"}}}), "is no int"),
            (V1, json!({"instance": ["a"], "params": {}}), "JSON"),
            (V2, json!({"items": [], "params": {}}), "items"),
            (V2, json!({"items": [{"value": "a"}], "params": {}}), "id"),
            (V2, json!({"items": [{"id": "item1", "value": "a"}]}), "params"),
            (
                V2,
                json!({"items": [{"id": "item1", "value": "a"}], "params": {"max_tokens_to_generate": 0}}),
                "at least 1",
            ),
        ] {
            let refusal = parsed(version, &body).unwrap_err();
            assert!(refusal.contains(part), "{body}: {refusal}");
        }
    }
}

use serde_json::{Map, Value, json};

use crate::scenario::MaxTokensKey;
use crate::workload::ChatRequest;

use super::api::Target;
use super::flat_text::flat_text;

/// A version of `SambaStudio`'s generic API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// One instance, each parameter with its type.
    V1,
    /// A list of items, parameters as they are.
    V2,
}

/// The body of a request, the same bytes for the same input.
pub(super) fn studio_body(version: Version, request: &ChatRequest, target: &Target) -> Vec<u8> {
    let (text, parameters) = (flat_text(request), parameters(request, target));
    let body = match version {
        Version::V1 => {
            let typed = parameters.iter().map(|(key, value)| (key.clone(), typed(value)));
            json!({"instance": text, "params": typed.collect::<Map<_, _>>()})
        }
        Version::V2 => json!({"items": [{"id": "item1", "value": text}], "params": parameters}),
    };
    body.to_string().into_bytes()
}

/// What stands in `params`: the limit, the expert of a bundle, and over both what the scenario and the row say.
fn parameters(request: &ChatRequest, target: &Target) -> Map<String, Value> {
    let options = &target.options;
    let mut parameters = Map::new();
    if let Some(limit) = request.output_tokens {
        let key = match options.max_tokens_key {
            None => "max_tokens_to_generate",
            Some(MaxTokensKey::MaxTokens) => "max_tokens",
            Some(MaxTokensKey::MaxCompletionTokens) => "max_completion_tokens",
        };
        parameters.insert(key.to_owned(), json!(limit));
    }
    if let Some(expert) = expert(&target.model_id) {
        parameters.insert("select_expert".to_owned(), json!(expert));
        parameters.insert("process_prompt".to_owned(), json!(false));
        parameters.insert("top_k".to_owned(), json!(1));
    }
    if let Some(ignore) = options.ignore_eos {
        parameters.insert("ignore_eos".to_owned(), json!(ignore));
    }
    let over = options.body.iter().chain(&request.body);
    parameters.extend(over.map(|(key, value)| (key.clone(), value.clone())));
    parameters
}

/// The expert that a name such as `Bundle/EXPERT` chooses.
fn expert(model_id: &str) -> Option<&str> {
    model_id.contains("Bundle").then(|| model_id.rsplit('/').next().unwrap_or(model_id))
}

/// A parameter of version 1: its type by Python's word and its value as Python writes it as text.
fn typed(value: &Value) -> Value {
    let (kind, text) = match value {
        Value::Bool(truth) => ("bool", if *truth { "True" } else { "False" }.to_owned()),
        Value::Number(number) => (if number.is_f64() { "float" } else { "int" }, number.to_string()),
        Value::String(text) => ("str", text.clone()),
        Value::Array(_) => ("list", value.to_string()),
        Value::Object(_) => ("dict", value.to_string()),
        Value::Null => ("NoneType", "None".to_owned()),
    };
    json!({"type": kind, "value": text})
}

use serde_json::{Map, Value, json};

use super::{Form, Key, Kind, SCENARIO, Table};

/// The JSON Schema (draft 2020-12) of scenario files.
#[must_use]
pub fn schema() -> Value {
    let mut schema = table(&SCENARIO);
    if let Value::Object(object) = &mut schema {
        object.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        object.insert("title".to_owned(), "infersweep scenario".into());
        // What a file must have may stand in the one it extends.
        if let Some(required) = object.remove("required") {
            object.insert("anyOf".to_owned(), json!([{ "required": required }, { "required": ["extends"] }]));
        }
    }
    schema
}

fn table(table: &Table) -> Value {
    let properties: Map<String, Value> = table.keys.iter().map(|key| (key.name.to_owned(), of_key(key))).collect();
    let required: Vec<&str> = table.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "description": table.about,
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn of_key(key: &Key) -> Value {
    let mut schema = of_kind(&key.kind);
    schema["description"] = key.about.into();
    // A default of the table is TOML; the few kinds there are read as JSON too.
    if let Ok(default) = serde_json::from_str::<Value>(key.default) {
        schema["default"] = default;
    }
    schema
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text | Kind::Path => json!({ "type": "string" }),
        Kind::Name => json!({ "type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]*$" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer(low, high) => {
            let mut schema = json!({ "type": "integer", "minimum": low });
            if *high < i64::MAX {
                schema["maximum"] = (*high).into();
            }
            schema
        }
        Kind::Number(low, high) => json!({ "type": "number", "minimum": low, "maximum": high }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Form(form) => of_form(*form),
        Kind::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Kind::Free => json!({ "type": "object" }),
        Kind::Table(keys) => table(keys),
        Kind::Cells(keys) => {
            let mut schema = table(keys);
            schema["additionalProperties"] = of_kind(&Kind::OneOrList(&Kind::Scalar));
            schema
        }
        Kind::Named(kind) => json!({ "type": "object", "additionalProperties": of_kind(kind) }),
        Kind::List(kind) => json!({ "type": "array", "items": of_kind(kind) }),
        Kind::OneOrList(kind) => {
            let one = of_kind(kind);
            json!({ "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] })
        }
    }
}

/// The shape of a form; `${VAR}` may stand in any string, so patterns stay out where it is likely.
fn of_form(form: Form) -> Value {
    let text = |pattern: &str, example: &str| json!({ "type": "string", "pattern": pattern, "examples": [example] });
    match form {
        Form::Duration | Form::PositiveDuration => text("[a-zµ}]$", "250ms"),
        Form::TokenSize => {
            json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, text("^(normal|uniform|lognormal|empirical)\\(.+\\)$|^[0-9]+$|\\$\\{", "normal(1000,200)")] })
        }
        Form::ImageSize => text("^(na|small|medium|large|[0-9]+x[0-9]+|.*\\$\\{.*)$", "1024x768"),
        Form::Qps => json!({ "anyOf": [{ "type": "number", "exclusiveMinimum": 0 }, { "type": "string" }] }),
        Form::Arrivals => text("^(constant|uniform|exponential|gamma\\(.+\\)|.*\\$\\{.*)$", "exponential"),
        Form::RequestCount => {
            json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, text("^[0-9]+x?$|\\$\\{", "10x")] })
        }
        Form::Amount => {
            json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "examples": ["1x", "10s"] }] })
        }
        Form::Url => json!({ "type": "string", "examples": ["http://127.0.0.1:8000/v1"] }),
        Form::Proxy => json!({ "type": "string", "examples": ["http://proxy:3128", "none"] }),
        Form::UrlOrPath => json!({ "type": "string", "examples": ["http://127.0.0.1:8000/metrics", "/metrics"] }),
        Form::Series => json!({ "type": "string", "examples": ["vllm:num_requests_swapped"] }),
        Form::VariableName => text("^[A-Za-z_][A-Za-z0-9_]*$", "SAMBANOVA_API_KEY"),
        Form::JsonPointer => text("^/", "/usage/queue_time"),
        Form::MethodAndPath => text("^(GET|POST|PUT|DELETE) /", "POST /reset_prefix_cache"),
        Form::Limit => json!({ "anyOf": [{ "type": "number" }, { "type": "string", "examples": ["800ms"] }] }),
        Form::Tokenizer => {
            json!({ "type": "string", "examples": ["../tokenizers/llama3.json", "hf:org/name@main", "words"] })
        }
    }
}

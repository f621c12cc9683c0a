use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::excerpt::Wrong;
use crate::diagnostic::Code;
use crate::scenario::Dataset;
use crate::workload::{Message, Role};

/// A row's meaning.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::workload) struct Row {
    /// Its `id` or `name`, else `row-17`.
    pub(in crate::workload) name: String,
    /// What it says, the system message first; empty when a template says it.
    pub(in crate::workload) messages: Vec<Message>,
    /// Pictures for the last message of the user.
    pub(in crate::workload) images: Vec<ImageSource>,
    /// Keys for the request's body.
    pub(in crate::workload) body: Map<String, Value>,
    /// The output limit.
    pub(in crate::workload) max_tokens: Option<u64>,
    /// The row as it is, for a template; empty without one.
    pub(in crate::workload) values: Map<String, Value>,
}

/// Where a picture comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::workload) enum ImageSource {
    /// A file.
    File(PathBuf),
    /// The server fetches it.
    Url(String),
}

/// Keys of a row that go into the request's body.
const PASSED_ON: [&str; 3] = ["tools", "tool_choice", "response_format"];

impl Row {
    /// The `number`-th row of a dataset, or what is wrong with it.
    pub(super) fn read(mut row: Map<String, Value>, number: u64, dataset: &Dataset) -> Result<Self, Wrong> {
        // A column without a value is as good as none.
        row.retain(|_, value| !value.is_null());
        let values = if dataset.template.is_some() { row.clone() } else { Map::new() };
        let name = ["id", "name"].iter().find_map(|key| plain(row.get(*key)?)).filter(|name| !name.is_empty());
        let mut messages = match dataset.template {
            Some(_) => Vec::new(),
            None => said(&mut row, dataset)?,
        };
        if let Some(system) = row.remove("system") {
            let system = text(system, "system")?;
            if messages.first().is_some_and(is_system) {
                return Err(Wrong::new(Code::Conflict, "the row has `system` and a system message").at("system"));
            }
            messages.insert(0, Message::system(system));
        }
        let images = images(row.remove("image_path"), dataset)?;
        let max_tokens = match row.remove("max_tokens") {
            None => None,
            Some(value) => Some(whole(&value).ok_or_else(|| {
                Wrong::new(Code::BadValue, format!("`max_tokens` is a whole number from 1, not {value}"))
                    .at("max_tokens")
            })?),
        };
        let body = PASSED_ON.iter().filter_map(|key| row.remove_entry(*key)).collect();
        let name = name.unwrap_or_else(|| format!("row-{number}"));
        Ok(Self { name, messages, images, body, max_tokens, values })
    }
}

impl Row {
    /// Bytes of what it says, or of all that its template may say of it.
    pub(super) fn text_bytes(&self) -> u64 {
        let json = |map: &Map<String, Value>| map.values().map(|value| value.to_string().len()).sum();
        let bytes = |message: &Message| match message {
            Message::Said { text, .. } => text.len(),
            Message::Verbatim(map) => message.text().map_or_else(|| json(map), str::len),
        };
        let said: usize = self.messages.iter().map(bytes).sum::<usize>() + json(&self.values);
        said as u64
    }
}

/// The messages of a row: `prompt`, `messages`, or `conversations` as `ShareGPT` writes them.
fn said(row: &mut Map<String, Value>, dataset: &Dataset) -> Result<Vec<Message>, Wrong> {
    match (row.remove("prompt"), row.remove("messages")) {
        (Some(_), Some(_)) => {
            Err(Wrong::new(Code::Conflict, "the row has both `prompt` and `messages`").at("messages"))
        }
        (Some(prompt), None) => Ok(vec![Message::user(text(prompt, "prompt")?)]),
        (None, Some(messages)) => verbatim(messages, dataset),
        (None, None) => match row.remove("conversations") {
            Some(turns) => share_gpt(turns),
            None => Err(Wrong::new(Code::MissingKey, "the row has neither `prompt` nor `messages`")
                .help("write {\"prompt\": \"...\"} or {\"messages\": [{\"role\": \"user\", \"content\": \"...\"}]}")),
        },
    }
}

fn verbatim(messages: Value, dataset: &Dataset) -> Result<Vec<Message>, Wrong> {
    let wrong = |message: &str| {
        Wrong::new(Code::WrongType, message).at("messages").help("as [{\"role\": \"user\", \"content\": \"...\"}]")
    };
    let Value::Array(messages) = messages else { return Err(wrong("`messages` takes a list")) };
    if messages.is_empty() {
        return Err(wrong("`messages` is empty"));
    }
    let read = messages.into_iter().map(|message| match message {
        Value::Object(message) if message.get("role").is_some_and(Value::is_string) => {
            if parts_of(&message).any(|part| picture_of(part).is_some_and(is_fetched)) {
                fetched(dataset, "messages", "a picture in `messages`")?;
            }
            Ok(Message::Verbatim(message))
        }
        _ => Err(wrong("every one of `messages` is a table with its `role`")),
    });
    read.collect()
}

fn parts_of(message: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    message.get("content").and_then(Value::as_array).into_iter().flatten()
}

/// Where the picture of a part of a message is.
fn picture_of(part: &Value) -> Option<&str> {
    let url = part.get("image_url")?;
    url.get("url").unwrap_or(url).as_str()
}

/// Whether whoever is given a picture's address has to fetch it.
fn is_fetched(url: &str) -> bool {
    let is = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    is("http://") || is("https://")
}

/// Refuses pictures that the server would fetch, unless they are allowed.
fn fetched(dataset: &Dataset, key: &'static str, what: &str) -> Result<(), Wrong> {
    if dataset.allow_image_urls {
        return Ok(());
    }
    Err(Wrong::new(Code::BadValue, format!("{what} is a URL, which the server would fetch while its time is taken"))
        .at(key)
        .help("download the picture, or write allow_image_urls = true under [dataset]"))
}

/// `[{"from": "human", "value": "..."}, ...]`. What follows the last turn of the human is what a model once said to it,
/// and is left out.
fn share_gpt(turns: Value) -> Result<Vec<Message>, Wrong> {
    let wrong = |message: String| {
        Wrong::new(Code::WrongType, message)
            .at("conversations")
            .help("as [{\"from\": \"human\", \"value\": \"...\"}, {\"from\": \"gpt\", \"value\": \"...\"}]")
    };
    let Value::Array(turns) = turns else { return Err(wrong("`conversations` takes a list".to_owned())) };
    let mut messages = Vec::new();
    for turn in turns {
        let (Some(from), Some(value)) = (turn["from"].as_str(), turn["value"].as_str()) else {
            return Err(wrong("every turn of `conversations` has `from` and `value`".to_owned()));
        };
        let role = match from {
            "human" | "user" => Role::User,
            "gpt" | "assistant" | "chatgpt" | "bing" | "bard" => Role::Assistant,
            "system" => Role::System,
            other => return Err(wrong(format!("nobody is called `{other}` in `conversations`"))),
        };
        messages.push(Message::Said { role, text: value.to_owned() });
    }
    let last = messages.iter().rposition(Message::is_of_user);
    messages.truncate(last.map_or(0, |last| last + 1));
    if messages.is_empty() { Err(wrong("no human speaks in `conversations`".to_owned())) } else { Ok(messages) }
}

fn is_system(message: &Message) -> bool {
    match message {
        Message::Said { role, .. } => *role == Role::System,
        Message::Verbatim(message) => message.get("role").is_some_and(|role| role == "system"),
    }
}

fn text(value: Value, key: &'static str) -> Result<String, Wrong> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text),
        Value::String(_) => Err(Wrong::new(Code::BadValue, format!("`{key}` is empty")).at(key)),
        _ => Err(Wrong::new(Code::WrongType, format!("`{key}` takes a string")).at(key)),
    }
}

fn images(value: Option<Value>, dataset: &Dataset) -> Result<Vec<ImageSource>, Wrong> {
    let list = match value {
        None => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
    };
    let source = |value: Value| {
        let path = text(value, "image_path")?;
        if !is_fetched(&path) {
            let directory = dataset.file.parent().unwrap_or(Path::new(""));
            return Ok(ImageSource::File(directory.join(path)));
        }
        fetched(dataset, "image_path", "`image_path`")?;
        Ok(ImageSource::Url(path))
    };
    list.into_iter().map(source).collect()
}

/// A whole number from 1, also as tables of text have it.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        // Tables with gaps often turn whole numbers into others.
        Value::Number(number) if number.is_f64() => number.to_string().strip_suffix(".0")?.parse().ok(),
        value => value.as_u64(),
    }
    .filter(|number| *number > 0)
}

/// A scalar as it reads.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

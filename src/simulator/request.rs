//! Requests: from the bytes on the wire to what is to be generated.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::picture;
use super::refusal::Refusal;
use super::studio::StudioVersion;
use crate::seed::Seed;
use crate::tokens::{Tokenizer, Words};

/// Which generating interface a request uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interface {
    /// `/chat/completions`
    Chat,
    /// `/completions`
    Text,
    /// `/api/predict/generic/...` or `/api/v2/predict/generic/...`
    Studio(StudioVersion),
}

/// What a valid request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) interface: Interface,
    pub(super) model: String,
    /// The words of all texts, without a template.
    pub(super) text_tokens: u64,
    /// What the pictures cost.
    pub(super) image_tokens: u64,
    /// What the texts are: the same for the same texts.
    pub(super) text_seed: Seed,
    /// At least 1.
    pub(super) max_tokens: Option<u64>,
    pub(super) stream: bool,
    /// Whether a last event carries the usage.
    pub(super) include_usage: bool,
    /// Whether every event carries the usage so far.
    pub(super) continuous_usage: bool,
}

impl Generation {
    /// Reads a request's body; `seed` is where the seeds of texts begin.
    pub(super) fn parse(interface: Interface, body: &[u8], seed: Seed) -> Result<Self, Refusal> {
        let wire: WireRequest<'_> =
            serde_json::from_slice(body).map_err(|error| Refusal::BadJson(error.to_string()))?;
        let model = wire.model.filter(|model| !model.is_empty()).ok_or(Refusal::Missing("model"))?.into_owned();
        let contents = match interface {
            Interface::Chat => match wire.messages {
                None => return Err(Refusal::Missing("messages")),
                Some(messages) if messages.is_empty() => return Err(invalid("messages", "it is empty")),
                Some(messages) => messages.into_iter().map(|message| message.content).collect(),
            },
            Interface::Text | Interface::Studio(_) => match wire.prompt {
                None => return Err(Refusal::Missing("prompt")),
                Some(prompt) if prompt.texts.len() != 1 => {
                    return Err(invalid("prompt", "only one prompt is supported"));
                }
                Some(prompt) => vec![prompt],
            },
        };
        let (parameter, max_tokens) = match (wire.max_completion_tokens, wire.max_tokens) {
            (Some(tokens), _) => ("max_completion_tokens", Some(tokens)),
            (None, tokens) => ("max_tokens", tokens),
        };
        let max_tokens = match max_tokens {
            Some(tokens) if tokens < 1 => return Err(invalid(parameter, "it must be at least 1")),
            tokens => tokens.map(i64::unsigned_abs),
        };
        if wire.n.is_some_and(|n| n != 1) {
            return Err(invalid("n", "only 1 is supported"));
        }
        let texts = || contents.iter().flat_map(|content| &content.texts);
        let options = wire.stream_options.unwrap_or_default();
        Ok(Self {
            interface,
            model,
            text_tokens: texts().map(|text| u64::try_from(Words.count(text)).unwrap_or(u64::MAX)).sum(),
            image_tokens: contents.iter().map(|content| content.image_tokens).sum(),
            text_seed: texts().fold(seed, |seed, text| seed.child(text)),
            max_tokens,
            stream: wire.stream.unwrap_or(false),
            include_usage: options.include_usage.unwrap_or(false),
            continuous_usage: options.continuous_usage_stats.unwrap_or(false),
        })
    }
}

fn invalid(parameter: &'static str, wrong: &str) -> Refusal {
    Refusal::Invalid { parameter, wrong: wrong.to_owned() }
}

/// A request as written; what the simulator does not know, it ignores, as the field's servers do.
#[derive(Debug, Deserialize)]
struct WireRequest<'a> {
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    messages: Option<Vec<Message<'a>>>,
    #[serde(borrow, default)]
    prompt: Option<Content<'a>>,
    max_tokens: Option<i64>,
    max_completion_tokens: Option<i64>,
    n: Option<u64>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(rename = "role")]
    _role: IgnoredAny,
    #[serde(borrow, default)]
    content: Content<'a>,
}

#[derive(Debug, Default, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
    continuous_usage_stats: Option<bool>,
}

/// The texts of a string, of a list of strings or parts, or of null; parts without text or picture count for nothing.
#[derive(Debug, Default)]
struct Content<'a> {
    texts: Vec<Cow<'a, str>>,
    image_tokens: u64,
}

impl<'a> Content<'a> {
    fn of(text: impl Into<Cow<'a, str>>) -> Self {
        Self { texts: vec![text.into()], image_tokens: 0 }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a list of content parts")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Content::default())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Content::of(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content::of(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut content = Content::default();
        while let Some(Part { text, image_tokens }) = parts.next_element()? {
            content.texts.push(text);
            content.image_tokens += image_tokens;
        }
        Ok(content)
    }
}

/// An element of a content list: a string, or an object whose `text` or `image_url` counts.
#[derive(Debug, Default)]
struct Part<'a> {
    text: Cow<'a, str>,
    image_tokens: u64,
}

#[derive(Debug, Deserialize)]
struct ImageUrl<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Part<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a content part or a string")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Part::default())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Part { text: text.into(), image_tokens: 0 })
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Part { text: text.to_owned().into(), image_tokens: 0 })
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut part = Part::default();
        while let Some(key) = fields.next_key::<Cow<'de, str>>()? {
            match &*key {
                // A string without escapes is borrowed, any other is owned: the visitor above knows both.
                "text" => part.text = fields.next_value::<Part<'de>>()?.text,
                "image_url" => part.image_tokens = picture::tokens(&fields.next_value::<ImageUrl<'de>>()?.url),
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(interface: Interface, body: &str) -> Result<Generation, Refusal> {
        Generation::parse(interface, body.as_bytes(), Seed::root(0))
    }

    #[test]
    fn every_text_counts_and_nothing_else() {
        for (content, tokens) in [
            (r#""one two three""#, 3),
            (r#""one\ntwo\u0020three""#, 3),
            (r#"[{"type":"text","text":"one two"},{"type":"image_url","image_url":{"url":"a b c"}}]"#, 2),
            (r#"[{"text":"one\ttwo"},"three"]"#, 3),
            ("null", 0),
        ] {
            let body = format!(
                r#"{{"model":"m","messages":[{{"role":"system","content":"s t"}},{{"role":"user","content":{content}}}]}}"#
            );
            let generation = parse(Interface::Chat, &body).unwrap();
            assert_eq!(generation.text_tokens, 2 + tokens, "{content}");
            assert_eq!(generation.image_tokens, if content.contains("image_url") { 256 } else { 0 }, "{content}");
        }
        let prompt = parse(Interface::Text, r#"{"model":"m","prompt":["a b"],"n":1,"max_tokens":null}"#).unwrap();
        assert_eq!((prompt.text_tokens, prompt.max_tokens, prompt.stream), (2, None, false));
    }

    #[test]
    fn options_of_the_stream_and_the_length_are_read() {
        let body = r#"{"model":"m","prompt":"a","stream":true,"max_tokens":3,"max_completion_tokens":5,"top_k":1,
            "stream_options":{"include_usage":true}}"#;
        let generation = parse(Interface::Text, body).unwrap();
        assert_eq!(generation.max_tokens, Some(5));
        assert!(generation.stream && generation.include_usage && !generation.continuous_usage);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (interface, body, message) in [
            (
                Interface::Chat,
                r#"{"messages":[{"role":"user","content":"a"}]}"#,
                "Missing required parameter: 'model'.",
            ),
            (Interface::Chat, r#"{"model":"m"}"#, "Missing required parameter: 'messages'."),
            (Interface::Chat, r#"{"model":"m","messages":[]}"#, "Invalid 'messages': it is empty."),
            (Interface::Text, r#"{"model":"m"}"#, "Missing required parameter: 'prompt'."),
            (Interface::Text, r#"{"model":"m","prompt":["a","b"]}"#, "Invalid 'prompt': only one prompt is supported."),
            (
                Interface::Text,
                r#"{"model":"m","prompt":"a","max_tokens":0}"#,
                "Invalid 'max_tokens': it must be at least 1.",
            ),
            (Interface::Text, r#"{"model":"m","prompt":"a","n":2}"#, "Invalid 'n': only 1 is supported."),
        ] {
            assert_eq!(parse(interface, body).unwrap_err().to_string(), message, "{body}");
        }
        for body in ["", "{", "[]", r#"{"model":1}"#, r#"{"model":"m","messages":[{"content":"a"}]}"#] {
            assert!(matches!(parse(Interface::Chat, body), Err(Refusal::BadJson(_))), "{body}");
        }
    }

    #[test]
    fn the_same_texts_have_the_same_seed() {
        let seed = |prompt: &str| {
            parse(Interface::Text, &format!(r#"{{"model":"m","prompt":"{prompt}"}}"#)).unwrap().text_seed
        };
        assert_eq!(seed("a b"), seed("a b"));
        assert_ne!(seed("a b"), seed("a c"));
    }
}

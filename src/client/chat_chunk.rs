use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::api::{Piece, Usage};

/// `chat.completion.chunk` and `chat.completion`, borrowed from the bytes that came.
///
/// Lenient where servers differ: whatever may be missing may be missing or null, unknown keys are passed over,
/// and text may come as a list of parts. What is rare stands in a box: every chunk is moved by value a few times.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ChatChunk<'a> {
    #[serde(borrow)]
    id: Content<'a>,
    #[serde(borrow)]
    object: Content<'a>,
    #[serde(borrow)]
    choices: First<Choice<'a>>,
    usage: Option<Box<WireUsage>>,
    error: Option<Box<Value>>,
}

/// One choice. We ask for one, so the first is all there is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    message: Option<Box<Delta<'a>>>,
    #[serde(borrow)]
    finish_reason: Content<'a>,
}

/// What is new in a chunk, or all of an answer that is not streamed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Content<'a>,
    #[serde(borrow)]
    reasoning_content: Content<'a>,
    #[serde(borrow)]
    reasoning: Content<'a>,
    #[serde(borrow)]
    refusal: Content<'a>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(borrow)]
    function_call: Option<Box<Function<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ToolCall<'a> {
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    name: Content<'a>,
    #[serde(borrow)]
    arguments: Content<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WireUsage {
    prompt_tokens: Count,
    completion_tokens: Count,
    prompt_tokens_details: Option<InputDetails>,
    completion_tokens_details: Option<OutputDetails>,
    /// The names of SambaNova's first servers.
    prompt_tokens_count: Count,
    completion_tokens_count: Count,
    /// `DeepSeek`'s name for cached tokens.
    prompt_cache_hit_tokens: Count,
    /// Where some servers keep the count of thinking tokens.
    reasoning_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    #[serde(rename = "cached_tokens")]
    cached: Count,
    #[serde(rename = "image_tokens")]
    image: Count,
    /// Where vLLM keeps the tokens of each kind of input that is no text.
    #[serde(rename = "multimodal_tokens")]
    multimodal: Option<MultimodalTokens>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MultimodalTokens {
    image: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Count,
}

impl<'a> ChatChunk<'a> {
    /// Whether this is an error in the place of an answer.
    pub(crate) fn is_error(&self) -> bool {
        self.error.is_some() || self.object.text == "error"
    }

    /// What it says, in the words of every protocol.
    pub(crate) fn into_piece(self) -> Piece<'a> {
        let Choice { delta, message, finish_reason } = self.choices.0.unwrap_or_default();
        let delta = delta.or_else(|| message.map(|message| *message)).unwrap_or_default();
        let other = delta.other();
        // Some servers send the same thinking under both names while they rename it.
        let thinking = delta.content.thinking.map(|text| Cow::Owned(text.into_string()));
        let reasoning = [Some(delta.reasoning_content.text), Some(delta.reasoning.text), thinking]
            .into_iter()
            .flatten()
            .find(|text| !text.is_empty());
        Piece {
            id: self.id.non_empty(),
            visible: delta.content.text,
            reasoning: reasoning.unwrap_or_default(),
            other,
            finish_reason: finish_reason.non_empty(),
            usage: self.usage.map(|usage| usage.into_usage()),
        }
    }
}

impl<'a> Delta<'a> {
    /// Tool calls and refusal; borrowed empty text when there are none.
    fn other(&self) -> Cow<'a, str> {
        let calls = self.tool_calls.iter().flatten().filter_map(|call| call.function.as_ref());
        let mut all = String::new();
        for function in calls.chain(self.function_call.as_deref()) {
            all.push_str(&function.name.text);
            all.push_str(&function.arguments.text);
        }
        all.push_str(&self.refusal.text);
        if all.is_empty() { Cow::Borrowed("") } else { Cow::Owned(all) }
    }
}

impl WireUsage {
    pub(super) fn into_usage(self) -> Usage {
        let InputDetails { cached, image, multimodal } = self.prompt_tokens_details.unwrap_or_default();
        let details = self.completion_tokens_details.unwrap_or_default();
        Usage {
            input: self.prompt_tokens.0.or(self.prompt_tokens_count.0),
            output: self.completion_tokens.0.or(self.completion_tokens_count.0),
            reasoning: details.reasoning_tokens.0.or(self.reasoning_tokens.0),
            cached: cached.0.or(self.prompt_cache_hit_tokens.0),
            image: image.0.or(multimodal.unwrap_or_default().image.0),
        }
    }
}

/// Text that is null, a string, or a list of parts of which some may be thinking; anything else is no text.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Content<'a> {
    pub(super) text: Cow<'a, str>,
    thinking: Option<Box<str>>,
}

impl<'a> Content<'a> {
    fn of(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), thinking: None }
    }

    pub(super) fn non_empty(self) -> Option<Cow<'a, str>> {
        (!self.text.is_empty()).then_some(self.text)
    }
}

/// A part of a content list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow)]
    text: Content<'a>,
    #[serde(borrow)]
    thinking: Content<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor(PhantomData))
    }
}

struct ContentVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for ContentVisitor<'a> {
    type Value = Content<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Content::of(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content::of(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Content::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Content::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Content::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Content::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Content::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let (mut text, mut thinking) = (String::new(), String::new());
        while let Some(part) = parts.next_element::<Part<'de>>()? {
            text.push_str(&part.text.text);
            thinking.push_str(&part.thinking.text);
        }
        Ok(Content { text: text.into(), thinking: (!thinking.is_empty()).then(|| thinking.into()) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Content::default())
    }
}

/// The first element of a list that may be empty, null or missing; the others are passed over.
#[derive(Debug)]
pub(super) struct First<T>(pub(super) Option<T>);

impl<T> Default for First<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FirstVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for FirstVisitor<T> {
            type Value = First<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or null")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(First(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let first = list.next_element()?;
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }

        deserializer.deserialize_any(FirstVisitor(PhantomData))
    }
}

/// A count that some servers write as a float or as null; what is no count is none.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Count(pub(super) Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number: Option<serde_json::Number> = Option::deserialize(deserializer)?;
        Ok(Self(number.and_then(|number| {
            number.as_u64().or_else(|| {
                let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
                format!("{float:.0}").parse().ok()
            })
        })))
    }
}

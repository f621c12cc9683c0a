use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::workload::ChatRequest;

use super::api::{BadAnswer, Piece, Provider, Reading, Target, Usage};
use super::chat_chunk::{Content, Count, First};
use super::framing::Framing;
use super::refusal::error_message;
use super::server_figures::{FigureTable, STUDIO_FIGURES};
use super::studio_body::{Version, studio_body};

/// `SambaStudio`'s generic API of `/api/predict/`.
pub(crate) static STUDIO_V1: Studio = Studio { version: Version::V1 };
/// `SambaStudio`'s generic API of `/api/v2/predict/`.
pub(crate) static STUDIO_V2: Studio = Studio { version: Version::V2 };

/// A server of `SambaStudio`'s generic API: one text, and an answer as lines of JSON. Its OpenAI-compatible addresses are
/// chat completions like any other.
#[derive(Debug)]
pub(crate) struct Studio {
    version: Version,
}

impl Provider for Studio {
    fn path(&self) -> &'static str {
        ""
    }

    fn framing(&self) -> Framing {
        Framing::Ndjson
    }

    fn carries_pictures(&self) -> bool {
        false
    }

    fn lists_models(&self) -> bool {
        false
    }

    fn body(&self, request: &ChatRequest, target: &Target, _: bool) -> Vec<u8> {
        studio_body(self.version, request, target)
    }

    fn read_event<'e>(&self, _: &[u8], data: &'e [u8]) -> Result<Reading<'e>, BadAnswer> {
        let line: Line<'e> = serde_json::from_slice(data).map_err(|error| BadAnswer::new(error, data))?;
        if line.error.is_some() {
            return Ok(Reading::Fault(error_message(data)));
        }
        let message = line.into_message();
        Ok(if message.is_last_response == Some(true) {
            let (whole, piece) = message.into_last();
            Reading::Last(piece, whole)
        } else {
            Reading::Piece(Piece { visible: message.stream_token.text, ..Piece::default() })
        })
    }

    fn read_answer<'e>(&self, body: &'e [u8]) -> Result<Reading<'e>, BadAnswer> {
        let line: Line<'e> = serde_json::from_slice(body).map_err(|error| BadAnswer::new(error, body))?;
        if line.error.is_some() {
            return Ok(Reading::Fault(error_message(body)));
        }
        let (whole, piece) = line.into_message().into_last();
        Ok(Reading::Piece(Piece { visible: whole, ..piece }))
    }

    fn server_figures(&self) -> &'static FigureTable {
        &STUDIO_FIGURES
    }
}

/// A line of a stream, or a whole answer, of either version.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    result: Option<Streamed<'a>>,
    #[serde(borrow)]
    items: First<Item<'a>>,
    #[serde(borrow)]
    predictions: First<Message<'a>>,
    error: Option<Box<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Streamed<'a> {
    #[serde(borrow)]
    items: First<Item<'a>>,
    #[serde(borrow)]
    responses: First<Message<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item<'a> {
    #[serde(borrow)]
    value: Option<Message<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    is_last_response: Option<bool>,
    #[serde(borrow)]
    stream_token: Content<'a>,
    /// The whole text, in the last message.
    #[serde(borrow)]
    completion: Content<'a>,
    #[serde(borrow)]
    stop_reason: Content<'a>,
    prompt_tokens_count: Count,
    prompt_tokens: Count,
    completion_tokens_count: Count,
    completion_tokens: Count,
}

impl<'a> Line<'a> {
    fn into_message(self) -> Message<'a> {
        let streamed = self.result.unwrap_or_default();
        let item = streamed.items.0.or(self.items.0).and_then(|item| item.value);
        item.or(streamed.responses.0).or(self.predictions.0).unwrap_or_default()
    }
}

impl<'a> Message<'a> {
    /// The whole text and the last piece.
    fn into_last(self) -> (Cow<'a, str>, Piece<'a>) {
        let usage = Usage {
            input: self.prompt_tokens_count.0.or(self.prompt_tokens.0),
            output: self.completion_tokens_count.0.or(self.completion_tokens.0),
            ..Usage::default()
        };
        let piece = Piece {
            visible: self.stream_token.text,
            finish_reason: self.stop_reason.non_empty(),
            usage: Some(usage),
            ..Piece::default()
        };
        (self.completion.text, piece)
    }
}

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::workload::ChatRequest;

use super::api::{BadAnswer, Piece, Provider, Reading, Target};
use super::chat_chunk::{Content, First, WireUsage};
use super::openai_body::{OpenaiBody, Says};
use super::openai_chat::read_openai_event;
use super::refusal::error_message;
use super::server_figures::{ANSWER_FIGURES, FigureTable};

/// OpenAI's text completions: one prompt, to which no chat template is applied. Pictures cannot be sent.
pub(crate) static OPENAI_COMPLETIONS: OpenaiCompletions = OpenaiCompletions;

/// A server of text completions.
#[derive(Debug)]
pub(crate) struct OpenaiCompletions;

impl Provider for OpenaiCompletions {
    fn path(&self) -> &'static str {
        "/completions"
    }

    fn carries_pictures(&self) -> bool {
        false
    }

    fn body(&self, request: &ChatRequest, target: &Target, stream: bool) -> Vec<u8> {
        OpenaiBody { says: Says::Prompt, request, target, stream, ignore_eos_by_default: false }.to_bytes()
    }

    fn read_event<'e>(&self, name: &[u8], data: &'e [u8]) -> Result<Reading<'e>, BadAnswer> {
        read_openai_event(name, data, |data| self.read_answer(data))
    }

    fn read_answer<'e>(&self, body: &'e [u8]) -> Result<Reading<'e>, BadAnswer> {
        let chunk: Chunk<'e> = serde_json::from_slice(body).map_err(|error| BadAnswer::new(error, body))?;
        if chunk.error.is_some() || chunk.object.text == "error" {
            return Ok(Reading::Fault(error_message(body)));
        }
        Ok(Reading::Piece(chunk.into_piece()))
    }

    fn server_figures(&self) -> &'static FigureTable {
        &ANSWER_FIGURES
    }
}

/// `text_completion`, streamed or whole; lenient as `ChatChunk` is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chunk<'a> {
    #[serde(borrow)]
    id: Content<'a>,
    #[serde(borrow)]
    object: Content<'a>,
    #[serde(borrow)]
    choices: First<Choice<'a>>,
    usage: Option<Box<WireUsage>>,
    error: Option<Box<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice<'a> {
    #[serde(borrow)]
    text: Content<'a>,
    /// Where some servers put thinking that they took out of the text.
    #[serde(borrow)]
    reasoning_content: Content<'a>,
    #[serde(borrow)]
    finish_reason: Content<'a>,
}

impl<'a> Chunk<'a> {
    fn into_piece(self) -> Piece<'a> {
        let Choice { text, reasoning_content, finish_reason } = self.choices.0.unwrap_or_default();
        Piece {
            id: self.id.non_empty(),
            visible: text.text,
            reasoning: reasoning_content.text,
            other: Cow::Borrowed(""),
            finish_reason: finish_reason.non_empty(),
            usage: self.usage.map(|usage| usage.into_usage()),
        }
    }
}

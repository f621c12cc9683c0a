use crate::workload::ChatRequest;

use super::api::{BadAnswer, Piece, Provider, Reading, Target};
use super::chat_chunk::ChatChunk;
use super::openai_body::{OpenaiBody, Says};
use super::refusal::error_message;
use super::server_figures::{ANSWER_FIGURES, FigureTable};

/// OpenAI's chat completions, as vLLM, `SGLang`, llama.cpp and most clouds speak it.
///
/// `ignore_eos` goes out only when the scenario sets it: OpenAI itself refuses keys that it does not know.
pub(crate) static OPENAI_CHAT: OpenaiChat = OpenaiChat { knows_ignore_eos: false };

/// A server of chat completions.
#[derive(Debug)]
pub(crate) struct OpenaiChat {
    /// Whether `ignore_eos` is understood, and then asked for by default.
    pub(crate) knows_ignore_eos: bool,
}

impl Provider for OpenaiChat {
    fn path(&self) -> &'static str {
        "/chat/completions"
    }

    fn body(&self, request: &ChatRequest, target: &Target, stream: bool) -> Vec<u8> {
        OpenaiBody { says: Says::Messages, request, target, stream, ignore_eos_by_default: self.knows_ignore_eos }
            .to_bytes()
    }

    fn read_event<'e>(&self, name: &[u8], data: &'e [u8]) -> Result<Reading<'e>, BadAnswer> {
        read_openai_event(name, data, |data| self.read_answer(data))
    }

    fn read_answer<'e>(&self, body: &'e [u8]) -> Result<Reading<'e>, BadAnswer> {
        let chunk: ChatChunk<'e> = serde_json::from_slice(body).map_err(|error| BadAnswer::new(error, body))?;
        if chunk.is_error() {
            return Ok(Reading::Fault(error_message(body)));
        }
        Ok(Reading::Piece(chunk.into_piece()))
    }

    fn server_figures(&self) -> &'static FigureTable {
        &ANSWER_FIGURES
    }
}

/// An event of a stream as OpenAI's interfaces have it: `[DONE]`, an error by its name, or data that `read` reads.
pub(super) fn read_openai_event<'e>(
    name: &[u8],
    data: &'e [u8],
    read: impl FnOnce(&'e [u8]) -> Result<Reading<'e>, BadAnswer>,
) -> Result<Reading<'e>, BadAnswer> {
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
    read(data)
}

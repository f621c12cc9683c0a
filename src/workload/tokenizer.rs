use std::path::Path;
use std::sync::Arc;

use crate::scenario::TokenizerSource;
use crate::tokens::{Tokenizer, Words};

/// The tokenizer of a source. Without one, words are counted: the server then counts, and [`super::Calibration`]
/// learns how; prompts consist of words that nearly every vocabulary has as one token.
pub fn load_tokenizer(source: Option<&TokenizerSource>) -> Result<Arc<dyn Tokenizer>, String> {
    match source {
        None => Ok(Arc::new(CommonWords)),
        Some(TokenizerSource::Words) => Ok(Arc::new(Words)),
        Some(TokenizerSource::File(path)) => Ok(Arc::new(FromFile::load(path)?)),
        Some(TokenizerSource::Hub { repository, .. }) => {
            Err(format!("hf:{repository} is not supported yet: download its tokenizer.json and write the path"))
        }
    }
}

/// Counts words, for prompts of common words only.
#[derive(Debug, Clone, Copy)]
struct CommonWords;

impl Tokenizer for CommonWords {
    fn count(&self, text: &str) -> usize {
        Words.count(text)
    }

    fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
        Words.truncate(text, tokens)
    }

    fn takes_any_text(&self) -> bool {
        false
    }
}

/// A `tokenizer.json`.
struct FromFile(tokenizers::Tokenizer);

impl FromFile {
    fn load(path: &Path) -> Result<Self, String> {
        let mut tokenizer =
            tokenizers::Tokenizer::from_file(path).map_err(|error| format!("{}: {error}", path.display()))?;
        // Files may ask for cutting and padding to a model's length: a count must be of the whole text.
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        Ok(Self(tokenizer))
    }
}

impl std::fmt::Debug for FromFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FromFile({} tokens)", self.0.get_vocab_size(true))
    }
}

impl Tokenizer for FromFile {
    fn count(&self, text: &str) -> usize {
        // Plain text always encodes; a tokenizer that refuses one leaves the request's size off, which its row shows.
        self.0.encode_fast(text, false).map_or(0, |encoding| encoding.len())
    }

    fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
        let Some(last) = tokens.checked_sub(1) else { return "" };
        let Ok(encoding) = self.0.encode(text, false) else { return text };
        let offsets = encoding.get_offsets();
        let Some(&(start, end)) = offsets.get(last) else { return text };
        // Tokens within a character all bear its whole range: unless this one ends it, the character goes.
        let within = offsets.get(last + 1).is_some_and(|(next, _)| *next < end);
        &text[..text.floor_char_boundary(if within { start } else { end })]
    }
}

//! Tokenizers: of files, of words, and of the server.

mod common_words;
mod from_file;
mod hub_cache;

use std::path::Path;
use std::sync::Arc;

use crate::tokens::{Tokenizer, Words};
use common_words::CommonWords;
use from_file::FromFile;
pub use from_file::canonical_tokenizer;
pub use hub_cache::{Cached, HubCache};

/// The tokenizer of a `tokenizer.json`'s text.
///
/// # Errors
/// What is wrong with the file.
pub fn read_tokenizer(text: &str) -> Result<Arc<dyn Tokenizer>, String> {
    read_canonical_tokenizer(&canonical_tokenizer(text)?)
}

/// The tokenizer of a text that [`canonical_tokenizer`] gave.
///
/// # Errors
/// What is wrong with it.
pub fn read_canonical_tokenizer(text: &str) -> Result<Arc<dyn Tokenizer>, String> {
    Ok(Arc::new(FromFile::new(text)?))
}

/// The same of a file.
///
/// # Errors
/// Why it cannot be read, with its path.
pub fn load_tokenizer(path: &Path) -> Result<Arc<dyn Tokenizer>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    read_tokenizer(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// A token a word, as the simulator counts.
#[must_use]
pub fn word_tokenizer() -> Arc<dyn Tokenizer> {
    Arc::new(Words)
}

/// Stands in where the server alone knows: prompts are then of words that nearly every vocabulary has as one token, and
/// [`super::Calibration`] learns how the server counts them.
#[must_use]
pub fn server_tokenizer() -> Arc<dyn Tokenizer> {
    Arc::new(CommonWords::default())
}

/// The same where only these words were found to be one token each.
#[must_use]
pub fn server_tokenizer_of(words: &[String]) -> Arc<dyn Tokenizer> {
    Arc::new(CommonWords { single: words.iter().cloned().collect() })
}

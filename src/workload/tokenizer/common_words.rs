use crate::tokens::{Tokenizer, Words};

/// Counts words, for prompts of common words only.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommonWords;

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

    fn keeps_words_apart(&self) -> bool {
        true
    }
}

use std::collections::BTreeSet;

use crate::tokens::{Tokenizer, Words};

/// Counts words, for prompts of common words only.
#[derive(Debug, Clone, Default)]
pub(super) struct CommonWords {
    /// The words that the server has as one token each; empty: all of them.
    pub(super) single: BTreeSet<String>,
}

impl Tokenizer for CommonWords {
    fn count(&self, text: &str) -> usize {
        Words.count(text)
    }

    fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
        Words.truncate(text, tokens)
    }

    fn knows(&self, word: &str) -> bool {
        self.single.is_empty() || self.single.contains(word)
    }

    fn takes_any_text(&self) -> bool {
        false
    }

    fn keeps_words_apart(&self) -> bool {
        true
    }
}

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
        // What another word costs nobody knows: more than those that prompts are made of.
        let other = |word: &&str| !self.single.is_empty() && !self.single.contains(*word);
        Words.count(text) + text.split_whitespace().filter(other).count()
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

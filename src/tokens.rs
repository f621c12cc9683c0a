//! Tokens: what a tokenizer must do, and the word tokenizer of the simulator.

/// Counts and cuts text in tokens. Implementations are cheap to share between threads.
pub trait Tokenizer: Send + Sync + std::fmt::Debug {
    /// The number of tokens of `text`, without any special tokens added round it.
    fn count(&self, text: &str) -> usize;

    /// The longest prefix of `text` that ends with the `tokens`-th token of the whole text.
    ///
    /// The prefix need not count `tokens` when it is tokenized alone; callers check.
    fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str;

    /// Whether counts hold for any text, or only for everyday words.
    fn takes_any_text(&self) -> bool {
        true
    }

    /// Whether it is known what this everyday word costs.
    fn knows(&self, word: &str) -> bool {
        let _ = word;
        true
    }

    /// Whether no token reaches from one word over the single space behind it into the next.
    ///
    /// The tokens of a text are then those before such a space and those from it on, whatever stands on either side.
    fn keeps_words_apart(&self) -> bool {
        false
    }

    /// Whether the tokens of `text` stand for exactly that text again.
    fn restores(&self, text: &str) -> bool {
        let _ = text;
        true
    }
}

/// A token a word: words are separated by white space. The simulator counts this way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Words;

impl Tokenizer for Words {
    fn count(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
        let Some(last) = tokens.checked_sub(1).and_then(|index| text.split_whitespace().nth(index)) else {
            return if tokens == 0 { "" } else { text };
        };
        let end = last.as_ptr() as usize - text.as_ptr() as usize + last.len();
        &text[..end]
    }

    fn keeps_words_apart(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_and_cut() {
        for (text, tokens, cut) in
            [("a bb  c", 2, "a bb"), ("a bb", 5, "a bb"), (" a", 1, " a"), ("a", 0, ""), ("", 3, "")]
        {
            assert_eq!(Words.truncate(text, tokens), cut, "{text:?} to {tokens}");
            assert_eq!(Words.count(cut), tokens.min(Words.count(text)));
        }
    }
}

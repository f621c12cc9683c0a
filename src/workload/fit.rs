use rand::RngExt;

use crate::seed::Rng;
use crate::tokens::Tokenizer;

/// How often a text is corrected before it is taken as it is.
const CORRECTIONS: usize = 12;

/// Fits text to an exact number of tokens with one tokenizer.
#[derive(Debug, Clone)]
pub(super) struct Fitter {
    /// Words that are one token with the space before them.
    single: Vec<&'static str>,
}

/// A text and its tokens by our count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fitted {
    pub(super) text: String,
    pub(super) tokens: usize,
}

/// How many words a salt has: with some 590 to choose from 73 bits.
const SALT_WORDS: usize = 8;

impl Fitter {
    pub(super) fn new(tokenizer: &dyn Tokenizer) -> Self {
        let is_single = |word: &&str| {
            let one = tokenizer.count(&format!("the {word}"));
            one == tokenizer.count("the") + 1
        };
        let single: Vec<&str> = super::words::common().into_iter().filter(is_single).collect();
        // A vocabulary without English: correcting goes on with what there is.
        Self { single: if single.is_empty() { super::words::common() } else { single } }
    }

    /// A salt: words that no other request has in this order. Short prompts get a short one.
    pub(super) fn salt(&self, rng: &mut Rng, wanted: usize) -> String {
        let count = SALT_WORDS.min(wanted / 2);
        (0..count).map(|_| self.word(rng)).collect::<Vec<_>>().join(" ")
    }

    /// So many words.
    pub(super) fn words(&self, rng: &mut Rng, count: usize) -> String {
        (0..count).map(|_| self.word(rng)).collect::<Vec<_>>().join(" ")
    }

    fn word(&self, rng: &mut Rng) -> &'static str {
        self.single[rng.random_range(0..self.single.len())]
    }

    /// `salt`, then `body` over and over, cut and filled up to `wanted` tokens.
    ///
    /// The count is of the text as a whole, since tokens may span the seams. A text that cannot be made exact comes
    /// as near as it came.
    pub(super) fn fit(
        &self,
        tokenizer: &dyn Tokenizer,
        salt: &str,
        body: &str,
        wanted: usize,
        rng: &mut Rng,
    ) -> Fitted {
        let whole = Self::long_enough(tokenizer, salt, body, wanted);
        let mut best: Option<Fitted> = None;
        let mut text = tokenizer.truncate(&whole, wanted).trim().to_owned();
        for _ in 0..CORRECTIONS {
            let tokens = tokenizer.count(&text);
            let nearer = best.as_ref().is_none_or(|best| tokens.abs_diff(wanted) < best.tokens.abs_diff(wanted));
            if nearer {
                best = Some(Fitted { text: text.clone(), tokens });
            }
            if tokens == wanted {
                break;
            }
            if tokens < wanted {
                text.push(' ');
                text.push_str(&self.words(rng, wanted - tokens));
            } else {
                // Cut into what merges differently when it stands last: leave room and fill up.
                let back = tokenizer.truncate(&text, wanted.saturating_sub(tokens - wanted)).trim_end();
                text = if back.len() < text.len() { back.to_owned() } else { without_last_word(&text) };
            }
        }
        best.unwrap_or(Fitted { text: String::new(), tokens: 0 })
    }

    /// The salt and as many copies of the body as `wanted` tokens take.
    fn long_enough(tokenizer: &dyn Tokenizer, salt: &str, body: &str, wanted: usize) -> String {
        let body = body.trim();
        let each = tokenizer.count(body).max(1);
        let copies = wanted / each + 1;
        let mut text = String::with_capacity(salt.len() + (body.len() + 2) * copies);
        text.push_str(salt);
        for _ in 0..copies {
            if !text.is_empty() {
                text.push_str(if tokenizer.takes_any_text() { "\n\n" } else { " " });
            }
            text.push_str(body);
        }
        text
    }
}

fn without_last_word(text: &str) -> String {
    text.rsplit_once(char::is_whitespace).map_or_else(String::new, |(head, _)| head.trim_end().to_owned())
}

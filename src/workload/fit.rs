use std::collections::BTreeMap;

use rand::seq::IndexedRandom;

use crate::seed::Rng;
use crate::tokens::Tokenizer;

/// How often a text is corrected before it is taken as it is.
const CORRECTIONS: usize = 12;

/// Fits text to an exact number of tokens with one tokenizer.
#[derive(Debug, Clone)]
pub(super) struct Fitter {
    /// Words of salts: every one costs the same, so that a salt's length never hangs on what was drawn.
    salts: Class,
    /// Words that fill up, of the least cost: one token in any vocabulary that knows English.
    fillers: Class,
}

/// Words that each cost as many tokens as the others.
#[derive(Debug, Clone)]
struct Class {
    words: Vec<&'static str>,
    /// Tokens of each with the space before it; at least 1.
    cost: usize,
}

/// Added where a whole word costs too much.
const PIECES: [&str; 4] = [".", "a", "!", "1"];

/// A text and its tokens by our count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fitted {
    pub(super) text: String,
    pub(super) tokens: usize,
}

/// How many words a salt has: with some 590 to choose from 73 bits, with [`ENOUGH`] still 64.
const SALT_WORDS: usize = 8;
/// How many words a salt is drawn from at least, where the vocabulary has them.
const ENOUGH: usize = 256;

impl Fitter {
    pub(super) fn new(tokenizer: &dyn Tokenizer) -> Self {
        let before = tokenizer.count("the");
        // By the cost within a text and at its beginning: only words that are alike in both are interchangeable.
        let mut classes: BTreeMap<(usize, usize), Vec<&'static str>> = BTreeMap::new();
        for word in super::words::common() {
            let within = tokenizer.count(&format!("the {word}")).saturating_sub(before).max(1);
            classes.entry((within, tokenizer.count(word))).or_default().push(word);
        }
        let class =
            |((cost, _), words): (&(usize, usize), &Vec<&'static str>)| Class { words: words.clone(), cost: *cost };
        let enough = classes.iter().find(|(_, words)| words.len() >= ENOUGH);
        let salts = enough.or_else(|| classes.iter().max_by_key(|(_, words)| words.len())).map(class);
        let fillers = classes.iter().next().map(class);
        let nothing = || Class { words: Vec::new(), cost: 1 };
        Self { salts: salts.unwrap_or_else(nothing), fillers: fillers.unwrap_or_else(nothing) }
    }

    /// A salt: words that no other request has in this order. Short prompts get a short one, of half their size.
    pub(super) fn salt(&self, rng: &mut Rng, wanted: usize) -> String {
        self.salts.draw(rng, self.salt_words(wanted))
    }

    /// What stands for any salt of prompts of that size: it costs what they cost.
    pub(super) fn stand_in(&self, wanted: usize) -> String {
        let words: Vec<&str> = self.salts.words.iter().copied().take(self.salt_words(wanted)).collect();
        words.join(" ")
    }

    fn salt_words(&self, wanted: usize) -> usize {
        SALT_WORDS.min(wanted / 2 / self.salts.cost)
    }

    /// So many words of a token each.
    pub(super) fn words(&self, rng: &mut Rng, count: usize) -> String {
        self.fillers.draw(rng, count)
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
        let whole = long_enough(tokenizer, salt, body, wanted);
        let mut best: Option<Fitted> = None;
        let mut text = tokenizer.truncate(&whole, wanted).trim().to_owned();
        for attempt in 0..CORRECTIONS {
            let tokens = tokenizer.count(&text);
            let nearer = best.as_ref().is_none_or(|best| tokens.abs_diff(wanted) < best.tokens.abs_diff(wanted));
            if nearer {
                best = Some(Fitted { text: text.clone(), tokens });
            }
            if tokens == wanted {
                break;
            }
            text = if tokens < wanted {
                self.pad(text, wanted - tokens, attempt, rng)
            } else {
                // What is cut may count otherwise when it stands last; the next round looks.
                let cut = tokenizer.truncate(&text, wanted).trim_end();
                if cut.len() < text.len() { cut.to_owned() } else { without_last_word(&text) }
            };
        }
        best.unwrap_or(Fitted { text: String::new(), tokens: 0 })
    }

    /// `text` and some `missing` tokens more: whole words, or a piece of one where a word is too much.
    fn pad(&self, mut text: String, missing: usize, attempt: usize, rng: &mut Rng) -> String {
        let words = missing / self.fillers.cost;
        if words == 0 {
            text.push_str(PIECES[attempt % PIECES.len()]);
        } else {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&self.words(rng, words));
        }
        text
    }
}

impl Class {
    /// So many of the words, with a space between two.
    fn draw(&self, rng: &mut Rng, count: usize) -> String {
        let words: Vec<&str> = (0..count).filter_map(|_| self.words.choose(rng).copied()).collect();
        words.join(" ")
    }
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

fn without_last_word(text: &str) -> String {
    text.rsplit_once(char::is_whitespace).map_or_else(String::new, |(head, _)| head.trim_end().to_owned())
}

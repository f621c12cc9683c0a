use std::collections::BTreeMap;

use rand::seq::IndexedRandom;

use super::ruler::{Ruler, adds_up};
use super::seams::{begins_at_seam, seams};
use crate::seed::Rng;
use crate::tokens::Tokenizer;

/// Prose, figures, code and several scripts: where the counts of its parts add up, those of any text do.
const SAMPLE: &str = include_str!("probe.txt");

/// Room for that much text is made at once.
const BYTES_A_TOKEN: usize = 5;

/// How often a text is corrected before it is taken as it is.
const CORRECTIONS: usize = 12;

/// Fits text to an exact number of tokens with one tokenizer.
///
/// It takes about a thousand counts to make: one serves for all that a tokenizer counts.
#[derive(Debug, Clone)]
pub struct Fitter {
    /// Words of salts: every one costs the same, so that a salt's length never hangs on what was drawn.
    salts: Class,
    /// Words that fill up, of the least cost: one token in any vocabulary that knows English.
    fillers: Class,
    /// Whether the counts of parts are those of the whole.
    adds_up: bool,
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
    /// Tries every everyday word.
    #[must_use]
    pub fn new(tokenizer: &dyn Tokenizer) -> Self {
        let before = tokenizer.count("the");
        // By the cost within a text and at its beginning: only words that are alike in both are interchangeable.
        let mut classes: BTreeMap<(usize, usize), Vec<&'static str>> = BTreeMap::new();
        for word in super::words::common().iter().copied().filter(|word| tokenizer.knows(word)) {
            let within = tokenizer.count(&format!("the {word}")).saturating_sub(before).max(1);
            classes.entry((within, tokenizer.count(word))).or_default().push(word);
        }
        let class =
            |((cost, _), words): (&(usize, usize), &Vec<&'static str>)| Class { words: words.clone(), cost: *cost };
        let enough = classes.iter().find(|(_, words)| words.len() >= ENOUGH);
        let salts = enough.or_else(|| classes.iter().max_by_key(|(_, words)| words.len())).map(class);
        let fillers = classes.iter().next().map(class);
        let nothing = || Class { words: Vec::new(), cost: 1 };
        Self {
            salts: salts.unwrap_or_else(nothing),
            fillers: fillers.unwrap_or_else(nothing),
            adds_up: tokenizer.keeps_words_apart() && adds_up(tokenizer, SAMPLE),
        }
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

    /// Whether the counts of the parts of a text, from seam to seam, are that of the whole.
    pub(super) fn adds_up(&self) -> bool {
        self.adds_up
    }

    /// So many words of a token each.
    pub(super) fn words(&self, rng: &mut Rng, count: usize) -> String {
        self.fillers.draw(rng, count)
    }

    /// `salt`, then `body` over and over, cut and filled up to `wanted` tokens.
    ///
    /// Counted in parts where the tokenizer's counts add up, else as a whole, since tokens may span the seams. A text
    /// that cannot be made exact comes as near as it came.
    pub(super) fn fit(
        &self,
        tokenizer: &dyn Tokenizer,
        salt: &str,
        body: &str,
        wanted: usize,
        rng: &mut Rng,
    ) -> Fitted {
        let between = if tokenizer.takes_any_text() { "\n\n" } else { " " };
        let copies = Copies { salt, body: body.trim(), between };
        let in_parts = if self.adds_up { self.fit_in_parts(tokenizer, &copies, wanted, rng) } else { None };
        in_parts.unwrap_or_else(|| {
            let whole = copies.long_enough(tokenizer, wanted);
            let ruler = Ruler::of_texts(tokenizer);
            self.settle(ruler, ruler.cut(&whole, wanted), wanted, rng)
        })
    }

    /// The same without counting any text twice; `None` where there are no seams to count at.
    fn fit_in_parts(
        &self,
        tokenizer: &dyn Tokenizer,
        copies: &Copies<'_>,
        wanted: usize,
        rng: &mut Rng,
    ) -> Option<Fitted> {
        let (mut text, round) = copies.opening_and_round()?;
        let missing = wanted.checked_sub(tokenizer.count(&text))?;
        let ruler = Ruler::of_parts(tokenizer);
        text.reserve(missing * BYTES_A_TOKEN);
        let (part, missing) = ruler.fill(&mut text, &round, missing);
        if missing > 0 {
            let end = self.settle(ruler, ruler.cut(part, missing), missing, rng);
            // What does not begin as a part does was not counted rightly.
            if end.tokens != missing || !begins_at_seam(&end.text) {
                return None;
            }
            text.push_str(&end.text);
        }
        Some(Fitted { text, tokens: wanted })
    }

    /// `text` with words and pieces of words added or taken at its end until it counts `wanted`, or as near as it came.
    fn settle(&self, ruler: Ruler<'_>, text: &str, wanted: usize, rng: &mut Rng) -> Fitted {
        let mut best: Option<Fitted> = None;
        let mut text = text.to_owned();
        for attempt in 0..CORRECTIONS {
            let tokens = ruler.count(&text);
            let nearer = best.as_ref().is_none_or(|best| tokens.abs_diff(wanted) < best.tokens.abs_diff(wanted));
            if nearer {
                best = Some(Fitted { text: text.clone(), tokens });
            }
            if tokens == wanted {
                break;
            }
            text = if tokens < wanted {
                self.pad(text, wanted - tokens, attempt, ruler.is_of_parts(), rng)
            } else {
                // What is cut may count otherwise when it stands last; the next round looks.
                let cut = ruler.cut(&text, wanted);
                if cut.len() < text.len() { cut.to_owned() } else { without_last_word(&text) }
            };
        }
        best.unwrap_or(Fitted { text: String::new(), tokens: 0 })
    }

    /// `text` and some `missing` tokens more: whole words, or a piece of one where a word is too much. `behind` other
    /// text, words begin with a space.
    fn pad(&self, mut text: String, missing: usize, attempt: usize, behind: bool, rng: &mut Rng) -> String {
        let words = missing / self.fillers.cost;
        if words == 0 {
            text.push_str(PIECES[attempt % PIECES.len()]);
        } else {
            if behind || !text.is_empty() {
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

/// What a text consists of: a salt, then copies of a body.
struct Copies<'s> {
    salt: &'s str,
    body: &'s str,
    /// Stands between any two.
    between: &'static str,
}

impl Copies<'_> {
    /// The text up to the first seam of the body, and what follows again and again: from there to the same seam of the
    /// next copy. `None` of a body without seams.
    fn opening_and_round(&self) -> Option<(String, String)> {
        let at = seams(self.body).next()?;
        let (begin, rest) = self.body.split_at(at);
        let between = if self.salt.is_empty() { "" } else { self.between };
        Some(([self.salt, between, begin].concat(), [rest, self.between, begin].concat()))
    }

    /// The salt and as many copies of the body as `wanted` tokens take.
    fn long_enough(&self, tokenizer: &dyn Tokenizer, wanted: usize) -> String {
        let copies = wanted / tokenizer.count(self.body).max(1) + 1;
        let salt = std::iter::once(self.salt).filter(|salt| !salt.is_empty());
        salt.chain(std::iter::repeat_n(self.body, copies)).collect::<Vec<_>>().join(self.between)
    }
}

fn without_last_word(text: &str) -> String {
    text.rsplit_once(char::is_whitespace).map_or_else(String::new, |(head, _)| head.trim_end().to_owned())
}

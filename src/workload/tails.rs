use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::fit::{Fitted, Fitter};
use super::seams::seams;
use crate::seed::Seed;
use crate::tokens::Tokenizer;

/// What follows the salt in prompts of one body and size: fitted once, then set behind every request's own salt.
///
/// To fit a text takes several passes over the whole of it, which a fast cell has no time for. Most templates render
/// alike for every request, and the salts all cost the same, so the passes are made once, behind a stand-in salt.
/// A tail hangs on its body and size alone: who asks first, and whether it is still remembered, changes no prompt.
#[derive(Debug, Default)]
pub(super) struct Tails(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// By size and body; `None` where no tail fits behind every salt.
    tails: BTreeMap<usize, HashMap<String, Arc<Option<Tail>>>>,
    bytes: usize,
    count: usize,
}

/// Bodies and tails remembered; all are forgotten when they come to more, as when every request renders its own.
const MOST_BYTES: usize = 32 << 20;
/// And as many of them.
const MOST: usize = 1024;

#[derive(Debug)]
struct Tail {
    text: String,
    /// How much of `text` is counted again behind each salt.
    seam: usize,
    /// The tokens of the stand-in and the seam.
    seam_tokens: usize,
}

impl Tails {
    /// `salt`, then `body` fitted to `wanted` tokens in all.
    ///
    /// Behind `salt` only the beginning is counted again, as one string with the salt, up to the first place from which
    /// the count adds up whatever stands before. When that differs, the text is fitted on its own.
    pub(super) fn fit(
        &self,
        fitter: &Fitter,
        tokenizer: &dyn Tokenizer,
        salt: &str,
        body: &str,
        wanted: usize,
        fill: Seed,
    ) -> Fitted {
        let tail = self.recall(body, wanted).unwrap_or_else(|| {
            let stand_in = if salt.is_empty() { String::new() } else { fitter.stand_in(wanted) };
            let tail = Tail::new(fitter, tokenizer, &stand_in, body, wanted, fill);
            self.remember(body, wanted, tail)
        });
        tail.as_ref()
            .as_ref()
            .and_then(|tail| tail.behind(tokenizer, salt, wanted))
            .unwrap_or_else(|| fitter.fit(tokenizer, salt, body, wanted, &mut fill.rng()))
    }

    fn recall(&self, body: &str, wanted: usize) -> Option<Arc<Option<Tail>>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.tails.get(&wanted)?.get(body).cloned()
    }

    fn remember(&self, body: &str, wanted: usize, tail: Option<Tail>) -> Arc<Option<Tail>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.bytes > MOST_BYTES || known.count >= MOST {
            *known = Remembered::default();
        }
        known.count += 1;
        known.bytes += body.len() + tail.as_ref().map_or(0, |tail| tail.text.len());
        let tail = Arc::new(tail);
        known.tails.entry(wanted).or_default().insert(body.to_owned(), Arc::clone(&tail));
        tail
    }
}

impl Tail {
    /// The tail behind a stand-in; `None` when the two do not come to `wanted` tokens with the stand-in whole.
    fn new(
        fitter: &Fitter,
        tokenizer: &dyn Tokenizer,
        stand_in: &str,
        body: &str,
        wanted: usize,
        fill: Seed,
    ) -> Option<Self> {
        let whole = fitter.fit(tokenizer, stand_in, body, wanted, &mut fill.rng());
        let text = whole.text.strip_prefix(stand_in).filter(|_| whole.tokens == wanted)?.to_owned();
        let first = if fitter.adds_up() { seams(&text).next() } else { None };
        let seam = first.unwrap_or(text.len());
        let seam_tokens = tokenizer.count(&whole.text[..stand_in.len() + seam]);
        Some(Self { text, seam, seam_tokens })
    }

    /// The tail behind `salt`; `None` when the seam counts otherwise there.
    fn behind(&self, tokenizer: &dyn Tokenizer, salt: &str, wanted: usize) -> Option<Fitted> {
        let mut text = String::with_capacity(salt.len() + self.text.len());
        text.push_str(salt);
        text.push_str(&self.text[..self.seam]);
        if !salt.is_empty() && tokenizer.count(&text) != self.seam_tokens {
            return None;
        }
        text.push_str(&self.text[self.seam..]);
        Some(Fitted { text, tokens: wanted })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::tokens::Words;

    /// Counts words, and each that begins with `q` twice at the beginning of a text; remembers how much it read.
    #[derive(Debug, Default)]
    struct Odd(AtomicUsize);

    impl Tokenizer for Odd {
        fn count(&self, text: &str) -> usize {
            self.0.fetch_add(text.len(), Ordering::Relaxed);
            Words.count(text) + usize::from(text.starts_with('q'))
        }

        fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
            self.0.fetch_add(text.len(), Ordering::Relaxed);
            Words.truncate(text, tokens)
        }

        fn keeps_words_apart(&self) -> bool {
            true
        }
    }

    const BODY: &str = "tell me all about the bridges of the town";

    #[test]
    fn a_tail_is_fitted_once_and_the_same_text_comes_whether_it_is_known_or_not() {
        let (tokenizer, fill) = (Odd::default(), Seed::root(1));
        let fitter = Fitter::new(&tokenizer);
        let tails = Tails::default();
        let fit = |tails: &Tails, salt: &str| tails.fit(&fitter, &tokenizer, salt, BODY, 1000, fill);
        let first = fit(&tails, "one two three four five six seven eight");
        let read = tokenizer.0.load(Ordering::Relaxed);
        let second = fit(&tails, "bird tree stone river word sun snow wind");
        assert!(tokenizer.0.load(Ordering::Relaxed) - read < first.text.len() / 10, "only the seam is read again");
        assert_eq!((first.tokens, Words.count(&first.text)), (1000, 1000));
        assert_eq!(second, fit(&Tails::default(), "bird tree stone river word sun snow wind"));
        assert_ne!(first.text, second.text);
    }

    #[test]
    fn a_salt_that_counts_otherwise_gets_a_text_of_its_own() {
        let (tokenizer, fill) = (Odd::default(), Seed::root(1));
        let fitter = Fitter::new(&tokenizer);
        for wanted in [12, 20, 1000] {
            let salt = "queen two three four five six seven eight";
            let made = Tails::default().fit(&fitter, &tokenizer, salt, BODY, wanted, fill);
            assert_eq!((made.tokens, Words.count(&made.text)), (wanted, wanted - 1), "{wanted}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let tails = Tails::default();
        for index in 0..40 {
            let body = format!("{index}{}", "x".repeat(1 << 20));
            tails.remember(&body, 1, None);
        }
        assert!(tails.0.lock().unwrap().bytes <= MOST_BYTES + (2 << 20));
        assert!(tails.recall(&format!("39{}", "x".repeat(1 << 20)), 1).is_some());
        for index in 0..10_000 {
            tails.remember(&index.to_string(), 1, None);
        }
        assert!(tails.0.lock().unwrap().tails[&1].len() <= MOST);
    }
}

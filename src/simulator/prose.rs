//! What the simulated models say: short English words, a token each.

use rand_chacha::rand_core::Rng as _;

use crate::seed::{Rng, Seed};

/// As many as fit six random bits.
const WORDS: [&str; 64] = [
    "the", "river", "runs", "past", "old", "stone", "walls", "and", "green", "hills", "where", "sheep", "graze", "in",
    "soft", "morning", "light", "while", "a", "boat", "drifts", "slowly", "down", "to", "sea", "with", "its", "sails",
    "folded", "no", "wind", "blows", "today", "but", "clouds", "gather", "far", "away", "over", "blue", "water",
    "soon", "rain", "will", "fall", "on", "every", "roof", "of", "this", "small", "town", "people", "close", "their",
    "doors", "wait", "for", "sun", "bread", "bakes", "cats", "sleep", "warm",
];

/// An endless text, the same for the same seed.
#[derive(Debug)]
pub(super) struct Prose(Rng);

impl Prose {
    pub(super) fn new(seed: Seed) -> Self {
        Self(seed.rng())
    }

    pub(super) fn next_word(&mut self) -> &'static str {
        let [byte, ..] = self.0.next_u32().to_le_bytes();
        WORDS[usize::from(byte % 64)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(seed: u64) -> Vec<&'static str> {
        let mut prose = Prose::new(Seed::root(seed));
        (0..200).map(|_| prose.next_word()).collect()
    }

    #[test]
    fn a_seed_has_its_text() {
        assert_eq!(words(1), words(1));
        assert_ne!(words(1), words(2));
        assert!(WORDS.iter().all(|word| word.chars().all(|letter| letter.is_ascii_lowercase()) && !word.is_empty()));
    }
}

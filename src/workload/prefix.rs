use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::fit::{Fitted, Fitter};
use crate::scenario::SharedPrefix;
use crate::seed::Seed;
use crate::tokens::Tokenizer;

/// Text that all requests of a group begin with: everyday words of an exact token count.
#[derive(Debug)]
pub(super) struct Prefixes {
    settings: SharedPrefix,
    seed: Seed,
    made: Mutex<HashMap<(u64, usize), Arc<Fitted>>>,
}

/// Prefixes remembered; all are forgotten when they come to more bytes.
const MOST_BYTES: usize = 32 << 20;

/// Bytes on either side of a seam in which it shows what it does to the count; merges span a few tokens.
const SEAM: usize = 160;

/// How often the rest is fitted again for what the seam adds or takes.
const CORRECTIONS: usize = 3;

impl Prefixes {
    pub(super) fn new(settings: SharedPrefix, seed: Seed) -> Self {
        Self { settings, seed: seed.child("prefix"), made: Mutex::default() }
    }

    /// The prefix of the group of the `index`-th request: groups take turns. It leaves at least a token of `wanted`.
    pub(super) fn of(
        &self,
        index: u64,
        wanted: usize,
        fitter: &Fitter,
        tokenizer: &dyn Tokenizer,
    ) -> Option<Arc<Fitted>> {
        let tokens = usize::try_from(self.settings.tokens).unwrap_or(usize::MAX).min(wanted.saturating_sub(1));
        if tokens == 0 {
            return None;
        }
        let group = index % self.settings.groups.max(1);
        if let Some(known) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&(group, tokens)) {
            return Some(Arc::clone(known));
        }
        let seed = self.seed.index(group);
        let words = fitter.words(&mut seed.rng(), tokens);
        let made = Arc::new(fitter.fit(tokenizer, "", &words, tokens, &mut seed.child("fill").rng()));
        let mut known = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if known.values().map(|prefix| prefix.text.len()).sum::<usize>() > MOST_BYTES {
            known.clear();
        }
        known.insert((group, tokens), Arc::clone(&made));
        Some(made)
    }
}

/// `prefix` and a rest that `fit` makes to a size, `wanted` tokens together; `None` when no size of the rest gives that.
///
/// The two are not counted as a whole, which would take long for every request of a long prefix: only their seam is.
pub(super) fn join(
    prefix: &Fitted,
    wanted: usize,
    tokenizer: &dyn Tokenizer,
    fit: impl Fn(usize) -> Fitted,
) -> Option<Fitted> {
    let mut aim = wanted.saturating_sub(prefix.tokens).max(1);
    for _ in 0..CORRECTIONS {
        let rest = fit(aim);
        let tokens = (prefix.tokens + rest.tokens).saturating_add_signed(seam(tokenizer, &prefix.text, &rest.text));
        if tokens == wanted {
            return Some(Fitted { text: format!("{} {}", prefix.text, rest.text), tokens });
        }
        aim = (aim + wanted).saturating_sub(tokens).max(1);
    }
    None
}

/// What it adds to the count when the two stand together, a space between them.
fn seam(tokenizer: &dyn Tokenizer, before: &str, after: &str) -> isize {
    let before = &before[before.floor_char_boundary(before.len().saturating_sub(SEAM))..];
    let after = &after[..after.floor_char_boundary(SEAM)];
    let count = |text: &str| isize::try_from(tokenizer.count(text)).unwrap_or(isize::MAX);
    count(&format!("{before} {after}")) - count(before) - count(after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::scenario::{SharedPrefix, Unique};
    use crate::tokens::Tokenizer;
    use crate::workload::tests::{order, tokenizers_of_all_kinds};
    use crate::workload::{Synthetic, SyntheticOrder};
    use std::sync::Arc;

    const CELL: &str = "model=a input_tokens=107 output_tokens=5 concurrency=4 language=en";

    fn made(tokenizer: &Arc<dyn Tokenizer>, prefix: (u64, u64), unique: Unique) -> Synthetic {
        let shared_prefix = SharedPrefix { tokens: prefix.0, groups: prefix.1 };
        Synthetic::new(SyntheticOrder { unique, shared_prefix, ..order(CELL, Arc::clone(tokenizer)) })
    }

    fn text(synthetic: &Synthetic, index: u64) -> String {
        synthetic.request("measure", index).unwrap().messages[0].text().unwrap().to_owned()
    }

    #[test]
    fn requests_of_a_group_share_exactly_the_prefix_and_no_others_do() {
        for (name, tokenizer) in tokenizers_of_all_kinds() {
            let synthetic = made(tokenizer, (40, 3), Unique::Run);
            let texts: Vec<String> = (0..6).map(|index| text(&synthetic, index)).collect();
            for (index, text) in texts.iter().enumerate() {
                assert_eq!(tokenizer.count(text), 100, "{name}: {text}");
                let prefix = tokenizer.truncate(text, 40);
                assert_eq!(tokenizer.count(prefix), 40, "{name}");
                for (other, theirs) in texts.iter().enumerate().filter(|(other, _)| *other != index) {
                    assert_eq!(theirs.starts_with(prefix), other % 3 == index % 3, "{name}: {index} {other}");
                    assert_ne!(text, theirs);
                }
            }
        }
    }

    #[test]
    fn a_prefix_is_as_new_as_the_salts() {
        let tokenizer = &tokenizers_of_all_kinds()[0].1;
        let prefix = |unique, nonce| {
            let shared_prefix = SharedPrefix { tokens: 40, groups: 1 };
            let order = SyntheticOrder { nonce, unique, shared_prefix, ..order(CELL, Arc::clone(tokenizer)) };
            tokenizer.truncate(&text(&Synthetic::new(order), 0), 40).to_owned()
        };
        assert_ne!(prefix(Unique::Run, 1), prefix(Unique::Run, 2));
        assert_eq!(prefix(Unique::Seed, 1), prefix(Unique::Seed, 2));
        assert_eq!(prefix(Unique::None, 1), prefix(Unique::None, 2));
    }

    proptest! {
        #[test]
        fn any_size_is_met_with_any_prefix(tokens in 1..120_u64, kind in 0..5_usize, salted: bool, index in 0..9_u64) {
            let (name, tokenizer) = &tokenizers_of_all_kinds()[kind];
            let synthetic = made(tokenizer, (tokens, 2), if salted { Unique::Run } else { Unique::None });
            let text = text(&synthetic, index);
            prop_assert_eq!(tokenizer.count(&text), 100, "{} {}: {}", name, tokens, text);
            prop_assert_eq!(text.trim(), &text);
        }
    }
}

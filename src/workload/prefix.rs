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
    pub(super) fn of(&self, index: u64, wanted: usize, fitter: &Fitter, tokenizer: &dyn Tokenizer) -> Option<Arc<Fitted>> {
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

/// `prefix` and a rest that `fit` makes to a size, `wanted` tokens together.
///
/// The two are not counted as a whole, which would take long for every request of a long prefix: only their seam is.
pub(super) fn join(
    prefix: &Fitted,
    wanted: usize,
    tokenizer: &dyn Tokenizer,
    fit: impl Fn(usize) -> Fitted,
) -> Fitted {
    let mut aim = wanted.saturating_sub(prefix.tokens).max(1);
    let mut best: Option<Fitted> = None;
    for _ in 0..CORRECTIONS {
        let rest = fit(aim);
        let tokens = (prefix.tokens + rest.tokens).saturating_add_signed(seam(tokenizer, &prefix.text, &rest.text));
        if best.as_ref().is_none_or(|best| tokens.abs_diff(wanted) < best.tokens.abs_diff(wanted)) {
            best = Some(Fitted { text: format!("{} {}", prefix.text, rest.text), tokens });
        }
        if tokens == wanted {
            break;
        }
        aim = (aim + wanted).saturating_sub(tokens).max(1);
    }
    best.unwrap_or_else(|| prefix.clone())
}

/// What it adds to the count when the two stand together, a space between them.
fn seam(tokenizer: &dyn Tokenizer, before: &str, after: &str) -> isize {
    let before = &before[before.floor_char_boundary(before.len().saturating_sub(SEAM))..];
    let after = &after[..after.floor_char_boundary(SEAM)];
    let count = |text: &str| isize::try_from(tokenizer.count(text)).unwrap_or(isize::MAX);
    count(&format!("{before} {after}")) - count(before) - count(after)
}

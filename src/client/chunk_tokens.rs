use crate::record::TokenSource;
use crate::tokens::Tokenizer;

use super::content::Content;

/// How many tokens each chunk of an answer brought, and by whose count.
///
/// In this order, the first that can be said:
/// 1. the server's running total on every chunk: its differences;
/// 2. as many chunks as the server counts tokens: one each. One fewer is the same when the model stopped by
///    itself, as servers count the stop token, which brings no text;
/// 3. a tokenizer of ours, chunk by chunk;
/// 4. the server's total shared out by bytes;
/// 5. one each, for want of anything better.
pub(crate) fn tokens_of_chunks(
    content: &Content,
    total: Option<u64>,
    stopped_by_itself: bool,
    tokenizer: Option<&dyn Tokenizer>,
) -> Option<(Vec<u32>, TokenSource)> {
    let chunks = content.chunks();
    if chunks.is_empty() {
        return None;
    }
    if let Some(steps) = running_steps(content) {
        return Some((steps, TokenSource::Usage));
    }
    let count = u64::try_from(chunks.len()).unwrap_or(u64::MAX);
    let one_each = vec![1; chunks.len()];
    if total == Some(count) || (stopped_by_itself && total == Some(count.saturating_add(1))) {
        return Some((one_each, TokenSource::Usage));
    }
    if let Some(tokenizer) = tokenizer {
        let tokens = content.chunk_texts().map(|texts| {
            let tokens: usize = texts.iter().filter(|text| !text.is_empty()).map(|text| tokenizer.count(text)).sum();
            u32::try_from(tokens).unwrap_or(u32::MAX)
        });
        return Some((tokens.collect(), TokenSource::Tokenizer));
    }
    let shares = match total {
        Some(total) => share(total, &content.chunk_bytes().collect::<Vec<_>>()),
        None => one_each,
    };
    Some((shares, TokenSource::Estimate))
}

/// Differences of the running totals, when every chunk has one, none falls and something is counted.
///
/// The first chunk must bring a token: a total that begins at 0 is one that lags behind.
fn running_steps(content: &Content) -> Option<Vec<u32>> {
    let mut before = 0;
    let mut steps = Vec::with_capacity(content.chunks().len());
    for chunk in content.chunks() {
        let total = chunk.usage_total()?;
        steps.push(u32::try_from(total.checked_sub(before)?).ok()?);
        before = total;
    }
    let moves = steps.len() == 1 || steps[1..].iter().any(|step| *step > 0);
    (steps.first().is_some_and(|first| *first > 0) && moves).then_some(steps)
}

/// `total` in whole parts as near as possible to `weights`' proportions (largest remainder).
fn share(total: u64, weights: &[usize]) -> Vec<u32> {
    let wide = |weight: usize| weight as u128;
    let sum: u128 = weights.iter().copied().map(wide).sum::<u128>().max(1);
    let parts = weights.iter().map(|weight| u128::from(total) * wide(*weight));
    let (mut shares, mut remainders) = (Vec::with_capacity(weights.len()), Vec::with_capacity(weights.len()));
    for (index, part) in parts.enumerate() {
        shares.push(u32::try_from(part / sum).unwrap_or(u32::MAX));
        remainders.push((part % sum, index));
    }
    let given: u64 = shares.iter().copied().map(u64::from).sum();
    remainders.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let missing = usize::try_from(total.saturating_sub(given)).unwrap_or(usize::MAX);
    for (_, index) in remainders.into_iter().take(missing) {
        shares[index] = shares[index].saturating_add(1);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::api::{Piece, Usage};
    use crate::tokens::Words;
    use proptest::prelude::*;

    fn content(chunks: &[(&str, Option<u64>)]) -> Content {
        let mut content = Content::default();
        for (text, total) in chunks {
            let usage = total.map(|total| Usage { output: Some(total), ..Usage::default() });
            content.take(&Piece { visible: (*text).into(), usage, ..Piece::default() }, 0);
        }
        content
    }

    #[test]
    fn the_best_count_there_is() {
        use TokenSource::{Estimate, Tokenizer, Usage};
        let plain = content(&[("a b", None), (" cc", None), (" dd ee", None)]);
        let running = content(&[("a b", Some(2)), (" cc", Some(3)), (" dd ee", Some(5))]);
        let lagging = content(&[("a b", Some(0)), (" cc", Some(0)), (" dd ee", Some(5))]);
        let constant = content(&[("a b", Some(5)), (" cc", Some(5)), (" dd ee", Some(5))]);
        let falling = content(&[("a b", Some(3)), (" cc", Some(2)), (" dd ee", Some(5))]);
        let words: &dyn crate::tokens::Tokenizer = &Words;
        for (what, content, total, stopped, tokenizer, expected) in [
            ("running", &running, Some(5), false, Some(words), (vec![2, 1, 2], Usage)),
            ("one each", &plain, Some(3), false, Some(words), (vec![1, 1, 1], Usage)),
            ("and a stop token", &plain, Some(4), true, Some(words), (vec![1, 1, 1], Usage)),
            ("cut at the limit", &plain, Some(4), false, Some(words), (vec![2, 1, 2], Tokenizer)),
            ("tokenizer", &plain, Some(5), false, Some(words), (vec![2, 1, 2], Tokenizer)),
            ("lagging", &lagging, Some(5), false, Some(words), (vec![2, 1, 2], Tokenizer)),
            ("constant", &constant, Some(5), false, Some(words), (vec![2, 1, 2], Tokenizer)),
            ("falling", &falling, Some(5), false, Some(words), (vec![2, 1, 2], Tokenizer)),
            ("shared by bytes", &plain, Some(8), false, None, (vec![2, 2, 4], Estimate)),
            ("nothing known", &plain, None, false, None, (vec![1, 1, 1], Estimate)),
        ] {
            assert_eq!(tokens_of_chunks(content, total, stopped, tokenizer), Some(expected), "{what}");
        }
        assert_eq!(tokens_of_chunks(&content(&[]), Some(3), false, Some(words)), None);
    }

    proptest! {
        #[test]
        fn shares_add_up_and_are_fair(total in 0_u64..5000, weights in prop::collection::vec(0_usize..300, 1..60)) {
            prop_assume!(weights.iter().sum::<usize>() > 0);
            let shares = share(total, &weights);
            prop_assert_eq!(shares.iter().copied().map(u64::from).sum::<u64>(), total);
            let sum: usize = weights.iter().sum();
            for (part, weight) in shares.iter().zip(&weights) {
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                let exact = total as f64 * *weight as f64 / sum as f64;
                prop_assert!((f64::from(*part) - exact).abs() < 1.0);
            }
        }
    }
}

use super::seams::seams;
use crate::tokens::Tokenizer;

/// Counts with one tokenizer: a whole text, or a part of one that begins at a seam and ends at another or at the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ruler<'t> {
    tokenizer: &'t dyn Tokenizer,
    /// Stands before every part, so that it is not taken for the beginning of a text.
    before: &'static str,
    tokens_before: usize,
}

/// A word that ends as a text before a seam does.
const BEFORE: &str = "the";

/// Parts are not shorter, so that counting them one by one costs little more than counting them together.
const SHORTEST_PART: usize = 256;

impl<'t> Ruler<'t> {
    /// Of whole texts.
    pub(super) fn of_texts(tokenizer: &'t dyn Tokenizer) -> Self {
        Self { tokenizer, before: "", tokens_before: 0 }
    }

    /// Of parts, whose counts add up to that of the text.
    pub(super) fn of_parts(tokenizer: &'t dyn Tokenizer) -> Self {
        Self { tokenizer, before: BEFORE, tokens_before: tokenizer.count(BEFORE) }
    }

    /// Whether it counts parts.
    pub(super) fn is_of_parts(&self) -> bool {
        !self.before.is_empty()
    }

    /// The tokens of a text, or those that a part has within its text.
    pub(super) fn count(&self, text: &str) -> usize {
        if !self.is_of_parts() || text.is_empty() {
            return self.tokenizer.count(text);
        }
        let mut behind = String::with_capacity(self.before.len() + text.len());
        behind.push_str(self.before);
        behind.push_str(text);
        self.tokenizer.count(&behind).saturating_sub(self.tokens_before)
    }

    /// The beginning of a text or part that has about so many tokens, no white space at its end.
    ///
    /// Of a part it is the longest that has no more of them and ends at a seam.
    pub(super) fn cut<'a>(&self, text: &'a str, tokens: usize) -> &'a str {
        if !self.is_of_parts() {
            return self.tokenizer.truncate(text, tokens).trim_end();
        }
        let places: Vec<usize> = seams(text).collect();
        let fit = places.partition_point(|at| self.count(&text[..*at]) <= tokens);
        fit.checked_sub(1).map_or("", |last| &text[..places[last]])
    }

    /// Adds `round`, a part, to `text` over and over while that adds no more than `missing` tokens, at last as many of
    /// its own parts as do. Returns the part that was too long, and how many tokens are missing still.
    ///
    /// Nothing is counted twice.
    pub(super) fn fill<'r>(&self, text: &mut String, round: &'r str, missing: usize) -> (&'r str, usize) {
        let mut known = Vec::new();
        let mut left = missing;
        for part in parts(round) {
            let tokens = self.count(part);
            if tokens > left {
                return (part, left);
            }
            text.push_str(part);
            left -= tokens;
            known.push((part, tokens));
        }
        // A round without tokens would have no end.
        let Some(copies) = left.checked_div(missing - left) else { return ("", left) };
        (0..copies).for_each(|_| text.push_str(round));
        left %= missing - left;
        for (part, tokens) in known {
            if tokens > left {
                return (part, left);
            }
            text.push_str(part);
            left -= tokens;
        }
        ("", left)
    }
}

/// A part in shorter ones, each from a seam to the next but those too near.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut seams = seams(text);
    let mut from = 0;
    std::iter::from_fn(move || {
        if from == text.len() {
            return None;
        }
        let to = seams.find(|at| *at >= from + SHORTEST_PART).unwrap_or(text.len());
        let part = &text[from..to];
        from = to;
        Some(part)
    })
}

/// Whether the counts of the parts of `sample` are those of the whole, wherever it is parted.
pub(super) fn adds_up(tokenizer: &dyn Tokenizer, sample: &str) -> bool {
    let (whole, parts) = (tokenizer.count(sample), Ruler::of_parts(tokenizer));
    seams(sample).all(|at| tokenizer.count(&sample[..at]) + parts.count(&sample[at..]) == whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Words;

    #[test]
    fn a_text_is_its_parts() {
        let text = format!(" one{}", " two, three".repeat(200));
        assert_eq!(parts(&text).collect::<String>(), text);
        assert!(parts(&text).all(|part| part.starts_with(' ') && part.len() < SHORTEST_PART + 12));
        assert_eq!(parts("").count(), 0);
        assert_eq!(parts(" 한").collect::<Vec<_>>(), [" 한"]);
    }

    #[test]
    fn rounds_fill_up_to_the_last_part_that_fits() {
        let round = " one two three".repeat(60);
        let ruler = Ruler::of_parts(&Words);
        for missing in [1, 80, 179, 180, 181, 3000] {
            let mut text = "so".to_owned();
            let (part, left) = ruler.fill(&mut text, &round, missing);
            assert_eq!(Words.count(&text) - 1 + left, missing, "{missing}");
            assert!(left == 0 || Words.count(part) > left, "{missing}");
            let cut = ruler.cut(part, left);
            assert!(left == 0 || Words.count(cut) == left, "{missing}: {cut:?}");
        }
    }
}

/// The places at which a text may be counted in two parts, ascending: each a byte offset, of a single space between a
/// word and the next.
///
/// What splits text into words before it is tokenized looks at runs of one kind of character, and only white space at
/// what follows it; a single space between a word and a letter belongs to the letter, or to nobody, wherever it stands.
/// Normal forms of Unicode change no letter for what is before it. So the two parts are tokenized alike, apart and
/// together, unless a token of the vocabulary spans the place.
pub(super) fn seams(text: &str) -> impl DoubleEndedIterator<Item = usize> {
    text.match_indices(' ').map(|(at, _)| at).filter(|at| is_seam(text, *at))
}

/// Whether a part begins as one does behind a word: with a space and a letter.
pub(super) fn begins_at_seam(part: &str) -> bool {
    part.strip_prefix(' ').and_then(|rest| rest.chars().next()).is_some_and(is_letter)
}

/// Whether the space at byte `at` is one.
fn is_seam(text: &str, at: usize) -> bool {
    let ends = text[..at].chars().next_back().is_some_and(|c| is_letter(c) || c.is_ascii_digit() || ENDS.contains(c));
    ends && begins_at_seam(&text[at..])
}

/// What may end a word, besides letters and figures.
const ENDS: &str = ".,;:!?)";

/// Letters that no normal form joins with what stands before them.
fn is_letter(c: char) -> bool {
    matches!(c, 'a'..='z' | 'A'..='Z' | '가'..='힣' | '一'..='鿿')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seams_lie_between_words_and_nowhere_else() {
        for (text, places) in [
            ("one two three", &[3, 7][..]),
            ("one  two", &[]),
            ("one\n two", &[]),
            ("a, b. c! 4 d", &[2, 5, 10]),
            ("it 's \u{301}x - y", &[]),
            ("한국어 문장", &[9]),
            (" one", &[]),
            ("one ", &[]),
            ("", &[]),
        ] {
            assert_eq!(seams(text).collect::<Vec<_>>(), places, "{text:?}");
            assert_eq!(seams(text).next_back(), places.last().copied());
        }
    }
}

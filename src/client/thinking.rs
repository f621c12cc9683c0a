use std::borrow::Cow;

use super::api::Piece;

/// Tells thinking from what is said in answers that have `<think>` tags in their text.
///
/// Tags may be cut anywhere by chunks. Some models open theirs in the prompt, so that only `</think>` comes: all before it
/// was thinking then. Tags themselves, and the white space after the last, count as thinking. After one block nothing is looked at.
#[derive(Debug, Default)]
pub(crate) struct Thinking {
    state: State,
    /// Bytes of the tag that is looked for at the end of the text so far.
    matched: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nothing but white space, and perhaps the beginning of `<think>`, has come.
    #[default]
    Start,
    /// Between the tags.
    Inside,
    /// Said, but a `</think>` would make it thought.
    Said,
    /// White space after `</think>`.
    Behind,
    /// Nothing more is looked for.
    Over,
}

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sorted {
    /// It is what it was, or part of it is reasoning now.
    AsItIs,
    /// That, and all visible text before it turned out to be reasoning.
    AllSoFar,
}

const OPEN: &[u8] = b"<think>";
const CLOSE: &[u8] = b"</think>";

impl Thinking {
    /// Moves what of a piece's visible text is thinking to its reasoning.
    pub(crate) fn sort(&mut self, piece: &mut Piece<'_>) -> Sorted {
        if self.state == State::Over || piece.visible.is_empty() {
            // A server that has the thinking in a place of its own leaves no tags.
            if !piece.reasoning.is_empty() {
                self.state = State::Over;
            }
            return Sorted::AsItIs;
        }
        if self.state == State::Said && self.matched == 0 && !piece.visible.contains('<') {
            return Sorted::AsItIs;
        }
        let was = self.state;
        let thought = self.thought(piece.visible.as_bytes());
        if thought > 0 {
            split(piece, thought);
        }
        let turned = matches!(was, State::Start | State::Said) && !matches!(self.state, State::Start | State::Said);
        if turned && thought > 0 { Sorted::AllSoFar } else { Sorted::AsItIs }
    }

    /// How many of the text's first bytes are thinking.
    fn thought(&mut self, text: &[u8]) -> usize {
        let mut thought = 0;
        for (at, byte) in text.iter().enumerate() {
            match self.state {
                State::Start if self.matched == 0 && byte.is_ascii_whitespace() => {}
                State::Start if OPEN.get(self.matched) == Some(byte) => {
                    self.matched += 1;
                    if self.matched == OPEN.len() {
                        (self.state, self.matched, thought) = (State::Inside, 0, text.len());
                    }
                }
                State::Start | State::Said | State::Inside => {
                    if self.state == State::Start {
                        // `</think>` may come without its beginning, also at once.
                        let is_slash = self.matched == 1 && *byte == b'/';
                        (self.state, self.matched) = (State::Said, usize::from(is_slash));
                    }
                    if self.closes(*byte) {
                        (self.state, self.matched, thought) = (State::Behind, 0, at + 1);
                    } else if self.state == State::Inside {
                        thought = text.len();
                    }
                }
                State::Behind if byte.is_ascii_whitespace() => thought = at + 1,
                State::Behind => {
                    self.state = State::Over;
                    return thought;
                }
                State::Over => return thought,
            }
        }
        thought
    }

    /// Whether the byte is the last of `</think>`.
    fn closes(&mut self, byte: u8) -> bool {
        self.matched = match CLOSE.get(self.matched) {
            Some(wanted) if *wanted == byte => self.matched + 1,
            _ => usize::from(byte == CLOSE[0]),
        };
        self.matched == CLOSE.len()
    }
}

/// Makes reasoning of the first bytes of the visible text, which end a character.
fn split(piece: &mut Piece<'_>, thought: usize) {
    let (reasoning, visible) = match std::mem::take(&mut piece.visible) {
        Cow::Borrowed(text) => {
            let (reasoning, visible) = text.split_at(thought);
            (Cow::Borrowed(reasoning), Cow::Borrowed(visible))
        }
        Cow::Owned(mut text) => {
            let visible = text.split_off(thought);
            (Cow::Owned(text), Cow::Owned(visible))
        }
    };
    piece.visible = visible;
    if piece.reasoning.is_empty() { piece.reasoning = reasoning } else { piece.reasoning += reasoning }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::content::Content;

    /// Reasoning and visible text of an answer that comes in these pieces, and the piece that was first to be visible.
    fn read<'t>(pieces: impl IntoIterator<Item = &'t str>, owned: bool) -> (String, String, Option<usize>) {
        let (mut thinking, mut content, mut first) = (Thinking::default(), Content::default(), None);
        for (number, text) in pieces.into_iter().enumerate() {
            let visible = if owned { Cow::Owned(text.to_owned()) } else { Cow::Borrowed(text) };
            let mut piece = Piece { visible, ..Piece::default() };
            if thinking.sort(&mut piece) == Sorted::AllSoFar {
                content.make_reasoning();
                first = None;
            }
            if piece.is_visible() {
                first.get_or_insert(number);
            }
            content.take(&piece, 0);
        }
        let texts: String = content.chunk_texts().flatten().collect();
        assert_eq!(texts.len(), content.texts().concat().len(), "every chunk keeps its text");
        (content.reasoning().to_owned(), content.visible().to_owned(), first)
    }

    const ANSWERS: &[(&str, &str, &str)] = &[
        ("<think>a 한 b</think>\n\nsay <think>no</think>", "<think>a 한 b</think>\n\n", "say <think>no</think>"),
        ("\n <think>\n</think>x", "\n <think>\n</think>", "x"),
        ("hm < / <</think>\nyes", "hm < / <</think>\n", "yes"),
        ("</think>yes", "</think>", "yes"),
        ("<think>never ends </think", "<think>never ends </think", ""),
        ("<thinking>plain", "", "<thinking>plain"),
        ("<table>a</table>", "", "<table>a</table>"),
        ("한 plain", "", "한 plain"),
        ("<think>a<</think>b", "<think>a<</think>", "b"),
    ];

    #[test]
    fn tags_are_found_however_they_are_cut() {
        for (text, reasoning, visible) in ANSWERS {
            let characters: Vec<&str> = text.split("").filter(|text| !text.is_empty()).collect();
            let edges = (0..=text.len()).filter(|at| text.is_char_boundary(*at));
            let mut cuts: Vec<Vec<&str>> = edges.map(|at| vec![&text[..at], &text[at..]]).collect();
            cuts.push(characters);
            cuts.push(vec![text]);
            for pieces in cuts {
                for owned in [false, true] {
                    let (thought, said, first) = read(pieces.iter().copied(), owned);
                    assert_eq!((thought.as_str(), said.as_str()), (*reasoning, *visible), "{pieces:?}");
                    let from = reasoning.len();
                    let before = pieces.iter().scan(0, |end, piece| {
                        *end += piece.len();
                        Some(*end)
                    });
                    let expected = before.enumerate().find(|(_, end)| *end > from).map(|(number, _)| number);
                    assert_eq!(first, expected, "{pieces:?}");
                }
            }
        }
    }

    #[test]
    fn servers_that_tell_thinking_apart_are_believed() {
        let mut thinking = Thinking::default();
        let mut piece = Piece { reasoning: "a".into(), ..Piece::default() };
        assert_eq!(thinking.sort(&mut piece), Sorted::AsItIs);
        let mut piece = Piece { visible: "<think>b</think>".into(), ..Piece::default() };
        thinking.sort(&mut piece);
        assert_eq!(piece.visible, "<think>b</think>");
    }
}

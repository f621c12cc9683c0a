/// Bytes of one chunk's size line, or of all trailers together.
const LONGEST_LINE: usize = 16 << 10;

/// Finds the data of a body among the bytes of its framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body(State);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many bytes are still to come.
    Length(u64),
    /// All bytes until the connection closes.
    UntilClose,
    /// In the size of a chunk, whose digits so far say this; `None` before the first.
    Size(Option<u64>),
    /// Behind a chunk's size, with so many bytes of extensions seen.
    Extension { size: u64, seen: usize },
    /// So many bytes of a chunk are still to come.
    Chunk(u64),
    /// At the CR and LF behind a chunk.
    ChunkEnd { cr_seen: bool },
    /// In a line behind the last chunk; an empty one ends the body.
    Trailer { line: usize, seen: usize },
    /// It is over.
    Over,
}

/// Bytes that break the framing of chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadFraming {
    /// No size where one must be.
    #[error("an HTTP chunk without a size")]
    Size,
    /// Extensions or trailers without end.
    #[error("an HTTP chunk whose head or trailer does not end")]
    TooLong,
    /// No line end behind a chunk.
    #[error("an HTTP chunk that is longer than its size")]
    ChunkEnd,
}

impl Body {
    /// A body of that many bytes.
    pub(crate) fn of_length(length: u64) -> Self {
        Self(if length == 0 { State::Over } else { State::Length(length) })
    }

    /// A body in chunks.
    pub(crate) fn chunked() -> Self {
        Self(State::Size(None))
    }

    /// A body that ends with the connection.
    pub(crate) fn until_close() -> Self {
        Self(State::UntilClose)
    }

    /// Whether all of it was seen.
    pub(crate) fn is_over(&self) -> bool {
        self.0 == State::Over
    }

    /// Whether the end of the connection is its proper end.
    pub(crate) fn may_end_here(&self) -> bool {
        matches!(self.0, State::Over | State::UntilClose)
    }

    /// The next data in `input`, which moves past what was looked at; `None` when all of it was. What stands
    /// behind the body is left in `input`.
    pub(crate) fn next<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<&'b [u8]>, BadFraming> {
        loop {
            match &mut self.0 {
                State::Over => return Ok(None),
                _ if input.is_empty() => return Ok(None),
                State::UntilClose => return Ok(Some(std::mem::take(input))),
                State::Length(left) => {
                    let data = take_up_to(input, left);
                    if *left == 0 {
                        self.0 = State::Over;
                    }
                    return Ok(Some(data));
                }
                State::Chunk(left) => {
                    let data = take_up_to(input, left);
                    if *left == 0 {
                        self.0 = State::ChunkEnd { cr_seen: false };
                    }
                    return Ok(Some(data));
                }
                _ => {
                    let byte = input[0];
                    *input = &input[1..];
                    self.0 = step(self.0, byte)?;
                }
            }
        }
    }
}

/// The state after one byte of framing.
fn step(state: State, byte: u8) -> Result<State, BadFraming> {
    Ok(match state {
        State::Size(so_far) => match (char::from(byte).to_digit(16), so_far) {
            (Some(digit), so_far) => {
                let before = so_far.unwrap_or(0);
                let size = before.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit)));
                State::Size(Some(size.ok_or(BadFraming::Size)?))
            }
            (None, Some(size)) if byte == b'\n' => after_size(size),
            (None, Some(size)) if matches!(byte, b'\r' | b';' | b' ' | b'\t') => State::Extension { size, seen: 0 },
            (None, _) => return Err(BadFraming::Size),
        },
        State::Extension { size, .. } if byte == b'\n' => after_size(size),
        State::Extension { size, seen } => State::Extension { size, seen: bounded(seen)? },
        State::ChunkEnd { cr_seen: false } if byte == b'\r' => State::ChunkEnd { cr_seen: true },
        State::ChunkEnd { .. } if byte == b'\n' => State::Size(None),
        State::ChunkEnd { .. } => return Err(BadFraming::ChunkEnd),
        State::Trailer { line: 0, .. } if byte == b'\n' => State::Over,
        State::Trailer { seen, .. } if byte == b'\n' => State::Trailer { line: 0, seen: bounded(seen)? },
        State::Trailer { line, seen } if byte == b'\r' => State::Trailer { line, seen: bounded(seen)? },
        State::Trailer { line, seen } => State::Trailer { line: line + 1, seen: bounded(seen)? },
        State::Length(_) | State::UntilClose | State::Chunk(_) | State::Over => state,
    })
}

fn after_size(size: u64) -> State {
    if size == 0 { State::Trailer { line: 0, seen: 0 } } else { State::Chunk(size) }
}

fn bounded(seen: usize) -> Result<usize, BadFraming> {
    if seen < LONGEST_LINE { Ok(seen + 1) } else { Err(BadFraming::TooLong) }
}

/// Takes at most `left` bytes off `input`.
fn take_up_to<'b>(input: &mut &'b [u8], left: &mut u64) -> &'b [u8] {
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    let (data, rest) = input.split_at(taken);
    *input = rest;
    *left -= data.len() as u64;
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The data of a body whose bytes come in pieces, whether it is over, and what is left behind it.
    fn decode<'b>(
        mut body: Body,
        pieces: impl IntoIterator<Item = &'b [u8]>,
    ) -> Result<(String, bool, String), BadFraming> {
        let (mut data, mut rest) = (Vec::new(), Vec::new());
        for mut piece in pieces {
            while let Some(found) = body.next(&mut piece)? {
                data.extend_from_slice(found);
            }
            rest.extend_from_slice(piece);
        }
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ok((text(data), body.is_over(), text(rest)))
    }

    const BODIES: &[(&str, &str, bool, &str)] = &[
        ("5\r\nhello\r\n0\r\n\r\n", "hello", true, ""),
        ("005;a=b\r\nhello\r\n6 \r\n world\r\n0\r\n\r\nHTTP", "hello world", true, "HTTP"),
        ("A\nhello worl\n1\nd\n0\n\n", "hello world", true, ""),
        ("b\r\nhello\r\n\r\nyo\r\n", "hello\r\n\r\nyo", false, ""),
        ("1\r\nx\r\n0\r\nlater: 1\r\nmore: 2\r\n\r\n", "x", true, ""),
        ("3\r\nab", "ab", false, ""),
        ("", "", false, ""),
    ];

    #[test]
    fn chunks_at_every_split() {
        for &(text, data, over, rest) in BODIES {
            let bytes = text.as_bytes();
            let expected = Ok((data.to_owned(), over, rest.to_owned()));
            for at in 0..=bytes.len() {
                assert_eq!(decode(Body::chunked(), [&bytes[..at], &bytes[at..]]), expected, "{text:?} at {at}");
            }
            assert_eq!(decode(Body::chunked(), bytes.chunks(1)), expected, "{text:?} by bytes");
        }
    }

    #[test]
    fn broken_chunks_are_refused() {
        let endless = format!("5;{}", "x".repeat(LONGEST_LINE + 2));
        for (text, fault) in [
            ("x", BadFraming::Size),
            ("\r\n", BadFraming::Size),
            ("5x\r\n", BadFraming::Size),
            ("11111111111111111\r\n", BadFraming::Size),
            ("2\r\nabc\r\n", BadFraming::ChunkEnd),
            (endless.as_str(), BadFraming::TooLong),
        ] {
            assert_eq!(decode(Body::chunked(), [text.as_bytes()]), Err(fault), "{text:.20}");
        }
    }

    #[test]
    fn other_bodies() {
        let bytes = b"hello world".as_slice();
        assert_eq!(decode(Body::of_length(5), [bytes]).unwrap(), ("hello".into(), true, " world".into()));
        assert_eq!(decode(Body::of_length(20), [bytes]).unwrap(), ("hello world".into(), false, String::new()));
        assert_eq!(decode(Body::until_close(), [bytes]).unwrap(), ("hello world".into(), false, String::new()));
        assert!(Body::of_length(0).is_over() && Body::until_close().may_end_here());
        assert!(!Body::chunked().may_end_here() && !Body::of_length(1).may_end_here());
    }

    proptest! {
        #[test]
        fn what_is_chunked_is_found_whatever_the_pieces(
            parts in prop::collection::vec("[a-z\r\n]{1,40}", 0..8),
            sizes in prop::collection::vec(1_usize..9, 1..20),
        ) {
            let chunks: Vec<String> = parts.iter().map(|part| format!("{:X}\r\n{part}\r\n", part.len())).collect();
            let text = chunks.concat() + "0\r\n\r\n";
            let mut rest = text.as_bytes();
            let mut pieces = Vec::new();
            for size in sizes.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(decode(Body::chunked(), pieces), Ok((parts.concat(), true, String::new())));
        }
    }
}

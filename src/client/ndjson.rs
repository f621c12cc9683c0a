use super::sse::EventTooLong;

/// Newline-delimited JSON from bytes in whatever pieces they come: the same lines for every split.
///
/// A line ends with LF, a CR before it falls away, blank lines are passed over, and so is a byte order mark at the start.
/// [`NdjsonParser::finish`] hands out a last line whose end is missing. A line that comes in one piece is not copied, and
/// the buffer for others is used again, so that a steady stream allocates nothing.
pub(crate) struct NdjsonParser {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// No line has ended yet, so that a byte order mark may stand before it.
    at_start: bool,
    limit: usize,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl NdjsonParser {
    /// A parser of one stream; lines above `limit` bytes are refused.
    pub(crate) fn new(limit: usize) -> Self {
        Self { line: Vec::new(), at_start: true, limit }
    }

    /// Takes the next bytes and calls `each` for every line they complete, until it returns `false`.
    ///
    /// After a `false` the rest of `bytes` is lost: the caller has seen the end it was waiting for.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8]) -> bool) -> Result<(), EventTooLong> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            self.bound(line.len())?;
            let goes_on = if self.line.is_empty() {
                self.take_line(line, &mut each)
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                let goes_on = self.take_line(&whole, &mut each);
                whole.clear();
                self.line = whole;
                goes_on
            };
            if !goes_on {
                return Ok(());
            }
        }
        self.bound(bytes.len())?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Hands out what the end of the stream leaves: a line without its end.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(&[u8]) -> bool) {
        let last = std::mem::take(&mut self.line);
        self.take_line(&last, &mut each);
    }

    fn bound(&self, more: usize) -> Result<(), EventTooLong> {
        if self.line.len() + more > self.limit { Err(EventTooLong { limit: self.limit }) } else { Ok(()) }
    }

    fn take_line(&mut self, line: &[u8], each: &mut impl FnMut(&[u8]) -> bool) -> bool {
        let line = if self.at_start { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
        self.at_start = false;
        let line = line.trim_ascii();
        line.is_empty() || each(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::pieces;
    use proptest::prelude::*;

    fn parse<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Vec<String> {
        let mut parser = NdjsonParser::new(1 << 16);
        let mut seen = Vec::new();
        let mut keep = |line: &[u8]| {
            seen.push(String::from_utf8(line.to_vec()).unwrap());
            true
        };
        for piece in pieces {
            parser.feed(piece, &mut keep).unwrap();
        }
        parser.finish(&mut keep);
        seen
    }

    const FIXTURES: &[(&str, &[&str])] = &[
        ("{\"a\":1}\n{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"]),
        ("{\"a\":1}\r\n{\"b\":2}\r\n", &["{\"a\":1}", "{\"b\":2}"]),
        ("\n\n{\"a\":1}\n\r\n \n{\"b\":2}\n\n", &["{\"a\":1}", "{\"b\":2}"]),
        ("{\"a\":1}\n{\"no\":\"end\"}", &["{\"a\":1}", "{\"no\":\"end\"}"]),
        ("\u{FEFF}{\"a\":\"é한😀\\n\"}\n", &["{\"a\":\"é한😀\\n\"}"]),
        ("  {\"a\": 1}  \n", &["{\"a\": 1}"]),
        ("", &[]),
    ];

    #[test]
    fn every_split_in_two_and_every_single_byte_give_the_same_lines() {
        for (text, lines) in FIXTURES {
            let bytes = text.as_bytes();
            assert_eq!(parse([bytes]), *lines, "{text:?} whole");
            assert_eq!(parse(bytes.chunks(1)), *lines, "{text:?} by bytes");
            for at in 0..=bytes.len() {
                assert_eq!(parse([&bytes[..at], &bytes[at..]]), *lines, "{text:?} at {at}");
                assert_eq!(parse([&bytes[..at], b"", &bytes[at..]]), *lines, "{text:?} at {at}, empty read");
            }
        }
    }

    #[test]
    fn the_end_that_the_caller_waits_for_stops_the_parser() {
        let mut count = 0;
        let fed = NdjsonParser::new(100).feed(b"a\nb\nc\n", |line| {
            count += 1;
            line != b"b"
        });
        assert_eq!((fed, count), (Ok(()), 2));
    }

    #[test]
    fn a_line_without_end_is_refused_at_its_bound() {
        let mut parser = NdjsonParser::new(64);
        let fed = (0..100).find_map(|at| parser.feed(b"12345678", |_| true).err().map(|_| at));
        assert_eq!(fed, Some(8));
        assert!(NdjsonParser::new(64).feed(&[[b'x'; 65].as_slice(), b"\n"].concat(), |_| true).is_err());
        assert!(NdjsonParser::new(64).feed(&[[b'x'; 64].as_slice(), b"\n"].concat(), |_| true).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces(
            words in prop::collection::vec(prop::sample::select(vec!["{}", "\r", "\n", "\r\n", " ", "x", "한", "\u{FEFF}"]), 0..40),
            sizes in prop::collection::vec(1_usize..9, 1..20),
        ) {
            let text = words.concat();
            prop_assert_eq!(parse(pieces(text.as_bytes(), &sizes)), parse([text.as_bytes()]));
        }
    }
}

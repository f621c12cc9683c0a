use std::fmt;

/// One dispatched event of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SseEvent<'e> {
    /// The `event:` field; empty when there was none.
    pub(crate) name: &'e [u8],
    /// The `data:` lines, joined by line feeds.
    pub(crate) data: &'e [u8],
}

/// An event that is larger than any answer has need of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {limit} bytes")]
pub(crate) struct EventTooLong {
    /// The bound, bytes.
    pub(crate) limit: usize,
}

/// Server-sent events from bytes in whatever pieces they come: the same events for every split.
///
/// Follows the WHATWG rules (CR, LF or CRLF; comments; a byte order mark; fields without a colon), with two
/// additions. [`SseParser::finish`] dispatches an event whose blank line is missing at the end of the stream. A field
/// called `error` counts as data of an event called `error`, as some llama.cpp builds send it. Buffers are
/// reused, so that a steady stream allocates nothing.
pub(crate) struct SseParser {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// The data of the event so far.
    data: Vec<u8>,
    /// The name of the event so far.
    name: Vec<u8>,
    /// Whether a data field was seen, be it an empty one.
    has_data: bool,
    /// The last byte was a CR, so that an LF next belongs to it.
    after_cr: bool,
    /// No line has ended yet, so that a byte order mark may stand before it.
    at_start: bool,
    limit: usize,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl SseParser {
    /// A parser of one stream; events above `limit` bytes are refused.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            data: Vec::new(),
            name: Vec::new(),
            has_data: false,
            after_cr: false,
            at_start: true,
            limit,
        }
    }

    /// Takes the next bytes and calls `each` for every event they complete, until it returns `false`.
    ///
    /// After a `false` the rest of `bytes` is lost: the caller has seen the end it was waiting for.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(SseEvent<'_>) -> bool,
    ) -> Result<(), EventTooLong> {
        if self.after_cr && !bytes.is_empty() {
            self.after_cr = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = line_end(bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = if bytes[end] == b'\r' {
                self.after_cr = rest.is_empty();
                rest.strip_prefix(b"\n").unwrap_or(rest)
            } else {
                rest
            };
            let goes_on = if let Some((data, rest)) = self.whole_event(line, bytes) {
                self.bound(data.len())?;
                bytes = rest;
                each(SseEvent { name: &self.name, data })
            } else if self.line.is_empty() {
                self.take_line(line, &mut each)
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                let goes_on = self.take_line(&whole, &mut each);
                whole.clear();
                self.line = whole;
                goes_on
            };
            self.bound(0)?;
            if !goes_on {
                return Ok(());
            }
        }
        self.bound(bytes.len())?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Dispatches what the end of the stream leaves: an event without its blank line.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(SseEvent<'_>) -> bool) {
        if !self.line.is_empty() {
            let last = std::mem::take(&mut self.line);
            if !self.take_line(&last, &mut each) {
                return;
            }
        }
        self.dispatch(&mut each);
    }

    /// The data of an event that is this one line, and what stands behind the blank line which ends it: nearly all
    /// events are so, and need no copy.
    fn whole_event<'b>(&self, line: &'b [u8], behind: &'b [u8]) -> Option<(&'b [u8], &'b [u8])> {
        if self.has_data || self.at_start || !self.line.is_empty() || !self.name.is_empty() {
            return None;
        }
        let rest = behind.strip_prefix(b"\n").or_else(|| behind.strip_prefix(b"\r\n"))?;
        let value = line.strip_prefix(b"data:")?;
        Some((value.strip_prefix(b" ").unwrap_or(value), rest))
    }

    fn bound(&self, more: usize) -> Result<(), EventTooLong> {
        let held = self.line.len() + self.data.len() + more;
        if held > self.limit { Err(EventTooLong { limit: self.limit }) } else { Ok(()) }
    }

    fn take_line(&mut self, line: &[u8], each: &mut impl FnMut(SseEvent<'_>) -> bool) -> bool {
        let line = if self.at_start { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
        self.at_start = false;
        if line.is_empty() {
            return self.dispatch(each);
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..])),
            None => (line, &line[line.len()..]),
        };
        match field {
            b"data" => self.add_data(value),
            b"error" => {
                self.name.clear();
                self.name.extend_from_slice(b"error");
                self.add_data(value);
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            // Comments have an empty field name; `id` and `retry` say nothing to a client that never reconnects.
            _ => {}
        }
        true
    }

    fn add_data(&mut self, value: &[u8]) {
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
    }

    fn dispatch(&mut self, each: &mut impl FnMut(SseEvent<'_>) -> bool) -> bool {
        let goes_on = !self.has_data || each(SseEvent { name: &self.name, data: &self.data });
        self.has_data = false;
        self.data.clear();
        self.name.clear();
        goes_on
    }
}

impl fmt::Debug for SseParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseParser").field("held", &(self.line.len() + self.data.len())).finish_non_exhaustive()
    }
}

/// Where the first CR or LF stands. Whole blocks are looked through without a branch a byte.
fn line_end(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let ends = |byte: &u8| *byte == b'\n' || *byte == b'\r';
    let clear =
        bytes.chunks_exact(BLOCK).take_while(|block| !block.iter().fold(false, |hit, byte| hit | ends(byte))).count()
            * BLOCK;
    bytes[clear..].iter().position(ends).map(|at| clear + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::pieces;
    use proptest::prelude::*;

    type Seen = Vec<(String, String)>;

    fn parse<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Seen {
        let mut parser = SseParser::new(1 << 16);
        let mut seen = Seen::new();
        let mut keep = |event: SseEvent<'_>| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            seen.push((text(event.name), text(event.data)));
            true
        };
        for piece in pieces {
            parser.feed(piece, &mut keep).unwrap();
        }
        parser.finish(&mut keep);
        seen
    }

    const FIXTURES: &[(&str, &[(&str, &str)])] = &[
        ("data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", &[("", "a"), ("", "b")]),
        ("data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]),
        ("data: a\r\n\ndata: b\n\r\n", &[("", "a"), ("", "b")]),
        ("data:a\n\ndata:  b\n\n", &[("", "a"), ("", " b")]),
        ("data: a\ndata: b\n\n", &[("", "a\nb")]),
        ("data\n\ndata\ndata\n\n", &[("", ""), ("", "\n")]),
        (": ping\n\n:\n\ndata: a\n: in between\n\n", &[("", "a")]),
        ("\u{FEFF}data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]),
        ("\n\n\ndata: a\n\n\n\n", &[("", "a")]),
        ("event: error\ndata: {}\n\ndata: b\n\n", &[("error", "{}"), ("", "b")]),
        ("event: only a name\n\ndata: b\n\n", &[("", "b")]),
        ("error: {\"code\":1}\n\n", &[("error", "{\"code\":1}")]),
        ("id: 1\nretry: 5\nnonsense\ndata: a\n\n", &[("", "a")]),
        ("data: a\n\ndata: no blank line\n", &[("", "a"), ("", "no blank line")]),
        ("data: a\n\ndata: no line end", &[("", "a"), ("", "no line end")]),
        ("data: {\"text\": \"é한😀: x\"}\n\n", &[("", "{\"text\": \"é한😀: x\"}")]),
        ("data: 0123456789012345678901234567890123456789\n\n", &[("", "0123456789012345678901234567890123456789")]),
        ("", &[]),
    ];

    fn expected(events: &[(&str, &str)]) -> Seen {
        events.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect()
    }

    #[test]
    fn every_split_in_two_and_every_single_byte_give_the_same_events() {
        for (text, events) in FIXTURES {
            let bytes = text.as_bytes();
            assert_eq!(parse([bytes]), expected(events), "{text:?} whole");
            assert_eq!(parse(bytes.chunks(1)), expected(events), "{text:?} by bytes");
            for at in 0..=bytes.len() {
                assert_eq!(parse([&bytes[..at], &bytes[at..]]), expected(events), "{text:?} at {at}");
                assert_eq!(parse([&bytes[..at], b"", &bytes[at..]]), expected(events), "{text:?} at {at}, empty read");
            }
        }
    }

    #[test]
    fn the_end_that_the_caller_waits_for_stops_the_parser() {
        let mut count = 0;
        SseParser::new(100)
            .feed(b"data: a\n\ndata: b\n\ndata: c\n\n", |event| {
                count += 1;
                event.data != b"b"
            })
            .unwrap();
        assert_eq!(count, 2);
    }

    #[test]
    fn an_event_without_end_is_refused_at_its_bound() {
        let mut parser = SseParser::new(64);
        let fed = (0..100).find_map(|at| parser.feed(b"data: 12\n", |_| true).err().map(|_| at));
        assert_eq!(fed, Some(64 / b"12\n".len()));
        assert!(SseParser::new(64).feed(&[b'x'; 65], |_| true).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces(
            words in prop::collection::vec(prop::sample::select(vec![
                "data: ", "data", "event:", ":", "\r", "\n", "\r\n", "\n\n", "x", "한", "\u{FEFF}", "error: e",
            ]), 0..40),
            sizes in prop::collection::vec(1_usize..9, 1..20),
        ) {
            let text = words.concat();
            prop_assert_eq!(parse(pieces(text.as_bytes(), &sizes)), parse([text.as_bytes()]));
        }
    }
}

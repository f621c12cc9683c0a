use super::compressed::GZIP;
use super::ndjson::NdjsonParser;
use super::sse::{EventTooLong, SseEvent, SseParser};

/// How a provider cuts its stream into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events.
    Sse,
    /// A line of JSON each; such an event has no name.
    Ndjson,
}

/// The events of one stream.
pub(crate) enum Events {
    Sse(SseParser),
    Ndjson(NdjsonParser),
}

impl Framing {
    /// A parser of one stream; events above `limit` bytes are refused.
    pub(crate) fn events(self, limit: usize) -> Events {
        match self {
            Self::Sse => Events::Sse(SseParser::new(limit)),
            Self::Ndjson => Events::Ndjson(NdjsonParser::new(limit)),
        }
    }

    /// Whether a body that begins with this byte is a document in the place of a stream.
    pub(crate) fn is_document(self, first: u8) -> bool {
        match self {
            _ if first == GZIP[0] => true,
            Self::Sse => matches!(first, b'{' | b'[' | b'<'),
            // A line of the stream is an object itself.
            Self::Ndjson => first == b'<',
        }
    }
}

impl Events {
    /// Takes the next bytes and calls `each` for every event they complete, until it returns `false`.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(SseEvent<'_>) -> bool,
    ) -> Result<(), EventTooLong> {
        match self {
            Self::Sse(parser) => parser.feed(bytes, each),
            Self::Ndjson(parser) => parser.feed(bytes, |data| each(SseEvent { name: b"", data })),
        }
    }

    /// Dispatches what the end of the stream leaves.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(SseEvent<'_>) -> bool) {
        match self {
            Self::Sse(parser) => parser.finish(each),
            Self::Ndjson(parser) => parser.finish(|data| each(SseEvent { name: b"", data })),
        }
    }
}

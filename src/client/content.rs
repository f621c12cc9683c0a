use crate::time::MonotonicNs;

use super::api::Piece;

/// What an answer brought, as it came.
#[derive(Debug, Default)]
pub(crate) struct Content {
    visible: String,
    reasoning: String,
    other: String,
    chunks: Vec<ContentChunk>,
}

/// One piece of content; where its text ends in each of the texts. Kept small: thousands of streams hold thousands each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContentChunk {
    /// The read that completed its event.
    pub(crate) at_ns: MonotonicNs,
    visible_end: u32,
    reasoning_end: u32,
    other_end: u32,
    /// The server's running total, or [`NO_TOTAL`].
    usage_total: u32,
}

/// No answer has so many tokens.
const NO_TOTAL: u32 = u32::MAX;

impl ContentChunk {
    /// The server's running total of output tokens, when this event carried one.
    pub(crate) fn usage_total(&self) -> Option<u64> {
        (self.usage_total != NO_TOTAL).then_some(self.usage_total.into())
    }
}

impl Content {
    /// Adds a piece that has content.
    pub(crate) fn take(&mut self, piece: &Piece<'_>, at_ns: MonotonicNs) {
        self.add_text(piece);
        self.chunks.push(ContentChunk {
            at_ns,
            visible_end: end(&self.visible),
            reasoning_end: end(&self.reasoning),
            other_end: end(&self.other),
            usage_total: piece.usage.and_then(|usage| usage.output?.try_into().ok()).unwrap_or(NO_TOTAL),
        });
    }

    /// Adds text that did not come as a chunk: a whole answer.
    pub(crate) fn add_text(&mut self, piece: &Piece<'_>) {
        self.visible.push_str(&piece.visible);
        self.reasoning.push_str(&piece.reasoning);
        self.other.push_str(&piece.other);
    }

    /// Makes reasoning of all visible text so far, where there is no other reasoning.
    pub(crate) fn make_reasoning(&mut self) {
        if !self.reasoning.is_empty() {
            return;
        }
        std::mem::swap(&mut self.visible, &mut self.reasoning);
        for chunk in &mut self.chunks {
            (chunk.reasoning_end, chunk.visible_end) = (chunk.visible_end, 0);
        }
    }

    /// The chunks in order.
    pub(crate) fn chunks(&self) -> &[ContentChunk] {
        &self.chunks
    }

    /// For each chunk, its reasoning, visible and other text.
    pub(crate) fn chunk_texts(&self) -> impl Iterator<Item = [&str; 3]> {
        let mut from = [0; 3];
        self.chunks.iter().map(move |chunk| {
            let to = [chunk.reasoning_end, chunk.visible_end, chunk.other_end];
            let [reasoning, visible, other] = self.texts();
            let texts = [(reasoning, 0), (visible, 1), (other, 2)]
                .map(|(text, kind)| text.get(from[kind] as usize..to[kind] as usize).unwrap_or_default());
            from = to;
            texts
        })
    }

    /// The length of each chunk in UTF-8.
    pub(crate) fn chunk_bytes(&self) -> impl Iterator<Item = usize> {
        self.chunk_texts().map(|texts| texts.iter().map(|text| text.len()).sum())
    }

    /// Text for the user.
    pub(crate) fn visible(&self) -> &str {
        &self.visible
    }

    /// Thinking.
    pub(crate) fn reasoning(&self) -> &str {
        &self.reasoning
    }

    /// Content that is neither: tool calls and refusals.
    pub(crate) fn other(&self) -> &str {
        &self.other
    }

    /// All text: reasoning, visible, other.
    pub(crate) fn texts(&self) -> [&str; 3] {
        [&self.reasoning, &self.visible, &self.other]
    }

    /// Bytes that it takes.
    pub(crate) fn weight(&self) -> usize {
        let texts: usize = self.texts().iter().map(|text| text.len()).sum();
        texts + self.chunks.len() * size_of::<ContentChunk>()
    }

    /// Whether nothing came.
    pub(crate) fn is_empty(&self) -> bool {
        self.texts().iter().all(|text| text.is_empty())
    }
}

/// Where a text ends. What lies beyond 4 GB belongs to no chunk.
fn end(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

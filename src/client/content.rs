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

/// One piece of content; where its text ends in each of the texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContentChunk {
    /// The read that completed its event.
    pub(crate) at_ns: MonotonicNs,
    /// Its length in UTF-8.
    pub(crate) bytes: usize,
    /// The server's running total of output tokens, when this event carried one.
    pub(crate) usage_total: Option<u64>,
    visible_end: usize,
    reasoning_end: usize,
    other_end: usize,
}

impl Content {
    /// Adds a piece that has content.
    pub(crate) fn take(&mut self, piece: &Piece<'_>, at_ns: MonotonicNs) {
        self.add_text(piece);
        self.chunks.push(ContentChunk {
            at_ns,
            bytes: piece.content_bytes(),
            usage_total: piece.usage.and_then(|usage| usage.output),
            visible_end: self.visible.len(),
            reasoning_end: self.reasoning.len(),
            other_end: self.other.len(),
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
        let mut from = (0, 0, 0);
        self.chunks.iter().map(move |chunk| {
            let texts = [
                &self.reasoning[from.1..chunk.reasoning_end],
                &self.visible[from.0..chunk.visible_end],
                &self.other[from.2..chunk.other_end],
            ];
            from = (chunk.visible_end, chunk.reasoning_end, chunk.other_end);
            texts
        })
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

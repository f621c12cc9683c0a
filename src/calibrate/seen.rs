use crate::time::MonotonicNs;

/// One answer as a reader saw it; times are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The answer's id; empty when none came.
    pub id: String,
    /// When the request was sent, by the reader's word.
    pub sent_ns: MonotonicNs,
    /// When each event with text arrived, by the reader's word.
    pub tokens_ns: Vec<MonotonicNs>,
    /// Why it did not come to its end.
    pub failure: Option<String>,
}

/// All that a reader saw on a rung.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answers {
    pub(super) seen: Vec<Seen>,
    pub(super) window: Window,
    /// Processor time of the reader, nanoseconds; `None` where it cannot be told.
    pub(super) cpu_ns: Option<u64>,
    /// From the first request to the end of the last answer, nanoseconds.
    pub(super) wall_ns: i64,
    /// Most memory resident meanwhile, bytes.
    pub(super) peak_memory_bytes: Option<u64>,
    /// What the reader's own health check says, where there is one.
    pub(super) verdict: Option<String>,
}

/// The measured phase: all streams at work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from_ns: MonotonicNs,
    /// Its end, which is outside.
    pub until_ns: MonotonicNs,
}

impl Window {
    /// Whether something that happened then counts.
    #[must_use]
    pub fn has(&self, at_ns: MonotonicNs) -> bool {
        (self.from_ns..self.until_ns).contains(&at_ns)
    }
}

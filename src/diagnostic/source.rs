use std::path::PathBuf;
use std::sync::Arc;

/// A text file as it was read: the target of a fault's spans, which are byte offsets into `text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// As the user named it, for display.
    pub path: PathBuf,
    /// The whole text, or a part of it that begins a line.
    pub text: Arc<str>,
    /// The number of the text's first line within the file, from 1.
    pub first_line: usize,
}

impl SourceFile {
    /// A source from its path and text.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> Arc<Self> {
        Self::part(path, text, 1)
    }

    /// Lines of a file that is too large to keep.
    pub fn part(path: impl Into<PathBuf>, text: impl Into<Arc<str>>, first_line: usize) -> Arc<Self> {
        Arc::new(Self { path: path.into(), text: text.into(), first_line })
    }

    /// Line and column, from 1, of a byte offset; the column counts characters.
    #[must_use]
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(offset.min(self.text.len()))];
        let line = before.matches('\n').count() + self.first_line;
        let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
        (line, column)
    }
}

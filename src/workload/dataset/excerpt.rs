use std::ops::Range;
use std::path::Path;

use crate::diagnostic::{Code, Fault, SourceFile};

/// What is wrong with a row, before it is known where the row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) code: Code,
    pub(super) message: String,
    /// The key at fault, under which the caret goes; `None`: the row as a whole.
    pub(super) key: Option<&'static str>,
    pub(super) help: Option<String>,
}

impl Wrong {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), key: None, help: None }
    }

    pub(super) fn at(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The fault at a row that begins at line `number` of `path` and reads `text`.
    pub(super) fn fault(self, path: &Path, number: u64, text: &str) -> Fault {
        let quoted = self.key.map(|key| format!("\"{key}\""));
        let span = quoted.and_then(|key| text.find(&key).map(|at| at..at + key.len())).unwrap_or(0..text.len());
        let fault = at(Fault::error(self.code, self.message), path, number, text, span);
        match self.help {
            Some(help) => fault.help(help),
            None => fault,
        }
    }
}

/// Bytes of a row that a fault shows on either side of what it points at.
const AROUND: usize = 60;

/// `fault` pointing at `span` of a row's text, of which it shows the line, and of a long line a part.
pub(super) fn at(fault: Fault, path: &Path, number: u64, text: &str, span: Range<usize>) -> Fault {
    let start = text.floor_char_boundary(span.start);
    let line_start = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let number = usize::try_from(number).unwrap_or(usize::MAX) + text[..line_start].matches('\n').count();
    let end = text.ceil_char_boundary(span.end.clamp(start, line_end.max(start))).min(start + AROUND);
    let end = text.ceil_char_boundary(end);
    let from = text.floor_char_boundary(start.saturating_sub(AROUND).max(line_start));
    let to = text.floor_char_boundary((end + AROUND).min(line_end)).max(end);
    let (before, after) = (if from > line_start { "..." } else { "" }, if to < line_end { "..." } else { "" });
    let shown = format!("{before}{}{after}", &text[from..to]);
    let moved = start - from + before.len();
    fault.at(&SourceFile::part(path, shown, number), moved..moved + (end - start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Style, render};

    #[test]
    fn a_fault_shows_its_line_and_of_a_long_line_a_part() {
        let text =
            format!("{{\"a\": 1,\n\"b\": \"{}\", \"prompt\": 3, \"c\": \"{}\"}}", "x".repeat(500), "é".repeat(500));
        let wrong = Wrong::new(Code::WrongType, "`prompt` takes a string").at("prompt").help("write a string");
        let shown = render(&[wrong.fault(Path::new("d.jsonl"), 7, &text)], Style::Plain);
        assert!(shown.contains("d.jsonl:8:") && shown.contains("xxx\", \"prompt\": 3, \"c\": \"éé"), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
        let whole = Wrong::new(Code::MissingKey, "nothing to send").fault(Path::new("d.jsonl"), 2, "{}");
        assert!(render(&[whole], Style::Plain).contains("d.jsonl:2:1"));
    }
}

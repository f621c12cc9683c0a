use std::ops::Range;

use toml_parser::Source;
use toml_parser::parser::{Event, EventKind, parse_document};

/// A TOML file as tables of entries, with the comments of each.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Above everything.
    pub(super) top: Vec<Line>,
    /// The first is the root, which has no header.
    pub(super) sections: Vec<Section>,
    /// Below everything.
    pub(super) bottom: Vec<Line>,
}

/// A line that holds no key: a comment, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Blank,
    Comment(String),
}

/// A header and the entries below it.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) header: Option<Header>,
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) is_array: bool,
    pub(super) place: Place,
}

/// A key and its value.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) value: String,
    pub(super) place: Place,
}

/// What entries and headers have in common.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The key as it is written, without spaces.
    pub(super) key: String,
    /// Its parts, as they mean.
    pub(super) path: Vec<String>,
    /// A blank line goes before it.
    pub(super) apart: bool,
    /// Lines above it that belong to it.
    pub(super) lead: Vec<Line>,
    /// The column where the comment on its line began, and that with those that go on below it in the same column.
    pub(super) comment: Option<(usize, Vec<String>)>,
    /// Comments right below it.
    pub(super) after: Vec<Line>,
}

impl Parts {
    /// Takes a text apart that is sound TOML.
    pub(super) fn of(text: &str) -> Self {
        let source = Source::new(text);
        let tokens = source.lex().into_vec();
        let mut events: Vec<Event> = Vec::with_capacity(tokens.len());
        parse_document(&tokens, &mut events, &mut ());
        let mut reader = Reader { text, events: &events, at: 0, parts: Self::default(), between: Vec::new() };
        reader.parts.sections.push(Section::default());
        reader.read();
        reader.parts
    }

    /// What the lines between the last element and the next one belong to: comments right below the one, when a blank
    /// line follows them, and the rest to the other.
    fn share_out(&mut self, between: Vec<Line>) -> (bool, Vec<Line>) {
        let Some(last) = self.last() else { return self.share_out_top(&between) };
        let blank = between.iter().position(|line| *line == Line::Blank);
        let Some(blank) = blank else { return (false, between) };
        last.after = between[..blank].to_vec();
        (true, trimmed(&between[blank..]))
    }

    /// What stands first stays first: all up to the last blank line, and what is said to editors.
    fn share_out_top(&mut self, between: &[Line]) -> (bool, Vec<Line>) {
        let to_editors = matches!(between.first(), Some(Line::Comment(text)) if text.starts_with("#:"));
        let most = match between.iter().rposition(|line| *line == Line::Blank) {
            Some(blank) => blank,
            None if to_editors => between.len(),
            None => 0,
        };
        self.top = trimmed(&between[..most]);
        let rest = between[most..].iter().filter(|line| **line != Line::Blank).cloned().collect();
        (false, rest)
    }

    fn last(&mut self) -> Option<&mut Place> {
        let section = self.sections.last_mut()?;
        match section.entries.last_mut() {
            Some(entry) => Some(&mut entry.place),
            None => section.header.as_mut().map(|header| &mut header.place),
        }
    }
}

/// Without blank lines at its beginning; those at its end stay.
fn trimmed(lines: &[Line]) -> Vec<Line> {
    let first = lines.iter().position(|line| *line != Line::Blank).unwrap_or(lines.len());
    lines[first..].to_vec()
}

struct Reader<'t> {
    text: &'t str,
    events: &'t [Event],
    at: usize,
    parts: Parts,
    /// Lines since the last element.
    between: Vec<Line>,
}

impl Reader<'_> {
    fn read(&mut self) {
        // Whether the line so far holds nothing.
        let mut empty = true;
        while let Some(event) = self.events.get(self.at) {
            match event.kind() {
                EventKind::Newline => {
                    if empty {
                        self.between.push(Line::Blank);
                    }
                    empty = true;
                    self.at += 1;
                }
                EventKind::Comment => {
                    let text = self.slice(event.span().start()..event.span().end()).trim_end().to_owned();
                    self.comment(text, self.column(event.span().start()), empty);
                    empty = false;
                    self.at += 1;
                }
                EventKind::StdTableOpen | EventKind::ArrayTableOpen => {
                    self.header(event.kind() == EventKind::ArrayTableOpen);
                    empty = false;
                }
                EventKind::SimpleKey => {
                    self.entry();
                    empty = false;
                }
                _ => self.at += 1,
            }
        }
        let between = std::mem::take(&mut self.between);
        match self.parts.last() {
            Some(last) if !between.contains(&Line::Blank) => last.after = between,
            _ => self.parts.bottom = self.parts.share_out(between).1,
        }
        while self.parts.bottom.last() == Some(&Line::Blank) {
            self.parts.bottom.pop();
        }
    }

    fn comment(&mut self, text: String, column: usize, alone: bool) {
        let goes_on =
            |place: &Place| self.between.is_empty() && place.comment.as_ref().is_some_and(|(at, _)| *at == column);
        match self.parts.last() {
            Some(last) if !alone => last.comment = Some((column, vec![text])),
            Some(last) if column > 0 && goes_on(last) => {
                if let Some((_, lines)) = &mut last.comment {
                    lines.push(text);
                }
            }
            _ => self.between.push(Line::Comment(text)),
        }
    }

    fn header(&mut self, is_array: bool) {
        let mut place = self.place();
        while let Some(event) = self.events.get(self.at) {
            self.at += 1;
            match event.kind() {
                EventKind::SimpleKey => self.add_key(event, &mut place),
                EventKind::StdTableClose | EventKind::ArrayTableClose => break,
                _ => {}
            }
        }
        self.parts.sections.push(Section { header: Some(Header { is_array, place }), entries: Vec::new() });
    }

    fn entry(&mut self) {
        let mut place = self.place();
        while let Some(event) = self.events.get(self.at) {
            match event.kind() {
                EventKind::SimpleKey => self.add_key(event, &mut place),
                EventKind::KeyValSep => break,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
        let value = self.value();
        if let Some(section) = self.parts.sections.last_mut() {
            section.entries.push(Entry { value, place });
        }
    }

    fn place(&mut self) -> Place {
        let between = std::mem::take(&mut self.between);
        let (apart, lead) = self.parts.share_out(between);
        Place { apart, lead, ..Place::default() }
    }

    fn add_key(&self, event: &Event, place: &mut Place) {
        let written = self.slice(event.span().start()..event.span().end());
        if !place.path.is_empty() {
            place.key.push('.');
        }
        place.key.push_str(written);
        place.path.push(meaning(written));
    }

    /// The next value: in one line with usual spaces, in several as it is.
    fn value(&mut self) -> String {
        let (mut depth, mut from, mut to) = (0_usize, None, 0);
        let (mut text, mut last, mut plain) = (String::new(), EventKind::Newline, true);
        while let Some(event) = self.events.get(self.at) {
            let (kind, span) = (event.kind(), event.span().start()..event.span().end());
            self.at += 1;
            match kind {
                EventKind::Whitespace => continue,
                EventKind::Newline | EventKind::Comment => {
                    plain = false;
                    continue;
                }
                EventKind::ArrayOpen | EventKind::InlineTableOpen => depth += 1,
                EventKind::ArrayClose | EventKind::InlineTableClose => depth = depth.saturating_sub(1),
                _ => {}
            }
            from = from.or(Some(span.start));
            to = span.end;
            text.push_str(space(last, kind));
            text.push_str(self.slice(span));
            last = kind;
            let ends = matches!(kind, EventKind::Scalar | EventKind::ArrayClose | EventKind::InlineTableClose);
            if ends && depth == 0 {
                break;
            }
        }
        let whole = self.slice(from.unwrap_or(to)..to);
        if plain && !whole.contains('\n') { without_last_comma(text) } else { whole.to_owned() }
    }

    fn slice(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }

    /// The column of a byte, from 0, in characters.
    fn column(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.rsplit('\n').next().unwrap_or_default().chars().count()
    }
}

/// What goes between two parts of a value in one line.
fn space(last: EventKind, next: EventKind) -> &'static str {
    use EventKind::{ArrayClose, InlineTableClose, InlineTableOpen, KeySep, KeyValSep, ValueSep};
    match (last, next) {
        (EventKind::Newline, _) | (InlineTableOpen, InlineTableClose) | (_, ArrayClose | ValueSep | KeySep) => "",
        (ValueSep | KeyValSep | InlineTableOpen, _) | (_, InlineTableClose | KeyValSep) => " ",
        _ => "",
    }
}

/// `[1, 2,]` is `[1, 2]`.
fn without_last_comma(text: String) -> String {
    match text.strip_suffix(",]") {
        Some(rest) => format!("{rest}]"),
        None => text,
    }
}

/// A part of a key as it means: without its quotes.
fn meaning(written: &str) -> String {
    let parsed = || toml::from_str::<toml::Table>(&format!("{written} = 0")).ok()?.keys().next().cloned();
    parsed().unwrap_or_else(|| written.to_owned())
}

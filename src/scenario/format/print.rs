use super::parts::{Entry, Header, Line, Parts, Place, Section};

/// The file's text.
pub(super) fn print(parts: &Parts) -> String {
    let mut page = Page::default();
    page.lines(&parts.top);
    for section in &parts.sections {
        page.section(section);
    }
    if !parts.bottom.is_empty() {
        page.blank();
        page.lines(&parts.bottom);
    }
    page.text()
}

#[derive(Default)]
struct Page {
    lines: Vec<String>,
    /// What is written last is a header: its first key follows at once.
    after_header: bool,
}

impl Page {
    fn section(&mut self, section: &Section) {
        if let Some(Header { is_array, place }) = &section.header {
            self.blank();
            self.lines(&place.lead);
            self.element(&if *is_array { format!("[[{}]]", place.key) } else { format!("[{}]", place.key) }, place);
            self.after_header = place.after.is_empty();
        } else if !self.lines.is_empty() {
            self.blank();
        }
        for Entry { value, place } in &section.entries {
            if place.apart && !self.after_header {
                self.blank();
            }
            self.lines(&place.lead);
            self.element(&format!("{} = {value}", place.key), place);
            self.after_header = false;
        }
    }

    /// A header or an entry with the comments beside and below it.
    fn element(&mut self, text: &str, place: &Place) {
        let width = text.rsplit('\n').next().unwrap_or_default().chars().count();
        let (column, comments) =
            place.comment.as_ref().map_or((0, &[][..]), |(column, lines)| (*column, lines.as_slice()));
        let column = column.max(width + 1);
        match comments.split_first() {
            Some((first, more)) => {
                self.lines.push(format!("{text}{}{first}", " ".repeat(column - width)));
                self.lines.extend(more.iter().map(|comment| format!("{}{comment}", " ".repeat(column))));
            }
            None => self.lines.push(text.to_owned()),
        }
        self.lines(&place.after);
        // What comes next must not take the comments for its own.
        if !place.after.is_empty() {
            self.blank();
        }
    }

    fn lines(&mut self, lines: &[Line]) {
        for line in lines {
            match line {
                Line::Blank => self.blank(),
                Line::Comment(text) => self.lines.push(text.clone()),
            }
        }
    }

    /// One blank line, unless there is one or nothing yet.
    fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    fn text(mut self) -> String {
        while self.lines.last().is_some_and(String::is_empty) {
            self.lines.pop();
        }
        self.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

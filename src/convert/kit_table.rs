use std::ops::Range;
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::diagnostic::{Code, Fault, Faults, SourceFile};
use crate::text::{nearest, one_of};

/// The columns of the kit's bundle files.
const COLUMNS: [&str; 8] = [
    "model_name",
    "input_tokens",
    "output_tokens",
    "num_requests",
    "concurrent_requests",
    "qps",
    "qps_distribution",
    "multimodal_img_size",
];
/// Those that no row is read without.
const REQUIRED: [&str; 4] = ["model_name", "input_tokens", "output_tokens", "num_requests"];

/// A bundle file: its columns may stand in any order.
#[derive(Debug)]
pub(super) struct Table {
    source: Arc<SourceFile>,
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    start: usize,
    record: StringRecord,
}

/// One row of a [`Table`].
#[derive(Debug, Clone, Copy)]
pub(super) struct RowView<'t> {
    table: &'t Table,
    row: &'t Row,
}

impl Table {
    /// Reads a file; rows without anything in them are passed over.
    pub(super) fn read(source: &Arc<SourceFile>, faults: &mut Faults) -> Self {
        let mut reader =
            ReaderBuilder::new().flexible(true).has_headers(false).trim(Trim::All).from_reader(source.text.as_bytes());
        let mut rows = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let start = record.position().map_or(0, |at| usize::try_from(at.byte()).unwrap_or(0));
                    rows.push(Row { start: skip_line_ends(&source.text, start), record });
                }
                Err(error) => faults.push(Fault::error(Code::Syntax, error.to_string()).at(source, 0..0)),
            }
        }
        rows.retain(|row| row.record.iter().any(|field| !field.is_empty()));
        let mut table = Self { source: Arc::clone(source), columns: Vec::new(), rows: Vec::new() };
        if rows.is_empty() {
            faults.push(
                Fault::error(Code::Syntax, "the file is empty")
                    .at(source, 0..0)
                    .help(format!("its columns are {}", COLUMNS.join(","))),
            );
            return table;
        }
        let header = rows.remove(0);
        table.columns = header.record.iter().map(str::to_owned).collect();
        if let Some(fault) = table.other_separator(&header) {
            faults.push(fault);
            return table;
        }
        table.check_columns(&header, faults);
        let ends_open = |row: &mut Row| source.text[row.start..].matches('"').count() % 2 == 1;
        if let Some(last) = rows.pop_if(|row| row.record.len() < table.columns.len() && ends_open(row)) {
            let fault = Fault::error(Code::Syntax, "a quote is opened in this row and never closed");
            faults.push(fault.at(source, line_from(&source.text, last.start)));
        }
        for row in rows {
            if row.record.len() > table.columns.len() {
                let span = field_span(&table.source.text, row.start, table.columns.len());
                let message = format!("{} values for {} columns", row.record.len(), table.columns.len());
                faults
                    .push(Fault::error(Code::Syntax, message).at(source, span).help("quote a value that has a comma"));
            }
            table.rows.push(row);
        }
        table
    }

    /// The rows in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = RowView<'_>> {
        self.rows.iter().map(|row| RowView { table: self, row })
    }

    /// What is wrong with a header of one column that something else than commas parts.
    fn other_separator(&self, header: &Row) -> Option<Fault> {
        let [column] = self.columns.as_slice() else { return None };
        let (separator, name) = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")]
            .into_iter()
            .find(|(separator, _)| column.contains(*separator))?;
        let at = header.start + self.source.text[header.start..].find(separator)?;
        let fault = Fault::error(Code::Syntax, format!("the columns are parted by {name}, not by commas"));
        Some(fault.at(&self.source, at..at + 1).help("save the file with commas"))
    }

    fn check_columns(&self, header: &Row, faults: &mut Faults) {
        let place = |column: usize| field_span(&self.source.text, header.start, column);
        for (at, name) in self.columns.iter().enumerate() {
            if self.columns[..at].contains(name) {
                faults.push(
                    Fault::error(Code::Conflict, format!("column `{name}` is there twice")).at(&self.source, place(at)),
                );
            } else if !COLUMNS.contains(&name.as_str()) {
                let fault =
                    Fault::warning(Code::UnknownKey, format!("column `{name}` is none of the kit's and is left out"))
                        .at(&self.source, place(at));
                faults.push(match nearest(name, COLUMNS) {
                    Some(near) if !self.columns.iter().any(|known| known == near) => {
                        fault.help(format!("did you mean `{near}`?"))
                    }
                    _ => fault,
                });
            }
        }
        let lacks = |name: &str| !self.columns.iter().any(|known| known == name);
        let missing: Vec<&str> = REQUIRED.into_iter().filter(|name| lacks(name)).collect();
        let line = line_from(&self.source.text, header.start);
        if !missing.is_empty() {
            let message = format!("the header lacks {}", one_of(missing).replace(" or ", " and "));
            faults.push(
                Fault::error(Code::MissingKey, message)
                    .at(&self.source, line)
                    .help(format!("the kit's header is {}", COLUMNS.join(","))),
            );
        } else if lacks("concurrent_requests") && lacks("qps") {
            let message = "the header has neither `concurrent_requests` nor `qps`";
            faults.push(Fault::error(Code::MissingKey, message).at(&self.source, line));
        }
    }
}

impl<'t> RowView<'t> {
    /// The value of a column; `None` where it is empty or not there.
    pub(super) fn get(&self, column: &str) -> Option<&'t str> {
        self.row.record.get(self.place(column)?).filter(|value| !value.is_empty())
    }

    /// The line, from 1.
    pub(super) fn line(&self) -> usize {
        self.table.source.position(self.row.start).0
    }

    /// An error about the value of a column, or about the row where it has none.
    pub(super) fn fault(&self, column: &str, code: Code, message: impl Into<String>) -> Fault {
        Fault::error(code, message).at(&self.table.source, self.span(column))
    }

    fn place(&self, column: &str) -> Option<usize> {
        self.table.columns.iter().position(|name| name == column)
    }

    fn span(&self, column: &str) -> Range<usize> {
        let text = &self.table.source.text;
        match self.place(column).filter(|at| *at < self.row.record.len()) {
            Some(at) => field_span(text, self.row.start, at),
            None => line_from(text, self.row.start),
        }
    }
}

/// From `start` to the end of its line.
fn line_from(text: &str, start: usize) -> Range<usize> {
    start..start + text[start..].lines().next().map_or(0, str::len)
}

/// The reader counts the line ends before a record to it.
fn skip_line_ends(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    start + rest.len() - rest.trim_start_matches(['\r', '\n', '\u{feff}']).len()
}

/// Where a field of the record that starts at `start` stands, without white space around it.
fn field_span(text: &str, start: usize, field: usize) -> Range<usize> {
    let (mut at, mut from, mut quoted) = (0, start, false);
    let mut end = text.len();
    for (offset, character) in text[start..].char_indices() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted && at < field => {
                at += 1;
                from = start + offset + 1;
            }
            ',' | '\r' | '\n' if !quoted => {
                end = start + offset;
                break;
            }
            _ => {}
        }
    }
    let value = &text[from..end];
    let from = from + value.len() - value.trim_start().len();
    from..(from + value.trim().len())
}

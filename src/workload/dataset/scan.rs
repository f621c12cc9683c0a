use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::Path;

use super::excerpt::at;
use super::tables;
use crate::diagnostic::{Code, Fault};

/// How a file holds its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A JSON value a line.
    Lines,
    /// One JSON list.
    List,
    /// A table of text with a line of names.
    Text {
        /// Between two columns.
        delimiter: u8,
    },
    /// Apache Parquet.
    Parquet,
}

/// A row as it stands in a file.
#[derive(Debug)]
pub(super) struct Found<'b> {
    /// Where it begins; `None` where it cannot be read again from there.
    pub(super) offset: Option<u64>,
    /// Its line, or its number where a file has no lines; from 1.
    pub(super) number: u64,
    /// The row as JSON.
    pub(super) json: &'b [u8],
}

/// What is done with each row; a break ends the scan.
pub(super) type Take<'t> = dyn FnMut(Found<'_>) -> ControlFlow<()> + 't;

impl Format {
    /// The format of a file: by its name, and of `.json` by its first character.
    pub(super) fn of(path: &Path) -> Result<Self, Fault> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        Ok(match extension.as_str() {
            "jsonl" | "ndjson" => Self::Lines,
            "json" => {
                let mut reader = open(path)?;
                let first = first_character(&mut reader).map_err(|error| unreadable(path, &error))?;
                if first == Some(b'[') { Self::List } else { Self::Lines }
            }
            "csv" => Self::Text { delimiter: b',' },
            "tsv" => Self::Text { delimiter: b'\t' },
            "parquet" => Self::Parquet,
            _ => {
                let message = format!("{} is no dataset that can be read", path.display());
                return Err(Fault::error(Code::BadValue, message)
                    .help("name it .jsonl (a JSON table a line), .json (a list of them), .csv, .tsv or .parquet"));
            }
        })
    }

    /// Shows every row of a file to `take`, one after the other, with no more than one in memory.
    pub(super) fn scan(self, path: &Path, take: &mut Take<'_>) -> Result<(), Fault> {
        match self {
            Self::Lines => lines(open(path)?, take).map_err(|error| unreadable(path, &error)),
            Self::List => list(open(path)?, path, take),
            Self::Text { delimiter } => tables::text(path, delimiter, take),
            Self::Parquet => tables::parquet(path, take),
        }
    }
}

pub(super) fn open(path: &Path) -> Result<BufReader<File>, Fault> {
    File::open(path).map(|file| BufReader::with_capacity(1 << 16, file)).map_err(|error| unreadable(path, &error))
}

pub(super) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    Fault::error(Code::File, format!("cannot read {}: {error}", path.display()))
}

fn first_character(reader: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let piece = reader.fill_buf()?;
        let (length, first) = (piece.len(), piece.iter().copied().find(|byte| !byte.is_ascii_whitespace()));
        if first.is_some() || length == 0 {
            return Ok(first);
        }
        reader.consume(length);
    }
}

/// Blank lines are passed over.
fn lines(mut reader: impl BufRead, take: &mut Take<'_>) -> io::Result<()> {
    let (mut offset, mut line) = (0, Vec::new());
    for number in 1.. {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        let json = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| offset == 0).unwrap_or(&line);
        let begins = offset + (line.len() - json.trim_ascii_start().len()) as u64;
        let json = json.trim_ascii();
        if !json.is_empty() && take(Found { offset: Some(begins), number, json }).is_break() {
            break;
        }
        offset += read as u64;
    }
    Ok(())
}

/// What some editors write in front of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Cuts a JSON list into its items, without understanding more of them than strings and brackets.
#[derive(Debug, Default)]
struct Cutter {
    item: Vec<u8>,
    item_offset: u64,
    item_line: u64,
    depth: u32,
    in_string: bool,
    is_escaped: bool,
    /// Whether an item has ended and no comma has come since.
    is_behind_item: bool,
}

/// What a byte does.
enum Cut {
    Nothing,
    /// The item is whole; the byte belongs to it.
    Item,
    /// The list is over.
    End,
    /// No list goes on like this.
    Misplaced,
}

impl Cutter {
    fn take(&mut self, byte: u8, offset: u64, line: u64) -> Cut {
        if self.depth == 0 {
            return self.between(byte, offset, line);
        }
        self.item.push(byte);
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return Cut::Nothing;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        self.is_behind_item = self.depth == 0;
        if self.depth == 0 { Cut::Item } else { Cut::Nothing }
    }

    fn between(&mut self, byte: u8, offset: u64, line: u64) -> Cut {
        match byte {
            byte if byte.is_ascii_whitespace() => Cut::Nothing,
            b',' if self.is_behind_item => {
                self.is_behind_item = false;
                Cut::Nothing
            }
            b']' => Cut::End,
            b'{' | b'[' if !self.is_behind_item => {
                self.item.clear();
                self.item.push(byte);
                (self.item_offset, self.item_line, self.depth) = (offset, line, 1);
                Cut::Nothing
            }
            _ => Cut::Misplaced,
        }
    }
}

fn list(mut reader: impl BufRead, path: &Path, take: &mut Take<'_>) -> Result<(), Fault> {
    let fault = |message: &str, line: u64| at(Fault::error(Code::Syntax, message), path, line, "", 0..0);
    let (mut cutter, mut offset, mut line, mut has_begun) = (Cutter::default(), 0_u64, 1_u64, false);
    loop {
        let piece = reader.fill_buf().map_err(|error| unreadable(path, &error))?;
        if piece.is_empty() {
            return Err(fault("the list does not end", line).help("a `]` is missing at the end of the file"));
        }
        for &byte in piece {
            // What stands before the list was looked at when its format was found.
            let cut = if has_begun { cutter.take(byte, offset, line) } else { Cut::Nothing };
            has_begun |= byte == b'[';
            match cut {
                Cut::Nothing => {}
                Cut::Item => {
                    let (offset, number) = (Some(cutter.item_offset), cutter.item_line);
                    if take(Found { offset, number, json: &cutter.item }).is_break() {
                        return Ok(());
                    }
                }
                Cut::End => return Ok(()),
                Cut::Misplaced => {
                    let message = format!("`{}` stands where a row or a comma should", byte.escape_ascii());
                    return Err(fault(&message, line).help("the file is a list of tables, as [{\"prompt\": \"...\"}]"));
                }
            }
            offset += 1;
            line += u64::from(byte == b'\n');
        }
        let length = piece.len();
        reader.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cut: impl FnOnce(&mut Take<'_>) -> bool) -> Vec<(u64, u64, String)> {
        let mut all = Vec::new();
        let whole = cut(&mut |found| {
            all.push((found.offset.unwrap(), found.number, String::from_utf8_lossy(found.json).into_owned()));
            ControlFlow::Continue(())
        });
        assert!(whole);
        all
    }

    #[test]
    fn lines_are_found_and_blank_ones_passed_over() {
        let text = "\u{feff}{\"a\":1}\n\n  {\"b\":2}\r\n{\"c\":3}";
        let all = found(|take| lines(text.as_bytes(), take).is_ok());
        assert_eq!(all.iter().map(|(_, number, _)| *number).collect::<Vec<_>>(), [1, 3, 4]);
        for (offset, _, json) in &all {
            assert!(text[usize::try_from(*offset).unwrap()..].starts_with(json.as_str()), "{offset} {json}");
        }
    }

    #[test]
    fn items_are_cut_at_any_split_of_the_bytes() {
        let text = " [{\"a\": \"]},{\\\"\\\\\"},\n\n {\"b\": [1, {\"c\": []}]}\n , []]  ";
        for size in 1..text.len() {
            let reader = BufReader::with_capacity(size, text.as_bytes());
            let all = found(|take| list(reader, Path::new("l.json"), take).is_ok());
            assert_eq!(all.len(), 3, "{size}");
            assert_eq!((all[0].1, all[1].1, all[2].2.as_str()), (1, 3, "[]"), "{size}");
            for (offset, _, json) in &all {
                assert!(text[usize::try_from(*offset).unwrap()..].starts_with(json.as_str()), "{size} {json}");
            }
        }
    }

    #[test]
    fn a_list_that_is_none_says_where() {
        for (text, said, line) in [
            ("[{}\n,{}", "does not end", 2),
            ("[{}\n{}]", "`{` stands where", 2),
            ("[3]", "`3` stands where", 1),
            ("[,]", "`,` stands where", 1),
        ] {
            let fault = list(text.as_bytes(), Path::new("l.json"), &mut |_| ControlFlow::Continue(())).unwrap_err();
            assert!(fault.message.contains(said), "{text}: {}", fault.message);
            assert_eq!(fault.place.unwrap().0.first_line, line, "{text}");
        }
    }
}

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::excerpt::{Wrong, at};
use super::row::{ImageSource, Row, plain};
use super::scan::{Format, Found, open, unreadable};
use crate::diagnostic::{Code, Fault, Faults};
use crate::plan::Cell;
use crate::scenario::{Dataset, Mode};
use crate::seed::Seed;
use crate::text::plural;
use crate::workload::template::{Sources, Template};
use crate::workload::{Message, Picture};

/// The rows of a dataset that pass its filter: where each one is, so that a file of any size takes eight bytes a row.
#[derive(Debug)]
pub struct Rows {
    dataset: Dataset,
    template: Option<Template>,
    /// JSON values: the dataset itself, or what a table was turned into.
    values: Mutex<BufReader<File>>,
    offsets: Vec<u64>,
    numbers: Numbers,
    /// Of what the rows say.
    bytes: u64,
    pictures: Option<String>,
    picture_files: HashSet<PathBuf>,
}

/// So many faults are told of one file.
const MOST_FAULTS: usize = 20;

impl Rows {
    /// Reads a whole dataset once, a row at a time, and says all that is wrong with it.
    ///
    /// `replayed`: rows are also the user's side of conversations.
    pub fn open(dataset: &Dataset, replayed: bool) -> Result<Self, Faults> {
        let template = dataset.template.as_deref().map(|text| {
            let source = crate::diagnostic::SourceFile::new("[dataset] template", text);
            Template::new(TEMPLATE, text, Some(&source), &Sources::default())
        });
        let template = template.transpose()?;
        if template.is_some() && replayed {
            let fault = Fault::error(Code::Conflict, "a chat replays rows as they are, and `template` renders them");
            return Err(fault
                .help("take template out of [dataset], or write source = \"synthetic\" under [chat]")
                .into());
        }
        let format = Format::of(&dataset.file)?;
        let mut scan = Scan::new(dataset, replayed, format)?;
        format.scan(&dataset.file, &mut |found| scan.take(&found))?;
        let Scan { faults, offsets, numbers, bytes, spool, seen, pictures, known_pictures: picture_files, .. } = scan;
        if faults.has_errors() {
            return Err(faults);
        }
        if offsets.is_empty() {
            return Err(nothing(dataset, seen).into());
        }
        let values = match spool {
            Some(spool) => {
                BufReader::new(spool.into_inner().map_err(|error| unreadable(&dataset.file, error.error()))?)
            }
            None => BufReader::new(open(&dataset.file)?.into_inner()),
        };
        let pictures = pictures.map(|hash| crate::text::hex(&hash.finalize()));
        let (dataset, values) = (dataset.clone(), Mutex::new(values));
        Ok(Self { dataset, template, values, offsets, numbers, bytes, pictures, picture_files })
    }

    /// How many there are; at least one.
    pub fn count(&self) -> u64 {
        self.offsets.len() as u64
    }

    /// Mean tokens of a row, guessed: four bytes make one.
    #[expect(clippy::cast_precision_loss, reason = "a guess")]
    pub fn mean_tokens(&self) -> f64 {
        self.bytes as f64 / 4.0 / self.count() as f64
    }

    /// The settings they were opened with.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// A hash of the pictures that the rows name; `None` when they name none.
    pub fn pictures(&self) -> Option<&str> {
        self.pictures.as_deref()
    }

    /// The pictures that the rows name and that are files.
    pub fn picture_files(&self) -> impl Iterator<Item = &Path> {
        self.picture_files.iter().map(PathBuf::as_path)
    }

    pub(super) fn template(&self) -> Option<&Template> {
        self.template.as_ref()
    }

    /// The row at a place, from 0.
    pub(in crate::workload) fn row(&self, place: u64) -> Result<Row, Fault> {
        let lost = |why: String| {
            let message = format!("{} has changed since it was checked: {why}", self.dataset.file.display());
            Fault::error(Code::File, message)
        };
        let offset = usize::try_from(place).ok().and_then(|place| self.offsets.get(place));
        let offset = *offset.ok_or_else(|| lost(format!("there is no row {place}")))?;
        let value = {
            let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
            values.seek(SeekFrom::Start(offset)).map_err(|error| unreadable(&self.dataset.file, &error))?;
            serde_json::Deserializer::from_reader(&mut *values).into_iter::<Map<String, Value>>().next()
        };
        let row = value.and_then(Result::ok).ok_or_else(|| lost("a row is no JSON any more".to_owned()))?;
        Row::read(row, self.numbers.of(place), &self.dataset).map_err(|wrong| lost(wrong.message))
    }

    /// Renders the template for every row in the first cell, and for the first row in the others.
    pub(in crate::workload) fn render_once(&self, cells: &[Cell]) -> Faults {
        let mut faults = Faults::default();
        let Some(template) = &self.template else { return faults };
        for (at, cell) in cells.iter().filter(|cell| cell.axes.mode() == Mode::Custom).enumerate() {
            for place in 0..if at == 0 { self.count() } else { 1 } {
                let rendered = self.row(place).and_then(|row| {
                    let text = template.render_row(&cell.axes, &row.values, 0, Seed::root(0));
                    text.map_err(|fault| fault.help(format!("this is {}", self.called(place))))
                });
                if let Err(fault) = rendered
                    && !faults.iter().any(|known| known.message == fault.message)
                {
                    faults.push(fault);
                }
                if faults.iter().count() >= MOST_FAULTS {
                    return faults;
                }
            }
        }
        faults
    }

    fn called(&self, place: u64) -> String {
        format!("{}:{}", self.dataset.file.display(), self.numbers.of(place))
    }
}

/// What a fault calls the dataset's template.
const TEMPLATE: &str = "dataset";

/// The numbers of the rows that are kept: only where the count jumps is kept.
#[derive(Debug, Default)]
struct Numbers {
    /// (place, number), ascending: from there on both count up.
    jumps: Vec<(u64, u64)>,
}

impl Numbers {
    fn add(&mut self, place: u64, number: u64) {
        if self.jumps.is_empty() || self.of(place) != number {
            self.jumps.push((place, number));
        }
    }

    fn of(&self, place: u64) -> u64 {
        let at = self.jumps.partition_point(|(from, _)| *from <= place);
        let (from, number) = self.jumps[..at].last().copied().unwrap_or_default();
        number + (place - from)
    }
}

/// What is found while a file is read.
struct Scan<'d> {
    dataset: &'d Dataset,
    replayed: bool,
    faults: Faults,
    seen: u64,
    offsets: Vec<u64>,
    numbers: Numbers,
    bytes: u64,
    /// Where the rows of a table go, to be read again.
    spool: Option<BufWriter<File>>,
    spooled: u64,
    pictures: Option<Sha256>,
    known_pictures: HashSet<PathBuf>,
}

impl<'d> Scan<'d> {
    fn new(dataset: &'d Dataset, replayed: bool, format: Format) -> Result<Self, Fault> {
        let spool = match format {
            Format::Lines | Format::List => None,
            Format::Text { .. } | Format::Parquet => {
                Some(BufWriter::new(tempfile::tempfile().map_err(|error| no_space(&error))?))
            }
        };
        Ok(Self {
            dataset,
            replayed,
            faults: Faults::default(),
            seen: 0,
            offsets: Vec::new(),
            numbers: Numbers::default(),
            bytes: 0,
            spool,
            spooled: 0,
            pictures: None,
            known_pictures: HashSet::new(),
        })
    }

    fn take(&mut self, found: &Found<'_>) -> ControlFlow<()> {
        self.seen += 1;
        match self.keep(found) {
            Ok(()) => ControlFlow::Continue(()),
            Err(fault) => {
                self.faults.push(fault);
                if self.faults.iter().count() < MOST_FAULTS {
                    return ControlFlow::Continue(());
                }
                let told = format!("{} has more faults: the first {MOST_FAULTS} are told", self.dataset.file.display());
                self.faults.push(Fault::error(Code::Syntax, told));
                ControlFlow::Break(())
            }
        }
    }

    fn keep(&mut self, found: &Found<'_>) -> Result<(), Fault> {
        let path = &self.dataset.file;
        let text = String::from_utf8_lossy(found.json);
        let row: Map<String, Value> = serde_json::from_slice(found.json).map_err(|error| {
            let message = error.to_string();
            // The place stands in the caret, not in the words.
            let message = message.split(" at line ").next().unwrap_or_default().to_owned();
            let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
            let start = (lines + error.column().saturating_sub(1)).min(text.len());
            let fault = Fault::error(Code::Syntax, format!("this row is no JSON table: {message}"));
            at(fault, path, found.number, &text, start..start + 1)
        })?;
        if !self.passes(&row) {
            return Ok(());
        }
        let read = Row::read(row, found.number, self.dataset).and_then(|row| self.check(&row));
        read.map_err(|wrong| wrong.fault(path, found.number, &text))?;
        let offset = match (&mut self.spool, found.offset) {
            (Some(spool), _) => {
                spool.write_all(found.json).map_err(|error| no_space(&error))?;
                self.spooled += found.json.len() as u64;
                self.spooled - found.json.len() as u64
            }
            (None, offset) => offset.unwrap_or_default(),
        };
        self.numbers.add(self.offsets.len() as u64, found.number);
        self.offsets.push(offset);
        Ok(())
    }

    /// Whether a row has, for every key of the filter, one of its values.
    fn passes(&self, row: &Map<String, Value>) -> bool {
        self.dataset
            .filter
            .iter()
            .all(|(key, wanted)| row.get(key).and_then(plain).is_some_and(|has| wanted.contains(&has)))
    }

    fn check(&mut self, row: &Row) -> Result<(), Wrong> {
        self.bytes += row.text_bytes();
        if !row.images.is_empty() && self.dataset.template.is_none() && !row.messages.iter().any(Message::is_of_user) {
            let wrong = Wrong::new(Code::MissingKey, "`image_path` belongs to a message of a user, and there is none");
            return Err(wrong.at("image_path"));
        }
        for image in &row.images {
            if let ImageSource::File(path) = image {
                if self.known_pictures.contains(path) {
                    continue;
                }
                let picture =
                    Picture::from_file(path).map_err(|why| Wrong::new(Code::File, why.to_string()).at("image_path"))?;
                // Of each the hash, so that none can begin where another ends.
                self.pictures.get_or_insert_default().update(Sha256::digest(&picture.bytes));
                self.known_pictures.insert(path.clone());
            }
        }
        if self.replayed && !row.messages.iter().any(Message::is_of_user) {
            return Err(Wrong::new(Code::MissingKey, "no user speaks in this conversation"));
        }
        Ok(())
    }
}

fn no_space(error: &std::io::Error) -> Fault {
    Fault::error(Code::File, format!("cannot keep the rows of a table aside: {error}"))
}

fn nothing(dataset: &Dataset, seen: u64) -> Fault {
    let path = dataset.file.display();
    if seen == 0 {
        return Fault::error(Code::File, format!("{path} has no row"));
    }
    let rows = plural(usize::try_from(seen).unwrap_or(usize::MAX), "row", "rows");
    Fault::error(Code::NoEffect, format!("none of the {rows} of {path} passes the filter"))
        .help(format!("[dataset] filter asks for {}", wanted(dataset)))
}

fn wanted(dataset: &Dataset) -> String {
    let each = dataset.filter.iter().map(|(key, values)| format!("{key} = {}", values.join(" or ")));
    each.collect::<Vec<_>>().join(", ")
}

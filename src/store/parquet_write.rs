use std::fs::File;
use std::path::Path;

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::atomic::UnfinishedFile;
use super::columns::{Row, fixed_columns};
use super::journal::remove_journal;
use super::{JournalReader, Origin, StoreError, UnitHeader};
use crate::metrics;
use crate::record::{ClientFacts, RequestRecord};

/// Keys of the footer's metadata.
pub(super) mod key {
    pub(in crate::store) const VERSION: &str = "infersweep.version";
    pub(in crate::store) const FORMAT_VERSION: &str = "infersweep.format_version";
    pub(in crate::store) const UNIT: &str = "infersweep.unit";
    pub(in crate::store) const METRICS: &str = "infersweep.metrics";
    pub(in crate::store) const CLIENT: &str = "infersweep.client";
    pub(in crate::store) const ORIGIN_MONOTONIC_NS: &str = "infersweep.origin_monotonic_ns";
    pub(in crate::store) const ORIGIN_UNIX_NS: &str = "infersweep.origin_unix_ns";
}

/// Most rows turned into columns at a time.
const BATCH_ROWS: usize = 1024;
/// Most chunks among them: long answers make smaller batches.
const BATCH_CHUNKS: usize = 1 << 18;
/// Most rows of a row group.
const GROUP_ROWS: usize = 1 << 14;
/// Most bytes of a row group.
const GROUP_BYTES: usize = 32 << 20;

/// A repeat whose rows are in Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// How many rows there are, warm-up included.
    pub rows: u64,
    /// When the measured phase began.
    pub origin: Origin,
}

/// Turns a journal into the Parquet file `target`, which appears whole or not at all; then the journal goes.
///
/// `origin` is what stamps are offsets from; `None` takes what [`JournalReader::find_origin`] finds. The
/// memory it takes does not grow with the number of rows.
pub fn compact(journal: &Path, target: &Path, origin: Option<Origin>) -> Result<Compacted, StoreError> {
    let empty = || StoreError::unreadable(journal, "it holds no header");
    let origin = match origin {
        Some(origin) => origin,
        None => JournalReader::find_origin(journal)?.ok_or_else(empty)?,
    };
    let reader = JournalReader::open(journal)?.ok_or_else(empty)?;
    let header = reader.header().clone();
    let rows = write(target, &header, origin, reader, |reader| reader.client().cloned())?;
    remove_journal(journal)?;
    Ok(Compacted { rows, origin })
}

/// What could be read of a journal that its process left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Salvaged {
    /// Rows.
    pub(super) rows: u64,
    /// Lines that were not readable; the journal is still there then.
    pub(super) broken: u64,
}

/// Turns what can be read of a journal into the Parquet file `target`; the journal goes when that is all of it.
pub(super) fn salvage(journal: &Path, target: &Path) -> Result<Salvaged, StoreError> {
    let open = || {
        let reader = JournalReader::open(journal)?.map(JournalReader::forgiving);
        reader.ok_or_else(|| StoreError::unreadable(journal, "it holds no header"))
    };
    let origin = open()?.origin()?;
    let mut reader = open()?;
    let header = reader.header().clone();
    let rows = write(target, &header, origin, reader.by_ref(), |reader| reader.client().cloned())?;
    let broken = reader.broken();
    if broken == 0 {
        remove_journal(journal)?;
    }
    Ok(Salvaged { rows, broken })
}

/// Writes the rows of a repeat as Parquet, metrics derived; returns how many there are.
///
/// Stamps of `records` are on the clock of `origin`. The file appears whole or not at all.
pub fn write_records(
    target: &Path,
    header: &UnitHeader,
    origin: Origin,
    records: impl Iterator<Item = Result<RequestRecord, StoreError>>,
) -> Result<u64, StoreError> {
    write(target, header, origin, records, |_| None)
}

/// The same, with how the client did, which is known once `records` are read.
fn write<I>(
    target: &Path,
    header: &UnitHeader,
    origin: Origin,
    mut records: I,
    client: impl Fn(&I) -> Option<ClientFacts>,
) -> Result<u64, StoreError>
where
    I: Iterator<Item = Result<RequestRecord, StoreError>>,
{
    let unfinished = UnfinishedFile::create(target)?;
    let mut file = RowFile::start(unfinished.file(), target, header, origin)?;
    for record in records.by_ref() {
        file.add(record?)?;
    }
    if let Some(facts) = client(&records) {
        file.note_client(&facts)?;
    }
    let rows = file.finish()?;
    unfinished.publish(target)?;
    Ok(rows)
}

/// A Parquet file that is being written.
struct RowFile<'f> {
    path: &'f Path,
    header: &'f UnitHeader,
    origin: Origin,
    schema: SchemaRef,
    writer: ArrowWriter<&'f File>,
    waiting: Vec<RequestRecord>,
    waiting_chunks: usize,
    rows: u64,
}

impl<'f> RowFile<'f> {
    fn start(file: &'f File, path: &'f Path, header: &'f UnitHeader, origin: Origin) -> Result<Self, StoreError> {
        let schema = header.columns.arrow();
        let writer = properties(header, origin)
            .and_then(|properties| ArrowWriter::try_new(file, schema.clone(), Some(properties)))
            .map_err(StoreError::parquet("write", path))?;
        Ok(Self { path, header, origin, schema, writer, waiting: Vec::new(), waiting_chunks: 0, rows: 0 })
    }

    fn add(&mut self, record: RequestRecord) -> Result<(), StoreError> {
        self.waiting_chunks += record.chunks.len();
        self.waiting.push(record);
        if self.waiting.len() >= BATCH_ROWS || self.waiting_chunks >= BATCH_CHUNKS {
            self.write_waiting()?;
        }
        Ok(())
    }

    fn write_waiting(&mut self) -> Result<(), StoreError> {
        let unit = self.header.unit();
        let origin_ns = self.origin.monotonic_ns;
        let row = |record| Row { unit: &unit, record, metrics: metrics::derive(record), origin_ns };
        let rows: Vec<Row<'_>> = self.waiting.iter().map(row).collect();
        for row in &rows {
            self.header.columns.check_extra(row, self.path)?;
        }
        let batch = self
            .header
            .columns
            .batch(self.schema.clone(), &self.header.axes, &rows)
            .map_err(|error| StoreError::unreadable(self.path, &error))?;
        self.writer.write(&batch).map_err(StoreError::parquet("write", self.path))?;
        self.rows += rows.len() as u64;
        self.waiting.clear();
        self.waiting_chunks = 0;
        Ok(())
    }

    fn note_client(&mut self, facts: &ClientFacts) -> Result<(), StoreError> {
        let facts = serde_json::to_string(facts).map_err(|error| StoreError::unreadable(self.path, &error))?;
        self.writer.append_key_value_metadata(KeyValue::new(key::CLIENT.to_owned(), facts));
        Ok(())
    }

    fn finish(mut self) -> Result<u64, StoreError> {
        if !self.waiting.is_empty() {
            self.write_waiting()?;
        }
        self.writer.close().map_err(StoreError::parquet("write", self.path))?;
        Ok(self.rows)
    }
}

fn properties(header: &UnitHeader, origin: Origin) -> parquet::errors::Result<WriterProperties> {
    let unit = serde_json::to_string(header).map_err(|error| parquet::errors::ParquetError::External(error.into()))?;
    let metadata = [
        (key::VERSION, env!("CARGO_PKG_VERSION").to_owned()),
        (key::FORMAT_VERSION, header.format_version.to_string()),
        (key::UNIT, unit),
        (key::METRICS, metric_definitions()),
        (key::ORIGIN_MONOTONIC_NS, origin.monotonic_ns.to_string()),
        (key::ORIGIN_UNIX_NS, origin.unix_ns.to_string()),
    ];
    let metadata = metadata.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect();
    let builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .set_created_by(format!("infersweep {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(metadata));
    Ok(with_packed_chunk_times(builder).build())
}

/// Stamps of chunks are most of a file; they rise, so their differences are small, and none comes twice.
fn with_packed_chunk_times(builder: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    let column = || ColumnPath::from(["chunk_ns", "list", "element"].map(str::to_owned).to_vec());
    builder.set_column_dictionary_enabled(column(), false).set_column_encoding(column(), Encoding::DELTA_BINARY_PACKED)
}

/// The formula of every metric, a line each.
fn metric_definitions() -> String {
    let line = |column: &super::Column| format!("{}: {}", column.name, column.meaning);
    fixed_columns().filter(|column| column.is_metric()).map(line).collect::<Vec<_>>().join("\n")
}

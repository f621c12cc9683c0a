use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::atomic::UnfinishedFile;
use super::parquet_write::key;
use super::{Origin, ServerHeader, StoreError};
use crate::record::ScrapedSample;
use crate::scenario::SCRAPE_COLUMNS;

/// Samples turned into columns at a time.
const BATCH_ROWS: usize = 1024;

/// Most rows of a row group, which the writer keeps in memory.
const GROUP_ROWS: usize = 1 << 14;

/// The key of the footer's metadata that has the columns' kinds.
pub(super) const COLUMNS_KEY: &str = "infersweep.server_columns";

/// A file of scraped metrics that is being written.
pub(super) struct ServerWriter<'h> {
    header: &'h ServerHeader,
    origin: Origin,
    target: PathBuf,
    schema: SchemaRef,
    /// Where in a sample each column of the file has its value.
    places: Vec<Option<usize>>,
    unfinished: UnfinishedFile,
    writer: ArrowWriter<std::fs::File>,
    waiting: Vec<ScrapedSample>,
    samples: u64,
}

impl<'h> ServerWriter<'h> {
    pub(super) fn create(target: &Path, header: &'h ServerHeader, origin: Origin) -> Result<Self, StoreError> {
        let unfinished = UnfinishedFile::create(target)?;
        let file = unfinished.file().try_clone().map_err(StoreError::io("write", target))?;
        let schema = schema(&header.of_run);
        let writer = properties(header, origin)
            .and_then(|properties| ArrowWriter::try_new(file, schema.clone(), Some(properties)))
            .map_err(StoreError::parquet("write", target))?;
        let place = |name: &String| header.columns.iter().position(|column| column.name == *name);
        let places = header.of_run.iter().map(place).collect();
        let target = target.to_owned();
        Ok(Self { header, origin, target, schema, places, unfinished, writer, waiting: Vec::new(), samples: 0 })
    }

    pub(super) fn add(&mut self, sample: ScrapedSample) -> Result<(), StoreError> {
        self.waiting.push(sample);
        if self.waiting.len() >= BATCH_ROWS { self.write_waiting() } else { Ok(()) }
    }

    fn write_waiting(&mut self) -> Result<(), StoreError> {
        let samples = std::mem::take(&mut self.waiting);
        self.samples += samples.len() as u64;
        let batch = RecordBatch::try_new(self.schema.clone(), self.arrays(&samples));
        let batch = batch.map_err(|error| StoreError::unreadable(&self.target, &error))?;
        self.writer.write(&batch).map_err(StoreError::parquet("write", &self.target))
    }

    /// In the order of [`SCRAPE_COLUMNS`] and the run's columns.
    #[expect(clippy::cast_precision_loss, reason = "a scrape takes seconds")]
    fn arrays(&self, samples: &[ScrapedSample]) -> Vec<ArrayRef> {
        let unit = self.header;
        let repeat = i32::try_from(unit.repeat).unwrap_or(i32::MAX);
        let missed = |sample: &ScrapedSample| i32::try_from(sample.missed).unwrap_or(i32::MAX);
        let fixed: [ArrayRef; SCRAPE_COLUMNS.len()] = [
            Arc::new(samples.iter().map(|_| Some(unit.cell_id.as_str())).collect::<StringArray>()),
            Arc::new(samples.iter().map(|_| Some(repeat)).collect::<Int32Array>()),
            Arc::new(
                samples.iter().map(|sample| Some(sample.at_ns - self.origin.monotonic_ns)).collect::<Int64Array>(),
            ),
            Arc::new(samples.iter().map(|sample| Some(sample.scrape_ns as f64 / 1e6)).collect::<Float64Array>()),
            Arc::new(samples.iter().map(|sample| Some(missed(sample))).collect::<Int32Array>()),
            Arc::new(samples.iter().map(|sample| sample.fault.as_deref()).collect::<StringArray>()),
        ];
        let value = |sample: &ScrapedSample, place: Option<usize>| sample.values.get(place?).copied().flatten();
        let values = self.places.iter().map(|place| -> ArrayRef {
            Arc::new(samples.iter().map(|sample| value(sample, *place)).collect::<Float64Array>())
        });
        fixed.into_iter().chain(values).collect()
    }

    /// Puts the file in its place; returns how many samples it has.
    pub(super) fn publish(mut self) -> Result<u64, StoreError> {
        if !self.waiting.is_empty() {
            self.write_waiting()?;
        }
        self.writer.close().map_err(StoreError::parquet("write", &self.target))?;
        self.unfinished.publish(&self.target)?;
        Ok(self.samples)
    }
}

/// The fixed columns and those of the run; what `docs/FORMAT.md` describes.
fn schema(of_run: &[String]) -> SchemaRef {
    let fixed = SCRAPE_COLUMNS.map(|name| match name {
        "cell_id" => Field::new(name, DataType::Utf8, false),
        "repeat" | "missed" => Field::new(name, DataType::Int32, false),
        "at_ns" => Field::new(name, DataType::Int64, false),
        "scrape_ms" => Field::new(name, DataType::Float64, false),
        _ => Field::new(name, DataType::Utf8, true),
    });
    let values = of_run.iter().map(|name| Field::new(name, DataType::Float64, true));
    Arc::new(Schema::new(fixed.into_iter().chain(values).collect::<Vec<_>>()))
}

fn properties(header: &ServerHeader, origin: Origin) -> parquet::errors::Result<WriterProperties> {
    let columns = serde_json::to_string(&header.columns);
    let columns = columns.map_err(|error| parquet::errors::ParquetError::External(error.into()))?;
    let metadata = [
        (key::VERSION, env!("CARGO_PKG_VERSION").to_owned()),
        (key::FORMAT_VERSION, header.format_version.to_string()),
        (COLUMNS_KEY, columns),
        (key::ORIGIN_MONOTONIC_NS, origin.monotonic_ns.to_string()),
        (key::ORIGIN_UNIX_NS, origin.unix_ns.to_string()),
    ];
    let metadata = metadata.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect();
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_created_by(format!("infersweep {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(metadata))
        .build())
}

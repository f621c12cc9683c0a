use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::StoreError;
use super::json_file::check_version;
use super::parquet_write::key;
use super::server_write::COLUMNS_KEY;
use crate::record::{ScrapedColumn, ScrapedSample};

/// Samples read at a time.
const BATCH_ROWS: usize = 1024;

/// The scraped metrics of a stored repeat.
pub struct ServerFile {
    path: PathBuf,
    columns: Vec<ScrapedColumn>,
    builder: ParquetRecordBatchReaderBuilder<File>,
}

/// The samples of a stored repeat, read batch by batch; stamps are offsets from the start of the measured phase. Ends after
/// an error.
pub struct ServerSamples {
    path: PathBuf,
    columns: Vec<ScrapedColumn>,
    batches: Option<ParquetRecordBatchReader>,
    ready: std::vec::IntoIter<ScrapedSample>,
}

impl ServerFile {
    /// Opens a file and reads its footer.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io("read", path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(StoreError::parquet("read", path))?;
        let noted = |key: &str| {
            let pairs = builder.metadata().file_metadata().key_value_metadata().into_iter().flatten();
            let value = pairs.filter(|pair| pair.key == key).find_map(|pair| pair.value.as_deref());
            value.ok_or_else(|| StoreError::unreadable(path, &format!("its footer has no `{key}`")))
        };
        let version = noted(key::FORMAT_VERSION)?.parse().map_err(|error| StoreError::unreadable(path, &error))?;
        check_version(path, version)?;
        let columns =
            serde_json::from_str(noted(COLUMNS_KEY)?).map_err(|error| StoreError::unreadable(path, &error))?;
        Ok(Self { path: path.to_owned(), columns, builder })
    }

    /// What the values of its samples are, in their order.
    pub fn columns(&self) -> &[ScrapedColumn] {
        &self.columns
    }

    /// Its samples, in the order of time.
    pub fn samples(self) -> Result<ServerSamples, StoreError> {
        let batches = self.builder.with_batch_size(BATCH_ROWS).build();
        let batches = batches.map_err(StoreError::parquet("read", &self.path))?;
        Ok(ServerSamples {
            path: self.path,
            columns: self.columns,
            batches: Some(batches),
            ready: Vec::new().into_iter(),
        })
    }
}

impl Iterator for ServerSamples {
    type Item = Result<ScrapedSample, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(sample) = self.ready.next() {
                return Some(Ok(sample));
            }
            let batch = self.batches.as_mut()?.next()?.map_err(|error| StoreError::unreadable(&self.path, &error));
            match batch.and_then(|batch| self.samples_of(&batch)) {
                Ok(samples) => self.ready = samples.into_iter(),
                Err(error) => {
                    self.batches = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl ServerSamples {
    #[expect(clippy::cast_possible_truncation, reason = "a scrape takes seconds")]
    fn samples_of(&self, batch: &RecordBatch) -> Result<Vec<ScrapedSample>, StoreError> {
        let lacks = |name: &str| StoreError::unreadable(&self.path, &format!("it has no such column `{name}`"));
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| lacks(name));
        let doubles = |name: &str| column(name)?.as_primitive_opt::<Float64Type>().ok_or_else(|| lacks(name));
        let at_ns = column("at_ns")?.as_primitive_opt::<Int64Type>().ok_or_else(|| lacks("at_ns"))?;
        let missed = column("missed")?.as_primitive_opt::<Int32Type>().ok_or_else(|| lacks("missed"))?;
        let fault = column("fault")?.as_string_opt::<i32>().ok_or_else(|| lacks("fault"))?;
        let scrape_ms = doubles("scrape_ms")?;
        let values = self.columns.iter().map(|column| doubles(&column.name)).collect::<Result<Vec<_>, _>>()?;
        let sample = |row: usize| ScrapedSample {
            at_ns: at_ns.value(row),
            scrape_ns: (scrape_ms.value(row) * 1e6).round() as i64,
            missed: u32::try_from(missed.value(row)).unwrap_or(0),
            fault: fault.is_valid(row).then(|| fault.value(row).to_owned()),
            values: values.iter().map(|column| column.is_valid(row).then(|| column.value(row))).collect(),
        };
        Ok((0..batch.num_rows()).map(sample).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::plan::CellId;
    use crate::scenario::MetricKind;
    use crate::store::{Origin, ServerHeader, UnitId, compact_server_log};
    use crate::text::Secrets;

    fn sample(at_ns: i64, values: &[Option<f64>]) -> ScrapedSample {
        let fault = values.is_empty().then(|| "HTTP 503".to_owned());
        ScrapedSample { at_ns, scrape_ns: 2_500_000, missed: 1, fault, values: values.to_vec() }
    }

    #[test]
    fn what_is_logged_comes_back_from_the_file_also_after_a_crash() {
        let dir = tempfile::tempdir().unwrap();
        let (log, target) = (dir.path().join("server/a.1.jsonl"), dir.path().join("server/a.1.parquet"));
        let column = |name: &str, kind| ScrapedColumn { name: name.to_owned(), kind };
        let columns = [column("requests_running", MetricKind::Gauge), column("swapped_total", MetricKind::Counter)];
        let of_run = ["requests_running", "elsewhere", "swapped_total"].map(str::to_owned);
        let opened = Origin { monotonic_ns: 1000, unix_ns: 5_000_000 };
        let header = ServerHeader::new(&UnitId::new(CellId::new("a"), 1), opened, &columns, &of_run);
        let side = header.create_log(&log, Secrets::default()).unwrap();
        // More than a batch of each, and a value that is hard to write.
        let kept: Vec<_> =
            (0..2500).map(|at| sample(at * 7, if at % 5 == 4 { &[] } else { &[Some(0.1 + 0.2), None] })).collect();
        for sample in &kept {
            side.add(sample);
        }
        side.finish().unwrap();
        let whole = fs::read(&log).unwrap();
        fs::write(&log, [whole.as_slice(), b"{\"at_ns\": 17, \"scr"].concat()).unwrap();
        assert_eq!(compact_server_log(&log, &target, Some(opened.at(3000))).unwrap(), 2500);
        assert!(!log.exists());
        let file = ServerFile::open(&target).unwrap();
        assert_eq!(file.columns(), columns);
        let found: Vec<_> = file.samples().unwrap().map(Result::unwrap).collect();
        let expected = kept.into_iter().map(|kept| {
            let values = if kept.values.is_empty() { vec![None, None] } else { kept.values };
            ScrapedSample { at_ns: kept.at_ns - 3000, values, ..kept }
        });
        assert_eq!(found, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_log_without_its_header_is_told_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (log, target) = (dir.path().join("a.0.jsonl"), dir.path().join("a.0.parquet"));
        for text in ["", "{\"format_version\": 1, \"cel"] {
            fs::write(&log, text).unwrap();
            assert!(matches!(compact_server_log(&log, &target, None), Err(StoreError::Unreadable { .. })));
            assert!(log.exists() && !target.exists());
        }
        fs::write(&target, "no Parquet").unwrap();
        assert!(ServerFile::open(&target).is_err());
    }
}

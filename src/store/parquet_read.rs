use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::columns::{Misfit, fill};
use super::json_file::check_version;
use super::parquet_write::key;
use super::{Origin, RowSchema, StoreError, UnitHeader};
use crate::metrics::Pass;
use crate::record::{ClientFacts, KeptTimes, Outcome, Phase, RequestRecord, ServerReport, Stamps, TokenCounts};

/// Rows read at a time.
const BATCH_ROWS: usize = 1024;

/// The facts of [`Pass::Lives`].
const LIFE: [&str; 6] = ["phase", "conversation", "turn", "scheduled_ns", "sent_ns", "end_ns"];
/// Facts that no figure of a summary hangs on.
const NO_FIGURE: [&str; 3] = ["model_id", "prompt_name", "response_id"];

/// A stored repeat: its header, at once, and its rows, when asked for.
pub struct RecordFile {
    path: PathBuf,
    header: UnitHeader,
    origin: Origin,
    client: Option<ClientFacts>,
    rows: u64,
    builder: ParquetRecordBatchReaderBuilder<File>,
}

/// The rows of a stored repeat, read batch by batch; ends after an error.
pub struct Records {
    path: PathBuf,
    server: Vec<String>,
    batches: Option<ParquetRecordBatchReader>,
    ready: std::vec::IntoIter<RequestRecord>,
}

/// The facts of a file's rows; stamps are offsets from the start of the measured phase.
pub fn read_records(path: &Path) -> Result<Records, StoreError> {
    RecordFile::open(path)?.records()
}

impl RecordFile {
    /// Opens a file and reads its footer.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io("read", path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(StoreError::parquet("read", path))?;
        let footer = builder.metadata().file_metadata();
        let noted = |key: &str| {
            let pairs = footer.key_value_metadata().into_iter().flatten();
            pairs.filter(|pair| pair.key == key).find_map(|pair| pair.value.as_deref())
        };
        let value =
            |key: &str| noted(key).ok_or_else(|| StoreError::unreadable(path, &format!("its footer has no `{key}`")));
        let number = |key: &str| {
            let wrong = |error| StoreError::unreadable(path, &format!("`{key}` in its footer: {error}"));
            value(key)?.parse::<i64>().map_err(wrong)
        };
        check_version(path, u64::try_from(number(key::FORMAT_VERSION)?).unwrap_or(u64::MAX))?;
        let header = serde_json::from_str(value(key::UNIT)?).map_err(|error| StoreError::unreadable(path, &error))?;
        let client = noted(key::CLIENT).map(serde_json::from_str).transpose();
        let client = client.map_err(|error| StoreError::unreadable(path, &error))?;
        let origin = Origin { monotonic_ns: number(key::ORIGIN_MONOTONIC_NS)?, unix_ns: number(key::ORIGIN_UNIX_NS)? };
        let rows = u64::try_from(footer.num_rows()).unwrap_or(0);
        Ok(Self { path: path.to_owned(), header, origin, client, rows, builder })
    }

    /// What its rows have in common.
    pub fn header(&self) -> &UnitHeader {
        &self.header
    }

    /// When the measured phase began: what its rows' stamps are offsets from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// How the client itself did; `None` when that was not watched to its end.
    pub fn client(&self) -> Option<&ClientFacts> {
        self.client.as_ref()
    }

    /// How many rows it has, warm-up included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Its rows, in the order in which they ended.
    pub fn records(self) -> Result<Records, StoreError> {
        self.with_facts(|_| true, true)
    }

    /// Its rows as far as a pass over them needs: other facts are blank. Reading fewer columns takes less time.
    pub fn records_for(self, pass: Pass) -> Result<Records, StoreError> {
        match pass {
            Pass::Lives => self.with_facts(|fact| LIFE.contains(&fact), false),
            Pass::Rows => self.with_facts(|fact| !NO_FIGURE.contains(&fact), true),
        }
    }

    fn with_facts(self, wanted: fn(&str) -> bool, with_server: bool) -> Result<Records, StoreError> {
        let server = if with_server { self.header.columns.server } else { Vec::new() };
        let schema = self.builder.schema().clone();
        if let Some(column) = RowSchema::facts().find(|column| column.required && schema.index_of(column.name).is_err())
        {
            return Err(StoreError::unreadable(&self.path, &format!("it has no column `{}`", column.name)));
        }
        let facts = RowSchema::facts().map(|column| column.name).filter(|name| wanted(name));
        let names = facts.chain(server.iter().map(String::as_str));
        let roots: Vec<usize> = names.filter_map(|name| schema.index_of(name).ok()).collect();
        let mask = ProjectionMask::roots(self.builder.parquet_schema(), roots);
        let batches = self.builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
        let batches = batches.map_err(StoreError::parquet("read", &self.path))?;
        Ok(Records { path: self.path, server, batches: Some(batches), ready: Vec::new().into_iter() })
    }
}

impl Iterator for Records {
    type Item = Result<RequestRecord, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.ready.next() {
                return Some(Ok(record));
            }
            let batch = self.batches.as_mut()?.next()?.map_err(|error| StoreError::unreadable(&self.path, &error));
            match batch.and_then(|batch| self.records_of(&batch)) {
                Ok(records) => self.ready = records.into_iter(),
                Err(error) => {
                    self.batches = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Records {
    fn records_of(&self, batch: &RecordBatch) -> Result<Vec<RequestRecord>, StoreError> {
        let wrong = |name: &str, misfit| {
            let why = match misfit {
                Misfit::Type => format!("column `{name}` has another type"),
                Misfit::Value(value) => format!("`{value}` is no value of column `{name}`"),
            };
            StoreError::unreadable(&self.path, &why)
        };
        let mut records = vec![blank(); batch.num_rows()];
        for column in RowSchema::facts() {
            if let Some(array) = batch.column_by_name(column.name) {
                fill(column, array, &mut records).map_err(|misfit| wrong(column.name, misfit))?;
            }
        }
        for name in &self.server {
            let Some(array) = batch.column_by_name(name) else { continue };
            let values = array.as_primitive_opt::<Float64Type>().ok_or_else(|| wrong(name, Misfit::Type))?;
            for (record, value) in records.iter_mut().zip(values) {
                record.server.extra.extend(value.map(|value| (name.clone(), value)));
            }
        }
        Ok(records)
    }
}

/// A row before its facts are filled in.
fn blank() -> RequestRecord {
    RequestRecord {
        request_index: 0,
        phase: Phase::Measure,
        model_id: String::new(),
        prompt_name: None,
        conversation: None,
        turn: None,
        response_id: None,
        outcome: Outcome::Completed,
        http_status: None,
        attempts: Vec::new(),
        stamps: Stamps::default(),
        chunks: Vec::new(),
        chunk_times: KeptTimes::All,
        token_source: None,
        tokens: TokenCounts::default(),
        finish_reason: None,
        server: ServerReport::default(),
    }
}

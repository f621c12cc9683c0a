use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::json_file::check_version;
use super::server_write::ServerWriter;
use super::{FORMAT_VERSION, Origin, SideLog, StoreError, UnitId};
use crate::plan::CellId;
use crate::record::{ScrapedColumn, ScrapedSample};
use crate::text::Secrets;

/// What the samples of a repeat have in common: the first line of their log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerHeader {
    /// Version of the run directory's files.
    pub format_version: u64,
    /// The cell.
    pub cell_id: CellId,
    /// The repeat, from 0.
    pub repeat: u32,
    /// One moment of the repeat on both clocks.
    pub opened: Origin,
    /// What the values of a sample are, in their order.
    pub columns: Vec<ScrapedColumn>,
    /// The columns of the run's files by name, the same for all of its endpoints.
    pub of_run: Vec<String>,
}

impl ServerHeader {
    /// The header of a repeat of a run whose files have these columns.
    pub fn new(unit: &UnitId, opened: Origin, columns: &[ScrapedColumn], of_run: &[String]) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            cell_id: unit.cell.clone(),
            repeat: unit.repeat,
            opened,
            columns: columns.to_vec(),
            of_run: of_run.to_vec(),
        }
    }

    /// Creates the log of a repeat's samples, which are added as they come.
    pub fn create_log(&self, path: &Path, secrets: Secrets) -> Result<SideLog, StoreError> {
        let log = SideLog::create(path, secrets)?;
        log.add(self);
        Ok(log)
    }
}

/// Turns the log of a repeat's samples into the Parquet file `target`, which appears whole or not at all; then the log goes.
///
/// `origin` is what stamps are offsets from; `None` takes the moment in the log's header. Lines that a killed process left in
/// pieces are passed over. The memory it takes does not grow with their number. Returns how many samples there are.
pub fn compact_server_log(log: &Path, target: &Path, origin: Option<Origin>) -> Result<u64, StoreError> {
    let mut lines = BufReader::new(File::open(log).map_err(StoreError::io("read", log))?);
    let mut line = Vec::new();
    lines.read_until(b'\n', &mut line).map_err(StoreError::io("read", log))?;
    let header: ServerHeader = serde_json::from_slice(&line).map_err(|error| StoreError::unreadable(log, &error))?;
    check_version(log, header.format_version)?;
    let mut file = ServerWriter::create(target, &header, origin.unwrap_or(header.opened))?;
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).map_err(StoreError::io("read", log))? == 0 {
            break;
        }
        if let Ok(sample) = serde_json::from_slice::<ScrapedSample>(&line) {
            file.add(sample)?;
        }
    }
    let samples = file.publish()?;
    fs::remove_file(log).map_err(StoreError::io("remove", log))?;
    Ok(samples)
}

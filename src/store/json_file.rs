use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{StoreError, write_atomic};

/// The version of the run directory's files that this build writes, and the highest that it reads.
pub const FORMAT_VERSION: u64 = 1;

/// All that is looked at before the rest is read.
#[derive(Deserialize)]
struct Versioned {
    format_version: u64,
}

/// Refuses the file of a later version.
pub(super) fn check_version(path: &Path, found: u64) -> Result<(), StoreError> {
    check_against(path, found, FORMAT_VERSION)
}

fn check_against(path: &Path, found: u64, known: u64) -> Result<(), StoreError> {
    if found > known { Err(StoreError::Newer { path: path.to_owned(), found, known }) } else { Ok(()) }
}

/// Reads a file with a `format_version`; a newer one is refused before its other fields are looked at.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    read_versioned(path, FORMAT_VERSION)
}

/// The same of a file whose layout has versions of its own, up to `known`.
pub(super) fn read_versioned<T: DeserializeOwned>(path: &Path, known: u64) -> Result<T, StoreError> {
    let bytes = fs::read(path).map_err(StoreError::io("read", path))?;
    let wrong = |error: serde_json::Error| StoreError::unreadable(path, &error);
    let version: Versioned = serde_json::from_slice(&bytes).map_err(wrong)?;
    check_against(path, version.format_version, known)?;
    serde_json::from_slice(&bytes).map_err(wrong)
}

/// Writes a file for people to read too, atomically.
pub(super) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), StoreError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| StoreError::unreadable(path, &error))?;
    bytes.push(b'\n');
    write_atomic(path, &bytes)
}

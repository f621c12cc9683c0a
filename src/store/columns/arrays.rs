//! Columns to Arrow arrays and back.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{ArrayRef, Float64Array, Int32Array, Int64Array, StringArray};
use arrow_schema::ArrowError;

use super::column::{Column, Field, Row};
use super::lists;
use crate::record::RequestRecord;

/// Why a column of a file does not go into records.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) enum Misfit {
    /// It has another type.
    Type,
    /// A value is none of the fact's values.
    Value(String),
}

impl Misfit {
    pub(super) fn value(value: &(impl ToString + ?Sized)) -> Self {
        Self::Value(value.to_string())
    }
}

impl Column {
    /// The column's values of some rows.
    pub(super) fn array(&self, rows: &[Row<'_>]) -> Result<ArrayRef, ArrowError> {
        Ok(match &self.field {
            Field::Text { get, .. } => Arc::new(rows.iter().map(get).collect::<StringArray>()),
            Field::Int32 { get, .. } => Arc::new(rows.iter().map(get).collect::<Int32Array>()),
            Field::Int64 { get, .. } => Arc::new(rows.iter().map(get).collect::<Int64Array>()),
            Field::Double { get, .. } => Arc::new(rows.iter().map(get).collect::<Float64Array>()),
            Field::ChunkTimes => lists::chunk_times(rows)?,
            Field::ChunkTokens => lists::chunk_tokens(rows)?,
            Field::Attempts => lists::attempts(rows)?,
        })
    }
}

/// Puts a fact's values into records, one a row; metrics and the like are passed over.
pub(in crate::store) fn fill(column: &Column, array: &ArrayRef, records: &mut [RequestRecord]) -> Result<(), Misfit> {
    match &column.field {
        Field::Text { set: Some(set), .. } => {
            put(array.as_string_opt::<i32>().ok_or(Misfit::Type)?.iter(), records, *set)
        }
        Field::Int32 { set: Some(set), .. } => {
            put(array.as_primitive_opt::<Int32Type>().ok_or(Misfit::Type)?.iter(), records, *set)
        }
        Field::Int64 { set: Some(set), .. } => {
            put(array.as_primitive_opt::<Int64Type>().ok_or(Misfit::Type)?.iter(), records, *set)
        }
        Field::Double { set: Some(set), .. } => {
            put(array.as_primitive_opt::<Float64Type>().ok_or(Misfit::Type)?.iter(), records, *set)
        }
        Field::ChunkTimes => lists::fill_chunk_times(array, records),
        Field::ChunkTokens => lists::fill_chunk_tokens(array, records),
        Field::Attempts => lists::fill_attempts(array, records),
        Field::Text { .. } | Field::Int32 { .. } | Field::Int64 { .. } | Field::Double { .. } => Ok(()),
    }
}

fn put<T: Copy + ToString>(
    values: impl Iterator<Item = Option<T>>,
    records: &mut [RequestRecord],
    set: impl Fn(&mut RequestRecord, T) -> Option<()>,
) -> Result<(), Misfit> {
    for (value, record) in values.zip(records) {
        if let Some(value) = value {
            set(record, value).ok_or_else(|| Misfit::value(&value))?;
        }
    }
    Ok(())
}

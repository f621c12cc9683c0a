use arrow_schema::DataType;

use super::lists;
use crate::metrics::RequestMetrics;
use crate::record::RequestRecord;
use crate::store::UnitId;
use crate::time::MonotonicNs;

/// A column that the rows of every run have.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What a value means; for a metric, its formula.
    pub meaning: &'static str,
    /// Whether every row has a value.
    pub required: bool,
    pub(super) field: Field,
}

/// Where a row's values come from. Its stamps are offsets from `origin_ns`.
pub(in crate::store) struct Row<'r> {
    pub(in crate::store) unit: &'r UnitId,
    pub(in crate::store) record: &'r RequestRecord,
    pub(in crate::store) metrics: RequestMetrics,
    pub(in crate::store) origin_ns: MonotonicNs,
}

/// Takes a fact back into a record; `None` when the value is none of its values.
pub(super) type Set<T> = Option<fn(&mut RequestRecord, T) -> Option<()>>;

/// A column's type, how a value is taken from a row, and, for a fact, how it goes back into a record.
#[derive(Debug)]
pub(super) enum Field {
    Text { get: for<'r> fn(&Row<'r>) -> Option<&'r str>, set: Option<fn(&mut RequestRecord, &str) -> Option<()>> },
    Int32 { get: fn(&Row<'_>) -> Option<i32>, set: Set<i32> },
    Int64 { get: fn(&Row<'_>) -> Option<i64>, set: Set<i64> },
    Double { get: fn(&Row<'_>) -> Option<f64>, set: Set<f64> },
    ChunkTimes,
    ChunkTokens,
    Attempts,
}

impl Column {
    /// Whether the column is derived from the others at write.
    pub fn is_metric(&self) -> bool {
        matches!(self.field, Field::Double { set: None, .. })
    }

    /// Whether the column is a fact that is read back into a record.
    pub(super) fn is_fact(&self) -> bool {
        match &self.field {
            Field::Text { set, .. } => set.is_some(),
            Field::Int32 { set, .. } => set.is_some(),
            Field::Int64 { set, .. } => set.is_some(),
            Field::Double { set, .. } => set.is_some(),
            Field::ChunkTimes | Field::ChunkTokens | Field::Attempts => true,
        }
    }

    /// Its type in the words of `docs/FORMAT.md`.
    pub fn type_name(&self) -> &'static str {
        match self.field {
            Field::Text { .. } => "text",
            Field::Int32 { .. } => "int32",
            Field::Int64 { .. } => "int64",
            Field::Double { .. } => "double",
            Field::ChunkTimes => "list of int64",
            Field::ChunkTokens => "list of int32",
            Field::Attempts => "list of {sent_ns int64, end_ns int64, cause text}",
        }
    }

    /// Its type in Arrow.
    pub(super) fn data_type(&self) -> DataType {
        match self.field {
            Field::Text { .. } => DataType::Utf8,
            Field::Int32 { .. } => DataType::Int32,
            Field::Int64 { .. } => DataType::Int64,
            Field::Double { .. } => DataType::Float64,
            Field::ChunkTimes => DataType::List(lists::times_element()),
            Field::ChunkTokens => DataType::List(lists::tokens_element()),
            Field::Attempts => DataType::List(lists::attempts_element()),
        }
    }
}

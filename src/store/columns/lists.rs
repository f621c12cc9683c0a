//! List columns: chunks and attempts, to arrays and back.

use std::sync::{Arc, LazyLock};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, Int32Array, Int64Array, ListArray, StringArray, StructArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields};

use super::Misfit;
use super::column::Row;
use super::fixed::word;
use crate::record::{Attempt, Cause, Chunk, RequestRecord};

/// The name that the Parquet format gives to the elements of a list.
const ELEMENT: &str = "element";

static ATTEMPT: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        Field::new("sent_ns", DataType::Int64, true),
        Field::new("end_ns", DataType::Int64, false),
        Field::new("cause", DataType::Utf8, true),
    ])
});

pub(super) fn times_element() -> FieldRef {
    Arc::new(Field::new(ELEMENT, DataType::Int64, false))
}

pub(super) fn tokens_element() -> FieldRef {
    Arc::new(Field::new(ELEMENT, DataType::Int32, false))
}

pub(super) fn attempts_element() -> FieldRef {
    Arc::new(Field::new(ELEMENT, DataType::Struct(ATTEMPT.clone()), false))
}

fn chunk_offsets(rows: &[Row<'_>]) -> OffsetBuffer<i32> {
    OffsetBuffer::from_lengths(rows.iter().map(|row| row.record.chunks.len()))
}

pub(super) fn chunk_times(rows: &[Row<'_>]) -> Result<ArrayRef, ArrowError> {
    let stamps = rows.iter().flat_map(|row| row.record.chunks.iter().map(|chunk| row.offset(chunk.at_ns)));
    let values = Int64Array::from_iter_values(stamps);
    Ok(Arc::new(ListArray::try_new(times_element(), chunk_offsets(rows), Arc::new(values), None)?))
}

pub(super) fn chunk_tokens(rows: &[Row<'_>]) -> Result<ArrayRef, ArrowError> {
    let counts = rows.iter().flat_map(|row| &row.record.chunks);
    let values = Int32Array::from_iter_values(counts.map(|chunk| i32::try_from(chunk.tokens).unwrap_or(i32::MAX)));
    Ok(Arc::new(ListArray::try_new(tokens_element(), chunk_offsets(rows), Arc::new(values), None)?))
}

pub(super) fn attempts(rows: &[Row<'_>]) -> Result<ArrayRef, ArrowError> {
    let tries = || rows.iter().flat_map(|row| row.record.attempts.iter().map(move |attempt| (row, attempt)));
    let sent: Int64Array = tries().map(|(row, attempt)| attempt.sent_ns.map(|at| row.offset(at))).collect();
    let end = Int64Array::from_iter_values(tries().map(|(row, attempt)| row.offset(attempt.end_ns)));
    let cause: StringArray = tries().map(|(_, attempt)| attempt.cause.map(Cause::as_str)).collect();
    let values = StructArray::try_new(ATTEMPT.clone(), vec![Arc::new(sent), Arc::new(end), Arc::new(cause)], None)?;
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.record.attempts.len()));
    Ok(Arc::new(ListArray::try_new(attempts_element(), offsets, Arc::new(values), None)?))
}

/// Calls `put` with each record and the elements of its list.
fn each_list<'a>(
    column: &'a ArrayRef,
    records: &mut [RequestRecord],
    mut put: impl FnMut(&mut RequestRecord, ArrayRef) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    let lists: &'a ListArray = column.as_list_opt().ok_or(Misfit::Type)?;
    records
        .iter_mut()
        .enumerate()
        .filter(|(row, _)| lists.is_valid(*row))
        .try_for_each(|(row, record)| put(record, lists.value(row)))
}

pub(super) fn fill_chunk_times(column: &ArrayRef, records: &mut [RequestRecord]) -> Result<(), Misfit> {
    each_list(column, records, |record, stamps| {
        let stamps = stamps.as_primitive_opt::<Int64Type>().ok_or(Misfit::Type)?;
        record.chunks = stamps.values().iter().map(|at| Chunk { at_ns: *at, tokens: 0 }).collect();
        Ok(())
    })
}

pub(super) fn fill_chunk_tokens(column: &ArrayRef, records: &mut [RequestRecord]) -> Result<(), Misfit> {
    each_list(column, records, |record, counts| {
        let counts = counts.as_primitive_opt::<Int32Type>().ok_or(Misfit::Type)?;
        if counts.len() != record.chunks.len() {
            return Err(Misfit::value(&format!("{} counts for {} chunks", counts.len(), record.chunks.len())));
        }
        for (chunk, count) in record.chunks.iter_mut().zip(counts.values()) {
            chunk.tokens = u32::try_from(*count).map_err(|_| Misfit::value(count))?;
        }
        Ok(())
    })
}

pub(super) fn fill_attempts(column: &ArrayRef, records: &mut [RequestRecord]) -> Result<(), Misfit> {
    each_list(column, records, |record, tries| {
        let tries = tries.as_struct_opt().ok_or(Misfit::Type)?;
        let part = |name| tries.column_by_name(name).ok_or(Misfit::Type);
        let sent = part("sent_ns")?.as_primitive_opt::<Int64Type>().ok_or(Misfit::Type)?;
        let end = part("end_ns")?.as_primitive_opt::<Int64Type>().ok_or(Misfit::Type)?;
        let cause = part("cause")?.as_string_opt::<i32>().ok_or(Misfit::Type)?;
        let cause_of = |cause: Option<&str>| cause.map(|text| word(text).ok_or(Misfit::value(text))).transpose();
        for ((sent_ns, end_ns), cause) in sent.iter().zip(end.values()).zip(cause) {
            record.attempts.push(Attempt { sent_ns, end_ns: *end_ns, cause: cause_of(cause)? });
        }
        Ok(())
    })
}

//! The columns that every run has, and how each is taken from a row and put back into a record.

use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{Deserialize, IntoDeserializer as _};

use super::column::{Column, Field, Row};
use crate::record::{Cause, Failure, Outcome, RequestRecord, TokenSource};
use crate::time::MonotonicNs;

/// Every fixed column in the order of the file; the axes stand after `BEFORE_AXES` of them.
pub fn fixed_columns() -> impl Iterator<Item = &'static Column> {
    BEFORE_AXES.iter().chain(&AFTER_AXES)
}

const fn column(name: &'static str, meaning: &'static str, field: Field) -> Column {
    Column { name, meaning, required: false, field }
}

const fn required(name: &'static str, meaning: &'static str, field: Field) -> Column {
    Column { name, meaning, required: true, field }
}

/// A stamp of the record, as an offset.
macro_rules! stamp {
    ($name:ident, $meaning:literal) => {
        column(
            stringify!($name),
            $meaning,
            Field::Int64 {
                get: |row| row.record.stamps.$name.map(|at| row.offset(at)),
                set: Some(|record, at| {
                    record.stamps.$name = Some(at);
                    Some(())
                }),
            },
        )
    };
}

/// An optional count of the record, kept within its column's type.
macro_rules! count {
    (Int32, $($rest:tt)+) => { count!(@ Int32 i32, $($rest)+) };
    (Int64, $($rest:tt)+) => { count!(@ Int64 i64, $($rest)+) };
    (@ $kind:ident $int:ty, $name:literal, $($path:ident).+, $meaning:literal) => {
        column(
            $name,
            $meaning,
            Field::$kind {
                get: |row| row.record.$($path).+.map(|count| <$int>::try_from(count).unwrap_or(<$int>::MAX)),
                set: Some(|record, count| {
                    record.$($path).+ = Some(count.try_into().ok()?);
                    Some(())
                }),
            },
        )
    };
}

/// An optional text of the record.
macro_rules! text {
    ($name:ident, $meaning:literal) => {
        column(
            stringify!($name),
            $meaning,
            Field::Text {
                get: |row| row.record.$name.as_deref(),
                set: Some(|record, text| {
                    record.$name = Some(text.to_owned());
                    Some(())
                }),
            },
        )
    };
}

/// A metric, derived at write.
macro_rules! metric {
    ($name:ident, $meaning:literal) => {
        column(stringify!($name), $meaning, Field::Double { get: |row| row.metrics.$name, set: None })
    };
}

/// A figure that the server gives of itself.
macro_rules! server {
    ($name:literal, $field:ident, $meaning:literal) => {
        column(
            $name,
            $meaning,
            Field::Double {
                get: |row| row.record.server.$field,
                set: Some(|record, value| {
                    record.server.$field = Some(value);
                    Some(())
                }),
            },
        )
    };
}

/// Columns before those of the axes.
pub(super) static BEFORE_AXES: [Column; 4] = [
    required("cell_id", "The cell's name.", Field::Text { get: |row| Some(row.unit.cell.as_str()), set: None }),
    required(
        "repeat",
        "The repeat, from 0.",
        Field::Int32 { get: |row| Some(i32::try_from(row.unit.repeat).unwrap_or(i32::MAX)), set: None },
    ),
    required(
        "request_index",
        "From 0 in order of starting, warm-up included; rows stand in order of ending.",
        Field::Int64 {
            get: |row| Some(i64::try_from(row.record.request_index).unwrap_or(i64::MAX)),
            set: Some(|record, index| {
                record.request_index = index.try_into().ok()?;
                Some(())
            }),
        },
    ),
    required(
        "phase",
        "`warmup` or `measure`; only `measure` counts.",
        Field::Text {
            get: |row| Some(row.record.phase.as_str()),
            set: Some(|record, phase| {
                record.phase = word(phase)?;
                Some(())
            }),
        },
    ),
];

/// Columns after those of the axes.
pub(super) static AFTER_AXES: [Column; 49] = [
    required(
        "model_id",
        "The model's name on the wire.",
        Field::Text {
            get: |row| Some(&row.record.model_id),
            set: Some(|record, id| {
                id.clone_into(&mut record.model_id);
                Some(())
            }),
        },
    ),
    text!(prompt_name, "Name of the prompt template; of a dataset's row, its `id` or `name`, else `row-LINE`."),
    count!(Int64, "conversation", conversation, "The conversation, from 0 within its phase."),
    count!(Int32, "turn", turn, "The turn within it, from 0."),
    text!(response_id, "The server's id of the answer."),
    required(
        "outcome",
        "`completed`, `failed`, `cancelled` (stopped by us) or `dropped` (due but never sent).",
        Field::Text { get: |row| Some(row.record.outcome.as_str()), set: Some(set_outcome) },
    ),
    column(
        "cause",
        "Why it failed; null unless it did.",
        Field::Text { get: |row| failure(row.record).map(|failure| failure.cause.as_str()), set: Some(set_cause) },
    ),
    column(
        "http_status",
        "The HTTP status, when there was one.",
        Field::Int32 {
            get: |row| row.record.http_status.map(i32::from),
            set: Some(|record, status| {
                record.http_status = Some(status.try_into().ok()?);
                Some(())
            }),
        },
    ),
    column(
        "error_message",
        "What was said of the failure, one line, secrets struck out; null unless it failed.",
        Field::Text { get: |row| failure(row.record).map(|failure| failure.message.as_str()), set: Some(set_message) },
    ),
    required("attempts", "Every try, retries included; none for a dropped request.", Field::Attempts),
    stamp!(scheduled_ns, "When the request was due; null in closed loop."),
    stamp!(sent_ns, "When the first attempt's bytes went to the socket."),
    stamp!(dial_ns, "When the opening of a connection made for this request began; null on a pooled one."),
    stamp!(handshake_ns, "When that stood and its TLS handshake began; null in clear and on a pooled one."),
    stamp!(connect_ns, "When a connection made for this request was ready; null on a pooled one."),
    stamp!(headers_ns, "When the response's head had arrived."),
    stamp!(first_chunk_ns, "The first body byte."),
    stamp!(first_token_ns, "The first content token; reasoning counts."),
    stamp!(first_visible_ns, "The first content that is not reasoning."),
    stamp!(last_token_ns, "The last content token."),
    stamp!(end_ns, "The end of the answer, of the failure or of the cancelling."),
    required("chunk_ns", "When each piece of content arrived: the read that completed its event.", Field::ChunkTimes),
    required("chunk_tokens", "The tokens that each of them brought.", Field::ChunkTokens),
    column(
        "chunk_times",
        "Whose chunks these are: `all`, or `first_last`: the first, and the last with the tokens of all after the first.",
        Field::Text {
            get: |row| Some(row.record.chunk_times.as_str()),
            set: Some(|record, kept| {
                record.chunk_times = word(kept)?;
                Some(())
            }),
        },
    ),
    column(
        "token_source",
        "Who counted `chunk_tokens`: `usage`, `tokenizer` or `estimate`.",
        Field::Text {
            get: |row| row.record.token_source.map(TokenSource::as_str),
            set: Some(|record, source| {
                record.token_source = Some(word(source)?);
                Some(())
            }),
        },
    ),
    count!(Int64, "input_tokens_requested", tokens.input_requested, "Input tokens that the cell asks for."),
    count!(Int64, "input_tokens_client", tokens.input_client, "Input tokens by our count, chat template included."),
    count!(Int64, "input_tokens_server", tokens.input_server, "Input tokens by the server's count."),
    count!(Int64, "output_tokens_requested", tokens.output_requested, "Output tokens that the cell asks for."),
    count!(Int64, "output_tokens_client", tokens.output_client, "Output tokens by our count."),
    count!(Int64, "output_tokens_server", tokens.output_server, "Output tokens by the server's count."),
    count!(Int64, "reasoning_tokens", tokens.reasoning, "Output tokens that are reasoning."),
    count!(Int64, "cached_tokens", tokens.cached, "Input tokens that the server had cached."),
    count!(Int64, "image_tokens", tokens.image, "Input tokens of images."),
    text!(finish_reason, "Why the model stopped."),
    metric!(connect_ms, "Name and connection, a proxy's tunnel included: handshake - dial, connect - dial in clear."),
    metric!(tls_ms, "The TLS handshake: connect - handshake."),
    metric!(queue_delay_ms, "sent - scheduled."),
    metric!(ttft_ms, "first token - sent."),
    metric!(ttft_from_schedule_ms, "first token - scheduled."),
    metric!(
        tpot_ms,
        "(last token - first token) / (streamed tokens - tokens of the first chunk); null when that is 0."
    ),
    metric!(tpot_classic_ms, "(last token - first token) / (output tokens - 1)."),
    metric!(e2e_ms, "last token - sent; end - sent without streaming."),
    metric!(e2e_from_schedule_ms, "last token - scheduled; end - scheduled without streaming."),
    metric!(output_tokens_per_s, "1000 / tpot_ms."),
    server!("server_ttft_ms", ttft_ms, "Time to first token, as the server says."),
    server!("server_e2e_ms", e2e_ms, "End-to-end latency, as the server says."),
    server!(
        "server_output_tokens_per_s",
        output_tokens_per_s,
        "Output rate after the first token, as the server says."
    ),
    count!(Int64, "batch_size_used", server.batch_size_used, "Batch size, as the server says."),
];

impl Row<'_> {
    pub(super) fn offset(&self, at: MonotonicNs) -> i64 {
        at.saturating_sub(self.origin_ns)
    }
}

/// A failed request's failure.
fn failure(record: &RequestRecord) -> Option<&Failure> {
    match &record.outcome {
        Outcome::Failed(failure) => Some(failure),
        _ => None,
    }
}

/// Columns are read in order: the outcome makes room for the cause and the message that follow.
fn set_outcome(record: &mut RequestRecord, outcome: &str) -> Option<()> {
    record.outcome = match outcome {
        "completed" => Outcome::Completed,
        "failed" => Outcome::Failed(Failure::new(Cause::Internal, "")),
        "cancelled" => Outcome::Cancelled,
        "dropped" => Outcome::Dropped,
        _ => return None,
    };
    Some(())
}

fn set_cause(record: &mut RequestRecord, cause: &str) -> Option<()> {
    let Outcome::Failed(failure) = &mut record.outcome else { return None };
    failure.cause = word(cause)?;
    Some(())
}

fn set_message(record: &mut RequestRecord, message: &str) -> Option<()> {
    let Outcome::Failed(failure) = &mut record.outcome else { return None };
    message.clone_into(&mut failure.message);
    Some(())
}

/// The variant that serde calls `text`.
pub(super) fn word<'t, T: Deserialize<'t>>(text: &'t str) -> Option<T> {
    let words: StrDeserializer<'t, WordError> = text.into_deserializer();
    T::deserialize(words).ok()
}

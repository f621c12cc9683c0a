//! The columns of the matrix's axes, from the values of a cell as JSON, so that a cell of a plan and one
//! of a stored journal are written alike.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::scenario::AxisValue;

/// The columns of the known axes: name, the axis it shows, and its type.
pub(super) const KNOWN: [(&str, &str, AxisType); 12] = [
    ("model", "model", AxisType::Name),
    ("endpoint", "endpoint", AxisType::Name),
    ("mode", "mode", AxisType::Name),
    ("input_tokens", "input_tokens", AxisType::Int64),
    ("input_tokens_spec", "input_tokens", AxisType::Name),
    ("output_tokens", "output_tokens", AxisType::Int64),
    ("output_tokens_spec", "output_tokens", AxisType::Name),
    ("image_size", "image_size", AxisType::Name),
    ("loop", "loop", AxisType::Name),
    ("concurrency", "concurrency", AxisType::Int32),
    ("qps", "qps", AxisType::Double),
    ("qps_distribution", "qps_distribution", AxisType::Name),
];

/// The type of an axis's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AxisType {
    /// Text; a number is null here, so that a fixed size leaves its `_spec` empty.
    Name,
    /// Text; numbers and truth values are spelt out.
    Text,
    /// 32-bit whole numbers.
    Int32,
    /// 64-bit whole numbers; the text of a distribution is null here.
    Int64,
    /// Numbers; "inf" is infinite.
    Double,
    /// Truth values.
    Bool,
}

/// The type of the column of an axis of `vars`: that of its values, or text when they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VarType {
    /// Only whole numbers.
    Int64,
    /// Only numbers, not all of them whole.
    Double,
    /// Only truth values.
    Bool,
    /// Only text, or values of several kinds.
    Text,
}

impl VarType {
    /// The type that holds one value.
    pub(super) fn of(value: &AxisValue) -> Self {
        match value {
            AxisValue::Integer(_) => Self::Int64,
            AxisValue::Float(_) => Self::Double,
            AxisValue::Bool(_) => Self::Bool,
            _ => Self::Text,
        }
    }

    /// The type that holds the values of both.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (one, two) if one == two => one,
            (Self::Int64 | Self::Double, Self::Int64 | Self::Double) => Self::Double,
            _ => Self::Text,
        }
    }

    pub(super) fn column(self) -> AxisType {
        match self {
            Self::Int64 => AxisType::Int64,
            Self::Double => AxisType::Double,
            Self::Bool => AxisType::Bool,
            Self::Text => AxisType::Text,
        }
    }
}

impl AxisType {
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Name | Self::Text => DataType::Utf8,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Bool => DataType::Boolean,
        }
    }

    /// Its name in the words of `docs/FORMAT.md`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Name | Self::Text => "text",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Double => "double",
            Self::Bool => "bool",
        }
    }

    /// `rows` times the value of a cell of `axis`; null where the axis does not apply.
    pub(super) fn array(self, cell: &Map<String, Value>, axis: &str, rows: usize) -> ArrayRef {
        let value = cell.get(axis).filter(|value| !value.is_null());
        let whole = value.and_then(Value::as_i64);
        match self {
            Self::Name => text(value.and_then(Value::as_str), rows),
            Self::Text => text(value.map(spelt).as_deref(), rows),
            Self::Int32 => Arc::new(Int32Array::from(vec![whole.and_then(|whole| i32::try_from(whole).ok()); rows])),
            Self::Int64 => Arc::new(Int64Array::from(vec![whole; rows])),
            Self::Double => Arc::new(Float64Array::from(vec![value.and_then(number); rows])),
            Self::Bool => Arc::new(BooleanArray::from(vec![value.and_then(Value::as_bool); rows])),
        }
    }
}

fn text(value: Option<&str>, rows: usize) -> ArrayRef {
    Arc::new(std::iter::repeat_n(value, rows).collect::<StringArray>())
}

fn spelt(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| (value.as_str()? == "inf").then_some(f64::INFINITY))
}

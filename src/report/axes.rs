use serde_json::{Map, Value};

use super::grid::{Cell, Column};
use crate::scenario::AxisName;

/// The axes of the rows of a table: which tell rows apart, and how they are shown.
pub(super) struct RowAxes<'r> {
    rows: Vec<&'r Map<String, Value>>,
    names: Vec<String>,
}

impl<'r> RowAxes<'r> {
    /// Takes the axes of each row; names come in the language's order, `vars` by name.
    pub(super) fn of(rows: impl IntoIterator<Item = &'r Map<String, Value>>) -> Self {
        let rows: Vec<&Map<String, Value>> = rows.into_iter().collect();
        let mut names: Vec<AxisName> =
            rows.iter().flat_map(|row| row.keys()).map(|word| AxisName::from_word(word)).collect();
        names.sort();
        names.dedup();
        Self { rows, names: names.iter().map(|name| name.as_str().to_owned()).collect() }
    }

    /// Every axis that a row has.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// A column for each axis that varies.
    pub(super) fn columns(&self, expendable: u8) -> Vec<Column> {
        self.names.iter().filter(|axis| self.varies(axis)).map(|axis| self.column(axis, expendable)).collect()
    }

    /// `axis = value` for each axis that is the same everywhere, unless it says nothing.
    pub(super) fn constants(&self) -> Vec<String> {
        let Some(first) = self.rows.first() else { return Vec::new() };
        let same = |axis: &&String| self.rows.iter().all(|row| value(row, axis) == value(first, axis));
        let idle = |axis: &String| axis == "image_size" && value(first, axis) == "na";
        let names = self.names.iter().filter(same).filter(|axis| !idle(axis));
        names.map(|axis| format!("{axis} = {}", shown(value(first, axis)))).collect()
    }

    /// Whether an axis tells rows apart. An endpoint that hangs on the model alone says nothing new.
    fn varies(&self, axis: &str) -> bool {
        if axis == "endpoint" {
            let differ = |a: &Map<String, Value>, b: &Map<String, Value>| {
                value(a, "model") == value(b, "model") && value(a, axis) != value(b, axis)
            };
            return self.rows.iter().any(|a| self.rows.iter().any(|b| differ(a, b)));
        }
        self.rows.windows(2).any(|pair| value(pair[0], axis) != value(pair[1], axis))
    }

    fn column(&self, axis: &str, expendable: u8) -> Column {
        let head = match axis {
            "input_tokens" => "in",
            "output_tokens" => "out",
            "concurrency" => "conc",
            "qps_distribution" => "arrivals",
            other => other,
        };
        let values: Vec<&Value> = self.rows.iter().map(|row| value(row, axis)).collect();
        Column {
            group: String::new(),
            name: head.to_owned(),
            cells: values.iter().map(|value| Cell::plain(shown(value))).collect(),
            right: values.iter().all(|value| value.is_number() || value.is_null()),
            expendable,
        }
    }
}

fn value<'c>(row: &'c Map<String, Value>, axis: &str) -> &'c Value {
    row.get(axis).unwrap_or(&Value::Null)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.replace(char::is_control, " "),
        other => other.to_string(),
    }
}

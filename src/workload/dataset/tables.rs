use std::fs::File;
use std::path::Path;

use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Map, Value};

use super::excerpt::at;
use super::scan::{Found, Take, unreadable};
use crate::diagnostic::{Code, Fault};

/// Columns that hold JSON where a table has no lists and tables of its own.
const JSON_COLUMNS: [&str; 5] = ["messages", "conversations", "tools", "tool_choice", "response_format"];

/// A table of text: its first line names the columns, an empty field is no value.
pub(super) fn text(path: &Path, delimiter: u8, take: &mut Take<'_>) -> Result<(), Fault> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).from_path(path).map_err(|error| unreadable(path, &error))?;
    let names: Vec<String> = match reader.headers() {
        Ok(names) => names.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect(),
        Err(error) => return Err(bad_record(path, &error)),
    };
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| bad_record(path, &error))? {
        let fields = names.iter().zip(&record).filter(|(_, field)| !field.is_empty());
        let row = fields.map(|(name, field)| (name.clone(), Value::from(field))).collect();
        let number = record.position().map_or(0, csv::Position::line);
        if show(row, number, take).is_break() {
            break;
        }
    }
    Ok(())
}

/// A Parquet file.
pub(super) fn parquet(path: &Path, take: &mut Take<'_>) -> Result<(), Fault> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let reader = SerializedFileReader::new(file).map_err(|error| bad_table(path, &error))?;
    let rows = reader.get_row_iter(None).map_err(|error| bad_table(path, &error))?;
    for (number, row) in (1..).zip(rows) {
        let row = row.map_err(|error| bad_table(path, &error))?;
        if let Value::Object(row) = row.to_json_value()
            && show(row, number, take).is_break()
        {
            break;
        }
    }
    Ok(())
}

fn bad_record(path: &Path, error: &csv::Error) -> Fault {
    let line = error.position().map(csv::Position::line);
    match (error.kind(), line) {
        (csv::ErrorKind::UnequalLengths { expected_len, len, .. }, Some(line)) => {
            let message = format!("this row has {len} fields, and the first line names {expected_len}");
            at(Fault::error(Code::Syntax, message), path, line, "", 0..0)
        }
        (_, Some(line)) => at(Fault::error(Code::Syntax, error.to_string()), path, line, "", 0..0),
        (_, None) => bad_table(path, error),
    }
}

fn bad_table(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    Fault::error(Code::Syntax, format!("{}: {error}", path.display()))
}

fn show(mut row: Map<String, Value>, number: u64, take: &mut Take<'_>) -> std::ops::ControlFlow<()> {
    for column in JSON_COLUMNS {
        if let Some(value) = row.get_mut(column)
            && let Some(Ok(meant)) = value.as_str().map(serde_json::from_str::<Value>)
        {
            *value = meant;
        }
    }
    let json = Value::Object(row).to_string();
    take(Found { offset: None, number, json: json.as_bytes() })
}

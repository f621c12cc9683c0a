use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::diagnostic::{Code, Faults};
use crate::scenario::layers::beside;
use crate::scenario::tree::{Node, Value};
use crate::units::parse_duration;

/// Whether a name of the user's is fit for a column, alone or behind a word of ours.
pub(super) fn is_column_word(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Values of a table by key. A value of another form reads as absent: the validator has told of it.
impl Node {
    pub(super) fn text(&self, key: &str) -> Option<String> {
        match &self.get(key)?.value {
            Value::Text { used, .. } => Some(used.clone()),
            _ => None,
        }
    }

    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        self.get(key).iter().flat_map(|list| list.items()).filter_map(Self::scalar).collect()
    }

    pub(super) fn truth(&self, key: &str) -> Option<bool> {
        match self.get(key)?.value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    pub(super) fn whole<N: TryFrom<i64>>(&self, key: &str) -> Option<N> {
        match self.get(key)?.value {
            Value::Integer(number) => N::try_from(number).ok(),
            _ => None,
        }
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        match self.get(key)?.value {
            Value::Integer(_) | Value::Float(_) => self.get(key)?.scalar()?.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn duration(&self, key: &str) -> Option<Duration> {
        parse_duration(&self.get(key)?.scalar()?).ok()
    }

    /// A scalar by its own parser.
    pub(super) fn parsed<T: FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.scalar()?.parse().ok()
    }

    /// A word as the enum that serde reads it into.
    pub(super) fn word<T: serde::de::DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_value(self.get(key)?.to_json()).ok()
    }

    /// A path beside the file that holds it, which must be a file.
    pub(super) fn existing_file(&self, key: &str, faults: &mut Faults) -> Option<PathBuf> {
        let node = self.get(key)?;
        let path = beside(&node.place.source, &node.scalar()?);
        // A variable that is not set names no file yet.
        let is_open = node.scalar().is_some_and(|text| text.contains("${"));
        if !path.is_file() && !is_open {
            let what = if path.is_dir() { "is a directory, not a file" } else { "does not exist" };
            let fault = node.place.fault(Code::File, format!("`{key}`: {} {what}", path.display()));
            faults.push(fault.help("a path is relative to the file that holds it"));
        }
        Some(path)
    }

    /// Makes the path at these keys absolute, when there is one.
    pub(super) fn make_absolute(&mut self, keys: &[&str]) {
        match (keys, &mut self.value) {
            ([], Value::Text { used, written }) => {
                // A variable stays where it stands: its value is not written.
                let path = beside(&self.place.source, written);
                if let (false, Ok(path)) = (Path::new(used).is_absolute(), std::path::absolute(path)) {
                    *written = path.display().to_string();
                }
            }
            ([key, rest @ ..], Value::Table(entries)) => {
                if let Some(entry) = entries.iter_mut().find(|entry| entry.key == *key) {
                    entry.node.make_absolute(rest);
                }
            }
            _ => {}
        }
    }

    /// Makes the path within every `empirical(PATH)` absolute.
    pub(super) fn make_sizes_absolute(&mut self) {
        match &mut self.value {
            Value::Text { used, written } => {
                let path = used.strip_prefix("empirical(").and_then(|rest| rest.strip_suffix(')'));
                if let Some(Ok(path)) = path.map(|path| std::path::absolute(beside(&self.place.source, path))) {
                    *written = format!("empirical({})", path.display());
                }
            }
            Value::List(items) => items.iter_mut().for_each(Self::make_sizes_absolute),
            Value::Table(entries) => entries.iter_mut().for_each(|entry| entry.node.make_sizes_absolute()),
            _ => {}
        }
    }
}

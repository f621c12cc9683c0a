//! A scenario file as a tree of located values: every value and key knows its file and span.

use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Code, Fault, Faults, SourceFile};

/// Where something stands: a byte range of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) source: Arc<SourceFile>,
    pub(super) span: Range<usize>,
}

impl Place {
    /// A fault that points here.
    pub(super) fn fault(&self, code: Code, message: impl Into<String>) -> Fault {
        Fault::error(code, message).at(&self.source, self.span.clone())
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// A TOML value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A string as it is used, and as it is written: with `${VAR}`.
    Text {
        used: String,
        written: String,
    },
    Integer(i64),
    Float(f64),
    Bool(bool),
    /// A date or a time, which no key takes.
    Datetime,
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table, where it stands, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Node {
    /// The tree of a file's text; faults are its syntax errors.
    pub(super) fn parse(source: &Arc<SourceFile>, faults: &mut Faults) -> Self {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        let mut last_line = 0;
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let (line, _) = source.position(span.start);
            // What follows on the line of a syntax error is mostly its echo.
            if line != last_line {
                faults.push(syntax_fault(error.message()).at(source, span));
            }
            last_line = line;
        }
        let span = table.span();
        Self {
            value: Value::Table(entries(table.get_ref(), source, faults)),
            place: Place { source: Arc::clone(source), span },
        }
    }

    /// The value of a key, when this is a table that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The value of a key, for changing.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.value {
            Value::Table(entries) => entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node),
            _ => None,
        }
    }

    /// The entries, when this is a table; in the order of the file.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; anything else is a list of itself.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// A scalar as it reads: the text of a string, the digits of a number.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Text { used, .. } => Some(used.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Datetime | Value::List(_) | Value::Table(_) => None,
        }
    }

    /// What kind of value it is, with its article, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Text { .. } => "a string",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number with a fraction",
            Value::Bool(_) => "a truth value",
            Value::Datetime => "a date or time",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// Lays `over` over this: tables merge, anything else is replaced.
    pub(super) fn merge(&mut self, over: Self) {
        match (&mut self.value, over.value) {
            (Value::Table(below), Value::Table(above)) => {
                for entry in above {
                    match below.iter_mut().find(|known| known.key == entry.key) {
                        Some(known) => {
                            known.place = entry.place;
                            known.node.merge(entry.node);
                        }
                        None => below.push(entry),
                    }
                }
            }
            (value, above) => {
                *value = above;
                self.place = over.place;
            }
        }
    }

    /// Takes a key out of a table.
    pub(super) fn take(&mut self, key: &str) -> Option<Self> {
        let Value::Table(entries) = &mut self.value else { return None };
        let at = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(at).node)
    }

    /// Sets the value of a key of a table to a text.
    pub(super) fn put_text(&mut self, key: &str, text: &str) {
        let value = Value::Text { used: text.to_owned(), written: text.to_owned() };
        let node = Self { value, place: self.place.clone() };
        let Value::Table(entries) = &mut self.value else { return };
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.node = node,
            None => entries.push(Entry { key: key.to_owned(), place: self.place.clone(), node }),
        }
    }

    /// Every string of the tree, for changing.
    pub(super) fn visit_texts(&mut self, visit: &mut impl FnMut(&Place, &mut String)) {
        match &mut self.value {
            Value::Text { used, .. } => visit(&self.place, used),
            Value::List(items) => items.iter_mut().for_each(|item| item.visit_texts(visit)),
            Value::Table(entries) => entries.iter_mut().for_each(|entry| entry.node.visit_texts(visit)),
            _ => {}
        }
    }

    /// The tree as JSON: strings as they are used.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Text { used, .. } => used.clone().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Bool(truth) => (*truth).into(),
            Value::Datetime => serde_json::Value::Null,
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Table(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// The tree as TOML: strings as they are written.
    pub(super) fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::Text { written, .. } => written.clone().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Bool(truth) => (*truth).into(),
            Value::Datetime => "".into(),
            Value::List(items) => toml::Value::Array(items.iter().map(Self::to_toml).collect()),
            Value::Table(entries) => {
                toml::Value::Table(entries.iter().map(|entry| (entry.key.clone(), entry.node.to_toml())).collect())
            }
        }
    }
}

fn syntax_fault(message: &str) -> Fault {
    let fault = Fault::error(Code::Syntax, message.to_owned());
    if message.starts_with("duplicate key") {
        fault.help("write a key once; several values go into a list")
    } else if message.starts_with("invalid basic string") {
        fault.help("close the string with a double quote on the same line")
    } else if message.contains("array") {
        fault.help("is a `]` missing here or on a line above?")
    } else {
        fault
    }
}

fn entries(table: &DeTable<'_>, source: &Arc<SourceFile>, faults: &mut Faults) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            place: Place { source: Arc::clone(source), span: key.span() },
            node: node(value.get_ref(), value.span(), source, faults),
        })
        .collect();
    entries.sort_by_key(|entry| entry.place.span.start);
    entries
}

fn node(value: &DeValue<'_>, span: Range<usize>, source: &Arc<SourceFile>, faults: &mut Faults) -> Node {
    let place = Place { source: Arc::clone(source), span };
    let value = match value {
        DeValue::String(text) => Value::Text { used: text.to_string(), written: text.to_string() },
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            if parsed.is_err() {
                let fault = place.fault(Code::BadValue, format!("{} does not fit a whole number", number.as_str()));
                faults.push(fault.help(format!("write at most {}", i64::MAX)));
            }
            Value::Integer(parsed.unwrap_or(i64::MAX))
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| node(item.get_ref(), item.span(), source, faults)).collect())
        }
        DeValue::Table(table) => Value::Table(entries(table, source, faults)),
    };
    Node { value, place }
}

//! What the validator says: each fault names the key by its path and says what to write instead.

use super::form::{takes_numbers, takes_whole_numbers};
use super::{Form, Key, Kind, SCENARIO, Table};
use crate::diagnostic::{Code, Fault};
use crate::scenario::tree::{Entry, Node, Value};
use crate::text::{nearest, one_of};

/// What a table is called in a sentence.
fn table_called(path: &str) -> String {
    if path.is_empty() { "the scenario".to_owned() } else { format!("`{path}`") }
}

pub(super) fn missing_key(node: &Node, key: &Key, path: &str) -> Fault {
    let fault = node.place.fault(Code::MissingKey, format!("{} has no `{}`", table_called(path), key.name));
    match key.name {
        "endpoints" => fault.label("not in this file").help("add a table, as [endpoints.local] with its base_url"),
        "matrix" => {
            fault.label("not in this file").help("add a table [matrix] with its axes, as model = [\"llama70b\"]")
        }
        name => fault.help(format!("add `{name}`: {}", in_sentence(key.about))),
    }
}

/// A sentence as part of another: no capital in front, no full stop behind.
fn in_sentence(about: &str) -> String {
    let mut letters = about.trim_end_matches('.').chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

pub(super) fn unknown_key(entry: &Entry, table: &Table, path: &str) -> Fault {
    let known = || table.keys.iter().map(|key| key.name);
    let fault = entry.place.fault(Code::UnknownKey, format!("unknown key `{}` in {}", entry.key, table_called(path)));
    if let Some(owner) = owner(&entry.key) {
        return fault.help(format!("`{}` is a key of [{owner}]", entry.key));
    }
    if let Some(word) = nearest(&entry.key, known()) {
        return fault.help(format!("did you mean `{word}`?"));
    }
    let fault = fault.help(format!("the keys here are {}", one_of(known())));
    if known().any(|key| key == "vars") {
        return fault.help(format!("an axis of your own goes into `vars`, as vars = {{ {} = [...] }}", entry.key));
    }
    fault
}

/// The table of the scenario that has this very key.
fn owner(key: &str) -> Option<&'static str> {
    SCENARIO.keys.iter().find_map(|table| match table.kind {
        Kind::Table(inner) | Kind::Cells(inner) => {
            inner.keys.iter().any(|known| known.name == key).then_some(table.name)
        }
        _ => None,
    })
}

/// A value of another type than the key takes.
pub(super) fn wrong_type(node: &Node, kind: &Kind, path: &str) -> Fault {
    let message = format!("`{path}` takes {}, not {}", expected(kind), node.kind());
    let fault = node.place.fault(Code::WrongType, message);
    match remedy(node, kind, path) {
        Some(help) => fault.help(help),
        None => fault,
    }
}

fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::Form(form) if takes_numbers(*form) => "a number or a string",
        Kind::Form(form) if takes_whole_numbers(*form) => "a whole number or a string",
        Kind::Text | Kind::Name | Kind::Path | Kind::Word(_) | Kind::Form(_) => "a string",
        Kind::Bool => "true or false",
        Kind::Integer(..) => "a whole number",
        Kind::Number(..) => "a number",
        Kind::Scalar => "a string, a number or a truth value",
        Kind::Free | Kind::Table(_) | Kind::Cells(_) | Kind::Named(_) => "a table",
        Kind::List(_) => "a list",
        Kind::OneOrList(inner) => expected(inner),
    }
}

/// How a value of the wrong type is put right, where that is plain.
fn remedy(node: &Node, kind: &Kind, path: &str) -> Option<String> {
    let scalar = node.scalar();
    Some(match (kind, &node.value) {
        (Kind::List(Kind::Table(_) | Kind::Cells(_)), Value::Table(_)) => {
            format!("write its header in double brackets, as [[{path}]]")
        }
        (Kind::List(Kind::Text | Kind::Word(_)), Value::Text { used, .. }) => {
            format!("write it in square brackets, as [\"{used}\"]")
        }
        (Kind::Table(_) | Kind::Named(_), _) => format!("write its keys under a header, as [{path}]"),
        (Kind::Free, _) => "write a table, as { key = \"value\" }".to_owned(),
        (Kind::Text | Kind::Name | Kind::Word(_) | Kind::Path | Kind::Form(_), Value::List(_)) => {
            "write one value, without the square brackets".to_owned()
        }
        (Kind::Form(Form::TokenSize | Form::RequestCount | Form::Amount), Value::Float(_)) => {
            "write it without a fraction".to_owned()
        }
        (Kind::Text | Kind::Name | Kind::Word(_) | Kind::Path, _) => format!("write it in quotes, as \"{}\"", scalar?),
        (Kind::Integer(..) | Kind::Number(..) | Kind::Bool, Value::Text { written, .. }) if written.contains("${") => {
            format!("a variable gives a string; give this with --set {path}=...")
        }
        (Kind::Integer(..) | Kind::Number(..) | Kind::Bool, Value::Text { used, .. }) => {
            let fits = match kind {
                Kind::Integer(..) => used.parse::<i64>().is_ok(),
                Kind::Number(..) => used.parse::<f64>().is_ok(),
                _ => used.parse::<bool>().is_ok(),
            };
            return fits.then(|| format!("write it without quotes, as {used}"));
        }
        (Kind::Integer(..), Value::Float(_)) => "write it without a fraction".to_owned(),
        (Kind::Bool, Value::Integer(number @ (0 | 1))) => format!("write {}", *number == 1),
        _ => return None,
    })
}

pub(super) fn not_nested(node: &Node, path: &str) -> Fault {
    node.place
        .fault(Code::WrongType, format!("`{path}` takes a list of lists"))
        .help("write another pair of square brackets, as [[\"input_tokens\", \"output_tokens\"]]")
}

pub(super) fn empty_list(node: &Node, path: &str) -> Fault {
    node.place
        .fault(Code::BadValue, format!("`{path}` is an empty list"))
        .help("write at least one value, or take the key out")
}

pub(super) fn out_of_range(node: &Node, path: &str, low: &str, high: Option<&str>) -> Fault {
    let number = node.scalar().unwrap_or_default();
    let fault = node.place.fault(Code::BadValue, format!("`{path}`: {number} is out of range"));
    match high {
        Some(high) => fault.help(format!("write a number from {low} to {high}")),
        None => fault.help(format!("write a number from {low} up")),
    }
}

pub(super) fn unknown_word(node: &Node, word: &str, words: &[&'static str], path: &str) -> Fault {
    let fault = node.place.fault(Code::BadValue, format!("`{word}` is not a value of `{path}`"));
    let all = format!("the values are {}", one_of(words.iter().copied()));
    match nearest(word, words.iter().copied()) {
        Some(near) => fault.help(format!("did you mean `{near}`?")).help(all),
        None => fault.help(all),
    }
}

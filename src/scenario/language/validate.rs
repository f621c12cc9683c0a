use super::wording::{empty_list, missing_key, not_nested, out_of_range, unknown_key, unknown_word, wrong_type};
use super::{Key, Kind, Support, Table, form};
use crate::diagnostic::{Code, Faults};
use crate::scenario::tree::{Entry, Node, Value};
use crate::text::{one_of, slug};

/// Holds a tree against the language: unknown keys, wrong types, values out of their form, and what is not built yet.
pub(in crate::scenario) fn validate(root: &Node, table: &Table, faults: &mut Faults) {
    check_table(root, table, "", faults);
}

/// `path` is the table's name from the root, as `--set` takes it; empty for the root.
fn check_table(node: &Node, table: &Table, path: &str, faults: &mut Faults) {
    for entry in node.entries() {
        match table.keys.iter().find(|key| key.name == entry.key) {
            Some(key) => check_key(entry, key, &join(path, key.name), faults),
            None => faults.push(unknown_key(entry, table, path)),
        }
    }
    for key in table.keys.iter().filter(|key| key.required && node.get(key.name).is_none()) {
        faults.push(missing_key(node, key, path));
    }
}

/// The path of a key of a table.
fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn check_key(entry: &Entry, key: &Key, path: &str, faults: &mut Faults) {
    check(&entry.node, &key.kind, path, faults);
    for item in entry.node.items() {
        check_support(item, key, path, faults);
    }
}

/// Refuses by name what the language has and this version cannot do yet.
fn check_support(item: &Node, key: &Key, path: &str, faults: &mut Faults) {
    let Some(written) = item.scalar() else { return };
    let Support::Only(words) = key.support else { return };
    // What is wrong anyway has its own fault.
    let mut own = Faults::default();
    check(item, innermost(&key.kind), path, &mut own);
    if !words.contains(&written.as_str()) && own.is_empty() {
        let message = format!("`{path} = {written}` is not supported yet");
        let help = format!("only {} for now", one_of(words.iter().copied()));
        faults.push(item.place.fault(Code::NotSupportedYet, message).help(help));
    }
}

fn innermost(kind: &Kind) -> &Kind {
    match kind {
        Kind::OneOrList(inner) | Kind::List(inner) => innermost(inner),
        other => other,
    }
}

fn check(node: &Node, kind: &Kind, path: &str, faults: &mut Faults) {
    match (kind, &node.value) {
        (Kind::Text | Kind::Path, Value::Text { .. })
        | (Kind::Bool, Value::Bool(_))
        | (Kind::Free, Value::Table(_))
        | (Kind::Scalar, Value::Text { .. } | Value::Integer(_) | Value::Float(_) | Value::Bool(_)) => {}
        (Kind::Name, Value::Text { used, .. }) => check_name(node, used, path, faults),
        (Kind::Integer(low, high), Value::Integer(number)) => {
            if number < low || number > high {
                let high = (*high < i64::MAX).then(|| high.to_string());
                faults.push(out_of_range(node, path, &low.to_string(), high.as_deref()));
            }
        }
        (Kind::Number(low, high), Value::Integer(_) | Value::Float(_)) => {
            let number = node.scalar().and_then(|text| text.parse::<f64>().ok()).unwrap_or(f64::NAN);
            if !(low..=high).contains(&&number) {
                faults.push(out_of_range(node, path, &low.to_string(), Some(&high.to_string())));
            }
        }
        (Kind::Word(words), Value::Text { used, .. }) => {
            if !words.contains(&used.as_str()) {
                faults.push(unknown_word(node, used, words, path));
            }
        }
        (Kind::Form(form), _) => form::check(node, *form, path, faults),
        (Kind::Table(table) | Kind::Cells(table), Value::Table(_)) => check_table(node, table, path, faults),
        (Kind::Named(inner), Value::Table(entries)) => {
            for entry in entries {
                check(&entry.node, inner, &join(path, &entry.key), faults);
            }
        }
        (Kind::List(inner) | Kind::OneOrList(inner), Value::List(items)) => {
            check_items(node, items, kind, inner, path, faults);
        }
        (Kind::OneOrList(inner), _) => check(node, inner, path, faults),
        (kind, _) => faults.push(wrong_type(node, kind, path)),
    }
}

fn check_items(node: &Node, items: &[Node], kind: &Kind, inner: &Kind, path: &str, faults: &mut Faults) {
    let flat = |item: &Node| !matches!(item.value, Value::List(_));
    if matches!(inner, Kind::List(_)) && items.iter().any(flat) {
        faults.push(not_nested(node, path));
        return;
    }
    if items.is_empty() && matches!(kind, Kind::OneOrList(_)) {
        faults.push(empty_list(node, path));
    }
    for item in items {
        check(item, inner, path, faults);
    }
}

fn check_name(node: &Node, name: &str, path: &str, faults: &mut Faults) {
    let safe = slug(name);
    if safe != name || name.is_empty() {
        let fault = node.place.fault(Code::BadValue, format!("`{path}` is not fit for a file name"));
        let help = if safe.is_empty() {
            "write letters, digits, `.`, `_` and `-`".to_owned()
        } else {
            format!("write \"{safe}\"")
        };
        faults.push(fault.help(help));
    }
}

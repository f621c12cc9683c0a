//! Keeps keys out of what a fault shows: a source line, or a value that came from the environment.

use std::sync::Arc;

use super::language::is_variable_name;
use super::tree::{Entry, Node, Place, Value};
use crate::diagnostic::{Fault, Faults, SourceFile};
use crate::text::Secrets;

/// Headers and keys of a body whose value is a key.
const KEY_HOLDERS: [&str; 6] = ["authorization", "proxy-authorization", "x-api-key", "api-key", "api_key", "cookie"];

/// Where a file holds what looks like a key in plain text.
pub(super) fn plain_keys(tree: &Node) -> Vec<Place> {
    let mut places = Vec::new();
    collect(tree, &mut places);
    places
}

fn collect(node: &Node, places: &mut Vec<Place>) {
    for entry in node.entries() {
        if holds_key(entry) {
            places.push(entry.node.place.clone());
        }
        collect(&entry.node, places);
    }
    if let Value::List(items) = &node.value {
        for item in items {
            collect(item, places);
        }
    }
}

fn holds_key(entry: &Entry) -> bool {
    let Value::Text { written, .. } = &entry.node.value else { return false };
    let name = entry.key.to_ascii_lowercase();
    let holder = KEY_HOLDERS.contains(&name.as_str()) || (name == "api_key_env" && !is_variable_name(written));
    (holder || has_user(&name, written)) && !written.contains("${")
}

/// Whether a URL has a user before its host, and a password perhaps.
fn has_user(key: &str, written: &str) -> bool {
    let authority = written.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    key.ends_with("_url") && authority.is_some_and(|authority| authority.contains('@'))
}

/// The same faults, without plain keys in the lines they show and without values of the environment in their words.
pub(super) fn hide(faults: Faults, keys: &[Place], secrets: &Secrets) -> Faults {
    let mut hidden = Faults::default();
    hidden.extend(faults.into_iter().map(|fault| Fault {
        place: fault.place.map(|(source, span)| (masked(&source, keys), span)),
        message: secrets.redact(&fault.message),
        help: fault.help.iter().map(|line| secrets.redact(line)).collect(),
        ..fault
    }));
    hidden
}

/// The source with a star for every byte of a key, so that spans and lines stay.
fn masked(source: &Arc<SourceFile>, keys: &[Place]) -> Arc<SourceFile> {
    let spans: Vec<_> = keys.iter().filter(|key| key.source == *source).map(|key| key.span.clone()).collect();
    if spans.is_empty() {
        return Arc::clone(source);
    }
    let mut text = String::with_capacity(source.text.len());
    for (at, letter) in source.text.char_indices() {
        let kept = matches!(letter, '"' | '\'' | '\n' | '\r') || !spans.iter().any(|span| span.contains(&at));
        if kept {
            text.push(letter);
        } else {
            text.extend(std::iter::repeat_n('*', letter.len_utf8()));
        }
    }
    SourceFile::new(source.path.clone(), text)
}

//! Keeps keys out of what a fault shows: a source line, or a value that came from the environment.

use std::sync::Arc;

use super::language::is_variable_name;
use super::tree::{Entry, Node, Place, Value};
use crate::diagnostic::{Code, Fault, Faults, SourceFile};
use crate::text::Secrets;

/// Headers and keys of a body whose value is a key.
const KEY_HOLDERS: [&str; 6] = ["authorization", "proxy-authorization", "x-api-key", "api-key", "api_key", "cookie"];

/// Where a file holds what looks like a key in plain text.
pub(super) fn plain_keys(tree: &Node) -> Vec<Place> {
    let mut places = Vec::new();
    collect(tree, &mut places);
    places
}

/// A fault for each key in plain text: a scenario is passed on, a key is not.
pub(super) fn refuse_plain_keys(tree: &Node, faults: &mut Faults) {
    visit(tree, &mut |entry| {
        let place = &entry.node.place;
        let fault = match key_in(entry) {
            Some(Held::Key) => place
                .fault(Code::BadValue, format!("`{}` holds a key in plain text", entry.key))
                .help("put it into a variable of the environment and write \"${NAME}\" here")
                .help("an endpoint's own key is named by api_key_env = \"NAME\" or api_key_file = \"FILE\""),
            Some(Held::Password) => place
                .fault(Code::BadValue, format!("`{}` holds a password in plain text", entry.key))
                .help("put it into a variable of the environment, as http://user:${PASSWORD}@proxy:3128"),
            Some(Held::User) => place
                .fault(Code::BadValue, format!("`{}` holds a user name or a password", entry.key))
                .help("take it out of the URL: a key is named by api_key_env, and headers can hold \"${NAME}\""),
            // Each of these has a fault of its own.
            Some(Held::KeyForName | Held::UserOfPage) | None => return,
        };
        faults.push(fault);
    });
}

fn collect(node: &Node, places: &mut Vec<Place>) {
    visit(node, &mut |entry| {
        if key_in(entry).is_some() {
            places.push(entry.node.place.clone());
        }
    });
}

/// Shows every entry below a node.
fn visit(node: &Node, see: &mut impl FnMut(&Entry)) {
    for entry in node.entries() {
        see(entry);
        visit(&entry.node, see);
    }
    if let Value::List(items) = &node.value {
        for item in items {
            visit(item, see);
        }
    }
}

/// What an entry holds that no file should.
enum Held {
    /// A key.
    Key,
    /// A key in the place of its variable's name, or under a word that the language does not have.
    KeyForName,
    /// The password of a proxy.
    Password,
    /// A name or password in a URL that takes none.
    User,
    /// The same in the URL of a metrics page, whose own rule knows where else to put them.
    UserOfPage,
}

fn key_in(entry: &Entry) -> Option<Held> {
    let Value::Text { written, .. } = &entry.node.value else { return None };
    let name = entry.key.to_ascii_lowercase();
    match name.as_str() {
        "api_key_env" => (!written.contains("${") && !is_variable_name(written)).then_some(Held::KeyForName),
        "proxy" => {
            let in_plain = user_of(written).is_some_and(|user| !user.contains("${"));
            in_plain.then_some(Held::Password)
        }
        "base_url" => user_of(written).map(|_| Held::User),
        "metrics_url" => user_of(written).map(|_| Held::UserOfPage),
        name if KEY_HOLDERS.contains(&name) && !written.is_empty() && !written.contains("${") => Some(Held::Key),
        _ => None,
    }
}

/// What stands before the host of a URL, a variable's `@` not counted as one.
fn user_of(url: &str) -> Option<&str> {
    let behind = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = behind.split(['/', '?', '#']).next().unwrap_or_default();
    Some(authority.rsplit_once('@')?.0)
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

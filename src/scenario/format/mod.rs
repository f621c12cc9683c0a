//! The canonical form of a scenario file: keys and tables in the order of the language, one space here, one blank line
//! there, and every comment where it was.

mod order;
mod parts;
mod print;
#[cfg(test)]
mod tests;

use super::tree::{Node, Value};
use crate::diagnostic::{Faults, SourceFile};
use parts::Parts;

/// A scenario file's text in its canonical form, which means the same; its syntax errors when it has any.
///
/// What the language does not order stays as it is: endpoints, models and other names of the user's own, items of
/// lists, what a value of several lines looks like. A comment stays with what it stands beside or above.
pub fn canonical(source: &std::sync::Arc<SourceFile>) -> Result<String, Faults> {
    let mut faults = Faults::default();
    let before = Node::parse(source, &mut faults);
    if faults.has_errors() {
        return Err(faults);
    }
    let mut parts = Parts::of(&source.text);
    let as_it_stands = print::print(&parts);
    order::sort(&mut parts);
    let sorted = print::print(&parts);
    // The order of names means something: the first endpoint is the one that models go to.
    Ok(if means(&before, source, &sorted) { sorted } else { as_it_stands })
}

/// Whether a text comes to the same tree.
fn means(before: &Node, source: &SourceFile, text: &str) -> bool {
    let mut faults = Faults::default();
    let after = Node::parse(&SourceFile::new(&source.path, text), &mut faults);
    !faults.has_errors() && same(before, &after, &[])
}

/// The same values; the same order too where names are the user's own.
fn same(one: &Node, other: &Node, path: &[&str]) -> bool {
    match (&one.value, &other.value) {
        (Value::Table(a), Value::Table(b)) => {
            let ordered = matches!(path, ["endpoints" | "models"]);
            a.len() == b.len()
                && a.iter().enumerate().all(|(at, entry)| {
                    let found = if ordered {
                        b.get(at).filter(|known| known.key == entry.key)
                    } else {
                        b.iter().find(|known| known.key == entry.key)
                    };
                    let path: Vec<&str> = path.iter().copied().chain([entry.key.as_str()]).collect();
                    found.is_some_and(|known| same(&entry.node, &known.node, &path))
                })
        }
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, path)),
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

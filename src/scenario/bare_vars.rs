//! `exclude` names `vars` by their bare words: they are brought under `vars`, where the rest of the language has them.

use super::AxisName;
use super::tree::{Entry, Node, Value};

/// Moves the bare names of declared `vars` in every `exclude` under its `vars`.
pub(super) fn gather(tree: &mut Node) {
    let Some(matrix) = tree.get("matrix") else { return };
    let lists = ["block", "include"].iter().filter_map(|key| matrix.get(key)).flat_map(Node::items);
    let declared: Vec<String> = std::iter::once(matrix)
        .chain(lists)
        .filter_map(|table| table.get("vars"))
        .flat_map(Node::entries)
        .map(|entry| entry.key.clone())
        .collect();
    let is_var =
        |key: &str| declared.iter().any(|name| name == key) && !AxisName::KNOWN.iter().any(|axis| axis.as_str() == key);
    if let Some(Node { value: Value::List(cells), .. }) =
        tree.get_mut("matrix").and_then(|matrix| matrix.get_mut("exclude"))
    {
        for cell in cells {
            gather_cell(cell, is_var);
        }
    }
}

fn gather_cell(cell: &mut Node, is_var: impl Fn(&str) -> bool) {
    let place = cell.place.clone();
    let Value::Table(entries) = &mut cell.value else { return };
    let (vars, rest): (Vec<Entry>, Vec<Entry>) =
        std::mem::take(entries).into_iter().partition(|entry| is_var(&entry.key));
    *entries = rest;
    if vars.is_empty() {
        return;
    }
    match entries.iter_mut().find(|entry| entry.key == "vars") {
        Some(Entry { node: Node { value: Value::Table(known), .. }, .. }) => known.extend(vars),
        Some(_) => {}
        None => entries.push(Entry {
            key: "vars".to_owned(),
            place: place.clone(),
            node: Node { value: Value::Table(vars), place },
        }),
    }
}

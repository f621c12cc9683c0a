use std::collections::BTreeMap;

use crate::diagnostic::{Code, Fault, Faults, Severity};
use crate::scenario::layers::beside;
use crate::scenario::tree::{Entry, Node};
use crate::scenario::{AxisName, AxisValue, Block, Exclude, Include, Matrix, parse_axis_value};
use crate::text::{nearest, one_of};
use crate::units::SizeSpec;

pub(super) fn matrix(tree: &Node, faults: &mut Faults) -> Matrix {
    let Some(node) = tree.get("matrix") else { return Matrix::default() };
    let list = |key: &str| node.get(key).map(Node::items).unwrap_or_default();
    let product = block(node, faults);
    let blocks: Vec<Block> = list("block").iter().map(|node| block(node, faults)).collect();
    let include: Vec<Include> = list("include").iter().map(|node| cell(node, faults)).collect();
    for (block, node) in std::iter::once((&product, node)).chain(blocks.iter().zip(list("block"))) {
        if !block.axes.is_empty() && node.get("model").is_none() && !has_unknown_key(node) {
            faults.push(
                node.place
                    .fault(Code::MissingKey, "this product names no `model`")
                    .help("add one, as model = [\"llama70b\"]"),
            );
        }
    }
    if product.axes.is_empty() && blocks.is_empty() && include.is_empty() && !has_unknown_key(node) {
        faults.push(
            node.place.fault(Code::MissingKey, "the matrix has no axis").help("add one, as model = [\"llama70b\"]"),
        );
    }
    let exclude = list("exclude")
        .iter()
        .enumerate()
        .map(|(index, node)| Exclude { axes: axes(node, faults), place: format!("matrix.exclude[{index}]") });
    let exclude = exclude.collect();
    Matrix { product: (!product.axes.is_empty()).then_some(product), blocks, include, exclude }
}

/// Whether what seems to be missing may be there under another word, which has its own fault.
fn has_unknown_key(node: &Node) -> bool {
    let known = |key: &str| {
        AxisName::KNOWN.iter().any(|axis| axis.as_str() == key)
            || ["vars", "zip", "block", "include", "exclude"].contains(&key)
    };
    node.entries().iter().any(|entry| !known(&entry.key))
}

fn block(node: &Node, faults: &mut Faults) -> Block {
    let axes = axes(node, faults);
    let zip = zip(node, &axes, faults);
    Block { axes, zip }
}

fn cell(node: &Node, faults: &mut Faults) -> Include {
    let first = |(axis, values): (AxisName, Vec<AxisValue>)| Some((axis, values.into_iter().next()?));
    Include { axes: axes(node, faults).into_iter().filter_map(first).collect(), requests: node.parsed("requests") }
}

/// The axes of a table, `vars` among them.
fn axes(node: &Node, faults: &mut Faults) -> BTreeMap<AxisName, Vec<AxisValue>> {
    let mut axes = BTreeMap::new();
    for name in AxisName::KNOWN {
        if let Some(list) = node.get(name.as_str()) {
            let values = values(&name, list, faults);
            if !values.is_empty() {
                axes.insert(name, values);
            }
        }
    }
    for entry in node.get("vars").map(Node::entries).unwrap_or_default() {
        check_var(entry, faults);
        let name = AxisName::Var(entry.key.clone());
        let values = values(&name, &entry.node, faults);
        axes.insert(name, values);
    }
    axes
}

fn values(name: &AxisName, list: &Node, faults: &mut Faults) -> Vec<AxisValue> {
    let mut values: Vec<AxisValue> = Vec::new();
    for item in list.items() {
        let Some(value) = value(name, item) else { continue };
        if values.contains(&value) {
            let fault =
                item.place.fault(Code::NoEffect, format!("`{value}` is in the list twice")).help("it is measured once");
            faults.push(Fault { severity: Severity::Warning, ..fault });
        } else {
            values.push(value);
        }
    }
    values
}

fn value(name: &AxisName, item: &Node) -> Option<AxisValue> {
    use crate::scenario::tree::Value;
    match (name, &item.value) {
        (AxisName::Var(_), Value::Text { used, .. }) => Some(AxisValue::Text(used.clone())),
        (AxisName::Var(_), Value::Integer(number)) => Some(AxisValue::Integer(*number)),
        (AxisName::Var(_), Value::Float(number)) => Some(AxisValue::Float(*number)),
        (AxisName::Var(_), Value::Bool(truth)) => Some(AxisValue::Bool(*truth)),
        _ => match parse_axis_value(name, &item.scalar()?).ok()? {
            AxisValue::Tokens(SizeSpec::Empirical(path)) => {
                let path = beside(&item.place.source, &path.to_string_lossy());
                Some(AxisValue::Tokens(SizeSpec::Empirical(path)))
            }
            value => Some(value),
        },
    }
}

fn check_var(entry: &Entry, faults: &mut Faults) {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = &entry.key;
    if AxisName::KNOWN.iter().any(|axis| axis.as_str() == name) || name == "index" {
        let fault = entry.place.fault(Code::Conflict, format!("`{name}` is a word of the language"));
        faults.push(fault.help("choose another name for the variable"));
    } else if name.is_empty() || !name.chars().all(word) || name.starts_with(|c: char| c.is_ascii_digit()) {
        let fault = entry.place.fault(Code::BadValue, format!("`{name}` is not a name that a template can use"));
        faults.push(fault.help("write letters, digits and `_`, a letter first"));
    }
}

fn zip(node: &Node, axes: &BTreeMap<AxisName, Vec<AxisValue>>, faults: &mut Faults) -> Vec<Vec<AxisName>> {
    let Some(zip) = node.get("zip") else { return Vec::new() };
    let mut groups: Vec<Vec<AxisName>> = Vec::new();
    for group in zip.items() {
        let mut names = Vec::new();
        for item in group.items() {
            let Some(text) = item.scalar() else { continue };
            let name = AxisName::from_word(&text);
            if groups.iter().flatten().chain(&names).any(|known| *known == name) {
                faults.push(
                    item.place
                        .fault(Code::Conflict, format!("`{text}` is zipped twice"))
                        .help("an axis walks with one group"),
                );
            } else if axes.contains_key(&name) {
                names.push(name);
            } else {
                let known = || axes.keys().map(AxisName::as_str);
                let fault = item.place.fault(Code::UnknownName, format!("`{text}` is no axis of this product"));
                faults.push(match nearest(&text, known()) {
                    Some(near) => fault.help(format!("did you mean `{near}`?")),
                    None => fault.help(format!("the axes here are {}", one_of(known()))),
                });
            }
        }
        let lengths: Vec<usize> = names.iter().filter_map(|name| axes.get(name)).map(Vec::len).collect();
        if lengths.iter().any(|length| *length != lengths[0]) {
            let each: Vec<String> =
                names.iter().zip(&lengths).map(|(name, length)| format!("`{name}` has {length}")).collect();
            let fault = group.place.fault(Code::Conflict, format!("zipped axes differ in length: {}", each.join(", ")));
            faults.push(fault.help("give all of them the same number of values"));
        } else if !names.is_empty() {
            groups.push(names);
        }
    }
    groups
}

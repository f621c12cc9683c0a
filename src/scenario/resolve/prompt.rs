use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::diagnostic::{Code, Fault, Faults};
use crate::scenario::included::included;
use crate::scenario::tree::Node;
use crate::scenario::{AxisName, AxisValue, Chat, ChatSource, Dataset, DatasetOrder, Matrix, Mode, Prompt};
use crate::scenario::{PromptImages, SharedPrefix, Unique};

pub(super) fn prompt(node: Option<&Node>, matrix: &Matrix, faults: &mut Faults) -> Prompt {
    let Some(node) = node else { return Prompt::default() };
    let (file, system) = (node.existing_file("file", faults), node.existing_file("system", faults));
    let prefix = node.get("shared_prefix").map_or_else(SharedPrefix::default, |prefix| SharedPrefix {
        tokens: prefix.whole("tokens").unwrap_or(0),
        groups: prefix.whole("groups").unwrap_or(1),
    });
    if let Some(tokens) = node.get("shared_prefix").and_then(|prefix| prefix.get("tokens")) {
        check_prefix(tokens, prefix, matrix, faults);
    }
    let files: Vec<&Path> = file.iter().chain(&system).map(PathBuf::as_path).collect();
    let directory = files.first().and_then(|path| path.parent()).unwrap_or(Path::new(""));
    let (included, absent) = included(&files, directory, faults);
    Prompt {
        included,
        absent,
        file,
        multiple: node.truth("multiple").unwrap_or(false),
        system,
        unique: node.word("unique").unwrap_or(Unique::Run),
        shared_prefix: prefix,
        image: node.get("image").map(images).unwrap_or_default(),
    }
}

fn images(node: &Node) -> PromptImages {
    let default = PromptImages::default();
    PromptImages {
        count: node.whole("count").unwrap_or(default.count),
        format: node.word("format").unwrap_or(default.format),
        quality: node.whole("quality").unwrap_or(default.quality),
    }
}

/// A prefix that leaves nothing of a prompt makes all prompts of a group the same.
fn check_prefix(node: &Node, prefix: SharedPrefix, matrix: &Matrix, faults: &mut Faults) {
    let size = |value: &AxisValue| if let AxisValue::Tokens(size) = value { size.fixed() } else { None };
    let blocks = matrix.product.iter().chain(&matrix.blocks);
    let of_blocks = blocks.filter_map(|block| block.axes.get(&AxisName::InputTokens)).flatten().filter_map(size);
    let of_cells = matrix.include.iter().filter_map(|cell| cell.axes.input_tokens()?.fixed());
    if let Some(least) = of_blocks.chain(of_cells).min().filter(|least| *least <= prefix.tokens) {
        let message = format!("a shared prefix of {} tokens leaves nothing of `input_tokens = {least}`", prefix.tokens);
        faults.push(node.place.fault(Code::Conflict, message).help(format!("write less than {least}")));
    }
}

pub(super) fn dataset(node: &Node, faults: &mut Faults) -> Option<Dataset> {
    let filter = node.get("filter").map(Node::entries).unwrap_or_default().iter();
    let filter = filter.map(|entry| (entry.key.clone(), entry.node.items().iter().filter_map(Node::scalar).collect()));
    Some(Dataset {
        file: node.existing_file("file", faults)?,
        order: node.word("order").unwrap_or(DatasetOrder::File),
        template: node.text("template"),
        filter: filter.collect::<BTreeMap<_, _>>(),
        allow_image_urls: node.truth("allow_image_urls").unwrap_or(false),
    })
}

pub(super) fn chat(node: &Node) -> Chat {
    Chat {
        turns: node.whole("turns"),
        think_time: node.duration("think_time").unwrap_or(Duration::ZERO),
        source: node.word("source").unwrap_or_default(),
    }
}

/// Holds the modes against the tables that they take, and the tables against the modes that take them.
pub(super) fn check_sources(tree: &Node, matrix: &Matrix, dataset: Option<&Dataset>, chat: Chat, faults: &mut Faults) {
    let has = |wanted: Mode| matrix.modes().any(|mode| mode == wanted);
    let replays = has(Mode::Chat) && chat.source == ChatSource::Dataset;
    let unused = |key: &str, why: &str| {
        let node = tree.get(key)?;
        let fault = node.place.fault(Code::NoEffect, format!("`[{key}]` has no effect: {why}"));
        Some(Fault { severity: crate::diagnostic::Severity::Warning, ..fault })
    };
    if tree.get("dataset").is_none() && (has(Mode::Custom) || replays) {
        let (node, what) = match tree.get("chat").and_then(|chat| chat.get("source")).filter(|_| replays) {
            Some(source) => (Some(source), "`source = \"dataset\"`"),
            None => (tree.get("matrix"), "mode `custom`"),
        };
        if let Some(node) = node {
            let fault = node.place.fault(Code::MissingKey, format!("{what} needs a dataset"));
            faults.push(fault.help("add a table [dataset] with its file, as file = \"prompts.jsonl\""));
        }
    } else if dataset.is_some() && !has(Mode::Custom) && !replays {
        faults.extend(unused("dataset", "no cell has mode `custom`, nor does a chat replay it"));
    }
    if !has(Mode::Chat) {
        faults.extend(unused("chat", "no cell has mode `chat`"));
    }
}

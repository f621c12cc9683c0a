//! The layers of a scenario: what it extends, the file itself, a profile, the command line.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tree::{Node, Value};
use crate::diagnostic::{Code, Fault, Faults, SourceFile};
use crate::text::{nearest, one_of};

/// Reads a file and all that it extends into one tree; `files` collects every path, the scenario first, also of what
/// does not read.
pub(super) fn read_file(path: &Path, files: &mut Vec<PathBuf>, faults: &mut Faults) -> Option<Node> {
    files.push(path.to_owned());
    match std::fs::read_to_string(path) {
        Ok(text) => Some(with_base(&SourceFile::new(path, text), files, faults)),
        Err(error) => {
            faults.push(Fault::error(Code::File, cannot_read(path, &error)));
            None
        }
    }
}

/// The tree of a source, over the tree of what it extends.
pub(super) fn with_base(source: &Arc<SourceFile>, files: &mut Vec<PathBuf>, faults: &mut Faults) -> Node {
    let mut tree = Node::parse(source, faults);
    let Some(extends) = tree.take("extends") else { return tree };
    let Value::Text { used, .. } = &extends.value else {
        let fault = extends.place.fault(Code::WrongType, format!("`extends` takes a string, not {}", extends.kind()));
        faults.push(fault.help("write one path, as \"base.toml\"; that file may extend another"));
        return tree;
    };
    let path = beside(source, used);
    if same_file(&source.path, &path) || files.iter().any(|known| same_file(known, &path)) {
        let message = format!("`extends` goes in a circle: {} is read already", path.display());
        faults.push(extends.place.fault(Code::Conflict, message).help("take one `extends` out of the circle"));
        return tree;
    }
    files.push(path.clone());
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let mut base = with_base(&SourceFile::new(path, text), files, faults);
            base.place = tree.place.clone();
            base.merge(tree);
            base
        }
        Err(error) => {
            let fault = extends.place.fault(Code::File, cannot_read(&path, &error));
            faults.push(fault.help("a path is relative to the file that holds it"));
            tree
        }
    }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("{} does not exist", path.display()),
        _ => format!("cannot read {}: {error}", path.display()),
    }
}

/// A path as it is written in a source: relative to the file that holds it.
pub(super) fn beside(source: &SourceFile, path: &str) -> PathBuf {
    source.path.parent().unwrap_or(Path::new("")).join(path)
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// Lays the profile called `name` over the tree, and takes all profiles out of it.
pub(super) fn apply_profile(tree: &mut Node, name: Option<&str>, faults: &mut Faults) {
    let profiles = tree.take("profiles");
    let Some(name) = name else { return };
    let known: Vec<&str> = profiles.iter().flat_map(Node::entries).map(|entry| entry.key.as_str()).collect();
    if let Some(profile) = profiles.as_ref().and_then(|profiles| profiles.get(name)) {
        tree.merge(profile.clone());
        return;
    }
    let fault = Fault::error(Code::UnknownName, format!("there is no profile `{name}`"));
    faults.push(match nearest(name, known.iter().copied()) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => fault.help(format!("the scenario has no profiles: add [profiles.{name}]")),
        None => fault.help(format!("the profiles are {}", one_of(known))),
    });
}

/// Lays `KEY=VALUE` texts over the tree. A value that is no TOML is a string: `--set name=quick`.
pub(super) fn apply_settings(tree: &mut Node, settings: &[String], faults: &mut Faults) {
    for setting in settings {
        let Some((key, value)) = setting.split_once('=') else {
            let source = SourceFile::new("--set", setting.as_str());
            let fault =
                Fault::error(Code::Syntax, "a setting is KEY=VALUE, and this has no `=`").at(&source, 0..setting.len());
            faults.push(fault.help("write it as --set load.requests=200"));
            continue;
        };
        let is_toml = |text: &str| toml::de::DeTable::parse(text).is_ok();
        let plain = format!("{}={value}", key.trim());
        let text = if is_toml(&plain) { plain } else { format!("{}={}", key.trim(), toml::Value::from(value.trim())) };
        tree.merge(Node::parse(&SourceFile::new("--set", text), faults));
    }
}

//! From a tree that is valid key by key to a [`Scenario`]: names, files and keys that hang together.

mod endpoints;
mod judgement;
mod load;
mod matrix;
mod models;
mod prompt;
mod scrape;
mod search;
mod transport;
mod values;

#[cfg(test)]
pub(crate) use judgement::GATE_METRICS;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Scenario;
use super::layers::beside;
use super::tree::Node;
use super::variables::{Unset, Variables};
use crate::diagnostic::Faults;
use crate::text::Secrets;

/// What resolving takes besides the tree.
pub(super) struct Surroundings<'a> {
    /// The environment.
    pub(super) variables: &'a Variables,
    /// What is to be done without what the environment should give.
    pub(super) unset: Unset,
    /// The name of a scenario that gives itself none.
    pub(super) default_name: String,
    /// The files it was read from.
    pub(super) files: Vec<PathBuf>,
    /// What the environment gave.
    pub(super) secrets: Secrets,
}

/// Builds the scenario; its faults are those of keys that contradict one another or name what is not there.
///
/// The tree has been validated: a value of the wrong form is a fault already and reads as its default here.
pub(super) fn resolve(tree: &Node, surroundings: Surroundings<'_>, faults: &mut Faults) -> Scenario {
    let Surroundings { variables, unset, default_name, files, mut secrets } = surroundings;
    let endpoints = endpoints::endpoints(tree.get("endpoints"), (variables, unset), &mut secrets, faults);
    let matrix = matrix::matrix(tree, faults);
    let models = models::models(tree, &endpoints, &matrix, faults);
    load::check_requests(tree, &matrix, faults);
    let (dataset, chat) = (tree.get("dataset"), tree.get("chat"));
    let dataset = dataset.and_then(|dataset| prompt::dataset(dataset, faults));
    let chat = chat.map(prompt::chat);
    prompt::check_sources(tree, &matrix, dataset.as_ref(), chat.unwrap_or_default(), faults);
    let labels: BTreeMap<String, String> = tree
        .get("labels")
        .iter()
        .flat_map(|labels| labels.entries())
        .filter_map(|entry| Some((entry.key.clone(), entry.node.scalar()?)))
        .collect();
    let slo = tree.get("slo").and_then(|slo| judgement::slo(slo, faults));
    let load = tree.get("load").map(|node| load::load(node, faults)).unwrap_or_default();
    let search = tree.get("search").and_then(|node| search::search(node, tree, &matrix, &load, slo, faults));
    Scenario {
        name: tree.text("name").unwrap_or(default_name),
        about: tree.text("about"),
        seed: tree.whole("seed").unwrap_or(0),
        labels,
        tokenizer_families: tree
            .get("tokenizer_families")
            .and_then(|node| Some(beside(&node.place.source, &node.scalar()?))),
        tags: tree.texts("tags"),
        request: models::request_options(tree.get("request"), faults),
        prompt: prompt::prompt(tree.get("prompt"), &matrix, faults),
        dataset,
        chat,
        load,
        slo,
        search,
        gates: tree
            .get("gate")
            .iter()
            .flat_map(|gates| gates.items())
            .filter_map(|gate| judgement::gate(gate, faults))
            .collect(),
        output: tree.get("output").map(load::output).unwrap_or_default(),
        frozen: frozen(tree),
        endpoints,
        models,
        matrix,
        files,
        secrets,
    }
}

/// The tree as TOML, unexpanded, with every path absolute, so that the copy means the same wherever it stands.
fn frozen(tree: &Node) -> String {
    let mut copy = tree.clone();
    copy.make_absolute(&["tokenizer_families"]);
    for (table, key) in [("prompt", "file"), ("prompt", "system"), ("dataset", "file")] {
        copy.make_absolute(&[table, key]);
    }
    for endpoint in tree.get("endpoints").iter().flat_map(|endpoints| endpoints.entries()) {
        let name = endpoint.key.as_str();
        copy.make_absolute(&["endpoints", name, "api_key_file"]);
        copy.make_absolute(&["endpoints", name, "unix_socket"]);
        for key in ["ca", "client_certificate", "client_key"] {
            copy.make_absolute(&["endpoints", name, "tls", key]);
        }
    }
    let labels: Vec<String> =
        tree.get("models").iter().flat_map(|models| models.entries()).map(|entry| entry.key.clone()).collect();
    for label in labels {
        if tree.get("models").and_then(|models| models.get(&label)).is_some_and(models::has_tokenizer_file) {
            copy.make_absolute(&["models", &label, "tokenizer"]);
        }
    }
    if let Some(hooks) = copy.get_mut("load").and_then(|load| load.get_mut("hooks"))
        && let Some(dir) = load::hooks_dir(hooks).and_then(|dir| std::path::absolute(dir).ok())
    {
        hooks.put_text("dir", &dir.display().to_string());
    }
    if let Some(matrix) = copy.get_mut("matrix") {
        matrix.make_sizes_absolute();
    }
    toml::to_string_pretty(&copy.to_toml()).unwrap_or_default()
}

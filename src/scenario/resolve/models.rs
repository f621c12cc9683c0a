use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::diagnostic::{Code, Faults};
use crate::scenario::language::is_repository;
use crate::scenario::layers::beside;
use crate::scenario::tree::{Node, Place};
use crate::scenario::{Api, AxisName, AxisValue, Endpoint, Matrix, Model, Price, RequestOptions, TokenizerSource};
use crate::text::{nearest, one_of};

/// Keys of the body that the tool writes itself.
const OWN_KEYS: [&str; 6] = ["model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"];

/// The models of the file, and a table of its own for every model that only the matrix names.
pub(super) fn models(
    tree: &Node,
    endpoints: &[Endpoint],
    matrix: &Matrix,
    faults: &mut Faults,
) -> BTreeMap<String, Model> {
    let mut models = BTreeMap::new();
    for entry in tree.get("models").map(Node::entries).unwrap_or_default() {
        models.insert(entry.key.clone(), model(&entry.key, Some(&entry.node), endpoints, faults));
    }
    let declared: Vec<String> = models.keys().cloned().collect();
    let has_axis = |label: &str| sent_by_axis(matrix, label);
    for (label, place) in named(tree) {
        if !models.contains_key(&label) {
            let near = nearest(&label, declared.iter().map(String::as_str)).filter(|near| close(near, &label));
            if let Some(near) = near {
                let fault = place
                    .fault(Code::UnknownName, format!("model `{label}` has no table"))
                    .help(format!("did you mean `{near}`?"));
                faults.push(crate::diagnostic::Fault { severity: crate::diagnostic::Severity::Warning, ..fault });
            }
            models.insert(label.clone(), model(&label, None, endpoints, faults));
        }
        if endpoints.len() > 1 && models.get(&label).is_some_and(|model| model.endpoint.is_none()) && !has_axis(&label)
        {
            let names = one_of(endpoints.iter().map(|endpoint| endpoint.name.as_str()));
            let fault = place.fault(Code::Conflict, format!("model `{label}` may go to {names}"));
            faults.push(fault.help(format!("write [models.{label}] with endpoint = \"...\", or an `endpoint` axis")));
        }
    }
    check_axis_endpoints(tree, endpoints, faults);
    for model in models.values_mut() {
        default_tokenizer(model, endpoints);
    }
    models
}

/// A slip of a letter or two in a name that is long enough to tell.
fn close(known: &str, written: &str) -> bool {
    written.chars().count() > 4 && strsim::damerau_levenshtein(known, written) <= 2
}

/// The simulator counts words: a model that only goes there need not say so.
fn default_tokenizer(model: &mut Model, endpoints: &[Endpoint]) {
    let goes_to: Vec<&Endpoint> = match &model.endpoint {
        Some(name) => endpoints.iter().filter(|endpoint| endpoint.name == *name).collect(),
        None => endpoints.iter().collect(),
    };
    if model.tokenizer.is_none() && !goes_to.is_empty() && goes_to.iter().all(|endpoint| endpoint.api == Api::Simulator)
    {
        model.tokenizer = Some(TokenizerSource::Words);
    }
}

/// Every label that the matrix names, where it names it.
fn named(tree: &Node) -> Vec<(String, Place)> {
    axis_items(tree, "model")
}

fn axis_items(tree: &Node, axis: &str) -> Vec<(String, Place)> {
    let matrix = tree.get("matrix");
    let tables = matrix
        .into_iter()
        .chain(["block", "include", "exclude"].iter().filter_map(|key| matrix?.get(key)).flat_map(Node::items));
    tables
        .filter_map(|table| table.get(axis))
        .flat_map(Node::items)
        .filter_map(|item| Some((item.scalar()?, item.place.clone())))
        .collect()
}

/// Whether some product or cell that has this model has an `endpoint` axis.
fn sent_by_axis(matrix: &Matrix, label: &str) -> bool {
    let value = AxisValue::Text(label.to_owned());
    let blocks = matrix.product.iter().chain(&matrix.blocks);
    let mut with_model =
        blocks.filter(|block| block.axes.get(&AxisName::Model).is_some_and(|models| models.contains(&value)));
    with_model.all(|block| block.axes.contains_key(&AxisName::Endpoint))
        && matrix
            .include
            .iter()
            .filter(|cell| cell.axes.model() == label)
            .all(|cell| cell.axes.get(&AxisName::Endpoint).is_some())
}

fn check_axis_endpoints(tree: &Node, endpoints: &[Endpoint], faults: &mut Faults) {
    for (name, place) in axis_items(tree, "endpoint") {
        check_endpoint(&name, &place, endpoints, faults);
    }
}

fn check_endpoint(name: &str, place: &Place, endpoints: &[Endpoint], faults: &mut Faults) {
    let known = || endpoints.iter().map(|endpoint| endpoint.name.as_str());
    if known().any(|endpoint| endpoint == name) {
        return;
    }
    let fault = place.fault(Code::UnknownName, format!("there is no endpoint `{name}`"));
    faults.push(match nearest(name, known()) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help(format!("the endpoints are {}", one_of(known()))),
    });
}

fn model(label: &str, node: Option<&Node>, endpoints: &[Endpoint], faults: &mut Faults) -> Model {
    let text = |key: &str| node.and_then(|node| node.text(key));
    if let Some(place) = node.and_then(|node| node.get("endpoint")).map(|endpoint| &endpoint.place) {
        check_endpoint(&text("endpoint").unwrap_or_default(), place, endpoints, faults);
    }
    let ids = node.and_then(|node| node.get("ids")).map(Node::entries).unwrap_or_default();
    for entry in ids {
        check_endpoint(&entry.key, &entry.place, endpoints, faults);
    }
    Model {
        label: label.to_owned(),
        id: text("id").unwrap_or_else(|| label.to_owned()),
        ids: ids.iter().filter_map(|entry| Some((entry.key.clone(), entry.node.scalar()?))).collect(),
        endpoint: text("endpoint"),
        tokenizer: node.and_then(|node| tokenizer(node, faults)),
        request: request_options(node, faults),
        price: node.and_then(|node| node.get("price")).map(price),
    }
}

/// Whether a model's tokenizer is a file.
pub(super) fn has_tokenizer_file(model: &Node) -> bool {
    model.text("tokenizer").is_some_and(|text| text != "words" && !text.starts_with("hf:"))
}

fn tokenizer(node: &Node, faults: &mut Faults) -> Option<TokenizerSource> {
    let at = node.get("tokenizer")?;
    let text = at.scalar()?;
    if text == "words" {
        return Some(TokenizerSource::Words);
    }
    // A text of the wrong form has its own fault; a variable that is not set names no file.
    if text.is_empty() || text.contains("${") || text.strip_prefix("hf:").is_some_and(|hub| !is_repository(hub)) {
        return None;
    }
    if let Some(hub) = text.strip_prefix("hf:") {
        let fault = at.place.fault(Code::NotSupportedYet, "tokenizers from the hub are not supported yet");
        faults.push(fault.help("download its tokenizer.json and write the path"));
        let (repository, revision) = hub.split_once('@').unwrap_or((hub, "main"));
        return Some(TokenizerSource::Hub { repository: repository.to_owned(), revision: revision.to_owned() });
    }
    let path = beside(&at.place.source, &text);
    let path = if path.is_dir() { path.join("tokenizer.json") } else { path };
    if !path.is_file() {
        let fault = at.place.fault(Code::File, format!("`tokenizer`: {} does not exist", path.display()));
        faults.push(fault.help(
            "write the path of a tokenizer.json, relative to this file, or leave the key out: the server then counts",
        ));
    }
    Some(TokenizerSource::File(path))
}

fn price(node: &Node) -> Price {
    let input = node.number("input").unwrap_or(0.0);
    Price {
        input,
        cached_input: node.number("cached_input").unwrap_or(input),
        output: node.number("output").unwrap_or(0.0),
    }
}

/// The options of a `request` table, or those that an endpoint or a model holds.
pub(super) fn request_options(node: Option<&Node>, faults: &mut Faults) -> RequestOptions {
    const SAMPLING: [&str; 8] = [
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "stop",
        "frequency_penalty",
        "presence_penalty",
        "repetition_penalty",
    ];
    let Some(node) = node else { return RequestOptions::default() };
    let mut body: Map<String, Json> =
        SAMPLING.iter().filter_map(|key| Some(((*key).to_owned(), node.get(key)?.to_json()))).collect();
    for entry in node.get("body").map(Node::entries).unwrap_or_default() {
        if OWN_KEYS.contains(&entry.key.as_str()) {
            let fault = entry.place.fault(Code::Conflict, format!("`{}` is written by the tool itself", entry.key));
            faults.push(fault.help(match entry.key.as_str() {
                "model" => "the model comes from the `model` axis; [models.LABEL] id gives its wire name",
                "messages" => "prompts come from [prompt]",
                "stream" | "stream_options" => "[endpoints.NAME] stream says whether answers are streamed",
                _ => "the `output_tokens` axis gives the limit; max_tokens_key names its key",
            }));
        }
        body.insert(entry.key.clone(), entry.node.to_json());
    }
    RequestOptions { body, ignore_eos: node.truth("ignore_eos"), max_tokens_key: node.word("max_tokens_key") }
}

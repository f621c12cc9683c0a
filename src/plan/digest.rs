use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{CellDigest, Plan};
use crate::scenario::{Axes, Chat, Endpoint, Load, Mode, Model, Scenario, TokenizerSource};
use crate::text::hex;
use crate::units::{ImageSize, SizeSpec, format_duration};

/// Goes up whenever a version measures something differently, so that old results are not taken for new ones.
const FORMAT: u32 = 1;

/// The SHA-256, in hex, of the content of every file that can change a result, by path.
pub type ContentHashes = BTreeMap<PathBuf, String>;

/// The files whose content a scenario's digests cover.
#[must_use]
pub fn content_files(scenario: &Scenario) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    files.extend(scenario.tokenizer_families.clone());
    files.extend(scenario.prompt.file.clone());
    files.extend(scenario.prompt.system.clone());
    files.extend(scenario.prompt.included.iter().map(|included| included.path.clone()));
    files.extend(scenario.dataset_in_use().map(|dataset| dataset.file.clone()));
    for model in scenario.models.values() {
        if let Some(TokenizerSource::File(path)) = &model.tokenizer {
            files.push(path.clone());
        }
    }
    let blocks = scenario.matrix.product.iter().chain(&scenario.matrix.blocks);
    let values = blocks.flat_map(|block| block.axes.values().flatten());
    for value in values.chain(scenario.matrix.include.iter().flat_map(|cell| cell.axes.iter().map(|(_, value)| value)))
    {
        if let crate::scenario::AxisValue::Tokens(SizeSpec::Empirical(file)) = value {
            files.push(file.path().to_owned());
        }
    }
    files.sort();
    files.dedup();
    files
}

/// The digest of a cell: of all that can change its result, and of nothing else.
pub(super) fn digest(axes: &Axes, requests: Option<u64>, scenario: &Scenario, contents: &ContentHashes) -> CellDigest {
    let endpoint = scenario.endpoint(axes.endpoint());
    let model = scenario.models.get(axes.model());
    let content = |path: Option<&Path>| path.map(|path| contents.get(path).cloned().unwrap_or_default());
    let request = scenario.request_options(axes.endpoint(), axes.model());
    let prompt = &scenario.prompt;
    let all = json!({
        "format": FORMAT,
        "seed": scenario.seed,
        "axes": axes.to_json(),
        "endpoint": endpoint.map(endpoint_facts),
        "model": model.map(|model| model_facts(model, axes.endpoint(), contents)),
        "request": {
            "body": request.body,
            "ignore_eos": request.ignore_eos,
            "max_tokens_key": format!("{:?}", request.max_tokens_key),
        },
        "prompt": {
            "file": content(prompt.file.as_deref()),
            "system": content(prompt.system.as_deref()),
            "included": prompt.included.iter().map(|one| json!([one.name, content(Some(&one.path))])).collect::<Vec<_>>(),
            "multiple": prompt.multiple,
            "unique": format!("{:?}", prompt.unique),
            "shared_prefix": [prompt.shared_prefix.tokens, prompt.shared_prefix.groups],
            "image": (axes.image_size() != ImageSize::Na).then(|| format!("{:?}", prompt.image)),
        },
        "dataset": scenario.dataset.as_ref().filter(|_| scenario.takes_rows(axes.mode())).map(|dataset| json!({
            "file": content(Some(&dataset.file)),
            "pictures": contents.get(&pictures_of(&dataset.file)),
            "order": format!("{:?}", dataset.order),
            "template": dataset.template,
            "filter": dataset.filter,
        })),
        "chat": (axes.mode() == Mode::Chat).then(|| chat_facts(scenario.chat())),
        "sizes": content(empirical(axes.input_tokens())).into_iter().chain(content(empirical(axes.output_tokens()))).collect::<Vec<_>>(),
        "load": load_facts(&scenario.load, axes, requests),
        "chunk_times": format!("{:?}", scenario.output.chunk_times),
    });
    CellDigest(hex(&Sha256::digest(all.to_string().as_bytes())))
}

/// Where the hash of a dataset's pictures stands among the contents: no file has this name.
#[must_use]
pub fn pictures_of(dataset: &Path) -> PathBuf {
    dataset.join("pictures")
}

fn chat_facts(chat: Chat) -> Value {
    json!({"turns": chat.most_turns(), "think_time": format_duration(chat.think_time), "source": chat.source})
}

fn empirical(size: Option<&SizeSpec>) -> Option<&Path> {
    match size {
        Some(SizeSpec::Empirical(file)) => Some(file.path()),
        _ => None,
    }
}

/// Headers go in by name only: a hash of a short secret could be guessed.
fn endpoint_facts(endpoint: &Endpoint) -> Value {
    json!({
        "base_url": endpoint.base_url,
        "api": endpoint.api,
        "stream": endpoint.stream,
        "headers": endpoint.headers.keys().collect::<Vec<_>>(),
        "timeouts": format!("{:?}", endpoint.timeouts),
        "server_metrics": endpoint.server_metrics.iter().map(|(name, metric)| json!([name, metric.pointer, metric.unit])).collect::<Vec<_>>(),
        "cache_reset": endpoint.cache_reset,
        "revision": endpoint.revision,
        "simulator": format!("{:?}", endpoint.simulator),
    })
}

fn model_facts(model: &Model, endpoint: &str, contents: &ContentHashes) -> Value {
    let tokenizer = match &model.tokenizer {
        None => Value::Null,
        Some(TokenizerSource::Words) => "words".into(),
        Some(TokenizerSource::File(path)) => json!({ "content": contents.get(path) }),
        Some(TokenizerSource::Hub { repository, revision }) => json!({ "hub": [repository, revision] }),
    };
    json!({ "id": model.id_at(endpoint), "tokenizer": tokenizer })
}

fn load_facts(load: &Load, axes: &Axes, requests: Option<u64>) -> Value {
    let mut facts = json!({
        "requests": requests,
        "duration": load.duration.map(format_duration),
        "warmup": load.warmup.to_string(),
        "ramp": format_duration(load.ramp),
        "max_in_flight": axes.qps().map(|_| load.max_in_flight),
        "retries": format!("{:?}", load.retries),
        "cell_timeout": format_duration(load.cell_timeout),
    });
    // Their text alone: what a command does cannot be known.
    let hooks: Vec<(&str, &str)> = load.hooks.commands().collect();
    if !hooks.is_empty() {
        facts["hooks"] = json!(hooks);
    }
    facts
}

/// One digest for a whole plan: of its cells' digests, in order.
#[must_use]
pub fn digest_of(plan: &Plan) -> String {
    let mut hash = Sha256::new();
    for cell in &plan.cells {
        hash.update(cell.digest.0.as_bytes());
    }
    hex(&hash.finalize())
}

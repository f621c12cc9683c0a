use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{CellDigest, DigestParts, Plan};
use crate::scenario::{Axes, Mode, RequestOptions, Scenario, StopWhen, TokenizerSource, Transport};
use crate::text::{REDACTED, hex};
use crate::units::{ImageSize, SizeSpec};

/// Goes up whenever a version measures something differently, so that old results are not taken for new ones.
const FORMAT: u32 = 1;

/// The SHA-256, in hex, of the content of every file that can change a result, by path.
pub type ContentHashes = BTreeMap<PathBuf, String>;

/// The files whose content a scenario's digests cover.
#[must_use]
pub fn content_files(scenario: &Scenario) -> Vec<PathBuf> {
    scenario.content_files()
}

/// Where the hash of a dataset's pictures stands among the contents: no file has this name.
#[must_use]
pub fn pictures_of(dataset: &Path) -> PathBuf {
    dataset.join("pictures")
}

/// One digest for a whole plan: of its cells' digests, in whatever order they come; of a search, of all that it may try.
#[must_use]
pub fn digest_of(plan: &Plan) -> String {
    let searched = plan.searches.iter().flat_map(|search| &search.ladder);
    let digests: BTreeSet<&str> = plan.cells.iter().chain(searched).map(|cell| cell.digest.0.as_str()).collect();
    let mut hash = Sha256::new();
    for digest in digests {
        hash.update(digest.as_bytes());
    }
    hex(&hash.finalize())
}

/// Makes the digests of a scenario's cells. Cells that differ in nothing but axes and requests share their parts.
pub(super) struct Digester<'s> {
    scenario: &'s Scenario,
    contents: &'s ContentHashes,
    /// The scenario as it is written, every `${VAR}` still in its place.
    written: toml::Table,
    known: HashMap<Sharing, Known>,
}

/// What of a cell's axes decides its parts.
#[derive(PartialEq, Eq, Hash)]
struct Sharing {
    endpoint: String,
    model: String,
    mode: Mode,
    has_images: bool,
    is_open: bool,
    sizes: [Option<PathBuf>; 2],
}

/// Parts and their JSON.
type Known = (Arc<DigestParts>, String);

impl<'s> Digester<'s> {
    pub(super) fn new(scenario: &'s Scenario, contents: &'s ContentHashes) -> Self {
        // A frozen scenario always parses; without one, values are struck out of what was made of it.
        let written = scenario.frozen.parse().unwrap_or_default();
        Self { scenario, contents, written, known: HashMap::new() }
    }

    /// The digest of a cell: of all that can change its result, and of nothing else; and what it is made of.
    pub(super) fn digest(&mut self, axes: &Axes, requests: Option<u64>) -> (CellDigest, Arc<DigestParts>) {
        let sharing = Sharing {
            endpoint: axes.endpoint().to_owned(),
            model: axes.model().to_owned(),
            mode: axes.mode(),
            has_images: axes.image_size() != ImageSize::Na,
            is_open: axes.qps().is_some(),
            sizes: [axes.input_tokens(), axes.output_tokens()].map(|size| empirical(size).map(Path::to_owned)),
        };
        let (scenario, contents, written) = (self.scenario, self.contents, &self.written);
        let (parts, text) = self.known.entry(sharing).or_insert_with_key(|sharing| {
            let parts = Listing { scenario, contents, written, parts: DigestParts::default() }.of(sharing);
            let text = parts.to_json().to_string();
            (Arc::new(parts), text)
        });
        let own = json!({ "format": FORMAT, "axes": axes.to_json(), "requests": requests });
        let hash = Sha256::new().chain_update(own.to_string().as_bytes()).chain_update(text.as_bytes());
        (CellDigest(hex(&hash.finalize())), Arc::clone(parts))
    }
}

fn empirical(size: Option<&SizeSpec>) -> Option<&Path> {
    match size {
        Some(SizeSpec::Empirical(file)) => Some(file.path()),
        _ => None,
    }
}

/// Lists the parts of cells that share them.
struct Listing<'s> {
    scenario: &'s Scenario,
    contents: &'s ContentHashes,
    written: &'s toml::Table,
    parts: DigestParts,
}

impl Listing<'_> {
    fn of(mut self, sharing: &Sharing) -> DigestParts {
        self.parts.note("seed", &json!(self.scenario.seed));
        self.endpoint(&sharing.endpoint);
        self.model(&sharing.model, &sharing.endpoint);
        self.request(&self.scenario.request_options(&sharing.endpoint, &sharing.model));
        self.prompt(sharing.has_images);
        self.rows(sharing.mode);
        for (axis, path) in ["input_tokens", "output_tokens"].into_iter().zip(&sharing.sizes) {
            self.parts.note(format!("matrix.{axis}"), &self.content(path.as_deref()));
        }
        self.load(sharing.is_open);
        let chunk_times = format!("{:?}", self.scenario.output.chunk_times);
        self.parts.note("output.chunk_times", &json!(chunk_times));
        self.parts
    }

    /// The hash of a file's content, or nothing.
    fn content(&self, path: Option<&Path>) -> Value {
        path.map(|path| self.contents.get(path).cloned().unwrap_or_default()).into()
    }

    /// Values that came from the environment go into headers and bodies by name only: a short secret's hash could be
    /// guessed, and a plan is made without them.
    fn by_name(&self, text: &str) -> String {
        without_variables(&self.scenario.secrets.redact(text))
    }

    fn by_name_within(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.by_name(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.by_name_within(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.by_name_within(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A header's value as it is written.
    fn written_header(&self, endpoint: &str, header: &str) -> Option<&str> {
        self.written.get("endpoints")?.get(endpoint)?.get("headers")?.get(header)?.as_str()
    }

    fn endpoint(&mut self, name: &str) {
        let Some(endpoint) = self.scenario.endpoint(name) else { return };
        let headers: serde_json::Map<String, Value> = endpoint
            .headers
            .iter()
            .map(|(header, value)| {
                let written = self.written_header(name, header).unwrap_or(value.expose());
                (header.clone(), self.by_name(written).into())
            })
            .collect();
        let metrics = endpoint.server_metrics.iter().map(|(name, metric)| json!([name, metric.pointer, metric.unit]));
        let metrics: Vec<Value> = metrics.collect();
        let scrape = endpoint.scrape.as_ref().map(|scrape| {
            let columns = scrape.columns.iter().map(|(name, metric)| format!("{name}: {metric:?}"));
            json!([self.by_name(&scrape.url), nanoseconds(scrape.interval), columns.collect::<Vec<_>>(), scrape.auth])
        });
        let timeouts = endpoint.timeouts;
        let limits = [timeouts.connect, timeouts.first_token, timeouts.idle, timeouts.total];
        for (key, value) in [
            ("base_url", json!(endpoint.base_url)),
            ("api", json!(endpoint.api)),
            ("stream", json!(endpoint.stream)),
            ("headers", Value::Object(headers)),
            ("timeouts", json!(limits.map(nanoseconds))),
            ("server_metrics", Value::Array(metrics)),
            ("metrics", json!(scrape)),
            ("cache_reset", json!(endpoint.cache_reset)),
            ("transport", self.transport(&endpoint.transport)),
            ("revision", json!(endpoint.revision)),
            ("simulator", endpoint.simulator.map(|settings| format!("{settings:?}")).into()),
        ] {
            self.parts.note(format!("endpoints.{name}.{key}"), &value);
        }
    }

    /// What of the way to an endpoint is not as by default. A proxy counts, also the environment's, its credentials do not; of
    /// certificates their content, of the client's key nothing: its certificate stands for it.
    fn transport(&self, transport: &Transport) -> Value {
        if *transport == Transport::default() {
            return Value::Null;
        }
        let Transport { http, connection, proxy, unix_socket, tls } = transport;
        let proxy = proxy.as_ref().map(|proxy| self.by_name(&proxy.authority()));
        let socket = unix_socket.as_ref().map(|path| self.by_name(&path.display().to_string()));
        let certificates = [&tls.ca, &tls.client_certificate].map(|path| self.content(path.as_deref()));
        json!([http, connection, proxy, socket, certificates, tls.verify])
    }

    fn model(&mut self, label: &str, endpoint: &str) {
        let Some(model) = self.scenario.models.get(label) else { return };
        let tokenizer = match model.tokenizer.as_ref().or(model.family.as_ref()) {
            None => Value::Null,
            Some(TokenizerSource::Words) => "words".into(),
            Some(TokenizerSource::File(path)) => self.content(Some(path)),
            Some(TokenizerSource::Hub { repository, revision }) => json!({ "hub": [repository, revision] }),
        };
        self.parts.note(format!("models.{label}.id"), &json!(model.id_at(endpoint)));
        self.parts.note(format!("models.{label}.tokenizer"), &tokenizer);
    }

    fn request(&mut self, options: &RequestOptions) {
        for (key, value) in &options.body {
            let mut value = value.clone();
            self.by_name_within(&mut value);
            self.parts.note(format!("request.{key}"), &json!([value]));
        }
        self.parts.note("request.ignore_eos", &json!(options.ignore_eos));
        self.parts.note("request.max_tokens_key", &json!(options.max_tokens_key));
    }

    fn prompt(&mut self, has_images: bool) {
        let prompt = &self.scenario.prompt;
        self.parts.note("prompt.file", &self.content(prompt.file.as_deref()));
        self.parts.note("prompt.system", &self.content(prompt.system.as_deref()));
        for one in &prompt.included {
            self.parts.note(format!("prompt.included.{}", one.name), &self.content(Some(&one.path)));
        }
        self.parts.note("prompt.multiple", &json!(prompt.multiple));
        self.parts.note("prompt.unique", &json!(prompt.unique));
        self.parts.note("prompt.shared_prefix", &json!([prompt.shared_prefix.tokens, prompt.shared_prefix.groups]));
        if has_images {
            self.parts.note("prompt.image", &json!(format!("{:?}", prompt.image)));
        }
    }

    /// Dataset and conversations, where the mode takes them.
    fn rows(&mut self, mode: Mode) {
        if let Some(dataset) = self.scenario.dataset.as_ref().filter(|_| self.scenario.takes_rows(mode)) {
            self.parts.note("dataset.file", &self.content(Some(&dataset.file)));
            self.parts.note("dataset.pictures", &json!(self.contents.get(&pictures_of(&dataset.file))));
            self.parts.note("dataset.order", &json!(dataset.order));
            self.parts.note("dataset.template", &json!(dataset.template));
            self.parts.note("dataset.filter", &json!(dataset.filter));
        }
        if mode == Mode::Chat {
            let chat = self.scenario.chat();
            self.parts.note("chat.turns", &json!(chat.most_turns()));
            self.parts.note("chat.think_time", &json!(nanoseconds(chat.think_time)));
            self.parts.note("chat.source", &json!(chat.source));
        }
    }

    fn load(&mut self, is_open: bool) {
        let load = &self.scenario.load;
        self.parts.note("load.duration", &json!(load.duration.map(nanoseconds)));
        self.parts.note("load.warmup", &json!(load.warmup.to_string()));
        self.parts.note("load.ramp", &json!(nanoseconds(load.ramp)));
        self.parts.note("load.max_in_flight", &json!(is_open.then_some(load.max_in_flight)));
        self.parts.note("load.retries", &json!(format!("{:?}", load.retries)));
        self.parts.note("load.cell_timeout", &json!(nanoseconds(load.cell_timeout)));
        self.parts.note("load.stop_when", &stop_when(load.stop_when.as_ref()));
        self.parts.note("load.hooks", &json!([load.hooks.before_cell, load.hooks.after_cell]));
    }
}

/// Nothing where repeats have their full length.
fn stop_when(rule: Option<&StopWhen>) -> Value {
    rule.map_or(Value::Null, |rule| {
        let StopWhen { metric, stat, rel_ci, min_requests, min_duration } = rule;
        json!([metric, stat, rel_ci, min_requests, nanoseconds(*min_duration)])
    })
}

/// Exactly: a duration as people read it is rounded.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// `text` with every `${...}` that nothing was put in for shown as a value that was.
fn without_variables(text: &str) -> String {
    let (mut made, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((_, behind)) = after.split_once('}') else { break };
        made.push_str(before);
        made.push_str(REDACTED);
        rest = behind;
    }
    made + rest
}

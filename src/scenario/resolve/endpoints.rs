use std::collections::BTreeMap;

use super::models::request_options;
use super::scrape::scrape;
use super::transport::{key_of_file, transport};
use super::values::is_column_word;
use crate::diagnostic::{Code, Faults};
use crate::scenario::layers::beside;
use crate::scenario::tree::{Entry, Node, Value};
use crate::scenario::variables::{Unset, Variables};
use crate::scenario::{Api, Endpoint, ServerMetric, SimulatorSettings, StudioApi, Timeouts};
use crate::text::{Secret, Secrets, nearest};

const SAMBANOVA_BASE: &str = "https://api.sambanova.ai/v1";

/// The variable that holds a SambaStudio address, where the scenario has none.
pub(crate) const STUDIO_URL: &str = "SAMBASTUDIO_URL";

/// Headers that the client writes itself.
const OWN_HEADERS: [&str; 4] = ["authorization", "content-length", "content-type", "host"];

pub(super) fn endpoints(
    node: Option<&Node>,
    (variables, unset): (&Variables, Unset),
    secrets: &mut Secrets,
    faults: &mut Faults,
) -> Vec<Endpoint> {
    let entries = node.map(Node::entries).unwrap_or_default();
    if let (Some(node), []) = (node, entries) {
        faults.push(
            node.place
                .fault(Code::MissingKey, "there is no endpoint")
                .help("add a table, as [endpoints.local] with its base_url"),
        );
    }
    entries.iter().map(|entry| endpoint(entry, (variables, unset), secrets, faults)).collect()
}

fn endpoint(
    entry: &Entry,
    (variables, unset): (&Variables, Unset),
    secrets: &mut Secrets,
    faults: &mut Faults,
) -> Endpoint {
    let node = &entry.node;
    let api = node.word("api").unwrap_or(Api::OpenaiChat);
    let base_url = node.text("base_url").or_else(|| known_address(api, variables));
    check_address(entry, api, base_url.as_deref(), faults);
    let api_key_file = node.get("api_key_file").and_then(|node| Some(beside(&node.place.source, &node.scalar()?)));
    let known = || known_key(api).filter(|_| api_key_file.is_none()).map(str::to_owned);
    let api_key_env = node.text("api_key_env").or_else(known);
    let of_variable = || api_key_env.as_deref().and_then(|name| variables.get(name)).map(str::to_owned);
    let api_key = key_of_file(node, unset, faults).or_else(of_variable).filter(|key| !key.is_empty());
    if let Some(key) = &api_key {
        secrets.add(key);
    }
    let transport = transport(entry, api, base_url.as_deref(), variables, secrets, faults);
    Endpoint {
        name: entry.key.clone(),
        api,
        base_url: base_url.map(|url| url.trim_end_matches('/').to_owned()).filter(|_| api != Api::Simulator),
        api_key: api_key.map(Secret::new),
        api_key_env,
        api_key_file,
        transport,
        stream: node.truth("stream").unwrap_or(true),
        headers: with_debug(headers(node.get("headers"), faults), node, api, faults),
        timeouts: node.get("timeouts").map(timeouts).unwrap_or_default(),
        request: request_options(Some(node), faults),
        server_metrics: node.get("server_metrics").map(|node| server_metrics(node, faults)).unwrap_or_default(),
        scrape: scrape(node, faults),
        cache_reset: node.text("cache_reset"),
        revision: node.text("revision"),
        accelerators: node.whole("accelerators"),
        simulator: (api == Api::Simulator).then(|| node.get("simulator").map(simulator).unwrap_or_default()),
    }
}

/// Where a provider is that has one address, or a variable for it.
fn known_address(api: Api, variables: &Variables) -> Option<String> {
    let set = |name| variables.get(name).filter(|url| !url.is_empty());
    match api {
        Api::Sambanova => Some(set("SAMBANOVA_API_BASE").unwrap_or(SAMBANOVA_BASE).to_owned()),
        Api::Sambastudio => set(STUDIO_URL).map(str::to_owned),
        Api::OpenaiChat | Api::OpenaiCompletions | Api::Simulator => None,
    }
}

/// The variable that a provider's key is in, unless the scenario names another.
fn known_key(api: Api) -> Option<&'static str> {
    match api {
        Api::Sambanova => Some("SAMBANOVA_API_KEY"),
        Api::Sambastudio => Some("SAMBASTUDIO_API_KEY"),
        Api::OpenaiChat | Api::OpenaiCompletions | Api::Simulator => None,
    }
}

/// The headers and, where it is asked for, the one that makes the cloud's answers tell more.
fn with_debug(
    mut headers: BTreeMap<String, Secret>,
    node: &Node,
    api: Api,
    faults: &mut Faults,
) -> BTreeMap<String, Secret> {
    if node.truth("accuracy_debug") != Some(true) {
        return headers;
    }
    match node.get("accuracy_debug") {
        Some(asked) if api != Api::Sambanova => faults.push(
            asked
                .place
                .fault(Code::Conflict, "`accuracy_debug` is only for api = \"sambanova\"")
                .help("take it out; `headers` can hold any header"),
        ),
        _ => {
            headers.entry("ss-sn-options".to_owned()).or_insert_with(|| Secret::new("accuracy_debug"));
        }
    }
    headers
}

fn check_address(entry: &Entry, api: Api, url: Option<&str>, faults: &mut Faults) {
    let node = &entry.node;
    if let (Api::Sambastudio, Some(url)) = (api, url.filter(|url| !url.contains("${"))) {
        if StudioApi::of(url).is_none() {
            let place = node.get("base_url").map_or(&entry.place, |node| &node.place);
            faults.push(
                place
                    .fault(Code::BadValue, format!("endpoint `{}` has no SambaStudio URL", entry.key))
                    .help("write the whole address, with /generic/ or chat/completions in it"),
            );
        }
        return;
    }
    match (api, node.get("base_url"), node.get("simulator")) {
        (Api::Simulator, Some(url), _) => faults.push(
            url.place
                .fault(Code::Conflict, "a simulator has no `base_url`: it is started for the run")
                .help("take it out, or choose another `api`"),
        ),
        (Api::Simulator, None, _) => {}
        (_, _, Some(settings)) => faults.push(
            settings
                .place
                .fault(Code::Conflict, "`simulator` is only for api = \"simulator\"")
                .help("write api = \"simulator\", or take the table out"),
        ),
        // Its address may come from the environment, which is needed to run only.
        (Api::Sambastudio, None, _) => {}
        (_, None, _) if url.is_none() && !is_misspelt(node) => faults.push(
            entry
                .place
                .fault(Code::MissingKey, format!("endpoint `{}` has no `base_url`", entry.key))
                .help("add base_url = \"http://127.0.0.1:8000/v1\""),
        ),
        _ => {}
    }
}

/// Whether the address is there under another word, or the endpoint is no table: that has its own fault.
fn is_misspelt(node: &Node) -> bool {
    let near = |entry: &Entry| nearest(&entry.key, ["base_url"]).is_some();
    !matches!(node.value, Value::Table(_)) || node.entries().iter().any(near)
}

fn headers(node: Option<&Node>, faults: &mut Faults) -> BTreeMap<String, Secret> {
    let mut headers = BTreeMap::new();
    for entry in node.map(Node::entries).unwrap_or_default() {
        let name = entry.key.to_ascii_lowercase();
        if reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_err() {
            faults.push(
                entry
                    .place
                    .fault(Code::BadValue, format!("`{}` is not a header name", entry.key))
                    .help("write letters, digits and `-`, as x-team"),
            );
        } else if OWN_HEADERS.contains(&name.as_str()) && name != "authorization" {
            faults.push(
                entry
                    .place
                    .fault(Code::Conflict, format!("`{name}` is written by the client itself"))
                    .help("take it out"),
            );
        } else if let Some(value) = entry.node.scalar() {
            if reqwest::header::HeaderValue::from_str(&value).is_err() {
                faults.push(
                    entry
                        .node
                        .place
                        .fault(Code::BadValue, format!("`{}` holds characters that no header may", entry.key))
                        .help("write one line of plain ASCII text"),
                );
            }
            headers.insert(name, Secret::new(value));
        }
    }
    headers
}

fn timeouts(node: &Node) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        connect: node.duration("connect").unwrap_or(default.connect),
        first_token: node.duration("first_token").unwrap_or(default.first_token),
        idle: node.duration("idle").unwrap_or(default.idle),
        total: node.duration("total").unwrap_or(default.total),
    }
}

fn server_metrics(node: &Node, faults: &mut Faults) -> BTreeMap<String, ServerMetric> {
    let mut metrics: BTreeMap<String, ServerMetric> = BTreeMap::new();
    for entry in node.entries() {
        if !is_column_word(&entry.key) {
            faults.push(
                entry
                    .place
                    .fault(Code::BadValue, format!("`{}` is not fit for a column", entry.key))
                    .help("write lower-case letters, digits and `_`, as queue"),
            );
        }
        let Some(pointer) = entry.node.text("pointer") else { continue };
        let metric = ServerMetric { pointer, unit: entry.node.text("unit") };
        let column = metric.column(&entry.key);
        if metrics.iter().any(|(name, other)| other.column(name) == column) {
            faults.push(
                entry
                    .place
                    .fault(Code::Conflict, format!("two metrics have the column `{column}`"))
                    .help("give one of them another name; a unit adds _ms"),
            );
        }
        metrics.insert(entry.key.clone(), metric);
    }
    metrics
}

fn simulator(node: &Node) -> SimulatorSettings {
    let default = SimulatorSettings::default();
    SimulatorSettings {
        ttft: node.duration("ttft").unwrap_or(default.ttft),
        prefill_per_token: node.duration("prefill_per_token").unwrap_or(default.prefill_per_token),
        itl: node.duration("itl").unwrap_or(default.itl),
        batch_slowdown: node.number("batch_slowdown").unwrap_or(default.batch_slowdown),
        slots: node.whole("slots").unwrap_or(default.slots),
        jitter: node.number("jitter").unwrap_or(default.jitter),
        template_tokens: node.whole("template_tokens").unwrap_or(default.template_tokens),
        context_length: node.whole("context_length").unwrap_or(default.context_length),
        switch: node.duration("switch").unwrap_or(default.switch),
    }
}

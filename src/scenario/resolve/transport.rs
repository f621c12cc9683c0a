use std::fs::File;

use hyper_util::client::proxy::matcher::Matcher;

use crate::diagnostic::{Code, Fault, Faults, Severity};
use crate::scenario::key_file::{KeyFileError, check_is_private, read_key};
use crate::scenario::layers::beside;
use crate::scenario::proxy_url::ProxyUrl;
use crate::scenario::tree::{Entry, Node, Place};
use crate::scenario::variables::{Unset, Variables};
use crate::scenario::{Api, Proxy, TlsOptions, Transport};
use crate::text::Secrets;

/// Where the environment names a proxy, by the scheme of what is behind it; the first that is set counts.
const PROXY_VARIABLES: [(&str, [&str; 4]); 2] = [
    ("https", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
    ("http", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
];

/// How requests get to an endpoint.
pub(super) fn transport(
    entry: &Entry,
    api: Api,
    base_url: Option<&str>,
    variables: &Variables,
    secrets: &mut Secrets,
    faults: &mut Faults,
) -> Transport {
    let node = &entry.node;
    let unix_socket = node.get("unix_socket").and_then(|node| Some(beside(&node.place.source, &node.scalar()?)));
    check_place(node, api, faults);
    let asked = node.text("proxy").filter(|text| !text.contains("${"));
    let proxy = match asked {
        Some(text) if text == "none" => None,
        // What is no proxy is a fault already.
        Some(text) => ProxyUrl::parse(&text).ok().map(|url| url.proxy(None, secrets)),
        None if node.get("proxy").is_some() || unix_socket.is_some() || api == Api::Simulator => None,
        None => of_environment(&entry.place, base_url, variables, secrets, faults),
    };
    Transport {
        http: node.word("http").unwrap_or_default(),
        connection: node.word("connection").unwrap_or_default(),
        proxy,
        unix_socket,
        tls: node.get("tls").map(|node| tls(node, faults)).unwrap_or_default(),
    }
}

/// Refuses what contradicts itself.
fn check_place(node: &Node, api: Api, faults: &mut Faults) {
    let mut conflict = |node: &Node, message: &str, help: &str| {
        faults.push(node.place.fault(Code::Conflict, message).help(help));
    };
    if let (Some(_), Some(proxy)) = (node.get("unix_socket"), node.get("proxy"))
        && proxy.scalar().as_deref() != Some("none")
    {
        conflict(proxy, "a Unix socket is not reached through a proxy", "take `proxy` or `unix_socket` out");
    }
    if api == Api::Simulator {
        for key in ["proxy", "unix_socket", "tls", "api_key_file"] {
            if let Some(node) = node.get(key) {
                let message = format!("a simulator has no `{key}`: it is started for the run, on loopback");
                conflict(node, &message, "take it out, or choose another `api`");
            }
        }
    }
}

/// The proxy that the environment names for a URL, by the conventions of curl and others. Loopback is never behind one.
fn of_environment(
    place: &Place,
    base_url: Option<&str>,
    variables: &Variables,
    secrets: &mut Secrets,
    faults: &mut Faults,
) -> Option<Proxy> {
    let set = |name: &str| variables.get(name).map(str::trim).filter(|value| !value.is_empty());
    let url: reqwest::Url = base_url?.parse().ok()?;
    let names = PROXY_VARIABLES.iter().find(|(scheme, _)| *scheme == url.scheme())?.1;
    let (name, value) = names.into_iter().find_map(|name| Some((name, set(name)?)))?;
    let none = set("no_proxy").or_else(|| set("NO_PROXY")).unwrap_or_default();
    let host = url.host_str()?.trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()) {
        return None;
    }
    let rule = Matcher::builder().all("http://proxy").no(none).build();
    rule.intercept(&url.as_str().parse().ok()?)?;
    let Ok(proxy) = ProxyUrl::parse(value) else {
        faults.push(
            place
                .fault(Code::Environment, format!("the proxy that the variable `{name}` names cannot be used"))
                .help("set it to the URL of a proxy that is spoken to in clear, as http://proxy:3128")
                .help("or write proxy = \"none\" to go without one"),
        );
        return None;
    };
    Some(proxy.proxy(Some(name), secrets))
}

fn tls(node: &Node, faults: &mut Faults) -> TlsOptions {
    for (key, other) in [("client_certificate", "client_key"), ("client_key", "client_certificate")] {
        if let (Some(there), None) = (node.get(key), node.get(other)) {
            let fault = there.place.fault(Code::MissingKey, format!("`{key}` is of no use without `{other}`"));
            faults.push(fault.help(format!("add {other} = \"FILE.pem\"")));
        }
    }
    let client_key = node.existing_file("client_key", faults);
    if let (Some(node), Some(path)) = (node.get("client_key"), &client_key)
        && let Err(error) = File::open(path).map_err(KeyFileError::from).and_then(|file| check_is_private(&file))
    {
        faults.push(of_key_file(&node.place, "client_key", &error));
    }
    TlsOptions {
        ca: node.existing_file("ca", faults),
        client_certificate: node.existing_file("client_certificate", faults),
        client_key,
        verify: node.truth("verify").unwrap_or(true),
    }
}

/// The key in the endpoint's file. One that is not there is an error only where the scenario is to be carried out.
pub(super) fn key_of_file(node: &Node, unset: Unset, faults: &mut Faults) -> Option<String> {
    let named = node.get("api_key_file")?;
    if let Some(other) = node.get("api_key_env") {
        faults.push(
            other
                .place
                .fault(Code::Conflict, "the key is named twice: by `api_key_env` and by `api_key_file`")
                .help("take one of them out"),
        );
    }
    let written = named.scalar().filter(|path| !path.contains("${"))?;
    match read_key(&beside(&named.place.source, &written)) {
        Ok(key) => Some(key),
        Err(KeyFileError::Unreadable(error)) if unset == Unset::Keep => {
            let fault = of_key_file(&named.place, "api_key_file", &KeyFileError::Unreadable(error));
            faults.push(Fault { severity: Severity::Warning, ..fault });
            None
        }
        Err(error) => {
            faults.push(of_key_file(&named.place, "api_key_file", &error));
            None
        }
    }
}

fn of_key_file(place: &Place, key: &str, error: &KeyFileError) -> Fault {
    let fault = place.fault(Code::File, format!("the file of `{key}`: {error}"));
    match error {
        KeyFileError::Open(_) => fault.help("make it its owner's alone, as with chmod 600"),
        KeyFileError::Unreadable(_) => fault.help("the path is relative to the scenario that holds it"),
        KeyFileError::NoFile | KeyFileError::NoKey => fault.help("write the key, and nothing else, into a file"),
    }
}

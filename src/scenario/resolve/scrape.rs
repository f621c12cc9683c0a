use std::collections::BTreeMap;

use super::values::is_column_word;
use crate::diagnostic::{Code, Faults};
use crate::scenario::tree::{Entry, Node};
use crate::scenario::{KNOWN_METRICS, MetricKind, SCRAPE_COLUMNS, Scrape, ScrapedMetric};
use crate::units::Series;

/// Keys that say how the page is scraped.
const KEYS: [&str; 3] = ["metrics_interval", "metrics_columns", "metrics_auth"];

/// The Prometheus page of an endpoint, where it has one.
pub(super) fn scrape(node: &Node, faults: &mut Faults) -> Option<Scrape> {
    let Some(url) = node.text("metrics_url") else {
        for entry in node.entries().iter().filter(|entry| KEYS.contains(&entry.key.as_str())) {
            let fault =
                entry.place.fault(Code::Conflict, format!("`{}` without `metrics_url` does nothing", entry.key));
            faults.push(fault.help("add metrics_url = \"/metrics\", or take it out"));
        }
        return None;
    };
    check_url(node, &url, faults);
    let interval = node.duration("metrics_interval").unwrap_or(Scrape::INTERVAL);
    if let Some(written) = node.get("metrics_interval").filter(|_| interval < Scrape::LEAST_INTERVAL) {
        let fault =
            written.place.fault(Code::BadValue, "`metrics_interval` is so short that scraping is a load itself");
        faults.push(fault.help("write 10ms or more"));
    }
    Some(Scrape {
        url,
        interval: interval.max(Scrape::LEAST_INTERVAL),
        columns: node.get("metrics_columns").map(|node| columns(node, faults)).unwrap_or_default(),
        auth: node.truth("metrics_auth"),
    })
}

/// Refuses a URL with a user: it would be written into files.
fn check_url(node: &Node, url: &str, faults: &mut Faults) {
    let has_user = url.parse::<reqwest::Url>().is_ok_and(|url| !url.username().is_empty() || url.password().is_some());
    if let Some(written) = node.get("metrics_url").filter(|_| has_user) {
        let fault = written.place.fault(Code::BadValue, "`metrics_url` must not hold a user name or password");
        faults.push(fault.help("put them into `headers`, from the environment, and write metrics_auth = true"));
    }
}

fn columns(node: &Node, faults: &mut Faults) -> BTreeMap<String, ScrapedMetric> {
    let mut columns = BTreeMap::new();
    for entry in node.entries() {
        check_name(entry, faults);
        let Some(series) = entry.node.parsed::<Series>("metric") else { continue };
        let kind = entry.node.word("kind").unwrap_or_else(|| MetricKind::of_name(&series.name));
        columns.insert(entry.key.clone(), ScrapedMetric { series, kind });
    }
    columns
}

fn check_name(entry: &Entry, faults: &mut Faults) {
    let key = entry.key.as_str();
    if KNOWN_METRICS.iter().map(|metric| metric.name).chain(SCRAPE_COLUMNS).any(|column| column == key) {
        let fault = entry.place.fault(Code::Conflict, format!("`{key}` is a column of every page"));
        faults.push(fault.help("give it another name"));
    } else if !is_column_word(key) || key.starts_with(|c: char| !c.is_ascii_lowercase()) {
        let fault = entry.place.fault(Code::BadValue, format!("`{key}` is not fit for a column"));
        faults.push(fault.help("write lower-case letters, digits and `_`, as swapped"));
    }
}

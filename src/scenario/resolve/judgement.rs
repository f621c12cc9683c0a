use std::collections::BTreeMap;

use crate::diagnostic::{Code, Faults};
use crate::scenario::tree::Node;
use crate::scenario::{AxisName, AxisValue, Bound, Gate, Judge, Slo, parse_axis_value};
use crate::text::{nearest, one_of};
use crate::units::parse_duration;

/// The metrics that a gate can judge: the names of `metrics::METRICS`, which stands on a higher floor; a test of that
/// list holds the two together.
pub(crate) const GATE_METRICS: [&str; 18] = [
    "ttft_ms",
    "ttft_from_schedule_ms",
    "first_visible_ms",
    "itl_ms",
    "chunk_gap_ms",
    "tpot_ms",
    "tpot_classic_ms",
    "e2e_ms",
    "e2e_from_schedule_ms",
    "queue_delay_ms",
    "connect_ms",
    "tls_ms",
    "output_tokens_per_s",
    "input_tokens_server",
    "output_tokens_server",
    "server_ttft_ms",
    "server_e2e_ms",
    "server_output_tokens_per_s",
];

pub(super) fn slo(node: &Node, faults: &mut Faults) -> Option<Slo> {
    let slo = Slo {
        ttft: node.duration("ttft"),
        tpot: node.duration("tpot"),
        e2e: node.duration("e2e"),
        attainment: node.number("attainment").unwrap_or(0.99),
    };
    if slo.ttft.or(slo.tpot).or(slo.e2e).is_none() {
        faults.push(node.place.fault(Code::MissingKey, "`slo` sets no limit").help("add one, as ttft = \"500ms\""));
        return None;
    }
    if let Some(attainment) = node.get("attainment").filter(|_| slo.attainment <= 0.0) {
        faults.push(
            attainment
                .place
                .fault(Code::BadValue, "`attainment` is not a share")
                .help("write a share above 0, as 0.99"),
        );
    }
    Some(slo)
}

pub(super) fn gate(node: &Node, faults: &mut Faults) -> Option<Gate> {
    let metric = node.text("metric")?;
    let known = metric.starts_with("server_") || GATE_METRICS.contains(&metric.as_str());
    if let Some(place) = node.get("metric").filter(|_| !known).map(|metric| &metric.place) {
        let fault = place.fault(Code::UnknownName, format!("there is no metric `{metric}`"));
        faults.push(match nearest(&metric, GATE_METRICS) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help(format!("the metrics are {}", one_of(GATE_METRICS))),
        });
    }
    let limit = |key: &str| {
        let text = node.get(key)?.scalar()?;
        text.parse().ok().or_else(|| parse_duration(&text).ok().map(|time| time.as_secs_f64() * 1e3))
    };
    let only = only(node.get("where"), faults);
    let bound = match (node.get("max"), node.get("min")) {
        (Some(_), None) => Bound::Max(limit("max")?),
        (None, Some(_)) => Bound::Min(limit("min")?),
        (both, _) => {
            let what = if both.is_some() { "both `max` and `min`" } else { "neither `max` nor `min`" };
            faults.push(
                node.place
                    .fault(Code::Conflict, format!("this gate has {what}"))
                    .help("write one: max for times, min for rates"),
            );
            return None;
        }
    };
    Some(Gate { metric, stat: node.text("stat")?, bound, only, judge: node.word("judge").unwrap_or(Judge::Point) })
}

fn only(node: Option<&Node>, faults: &mut Faults) -> BTreeMap<AxisName, Vec<AxisValue>> {
    let mut only = BTreeMap::new();
    for entry in node.map(Node::entries).unwrap_or_default() {
        let axis = AxisName::from_word(&entry.key);
        let mut values = Vec::new();
        for item in entry.node.items() {
            match item.scalar().map(|text| parse_axis_value(&axis, &text)) {
                Some(Ok(value)) => values.push(value),
                Some(Err(error)) => {
                    faults
                        .push(item.place.fault(Code::BadValue, error.wrong).help(format!("write {}", error.expected)));
                }
                None => {
                    faults.push(item.place.fault(Code::WrongType, format!("expected a value, found {}", item.kind())));
                }
            }
        }
        only.insert(axis, values);
    }
    only
}

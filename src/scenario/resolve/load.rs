use std::time::Duration;

use crate::diagnostic::{Code, Faults};
use crate::scenario::tree::Node;
use crate::scenario::{AxisName, AxisValue, Hooks, Load, Loop, Matrix, Mode, Output, Retries};
use crate::units::{Amount, Qps, RequestCount};

pub(super) fn load(node: &Node) -> Load {
    let default = Load::default();
    Load {
        requests: node.parsed("requests"),
        duration: node.duration("duration"),
        warmup: node.parsed("warmup").unwrap_or(default.warmup),
        cell_timeout: node.duration("cell_timeout").unwrap_or(default.cell_timeout),
        ramp: node.duration("ramp").unwrap_or(default.ramp),
        max_in_flight: node.whole("max_in_flight").unwrap_or(default.max_in_flight),
        repeats: node.whole("repeats").unwrap_or(default.repeats),
        order: node.word("order").unwrap_or(default.order),
        group_by_model: node.truth("group_by_model").unwrap_or(default.group_by_model),
        cooldown: node.duration("cooldown").unwrap_or(default.cooldown),
        parallel: node.word("parallel").unwrap_or(default.parallel),
        hooks: node.get("hooks").map(hooks).unwrap_or_default(),
        retries: node.get("retries").map(retries).unwrap_or_default(),
        require_healthy_client: node.truth("require_healthy_client").unwrap_or(default.require_healthy_client),
    }
}

fn hooks(node: &Node) -> Hooks {
    Hooks { before_cell: node.text("before_cell"), after_cell: node.text("after_cell") }
}

fn retries(node: &Node) -> Retries {
    Retries {
        count: node.whole("count").unwrap_or(0),
        backoff: node.duration("backoff").unwrap_or(Duration::from_secs(1)),
        on: node.word("on").unwrap_or_default(),
    }
}

/// All at once needs a number: time alone bounds nothing that takes none.
pub(super) fn check_all_at_once(tree: &Node, matrix: &Matrix, faults: &mut Faults) {
    let Some(load) = tree.get("load") else { return };
    let at_once = |value: &AxisValue| matches!(value, AxisValue::Qps(Qps::Infinite));
    let blocks = matrix.product.iter().chain(&matrix.blocks);
    let has_at_once = blocks.flat_map(|block| block.axes.values().flatten()).any(at_once)
        || matrix.include.iter().any(|cell| cell.axes.iter().any(|(_, value)| at_once(value)));
    let warms_by_time = matches!(load.parsed::<Amount>("warmup"), Some(Amount::Time(time)) if !time.is_zero());
    for (key, wrong) in [("duration", load.get("requests").is_none()), ("warmup", warms_by_time)] {
        if let (true, true, Some(node)) = (has_at_once, wrong, load.get(key)) {
            let message = "`qps = \"inf\"` sends all at once, which a time alone does not end";
            let help = if key == "duration" { "set `requests` as well" } else { "give `warmup` as a count" };
            faults.push(node.place.fault(Code::Conflict, message).help(help));
        }
    }
}

/// `"10x"` is ten for each concurrent one: an open loop has none.
pub(super) fn check_requests(tree: &Node, matrix: &Matrix, faults: &mut Faults) {
    let open = |value: &AxisValue| matches!(value, AxisValue::Mode(Mode::RealWorkload) | AxisValue::Loop(Loop::Open));
    for node in tree.get("matrix").and_then(|matrix| matrix.get("include")).map(Node::items).unwrap_or_default() {
        let is_open =
            node.text("mode").as_deref() == Some("real_workload") || node.text("loop").as_deref() == Some("open");
        refuse_multiple(node, "requests", is_open, faults);
    }
    let Some(load) = tree.get("load") else { return };
    let blocks = matrix.product.iter().chain(&matrix.blocks);
    let has_open = blocks.flat_map(|block| block.axes.values().flatten()).any(open)
        || matrix.include.iter().any(|cell| cell.axes.get(&AxisName::Mode).is_some_and(open));
    refuse_multiple(load, "requests", has_open, faults);
    refuse_multiple(load, "warmup", has_open, faults);
}

fn refuse_multiple(table: &Node, key: &str, is_open: bool, faults: &mut Faults) {
    if let (true, Some(RequestCount::PerConcurrent(times)), Some(node)) = (is_open, table.parsed(key), table.get(key)) {
        let fault = node
            .place
            .fault(Code::Conflict, format!("`{times}x` multiplies the concurrency, and an open loop has none"));
        faults.push(fault.help("write a count, as 80"));
    }
}

pub(super) fn output(node: &Node) -> Output {
    let default = Output::default();
    Output {
        formats: node.word("formats").unwrap_or(default.formats),
        save_responses: node.truth("save_responses").unwrap_or(default.save_responses),
        debug: node.truth("debug").unwrap_or(default.debug),
        chunk_times: node.word("chunk_times").unwrap_or(default.chunk_times),
    }
}

use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostic::{Code, Faults};
use crate::scenario::layers::beside;
use crate::scenario::tree::Node;
use crate::scenario::{AxisValue, Hooks, Load, Loop, Matrix, Mode, Output, Retries, RetryCause, StopWhen};
use crate::units::{Amount, Qps, RequestCount};

pub(super) fn load(node: &Node, faults: &mut Faults) -> Load {
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
        hooks: node.get("hooks").map(|node| hooks(node, faults)).unwrap_or_default(),
        retries: node.get("retries").map(retries).unwrap_or_default(),
        require_healthy_client: node.truth("require_healthy_client").unwrap_or(default.require_healthy_client),
        stop_when: node.get("stop_when").and_then(|stop_when| self::stop_when(stop_when, node, faults)),
    }
}

/// Without a bound of its own a repeat whose figure never gets certain would go on until `cell_timeout`.
fn stop_when(node: &Node, load: &Node, faults: &mut Faults) -> Option<StopWhen> {
    if load.get("requests").or(load.get("duration")).is_none() {
        let fault =
            node.place.fault(Code::MissingKey, "`load.stop_when` has no bound: the figure may never be certain");
        faults.push(fault.help("add the most that a repeat may take, as requests = 5000 or duration = \"10m\""));
    }
    Some(StopWhen {
        metric: node.text("metric")?,
        stat: node.text("stat")?,
        rel_ci: node.number("rel_ci")?,
        min_requests: node.whole("min_requests").unwrap_or(100),
        min_duration: node.duration("min_duration").unwrap_or_default(),
    })
}

fn hooks(node: &Node, faults: &mut Faults) -> Hooks {
    let default = Hooks::default();
    let dir = hooks_dir(node);
    if let (None, [first, second]) = (node.get("dir"), &command_dirs(node)[..])
        && first != second
    {
        let message = "`before_cell` and `after_cell` stand in different directories, and both run in one";
        faults.push(node.place.fault(Code::Conflict, message).help("write `dir`, the directory where they run"));
    }
    for key in ["before_cell", "after_cell"] {
        if let (Some(text), Some(node)) = (node.text(key), node.get(key))
            && text.trim().is_empty()
        {
            let fault = node.place.fault(Code::BadValue, format!("`load.hooks.{key}` is empty"));
            faults.push(fault.help("write a command, as \"./restart.sh\", or take it out"));
        }
    }
    Hooks {
        before_cell: node.text("before_cell"),
        after_cell: node.text("after_cell"),
        dir: dir.unwrap_or_default(),
        timeout: node.duration("timeout").unwrap_or(default.timeout),
        ready_timeout: node.duration("ready_timeout").unwrap_or(default.ready_timeout),
    }
}

/// Where the commands run; `None` when there are none.
pub(super) fn hooks_dir(node: &Node) -> Option<PathBuf> {
    match node.get("dir") {
        Some(dir) => Some(beside(&dir.place.source, &dir.scalar()?)),
        None => command_dirs(node).into_iter().next(),
    }
}

/// The directories of the files that hold the commands.
fn command_dirs(node: &Node) -> Vec<PathBuf> {
    ["before_cell", "after_cell"].iter().filter_map(|key| Some(beside(&node.get(key)?.place.source, ""))).collect()
}

fn retries(node: &Node) -> Retries {
    Retries {
        count: node.whole("count").unwrap_or(0),
        backoff: node.duration("backoff").unwrap_or(Duration::from_secs(1)),
        on: node.word("on").unwrap_or_else(|| vec![RetryCause::RateLimited, RetryCause::Connect]),
    }
}

/// What an open loop cannot do: it has no concurrency to multiply, and where all are due at once no time passes that
/// could end a phase.
pub(super) fn check_requests(tree: &Node, matrix: &Matrix, faults: &mut Faults) {
    for node in tree.get("matrix").and_then(|matrix| matrix.get("include")).map(Node::items).unwrap_or_default() {
        let is_open =
            node.text("mode").as_deref() == Some("real_workload") || node.text("loop").as_deref() == Some("open");
        refuse_multiple(node, "requests", is_open, faults);
    }
    let Some(load) = tree.get("load") else { return };
    let blocks = matrix.product.iter().chain(&matrix.blocks).map(|block| block.axes.values().flatten().collect());
    let included = matrix.include.iter().map(|cell| cell.axes.iter().map(|(_, value)| value).collect());
    let open: Vec<Vec<&AxisValue>> =
        blocks.chain(included).filter(|values: &Vec<&AxisValue>| is_open(values)).collect();
    refuse_multiple(load, "requests", !open.is_empty(), faults);
    refuse_multiple(load, "warmup", !open.is_empty(), faults);
    if open.iter().flatten().any(|value| matches!(value, AxisValue::Qps(Qps::Infinite))) {
        refuse_times(load, faults);
    }
}

fn is_open(values: &[&AxisValue]) -> bool {
    let open = |value: &&AxisValue| matches!(value, AxisValue::Mode(Mode::RealWorkload) | AxisValue::Loop(Loop::Open));
    values.iter().any(open)
}

/// `"10x"` is ten for each concurrent one: an open loop has none.
fn refuse_multiple(table: &Node, key: &str, is_open: bool, faults: &mut Faults) {
    if let (true, Some(RequestCount::PerConcurrent(times)), Some(node)) = (is_open, table.parsed(key), table.get(key)) {
        let fault = node
            .place
            .fault(Code::Conflict, format!("`{times}x` multiplies the concurrency, and an open loop has none"));
        faults.push(fault.help("write a count, as 80"));
    }
}

fn refuse_times(load: &Node, faults: &mut Faults) {
    let alone = load.get("duration").filter(|_| load.get("requests").is_none());
    let warmup =
        load.get("warmup").filter(|_| matches!(load.parsed("warmup"), Some(Amount::Time(time)) if !time.is_zero()));
    for (node, help) in [(alone, "add `requests`, as 80"), (warmup, "write a count, as 80")] {
        if let Some(node) = node {
            let message = "`qps = \"inf\"` sends all at once, and a time does not say how many";
            faults.push(node.place.fault(Code::Conflict, message).help(help));
        }
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

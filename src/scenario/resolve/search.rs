use crate::diagnostic::{Code, Faults};
use crate::scenario::tree::Node;
use crate::scenario::{AxisName, AxisValue, Block, Load, Loop, Matrix, Mode, Search, SearchAxis, Slo};
use crate::units::RequestCount;

/// What a search needs besides itself: SLOs to meet, cells that leave the load open, requests enough for a verdict.
pub(super) fn search(
    node: &Node,
    tree: &Node,
    matrix: &Matrix,
    load: &Load,
    slo: Option<Slo>,
    faults: &mut Faults,
) -> Option<Search> {
    let axis: SearchAxis = node.word("axis")?;
    let search = Search {
        axis,
        min: node.number("min").unwrap_or(1.0),
        max: node.number("max")?,
        tolerance: node.number("tolerance").unwrap_or(0.05),
        repeats: node.whole("repeats").unwrap_or(5),
    };
    if tree.get("slo").is_none() {
        let fault = node.place.fault(Code::MissingKey, "`search` has no SLO that a load could meet");
        faults.push(fault.help("add them, as [slo] with ttft = \"500ms\" and attainment = 0.95"));
    }
    check_bounds(node, search, faults);
    let word = axis.name();
    if !matrix.product.iter().chain(&matrix.blocks).any(|block| leaves_open(block, axis)) {
        let message = format!("`search`: no cell leaves its {word} open");
        faults.push(node.place.fault(Code::Conflict, message).help(match axis {
            SearchAxis::Concurrency => "take `concurrency` out of [matrix], and name a mode with a closed loop",
            SearchAxis::Qps => {
                "take `qps` out of [matrix], and name a mode with an open loop, as mode = \"real_workload\""
            }
        }));
    }
    if let Some(slo) = slo {
        check_requests(node, search, load, slo.attainment, faults);
    }
    Some(search)
}

fn check_bounds(node: &Node, search: Search, faults: &mut Faults) {
    for (key, value) in [("min", search.min), ("max", search.max)] {
        if let (SearchAxis::Concurrency, Some(bound)) = (search.axis, node.get(key))
            && (value.fract() != 0.0 || value < 1.0)
        {
            let message = format!("`search.{key}`: {value} is no concurrency");
            faults.push(bound.place.fault(Code::BadValue, message).help("write a whole number from 1 up"));
        }
    }
    if let Some(max) = node.get("max").filter(|_| search.max <= search.min) {
        let message = format!("`search.max` is not above `search.min`, which is {}", search.min);
        faults.push(max.place.fault(Code::Conflict, message).help("write a greater number"));
    }
}

/// Whether cells of a block take the axis and do not say it.
fn leaves_open(block: &Block, axis: SearchAxis) -> bool {
    let values = |name: AxisName| block.axes.get(&name);
    let is_open = values(AxisName::Loop)
        .is_some_and(|values| values.iter().any(|value| matches!(value, AxisValue::Loop(Loop::Open))));
    let takes = |mode: Mode| match axis {
        SearchAxis::Concurrency => mode != Mode::RealWorkload && !(mode == Mode::Custom && is_open),
        SearchAxis::Qps => mode == Mode::RealWorkload || (mode == Mode::Custom && is_open),
    };
    let of_value = |value: &AxisValue| if let AxisValue::Mode(mode) = value { takes(*mode) } else { false };
    let any = values(AxisName::Mode).map_or_else(|| takes(Mode::Synthetic), |modes| modes.iter().any(of_value));
    any && values(axis.name()).is_none()
}

/// Refuses what could never be shown, however well the server does.
fn check_requests(node: &Node, search: Search, load: &Load, attainment: f64, faults: &mut Faults) {
    let Some(needed) = search.needed(attainment) else {
        let fault = node.place.fault(Code::Conflict, "`search`: no number of requests shows that all of them are good");
        faults.push(fault.help("write `slo.attainment` below 1, as 0.99"));
        return;
    };
    let highest = (search.axis == SearchAxis::Concurrency).then_some(search.max);
    let count = match (load.requests, load.duration) {
        (Some(RequestCount::Exactly(count)), _) => count,
        (Some(count), _) => count.at(highest.map(whole)),
        (None, Some(_)) => return,
        (None, None) => 16.max(4 * highest.map_or(1, whole)),
    };
    if count.saturating_mul(search.repeats.into()) < needed {
        let message = format!(
            "`search`: {} of {count} requests cannot show that {} % are good, even if all are",
            if search.repeats == 1 { "one repeat".to_owned() } else { format!("{} repeats", search.repeats) },
            attainment * 100.0
        );
        let fault = node.place.fault(Code::Conflict, message);
        faults.push(fault.help(format!("write `load.requests` of {needed} or more, or a lower `slo.attainment`")));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a concurrency; saturates")]
fn whole(value: f64) -> u64 {
    value as u64
}

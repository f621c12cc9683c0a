use std::collections::BTreeMap;

use crate::metrics::{CellSummary, ProbeSummary, ProbeVerdict, SearchSummary, Verdict};
use crate::plan::{Evidence, Finding, Standing, Step, Unresolved, judge, seek};
use crate::statistics::wilson;
use crate::store::{PlanFile, PlannedSearch};
use crate::units::format_significant;

/// What a load's rows say of the SLOs.
///
/// The good share is of all repeats together, its interval Wilson's at the effective number of requests, at the level
/// of [`Search::level`](crate::scenario::Search::level). What differs between repeats is not in it: the answer is that of this server at this time.
pub(super) fn judged(search: &PlannedSearch, cell: &CellSummary) -> (Evidence, ProbeSummary) {
    let good_share = cell.slo.as_ref().map(|slo| slo.good_share);
    let effective_n = cell.slo.as_ref().and_then(|slo| slo.effective_n);
    let known = good_share.zip(effective_n);
    let interval = known.and_then(|(share, n)| wilson(share, n, search.search.level()));
    let (standing, meets) =
        known.map_or((Standing::Unclear, false), |(share, n)| judge(&search.search, search.attainment, share, n));
    let verdict = match standing {
        Standing::Met => ProbeVerdict::Met,
        Standing::Missed => ProbeVerdict::Missed,
        Standing::Unclear => ProbeVerdict::Unclear,
    };
    let repeats = u32::try_from(cell.repeats.len()).unwrap_or(u32::MAX);
    let client_limited = cell.client.verdict == Some(Verdict::Limited);
    let axis = search.search.axis.name();
    let level = cell.axes.get(axis.as_str()).and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN);
    let probe = ProbeSummary {
        level,
        cell_id: cell.cell_id.clone(),
        repeats,
        good_share,
        interval: interval.map(|interval| [interval.low, interval.high]),
        verdict,
        client_limited,
    };
    (Evidence { standing, meets, repeats, client_limited }, probe)
}

/// What every search of a plan came to, by the summaries of its cells.
pub(in crate::run) fn search_summaries(plan: &PlanFile, cells: &[CellSummary]) -> Vec<SearchSummary> {
    plan.searches.iter().enumerate().map(|(at, search)| search_summary(plan, at, search, cells)).collect()
}

fn search_summary(plan: &PlanFile, at: usize, search: &PlannedSearch, cells: &[CellSummary]) -> SearchSummary {
    let (mut known, mut probes) = (BTreeMap::new(), BTreeMap::new());
    for planned in &plan.cells {
        let Some(probe) = planned.probe.filter(|probe| probe.search == at) else { continue };
        let Some(cell) = cells.iter().find(|cell| cell.cell_id == planned.cell_id.as_str()) else { continue };
        let (evidence, shown) = judged(search, cell);
        known.insert(probe.level, evidence);
        probes.insert(probe.level, shown);
    }
    let finding = match seek(&search.search, &search.levels, &known) {
        Step::Done(finding) => Some(finding),
        Step::Probe(_) => None,
    };
    let level = |at: usize| search.levels.get(at).copied();
    let why = match (finding, &search.given_up) {
        (Some(finding), _) => finding.unresolved.map(|why| advice(why, finding, search)),
        (None, Some(why)) => Some(format!("a load could not be measured: {why}")),
        (None, None) => Some("it is not at its end: finish the run".to_owned()),
    };
    SearchSummary {
        search_id: search.search_id.clone(),
        axes: search.axes.clone(),
        axis: search.search.axis.name().to_string(),
        unit: search.search.axis.unit().to_owned(),
        bounds: [search.search.min, search.search.max],
        tolerance: search.search.tolerance,
        attainment: search.attainment,
        answer: finding.and_then(|finding| level(finding.answer?)),
        bracket: finding.map_or([None, None], |finding| [finding.met.and_then(level), finding.missed.and_then(level)]),
        resolved: why.is_none(),
        why,
        probes: probes.into_values().collect(),
    }
}

/// Why there is no answer within the tolerance, and what to set.
fn advice(why: Unresolved, finding: Finding, search: &PlannedSearch) -> String {
    let axis = search.search.axis.name();
    let shown = |at: Option<usize>| {
        at.and_then(|at| search.levels.get(at)).map_or_else(|| "none".to_owned(), |level| format_significant(*level, 6))
    };
    let (min, max) = (format_significant(search.search.min, 6), format_significant(search.search.max, 6));
    match why {
        Unresolved::AboveMax => format!("the SLOs are met even at {axis} {max}: raise `search.max`"),
        Unresolved::BelowMin => {
            format!("the SLOs are missed even at {axis} {min}: lower `search.min`, or loosen [slo]")
        }
        Unresolved::Noise => format!(
            "loads near {} stay unclear after {} repeats: raise `load.requests` or `search.repeats`, or `search.tolerance`",
            shown(finding.answer),
            search.search.repeats
        ),
        Unresolved::Client => format!(
            "the client was the bottleneck at {axis} {}, where the SLOs are missed: give it more processors, or send from \
             another machine",
            shown(finding.missed)
        ),
        Unresolved::Contradiction => format!(
            "a load above {axis} {} meets the SLOs and that one misses them: the server changed meanwhile; warm it up \
             (`load.warmup`), and keep others away from it",
            shown(finding.missed)
        ),
    }
}

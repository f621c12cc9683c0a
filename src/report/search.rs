use super::aligned::{TextColumn, aligned};
use crate::metrics::{ProbeSummary, ProbeVerdict, SearchSummary};
use crate::text::plural;
use crate::units::format_significant;

/// What a search came to, for a terminal: the answer with its unit and bracket, and the loads that show it.
#[must_use]
pub fn search_lines(search: &SearchSummary, width: usize) -> String {
    format!("{}\n\n{}", told(search).join("\n"), aligned(columns(search), width))
}

/// The same as Markdown.
pub(super) fn search_markdown(search: &SearchSummary) -> String {
    let columns = columns(search);
    let line = |fields: Vec<&str>| format!("| {} |\n", fields.join(" | "));
    let mut text = format!("**{}**\n\n", told(search).join("  \n"));
    text += &line(columns.iter().map(|column| column.name.as_str()).collect());
    text += &line(columns.iter().map(|column| if column.right { "--:" } else { "---" }).collect());
    for row in 0..search.probes.len() {
        text += &line(columns.iter().map(|column| column.cells[row].as_str()).collect());
    }
    text
}

fn told(search: &SearchSummary) -> Vec<String> {
    let level = |level: f64| format_significant(level, 6);
    let wanted = percent(search.attainment);
    let what = format!("search {}", search.search_id);
    let SearchSummary { axis, unit, .. } = search;
    let mut lines = vec![match search.answer {
        Some(answer) => format!("{what}: {wanted} of requests meet the SLOs up to {axis} {} ({unit})", level(answer)),
        None => format!("{what}: no {axis} found up to which {wanted} of requests meet the SLOs"),
    }];
    let bracket = match search.bracket.map(|bound| bound.map(level)) {
        [Some(met), Some(missed)] => Some(format!("surely met at {met}, surely missed at {missed}")),
        [Some(met), None] => Some(format!("surely met at {met}, surely missed nowhere")),
        [None, Some(missed)] => Some(format!("surely met nowhere, surely missed at {missed}")),
        [None, None] => None,
    };
    let repeats: u32 = search.probes.iter().map(|probe| probe.repeats).sum();
    let loads = plural(search.probes.len(), "load", "loads");
    let repeats = plural(repeats as usize, "repeat", "repeats");
    let bracket = bracket.map(|bracket| format!("{bracket}; ")).unwrap_or_default();
    lines.push(format!("{bracket}{loads} tried in {repeats}"));
    if let Some(why) = &search.why {
        lines.push(format!("unresolved (asked for: within {}): {why}", percent(search.tolerance)));
    }
    lines
}

fn columns(search: &SearchSummary) -> Vec<TextColumn> {
    let column = |name: &str, right: bool, of: &dyn Fn(&ProbeSummary) -> String| TextColumn {
        name: name.to_owned(),
        cells: search.probes.iter().map(of).collect(),
        right,
        ..TextColumn::default()
    };
    let mut columns = vec![
        column(&search.axis, true, &|probe| format_significant(probe.level, 6)),
        column("repeats", true, &|probe| probe.repeats.to_string()),
        column("good", true, &|probe| probe.good_share.map_or_else(|| "-".to_owned(), percent)),
        column("interval", true, &|probe| {
            probe
                .interval
                .map_or_else(|| "-".to_owned(), |[low, high]| format!("{} to {}", percent(low), percent(high)))
        }),
        column("SLOs", false, &|probe| verdict(probe.verdict).to_owned()),
    ];
    if search.probes.iter().any(|probe| probe.client_limited) {
        let client = |probe: &ProbeSummary| if probe.client_limited { "limited" } else { "" }.to_owned();
        columns.push(column("client", false, &client));
    }
    columns
}

fn verdict(verdict: ProbeVerdict) -> &'static str {
    match verdict {
        ProbeVerdict::Met => "met",
        ProbeVerdict::Missed => "missed",
        ProbeVerdict::Unclear => "unclear",
    }
}

fn percent(share: f64) -> String {
    format!("{} %", format_significant(share * 100.0, 4))
}

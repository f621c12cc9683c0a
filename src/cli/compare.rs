use std::path::Path;

use super::args::{self, CompareFormat};
use super::env::Env;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use super::{gates, sides};
use crate::compare::{
    BadGate, Check, Comparison, Margin, RegressionGate, Rules, Side, compare as held_against, judge_regressions,
};
use crate::metrics::{Figure, UnknownFigure};
use crate::report;
use crate::store::write_atomic;
use crate::text::{nearest, one_of};

/// `infersweep compare`: runs held against the first one, or the values of an axis of one run.
pub(super) fn compare(args: &args::Compare, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let gates = args.gate.iter().map(|text| text.parse()).collect::<Result<Vec<RegressionGate>, _>>();
    let gates = gates.map_err(|error: BadGate| Failure::usage(&error).help(error.help.clone()))?;
    let rules = rules(args, &gates)?;
    let formats = args.out.iter().map(|path| format_of(path)).collect::<Result<Vec<_>, _>>()?;
    let opened = args.runs.iter().map(|word| sides::open(word, &args.results, env, terminal));
    let opened = opened.collect::<Result<Vec<_>, Failure>>()?;
    let damaged = opened.iter().any(|opened| opened.damaged);
    let sides = chosen(args, opened.into_iter().map(|opened| opened.side).collect())?;
    let Some((a, others)) = sides.split_first() else { return Err(Failure::usage("there is nothing to compare")) };
    let comparisons = held_against(a, others, &rules);
    let checks = judge_regressions(&gates, &comparisons);
    let refused = tell_refusals(&comparisons, terminal);
    if comparisons.iter().all(|comparison| comparison.cells.is_empty()) && !refused {
        return Err(nothing_in_common(a, others));
    }
    let made = Made { comparisons: &comparisons, checks: &checks, all: args.all };
    let format = if args.json { CompareFormat::Json } else { args.format };
    match format {
        CompareFormat::Table => terminal.result(&made.drawn(terminal)),
        other => terminal.result(made.text(other)?.trim_end()),
    }
    for (path, format) in args.out.iter().zip(formats) {
        write_atomic(path, made.text(format)?.as_bytes()).map_err(Failure::failed)?;
        terminal.note(&format!("written: {}", path.display()));
    }
    gates::step_summary(&made.text(CompareFormat::Markdown)?, env, terminal);
    let gate = gates::tell("compare", &checks, env, terminal);
    let partly = if damaged || refused { Exit::Failed } else { Exit::Done };
    Ok(gate.max(partly))
}

fn rules(args: &args::Compare, gates: &[RegressionGate]) -> Result<Rules, Failure> {
    let figure =
        |text: &String| text.parse().map_err(|error: UnknownFigure| Failure::usage(&error).help(error.known.clone()));
    let margin: Margin = args.margin.parse().map_err(|error| {
        Failure::usage(error).help("write a share, a time, or both: --margin 2%,0.2ms; --margin 0 for none")
    })?;
    Ok(Rules {
        margin,
        figures: args.metric.iter().map(figure).collect::<Result<Vec<Figure>, Failure>>()?,
        gated: gates.iter().filter_map(|gate| gate.figure().cloned()).collect(),
        force: args.force,
        by: args.by.as_deref().map(|by| axis_and_values(by).0.to_owned()),
    })
}

/// `model=a,b` as axis and values.
fn axis_and_values(by: &str) -> (&str, Vec<&str>) {
    match by.split_once('=') {
        Some((axis, values)) => (axis.trim(), values.split(',').map(str::trim).collect()),
        None => (by.trim(), Vec::new()),
    }
}

/// The sides: the runs, or what of one run has each value of `--by`.
fn chosen(args: &args::Compare, mut sides: Vec<Side>) -> Result<Vec<Side>, Failure> {
    let Some(by) = &args.by else {
        if sides.len() < 2 {
            return Err(Failure::usage("one run is nothing to compare")
                .help("name another one, as `infersweep compare NAME~1 NAME`, or an axis: --by model"));
        }
        return Ok(sides);
    };
    let run = match (sides.pop(), sides.is_empty()) {
        (Some(run), true) => run,
        _ => {
            return Err(Failure::usage("`--by` compares values within one run").help("name one run, or leave out --by"));
        }
    };
    let (axis, values) = axis_and_values(by);
    let split = run.split(axis);
    if split.is_empty() {
        let axes = run.axes();
        let failure = Failure::usage(format!("no cell has an axis `{axis}`"));
        return Err(match nearest(axis, axes.iter().copied()) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help(format!("the axes are {}", one_of(axes))),
        });
    }
    let names: Vec<String> = split.iter().map(|side| side.name.clone()).collect();
    let is_there = |value: &&str| split.iter().find(|side| side.name == format!("{axis} = {value}")).cloned();
    let kept: Vec<Side> = if values.is_empty() { split.clone() } else { values.iter().filter_map(is_there).collect() };
    if kept.len() < values.len() || kept.len() < 2 {
        return Err(Failure::usage(format!("`--by {by}` does not come to two values of this run"))
            .help(format!("there is {}", one_of(names.iter().map(String::as_str)))));
    }
    Ok(kept)
}

/// Says what is not compared; whether there is any.
fn tell_refusals(comparisons: &[Comparison], terminal: &Terminal) -> bool {
    for comparison in comparisons {
        for refused in &comparison.refused {
            let cells = match refused.cells.as_slice() {
                [] => String::new(),
                [only] => format!(", cell {only}"),
                [first, others @ ..] => format!(", cell {first} and {} more", others.len()),
            };
            let what = format!("not compared: {} with {}{cells}: {}", comparison.b, comparison.a, refused.says);
            terminal.error(&Failure::failed(what).help(refused.remedy.as_str()));
        }
    }
    comparisons.iter().any(|comparison| !comparison.refused.is_empty())
}

/// No cell of one side is one of another.
fn nothing_in_common(a: &Side, others: &[Side]) -> Failure {
    let failure = Failure::usage(format!("no cell of {} is one of the others: their axes differ", a.name));
    let axes = |side: &Side| {
        format!(
            "{} has {}",
            side.name,
            side.cells.first().map_or_else(|| "no cell".to_owned(), |cell| cell.summary.cell_id.clone())
        )
    };
    let failure = failure.help(axes(a));
    others.iter().take(2).fold(failure, |failure, side| failure.help(axes(side)))
}

/// The form that a file's name asks for.
fn format_of(path: &Path) -> Result<CompareFormat, Failure> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("md") => Ok(CompareFormat::Markdown),
        Some("json") => Ok(CompareFormat::Json),
        Some("html" | "htm") => Ok(CompareFormat::Html),
        Some("xml") => Ok(CompareFormat::Junit),
        _ => Err(Failure::usage(format!("--out {}: its ending says no form", path.display()))
            .help("end it in .md, .json, .html or .xml")),
    }
}

/// What a comparison came to, to be written in several forms.
struct Made<'m> {
    comparisons: &'m [Comparison],
    checks: &'m [Check],
    all: bool,
}

impl Made<'_> {
    fn tables(&self) -> Vec<report::VerdictTable> {
        let compared = self.comparisons.iter().filter(|comparison| !comparison.cells.is_empty());
        compared.map(|comparison| report::verdict_table(comparison, self.all)).collect()
    }

    fn drawn(&self, terminal: &Terminal) -> String {
        let (width, coloured) = (terminal.width(), terminal.coloured());
        let drawn: Vec<String> = self.tables().iter().map(|table| table.terminal(width, coloured)).collect();
        drawn.join("\n\n")
    }

    fn text(&self, format: CompareFormat) -> Result<String, Failure> {
        match format {
            CompareFormat::Table | CompareFormat::Markdown => {
                let mut parts: Vec<String> = self.tables().iter().map(report::VerdictTable::markdown).collect();
                parts.insert(0, gates::markdown(self.checks));
                Ok(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n"))
            }
            CompareFormat::Json => report::verdicts_json(self.comparisons, self.checks).map_err(Failure::failed),
            CompareFormat::Html => report::verdicts_page(self.comparisons, self.checks).map_err(Failure::failed),
            CompareFormat::Junit => report::junit_xml("infersweep compare", self.checks).map_err(Failure::failed),
        }
    }
}

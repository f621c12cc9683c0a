use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::args::{self, RunFilter, RunsAction};
use super::env::Env;
use super::exit::{Exit, Failure};
use super::question;
use super::terminal::Terminal;
use crate::report::{TextColumn, aligned};
use crate::store::{
    ListedRun, ListedState, Manifest, PruneRule, Pruned, ServerIdentity, StoreError, choose_to_prune, list_runs,
    remove_run,
};
use crate::text::{plural, shorten};
use crate::time::{duration_ns, unix_ns};
use crate::units::{format_duration, format_significant, parse_age};

/// `infersweep runs`: the stored runs, or what is to become of old ones.
pub(super) fn runs(args: &args::Runs, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    match &args.action {
        None => list(&args.filter, args.json, terminal),
        Some(RunsAction::Prune(args)) => prune(args, env, terminal),
    }
}

fn all(out: &Path) -> Result<Vec<ListedRun>, Failure> {
    if !out.is_dir() {
        return Err(Failure::usage(format!("{} is no directory of results", out.display()))
            .help("name the one that --out named when the runs were made"));
    }
    list_runs(out).map_err(Failure::failed)
}

fn list(filter: &RunFilter, json: bool, terminal: &Terminal) -> Result<Exit, Failure> {
    let wanted = Wanted::of(filter)?;
    let runs: Vec<ListedRun> = all(&filter.out)?.into_iter().filter(|run| wanted.takes(run)).collect();
    if json {
        let list: Vec<serde_json::Value> = runs.iter().map(view).collect();
        terminal.result(&serde_json::to_string_pretty(&list).map_err(Failure::failed)?);
    } else if runs.is_empty() {
        terminal.note(&format!("no such run in {}", filter.out.display()));
    } else {
        terminal.result(&table(&runs, terminal.width()));
    }
    for run in &runs {
        if let Err(why) = &run.manifest {
            terminal.warning(why);
        }
    }
    Ok(Exit::Done)
}

/// Which runs are asked for.
struct Wanted<'f> {
    filter: &'f RunFilter,
    since_ns: Option<i64>,
}

impl<'f> Wanted<'f> {
    fn of(filter: &'f RunFilter) -> Result<Self, Failure> {
        let since_ns = filter.since.as_deref().map(|text| ago("--since", text)).transpose()?;
        Ok(Self { filter, since_ns })
    }

    fn takes(&self, run: &ListedRun) -> bool {
        let Self { filter, since_ns } = self;
        let manifest = run.manifest.as_ref().ok();
        let tags = manifest.map(|manifest| manifest.tags.as_slice()).unwrap_or_default();
        let start = manifest.map_or(i64::MIN, |manifest| manifest.start_unix_ns);
        (filter.name.is_empty() || filter.name.contains(&scenario(run)))
            && filter.state.as_ref().is_none_or(|state| run.state.as_str() == state)
            && (filter.tag.is_empty() || tags.iter().any(|tag| filter.tag.contains(tag)))
            && since_ns.is_none_or(|since| start >= since)
    }
}

/// The moment that lies so long ago.
fn ago(flag: &str, text: &str) -> Result<i64, Failure> {
    let age = parse_age(text)
        .map_err(|error| Failure::usage(format!("{flag}: {}", error.wrong)).help("write a time span, as 12h or 7d"))?;
    Ok(unix_ns().saturating_sub(duration_ns(age)))
}

fn scenario(run: &ListedRun) -> String {
    match &run.manifest {
        Ok(manifest) if !manifest.name.is_empty() => manifest.name.clone(),
        _ => run.parent().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    }
}

fn table(runs: &[ListedRun], width: usize) -> String {
    let now = unix_ns();
    let column = |name: &str, right: bool, expendable: u8, of: &dyn Fn(&ListedRun) -> String| TextColumn {
        name: name.to_owned(),
        cells: runs.iter().map(of).collect(),
        right,
        expendable,
        ..TextColumn::default()
    };
    let columns = vec![
        column("run", false, 0, &|run| format!("{}/{}", scenario(run), run.name())),
        column("started", true, 2, &|run| {
            run.manifest.as_ref().map_or_else(|_| "-".to_owned(), |manifest| age_of(now, manifest))
        }),
        column("state", false, 0, &|run| run.state.as_str().to_owned()),
        column("cells", true, 4, &|run| run.cells.to_string()),
        column("repeats", true, 1, &|run| {
            if run.units == run.complete { run.units.to_string() } else { format!("{} of {}", run.complete, run.units) }
        }),
        column("took", true, 5, &|run| took(run)),
        column("server", false, 3, &|run| run.manifest.as_ref().map_or_else(|_| "-".to_owned(), servers)),
        column("size", true, 0, &|run| bytes(run.bytes)),
    ];
    let total = bytes(runs.iter().map(|run| run.bytes).sum());
    format!("{}\n\n{}, {total}", aligned(columns, width), plural(runs.len(), "run", "runs"))
}

/// How long ago a run started, roughly: `3 days ago`.
fn age_of(now_ns: i64, manifest: &Manifest) -> String {
    let seconds = now_ns.saturating_sub(manifest.start_unix_ns).max(0) / 1_000_000_000;
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

fn took(run: &ListedRun) -> String {
    let span = run.manifest.as_ref().ok().and_then(|manifest| {
        let ns = manifest.end_unix_ns?.checked_sub(manifest.start_unix_ns)?;
        u64::try_from(ns).ok().map(Duration::from_nanos)
    });
    span.map_or_else(|| "-".to_owned(), format_duration)
}

/// The servers that were asked, each by what tells it best apart.
fn servers(manifest: &Manifest) -> String {
    let of = |(name, server): (&String, &ServerIdentity)| match (&server.revision, &server.version) {
        (Some(revision), _) => revision.clone(),
        (None, _) if server.api == "simulator" => "simulator".to_owned(),
        (None, Some(version)) => shorten(version, 30),
        (None, None) => server.base_url.as_deref().map_or_else(|| name.clone(), host_of),
    };
    let mut all: Vec<String> = manifest.servers.iter().map(of).collect();
    all.dedup();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}

fn host_of(url: &str) -> String {
    let rest = url.split("://").nth(1).unwrap_or(url);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

/// `4.2 MB`.
pub(super) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for the eye")]
    let mut value = count as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1000.0, next);
    }
    format!("{} {unit}", format_significant(value, 3))
}

/// A run for machines.
fn view(run: &ListedRun) -> serde_json::Value {
    let manifest = run.manifest.as_ref().ok();
    json!({
        "run": run.path,
        "scenario": scenario(run),
        "state": run.state.as_str(),
        "start": manifest.map(|manifest| &manifest.start),
        "end": manifest.and_then(|manifest| manifest.end.as_ref()),
        "cells": run.cells,
        "units": run.units,
        "complete": run.complete,
        "tags": manifest.map(|manifest| &manifest.tags),
        "labels": manifest.map(|manifest| &manifest.labels),
        "servers": manifest.map(|manifest| &manifest.servers),
        "commit": manifest.and_then(|manifest| manifest.provenance.suite.as_ref()?.commit.as_ref()),
        "bytes": run.bytes,
    })
}

fn prune(args: &args::Prune, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let wanted = Wanted::of(&args.filter)?;
    let before_ns = args.older_than.as_deref().map(|text| ago("--older-than", text)).transpose()?;
    let runs = all(&args.filter.out)?;
    // What does not read says nothing of its age or needs: it goes only when it is asked for.
    let asked =
        |run: &ListedRun| wanted.takes(run) && (run.state != ListedState::Unreadable || args.filter.state.is_some());
    let fates = choose_to_prune(&runs, PruneRule { keep: args.keep, before_ns }, asked);
    for (run, fate) in runs.iter().zip(&fates) {
        if let Pruned::Spared(why) = fate {
            terminal.note(&format!("stays: {}/{}: {why}", scenario(run), run.name()));
        }
    }
    let going: Vec<ListedRun> =
        runs.into_iter().zip(&fates).filter(|(_, fate)| **fate == Pruned::Goes).map(|(run, _)| run).collect();
    if going.is_empty() {
        terminal.note("no run to delete");
        return Ok(Exit::Done);
    }
    terminal.result(&table(&going, terminal.width()));
    let what = plural(going.len(), "run", "runs");
    if !args.yes && !question::sure(&format!("Delete {what}?"), env) {
        return Err(Failure::failed("nothing was deleted").help("--yes goes without asking"));
    }
    Ok(remove(&going, terminal))
}

fn remove(going: &[ListedRun], terminal: &Terminal) -> Exit {
    let (mut freed, mut gone, mut exit) = (0, 0, Exit::Done);
    for run in going {
        match remove_run(&run.path) {
            Ok(()) => {
                freed += run.bytes;
                gone += 1;
            }
            // It was taken up between the question and now.
            Err(error @ StoreError::InUse { .. }) => terminal.warning(&format!("it stays: {error}")),
            Err(error) => {
                terminal.error(&Failure::failed(error));
                exit = Exit::Failed;
            }
        }
    }
    terminal.note(&format!("deleted {}: {} freed", plural(gone, "run", "runs"), bytes(freed)));
    exit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_for_people() {
        for (count, shown) in [(0, "0 B"), (999, "999 B"), (4_200_000, "4.2 MB"), (12_345_678_901, "12.3 GB")] {
            assert_eq!(bytes(count), shown);
        }
        let manifest = |start| Manifest { start_unix_ns: start, ..Manifest::default() };
        assert_eq!(age_of(200_000_000_000, &manifest(0)), "3 min ago");
        assert_eq!(age_of(0, &manifest(5)), "just now", "a clock that was set back");
        assert_eq!(host_of("http://10.0.0.1:8000/v1"), "10.0.0.1:8000");
    }
}

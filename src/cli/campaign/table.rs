use std::path::Path;

use super::record::Campaign;
use super::rest;
use crate::cli::args;
use crate::cli::exit::{Exit, Failure};
use crate::cli::terminal::Terminal;
use crate::cli::turned;
use crate::metrics::{CellSummary, Figure};
use crate::report;
use crate::store::{CampaignFile, CampaignRunState, RunState};
use crate::text::plural;

/// What a campaign came to, at its end.
pub(super) fn show(campaign: &Campaign, args: &args::Run, terminal: &Terminal) -> Result<(), Failure> {
    show_file(campaign.file(), &args.turn, args.json, campaign.dir(), terminal)?;
    terminal.note(&format!("campaign: {}", campaign.dir().display()));
    Ok(())
}

/// A campaign's table, or all of it as JSON.
fn show_file(
    file: &CampaignFile,
    turn: &args::Turn,
    json: bool,
    dir: &Path,
    terminal: &Terminal,
) -> Result<(), Failure> {
    if json {
        terminal.result(&serde_json::to_string_pretty(file).map_err(Failure::failed)?);
        return Ok(());
    }
    let cells = cells(file);
    if !cells.is_empty() {
        let table = match turned::table(turn, &file.name, &cells)? {
            Some(table) => table,
            None => report::comparison(&file.name, &cells),
        };
        terminal.result(&table.terminal(terminal.width(), terminal.coloured()));
    }
    for run in file.runs.iter().filter(|run| run.state != CampaignRunState::Complete) {
        terminal.warning(&match &run.error {
            Some(error) => format!("{} was not carried out: {error}", run.scenario),
            None => format!(
                "{} is {}: {} of {}",
                run.scenario,
                run.state.as_str(),
                run.complete,
                plural(run.units, "repeat", "repeats")
            ),
        });
    }
    if file.state == RunState::Interrupted {
        terminal.note(&rest::finishing(file, dir));
    }
    Ok(())
}

/// `infersweep show` of a campaign's directory; `None` when it is none.
pub(in crate::cli) fn show_stored(args: &args::Show, terminal: &Terminal) -> Option<Result<Exit, Failure>> {
    if !args.run.join(CampaignFile::FILE).is_file() {
        return None;
    }
    let shown = CampaignFile::stored(&args.run).map_err(Failure::failed).and_then(|(dir, file)| {
        terminal.note(&format!("{} · started {} · {}", file.name, file.start, args.run.display()));
        show_file(&file, &args.turn, args.json, &dir, terminal)
    });
    Some(shown.map(|()| Exit::Done))
}

/// The cells of all runs, told apart by their scenario.
fn cells(file: &CampaignFile) -> Vec<CellSummary> {
    report::campaign_cells(file.runs.iter().map(|run| (run.scenario.as_str(), run.cells.as_slice())))
}

/// The runs and their results for people, in Markdown; by model too where there are several.
pub(super) fn markdown(file: &CampaignFile) -> String {
    let state = match file.state {
        RunState::Running => "running",
        RunState::Complete => "complete",
        RunState::Interrupted => "interrupted",
    };
    let head = format!(
        "# {}\n\nStarted {}, {state}.\n\n| scenario | file | state | repeats | run |\n| --- | --- | --- | ---: | --- |\n",
        file.name, file.start
    );
    let rows = file.runs.iter().map(|run| {
        let error = run.error.as_deref().map(|error| format!(": {}", error.replace('\n', " "))).unwrap_or_default();
        let (state, place) = (run.state.as_str().to_owned() + &error, run.run.as_deref().unwrap_or_default());
        format!("| {} | {} | {state} | {}/{} | {place} |\n", run.scenario, run.file, run.complete, run.units)
    });
    let mut parts = vec![rows.fold(head, |text, row| text + &row)];
    let cells = cells(file);
    if !cells.is_empty() {
        parts.push(report::comparison_markdown(&file.name, &cells, &[]));
    }
    if cells.windows(2).any(|pair| pair[0].axes.get("model") != pair[1].axes.get("model")) {
        let by_model = report::pivot(&file.name, &cells, "model", &Figure::usual());
        parts.extend(by_model.map(|table| table.markdown()));
    }
    parts.join("\n")
}

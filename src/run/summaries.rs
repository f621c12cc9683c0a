use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::results::Views;
use super::search::search_summaries;
use crate::metrics::{CellAccumulator, CellSummary, ReusedRepeat, ScrapeTally, Summary, note_switching, summary_json};
use crate::plan::CellId;
use crate::scenario::{Price, Slo};
use crate::store::{PlannedCell, RecordFile, RunDir, ServerFile, StoreError, StoredRun, UnitId};
use crate::time::MonotonicNs;

/// A cell of a run and the files of its complete repeats.
pub(super) struct CellFiles<'c> {
    pub(super) id: &'c CellId,
    pub(super) axes: Map<String, Value>,
    pub(super) price: Option<Price>,
    pub(super) slo: Option<Slo>,
    pub(super) repeats: Vec<RepeatFiles>,
}

/// The files of a complete repeat.
pub(super) struct RepeatFiles {
    pub(super) repeat: u32,
    /// Its rows.
    pub(super) rows: PathBuf,
    /// Its scraped metrics, where there are any.
    pub(super) server: Option<PathBuf>,
}

impl RepeatFiles {
    /// The files of a repeat in its run.
    pub(super) fn of(dir: &RunDir, unit: &UnitId) -> Self {
        let server = Some(dir.server_path(unit)).filter(|path| path.is_file());
        Self { repeat: unit.repeat, rows: dir.requests_path(unit), server }
    }
}

impl CellFiles<'_> {
    /// Sums it up from its rows.
    pub(super) fn sum_up(self) -> Result<CellSummary, StoreError> {
        let mut accumulator = CellAccumulator::new(self.id.as_str(), self.axes, self.price).with_slo(self.slo);
        while let Some(pass) = accumulator.next_pass() {
            for RepeatFiles { repeat, rows, .. } in &self.repeats {
                let file = RecordFile::open(rows)?;
                let origin = file.origin();
                accumulator.set_repeat(*repeat, origin.unix_ns, origin.monotonic_ns);
                if let Some(facts) = file.client() {
                    accumulator.set_client(*repeat, facts.clone());
                }
                for record in file.records_for(pass)? {
                    accumulator.add(*repeat, &record?);
                }
            }
        }
        let mut notes = Vec::new();
        for RepeatFiles { repeat, server, .. } in &self.repeats {
            let Some(path) = server else { continue };
            match scraped(path, accumulator.window(*repeat)) {
                Ok(tally) => accumulator.set_scraped(*repeat, tally),
                // The rows are whole without it.
                Err(error) => notes.push(format!("server metrics: {error}")),
            }
        }
        let mut summary = accumulator.finish();
        summary.notes.extend(notes);
        Ok(summary)
    }
}

/// What a repeat's file of scraped metrics comes to in that window.
fn scraped(path: &Path, window: Option<(MonotonicNs, MonotonicNs)>) -> Result<ScrapeTally, StoreError> {
    let file = ServerFile::open(path)?;
    let mut tally = ScrapeTally::new(file.columns(), window);
    for sample in file.samples()? {
        tally.add(&sample?);
    }
    Ok(tally)
}

/// Notes which repeats were taken over from an earlier run, and what the plan says of them, each note once.
pub(super) fn say_what_is_planned(summary: &mut CellSummary, cell: &PlannedCell) {
    let planned = &cell.repeats;
    summary.unverified = cell.unverified;
    for note in planned.iter().flat_map(|repeat| &repeat.notes) {
        if !summary.notes.contains(note) {
            summary.notes.push(note.clone());
        }
    }
    for shown in &mut summary.repeats {
        let planned = planned.iter().find(|planned| planned.repeat == shown.repeat);
        shown.stopped = planned.and_then(|planned| planned.stopped);
        shown.reused = planned
            .and_then(|planned| Some(ReusedRepeat { from: planned.reused_from.clone()?, age_s: planned.age_s? }));
    }
}

/// Sums up the complete repeats of a stored run from their rows, as the run does itself; `price` is that of a model's
/// label, `slo` that of the scenario. A cell with a file that cannot be read is left out and its error returned beside.
pub fn sum_up_stored(
    stored: &StoredRun,
    price: impl Fn(&str) -> Option<Price>,
    slo: Option<Slo>,
) -> (Summary, Vec<StoreError>) {
    let (mut cells, mut errors) = (Vec::new(), Vec::new());
    let mut planned: Vec<&PlannedCell> = stored.plan.cells.iter().collect();
    // Stable: cells of the matrix as they stand, then each search's by load.
    planned.sort_by_key(|cell| cell.probe);
    for cell in planned {
        let files = stored.complete.iter().filter(|file| file.unit.cell == cell.cell_id);
        let repeats: Vec<_> = files.map(|file| RepeatFiles::of(&stored.dir, &file.unit)).collect();
        if !repeats.is_empty() {
            let price = cell.axes.get("model").and_then(Value::as_str).and_then(&price);
            match (CellFiles { id: &cell.cell_id, axes: cell.axes.clone(), price, slo, repeats }).sum_up() {
                Ok(mut summary) => {
                    say_what_is_planned(&mut summary, cell);
                    cells.push(summary);
                }
                Err(error) => errors.push(error),
            }
        }
    }
    note_switching(&mut cells);
    let searches = search_summaries(&stored.plan, &cells);
    (Summary { searches, ..Summary::new(stored.manifest.labels.clone(), cells) }, errors)
}

/// Sums up the rows of Parquet files that lie apart from their run, cell by cell. What cannot be read is returned beside;
/// of a repeat that is there twice, the first one counts.
pub fn sum_up_files(paths: &[PathBuf]) -> (Vec<CellSummary>, Vec<StoreError>) {
    let (mut cells, mut errors): (Vec<(CellId, Map<String, Value>, Vec<(u32, PathBuf)>)>, _) = (Vec::new(), Vec::new());
    for path in paths {
        let header = match RecordFile::open(path) {
            Ok(file) => file.header().clone(),
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let at = cells.iter().position(|(id, ..)| *id == header.cell_id).unwrap_or_else(|| {
            cells.push((header.cell_id, header.axes, Vec::new()));
            cells.len() - 1
        });
        let repeats = &mut cells[at].2;
        if repeats.iter().all(|(repeat, _)| *repeat != header.repeat) {
            repeats.push((header.repeat, path.clone()));
        }
    }
    let mut summaries = Vec::new();
    for (id, axes, repeats) in cells {
        match (CellFiles { id: &id, axes, price: None, slo: None, repeats }).sum_up() {
            Ok(summary) => summaries.push(summary),
            Err(error) => errors.push(error),
        }
    }
    (summaries, errors)
}

/// Writes `summary.json` and the views beside it.
pub fn save_summary(run: &RunDir, name: &str, summary: &Summary, views: &dyn Views) -> Result<(), StoreError> {
    let json = summary_json(&summary.labels, &summary.cells, &summary.searches);
    let json =
        json.map_err(|error| StoreError::Unreadable { path: run.file(StoredRun::SUMMARY), why: error.to_string() })?;
    run.write(StoredRun::SUMMARY, &json)?;
    run.write("summary.csv", views.summary_csv(&summary.cells).as_bytes())?;
    run.write("comparison.md", views.comparison_markdown(name, &summary.cells, &summary.searches).as_bytes())
}

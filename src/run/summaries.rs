use std::path::PathBuf;

use serde_json::{Map, Value};

use super::results::Views;
use super::search::search_summaries;
use crate::metrics::{CellAccumulator, CellSummary, ReusedRepeat, Summary, note_switching, summary_json};
use crate::plan::CellId;
use crate::scenario::{Price, Slo};
use crate::store::{PlannedCell, RecordFile, RunDir, StoreError, StoredRun};

/// A cell of a run and the files of its complete repeats.
pub(super) struct CellFiles<'c> {
    pub(super) id: &'c CellId,
    pub(super) axes: Map<String, Value>,
    pub(super) price: Option<Price>,
    pub(super) slo: Option<Slo>,
    pub(super) repeats: Vec<(u32, PathBuf)>,
}

impl CellFiles<'_> {
    /// Sums it up from its rows.
    pub(super) fn sum_up(self) -> Result<CellSummary, StoreError> {
        let mut accumulator = CellAccumulator::new(self.id.as_str(), self.axes, self.price).with_slo(self.slo);
        while let Some(pass) = accumulator.next_pass() {
            for (repeat, path) in &self.repeats {
                let file = RecordFile::open(path)?;
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
        Ok(accumulator.finish())
    }
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
        let repeats: Vec<_> = files.map(|file| (file.unit.repeat, file.path.clone())).collect();
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

/// Writes `summary.json` and the views beside it.
pub fn save_summary(run: &RunDir, name: &str, summary: &Summary, views: &dyn Views) -> Result<(), StoreError> {
    let json = summary_json(&summary.labels, &summary.cells, &summary.searches);
    let json =
        json.map_err(|error| StoreError::Unreadable { path: run.file(StoredRun::SUMMARY), why: error.to_string() })?;
    run.write(StoredRun::SUMMARY, &json)?;
    run.write("summary.csv", views.summary_csv(&summary.cells).as_bytes())?;
    run.write("comparison.md", views.comparison_markdown(name, &summary.cells, &summary.searches).as_bytes())
}

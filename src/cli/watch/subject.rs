use std::path::{Path, PathBuf};

use super::look::{Look, Ready};
use crate::cli::terminal::Terminal;
use crate::metrics::CellSummary;
use crate::report::{self, Earlier};
use crate::run::Conclusion;
use crate::scenario::{Format, Scenario};
use crate::store::RunDir;

/// A scenario file that is watched, and what became of it.
pub(super) struct Subject {
    pub(super) path: PathBuf,
    /// The scenario's name, as it was last read.
    pub(super) name: Option<String>,
    /// What the last reading read or looked for.
    read: Vec<PathBuf>,
    /// What the last one read that found nothing wrong: a fault hides what comes behind it.
    known: Vec<PathBuf>,
    /// What was carried out last, to its end.
    done: Option<Ready>,
    /// The results that the next table is held against.
    earlier: Earlier,
    /// The table that holds, and how much of it stays on later screens.
    table: Option<String>,
    brief: Option<String>,
}

impl Subject {
    pub(super) fn new(path: &Path) -> Self {
        let earlier = Earlier::new();
        Self {
            path: path.to_owned(),
            name: None,
            read: Vec::new(),
            known: Vec::new(),
            done: None,
            earlier,
            table: None,
            brief: None,
        }
    }

    /// Every file whose change may matter.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.read.iter().chain(&self.known).map(PathBuf::as_path)
    }

    /// Takes note of which files a reading read.
    pub(super) fn note(&mut self, look: &Look) {
        self.read.clone_from(&look.files);
        if let Ok(ready) = &look.outcome {
            self.known.clone_from(&look.files);
            self.name = Some(ready.scenario.name.clone());
        }
    }

    /// Whether a run of this would only say again what the last one did.
    pub(super) fn is_done_with(&self, ready: &Ready) -> bool {
        self.done.as_ref().is_some_and(|done| done.is_like(ready))
    }

    /// From now on a run of the same is another one.
    pub(super) fn forget(&mut self) {
        self.done = None;
    }

    /// The table that holds.
    pub(super) fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    /// Before the first run: what an earlier session measured is what the first table is held against.
    pub(super) fn remember(&mut self, out: &Path, scenario: &Scenario) {
        if self.table.is_none() && self.earlier.is_empty() {
            let latest = RunDir::open(&out.join(&scenario.name).join("latest"));
            // Without one, or with one that cannot be read, every result is new.
            self.earlier = latest.ok().and_then(|run| stored_cells(&run)).map(by_id).unwrap_or_default();
        }
    }

    /// The same without its notes.
    pub(super) fn brief(&self) -> Option<&str> {
        self.brief.as_deref()
    }

    /// Takes a run's results, and draws their table where the scenario wants one.
    pub(super) fn conclude(&mut self, ready: &Ready, conclusion: &Conclusion, terminal: &Terminal) {
        let cells = &conclusion.summary.cells;
        if !cells.is_empty() && ready.scenario.output.formats.contains(&Format::Table) {
            let table = report::comparison_since(&ready.scenario.name, cells, &self.earlier);
            self.table = Some(table.terminal(terminal.width(), terminal.coloured()));
            self.brief = Some(table.brief(terminal.width(), terminal.coloured()));
        }
        self.earlier.extend(by_id(cells.clone()));
    }

    /// Takes note of what was carried out, and whether to its end.
    pub(super) fn finish(&mut self, ready: Ready, is_whole: bool) {
        self.done = is_whole.then_some(ready);
    }
}

fn by_id(cells: Vec<CellSummary>) -> Earlier {
    cells.into_iter().map(|cell| (cell.cell_id.clone(), cell)).collect()
}

fn stored_cells(run: &RunDir) -> Option<Vec<CellSummary>> {
    let text = std::fs::read_to_string(run.file("summary.json")).ok()?;
    Some(serde_json::from_str::<crate::metrics::Summary>(&text).ok()?.cells)
}

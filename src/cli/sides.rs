use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::env::Env;
use super::exit::Failure;
use super::terminal::Terminal;
use super::{remote, stored};
use crate::compare::Side;
use crate::metrics::{CellSummary, Summary};
use crate::run::sum_up_files;
use crate::store::{CampaignFile, CampaignRun, Manifest, RunDir, StoredRun, find_run};

/// A side of a comparison as it was opened.
pub(super) struct OpenedSide {
    pub(super) side: Side,
    /// Whether some of its files cannot be read.
    pub(super) damaged: bool,
}

/// Opens what a word of the command line names: a run here or in object storage, a campaign, rows, or a summary.
pub(super) fn open(word: &Path, results: &Path, env: &Env, terminal: &Terminal) -> Result<OpenedSide, Failure> {
    if let Some(address) = remote::address_of(word)? {
        let opened = stored::open_remote(&address, env, terminal)?;
        let name = run_name(&opened.run.manifest, opened.run.dir.path());
        return Ok(OpenedSide { side: Side::of_run(name, &opened.run, opened.summary), damaged: opened.damaged });
    }
    let path = find_run(results, word).map_err(|error| {
        Failure::usage(error)
            .help(format!("`infersweep runs {}` lists them; --results names another directory", results.display()))
    })?;
    if path.join(CampaignFile::FILE).is_file() {
        return campaign(&path, terminal);
    }
    if path.is_file() && path.extension().is_some_and(|extension| extension == "json") {
        return summary_file(&path);
    }
    match rows(&path) {
        Some(files) => of_rows(&path, &files, terminal),
        None => of_run(&path, env, terminal),
    }
}

fn of_run(path: &Path, env: &Env, terminal: &Terminal) -> Result<OpenedSide, Failure> {
    let mut opened = stored::open(path, env, terminal)?;
    if has_no_interval(&opened.summary) && !opened.run.is_running() {
        terminal.note("its summary is of an earlier version, without intervals: summed up anew from the rows");
        opened.summary = stored::sum_up(&opened.run, env, terminal);
    }
    let name = run_name(&opened.run.manifest, opened.run.dir.path());
    Ok(OpenedSide { side: Side::of_run(name, &opened.run, opened.summary), damaged: opened.damaged })
}

/// Whether a version wrote it that made no intervals.
fn has_no_interval(summary: &Summary) -> bool {
    let mut metrics = summary.cells.iter().flat_map(|cell| cell.metrics.values().flatten()).peekable();
    metrics.peek().is_some() && metrics.all(|metric| metric.ci95.is_none())
}

/// `small/20261124T093000Z-4f2a`.
fn run_name(manifest: &Manifest, dir: &Path) -> String {
    format!("{}/{}", manifest.name, file_name(dir))
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn summary_file(path: &Path) -> Result<OpenedSide, Failure> {
    let read = fs::read(path).map_err(|error| error.to_string());
    let summary: Result<Summary, String> =
        read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    let summary = summary.map_err(|why| {
        Failure::failed(format!("{} cannot be read as a summary: {why}", path.display()))
            .help("name the summary.json of a run, or the run's directory")
    })?;
    Ok(OpenedSide { side: Side::of_cells(path.display().to_string(), summary.cells), damaged: false })
}

/// Parquet files that lie apart from their run: one, or a directory of them.
fn rows(path: &Path) -> Option<Vec<PathBuf>> {
    let is_rows = |path: &Path| path.is_file() && path.extension().is_some_and(|extension| extension == "parquet");
    if is_rows(path) {
        return Some(vec![path.to_owned()]);
    }
    if path.join(Manifest::FILE).is_file() {
        return None;
    }
    let mut files: Vec<PathBuf> =
        fs::read_dir(path).ok()?.flatten().map(|entry| entry.path()).filter(|path| is_rows(path)).collect();
    files.sort();
    (!files.is_empty()).then_some(files)
}

fn of_rows(path: &Path, files: &[PathBuf], terminal: &Terminal) -> Result<OpenedSide, Failure> {
    let (cells, errors) = sum_up_files(files);
    for error in &errors {
        terminal.warning(&format!("{error}; its rows are left out"));
    }
    if cells.is_empty() {
        return Err(Failure::failed(format!("{} holds no rows that can be read", path.display()))
            .help("name Parquet files of requests/, or a run's directory"));
    }
    Ok(OpenedSide { side: Side::of_cells(path.display().to_string(), cells), damaged: !errors.is_empty() })
}

/// The cells of all runs of a campaign, told apart by their scenario.
fn campaign(path: &Path, terminal: &Terminal) -> Result<OpenedSide, Failure> {
    let (dir, file) = CampaignFile::stored(path).map_err(Failure::usage)?;
    terminal.note(&format!("{} · started {} · {}", file.name, file.start, dir.display()));
    let mut side = Side { name: format!("{}/{}", file.name, file_name(&dir)), ..Side::default() };
    for run in file.runs {
        let mut of_run = side_of(&run, &dir);
        for cell in &mut of_run.cells {
            cell.summary.axes.insert("scenario".to_owned(), Value::from(run.scenario.as_str()));
        }
        side.lock = side.lock.or(of_run.lock);
        side.cells.append(&mut of_run.cells);
    }
    Ok(OpenedSide { side, damaged: false })
}

/// A run of a campaign, with its plan where that is still there.
fn side_of(run: &CampaignRun, campaign: &Path) -> Side {
    let cells: Vec<CellSummary> = run.cells.clone();
    let beside = |named: &str| {
        let results = campaign.ancestors().nth(3)?;
        Some(results.join(&run.scenario).join(Path::new(named).file_name()?))
    };
    let opened = run.run.as_deref().and_then(|named| {
        let places = [Some(PathBuf::from(named)), beside(named)];
        places.into_iter().flatten().find_map(|place| StoredRun::open(RunDir::open(&place).ok()?).ok())
    });
    match opened {
        Some(stored) => Side::of_run("", &stored, Summary::new(stored.manifest.labels.clone(), cells)),
        None => Side::of_cells("", cells),
    }
}

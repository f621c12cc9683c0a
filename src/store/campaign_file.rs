use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::json_file::{FORMAT_VERSION, read_json, write_json};
use super::run_dir::Occupation;
use super::{RunDir, RunState, StoreError};
use crate::metrics::CellSummary;
use crate::time::rfc3339;

/// The runs of a suite, one after the other, and all their results: `campaign.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignFile {
    /// Version of the results' files.
    pub format_version: u64,
    /// The suite's directory, or `campaign` for several files.
    pub name: String,
    /// How far it got.
    pub state: RunState,
    /// Start, RFC 3339 in UTC.
    pub start: String,
    /// End, RFC 3339 in UTC.
    pub end: Option<String>,
    /// The words that it was started with, secrets taken out.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// When it was taken up again, RFC 3339 in UTC.
    #[serde(default)]
    pub resumes: Vec<String>,
    /// Its runs, in their order.
    pub runs: Vec<CampaignRun>,
}

/// One scenario of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignRun {
    /// The scenario's name.
    pub scenario: String,
    /// The scenario's file, as it was named.
    pub file: String,
    /// How far it got.
    pub state: CampaignRunState,
    /// The run directory.
    pub run: Option<String>,
    /// Why it could not be carried out.
    pub error: Option<String>,
    /// Repeats planned.
    pub units: usize,
    /// Repeats measured to their end.
    pub complete: usize,
    /// The summaries of its cells.
    pub cells: Vec<CellSummary>,
}

/// How far a scenario of a campaign got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignRunState {
    /// Not begun.
    Pending,
    /// Under way.
    Running,
    /// Every repeat was carried out.
    Complete,
    /// It ended before its plan did.
    Interrupted,
    /// It could not be carried out.
    Failed,
}

impl CampaignRunState {
    /// Its word in files and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

impl CampaignFile {
    /// The file's name in a campaign's directory.
    pub const FILE: &str = "campaign.json";
    /// The directory, beside those of scenarios, that holds campaigns.
    pub const DIRECTORY: &str = "campaigns";

    /// A campaign that starts now.
    pub fn starting(name: &str, start_unix_ns: i64, runs: Vec<CampaignRun>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            name: name.to_owned(),
            state: RunState::Running,
            start: rfc3339(start_unix_ns),
            end: None,
            command: None,
            resumes: Vec::new(),
            runs,
        }
    }

    /// Notes the end; it is complete when all its runs are.
    pub fn finish(&mut self, end_unix_ns: i64) {
        let complete = self.runs.iter().all(|run| run.state == CampaignRunState::Complete);
        self.state = if complete { RunState::Complete } else { RunState::Interrupted };
        self.end = Some(rfc3339(end_unix_ns));
    }

    /// Notes that it goes on.
    pub fn resume(&mut self, start_unix_ns: i64) {
        (self.state, self.end) = (RunState::Running, None);
        self.resumes.push(rfc3339(start_unix_ns));
    }

    /// Repeats that are complete, and those planned.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let sum = |of: fn(&CampaignRun) -> usize| self.runs.iter().map(of).sum();
        (sum(|run| run.complete), sum(|run| run.units))
    }

    /// Reads the campaign of a directory, or of what a `latest` points at; one whose process was killed is interrupted.
    pub fn stored(path: &Path) -> Result<(PathBuf, Self), StoreError> {
        let dir = Self::dir(path)?;
        let mut file = Self::read(&dir)?;
        if file.state == RunState::Running && dir.occupation() == Occupation::Free {
            file.cut_off();
        }
        Ok((dir.path().to_owned(), file))
    }

    /// Opens a campaign to go on with, and holds its lock.
    ///
    /// # Errors
    /// When it is none, another process carries it out, or it cannot be read.
    pub fn open(path: &Path) -> Result<(RunDir, Self), StoreError> {
        let dir = Self::dir(path)?.locked()?;
        let mut file = Self::read(&dir)?;
        file.cut_off();
        Ok((dir, file))
    }

    /// The newest campaign of a name under `out`; `None` when there is none.
    pub fn newest(out: &Path, name: &str) -> Result<Option<(PathBuf, Self)>, StoreError> {
        let latest = out.join(Self::DIRECTORY).join(name).join("latest");
        if latest.join(Self::FILE).is_file() { Self::stored(&latest).map(Some) } else { Ok(None) }
    }

    fn dir(path: &Path) -> Result<RunDir, StoreError> {
        RunDir::with_file(path, Self::FILE)?.map_err(|path| StoreError::NotACampaign { path })
    }

    fn read(dir: &RunDir) -> Result<Self, StoreError> {
        read_json(&dir.file(Self::FILE))
    }

    /// Nobody carries it out: what has not come to its end was interrupted.
    pub fn cut_off(&mut self) {
        for run in self.runs.iter_mut().filter(|run| run.state == CampaignRunState::Running) {
            run.state = CampaignRunState::Interrupted;
        }
        if self.state == RunState::Running {
            self.state = RunState::Interrupted;
        }
    }

    /// Writes it, atomically.
    pub fn write(&self, dir: &RunDir) -> Result<(), StoreError> {
        write_json(&dir.file(Self::FILE), self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_whose_process_is_gone_was_interrupted_and_one_that_goes_on_is_in_use() {
        let out = tempfile::tempdir().unwrap();
        assert!(CampaignFile::newest(out.path(), "s").unwrap().is_none());
        let run = |state, complete| CampaignRun {
            scenario: "one".to_owned(),
            file: "s/one.toml".to_owned(),
            state,
            run: None,
            error: None,
            units: 3,
            complete,
            cells: Vec::new(),
        };
        let runs = vec![run(CampaignRunState::Complete, 3), run(CampaignRunState::Running, 1)];
        let file = CampaignFile::starting("s", 0, runs);
        let dir = RunDir::create(&out.path().join(CampaignFile::DIRECTORY), "s", 0, 1).unwrap();
        file.write(&dir).unwrap();
        dir.announce().unwrap();
        let (path, stored) = CampaignFile::newest(out.path(), "s").unwrap().unwrap();
        assert_eq!((stored.state, stored.progress()), (RunState::Running, (4, 6)));
        assert!(matches!(CampaignFile::open(&path), Err(StoreError::InUse { .. })));
        drop(dir);
        let (_, stored) = CampaignFile::stored(&path).unwrap();
        let states: Vec<CampaignRunState> = stored.runs.iter().map(|run| run.state).collect();
        assert_eq!(stored.state, RunState::Interrupted);
        assert_eq!(states, [CampaignRunState::Complete, CampaignRunState::Interrupted]);
        let (_held, mut opened) = CampaignFile::open(&path).unwrap();
        assert_eq!(opened, stored);
        opened.resume(0);
        assert_eq!((opened.state, opened.resumes.len()), (RunState::Running, 1));
        let error = CampaignFile::open(&path.join("..")).unwrap_err().to_string();
        assert!(error.contains("is not a campaign's directory") && error.contains("; try "), "{error}");
    }
}

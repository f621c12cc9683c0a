use serde::{Deserialize, Serialize};

use super::json_file::{FORMAT_VERSION, read_json, write_json};
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
            runs,
        }
    }

    /// Notes the end; it is complete when all its runs are.
    pub fn finish(&mut self, end_unix_ns: i64) {
        let complete = self.runs.iter().all(|run| run.state == CampaignRunState::Complete);
        self.state = if complete { RunState::Complete } else { RunState::Interrupted };
        self.end = Some(rfc3339(end_unix_ns));
    }

    /// Reads the campaign of a directory.
    pub fn read(dir: &std::path::Path) -> Result<Self, StoreError> {
        read_json(&dir.join(Self::FILE))
    }

    /// Writes it, atomically.
    pub fn write(&self, dir: &RunDir) -> Result<(), StoreError> {
        write_json(&dir.file(Self::FILE), self)
    }
}

use serde::{Deserialize, Serialize};

/// Where a run's results come from, besides the servers and the host: the tool, the suite and the place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// How the tool was built.
    pub build: Build,
    /// The repository that the scenario lies in; null where it lies in none, or git is not there.
    pub suite: Option<SuiteState>,
    /// The lock that lies at or above the scenario.
    pub lock: Option<LockState>,
    /// The time zone of the machine, as `Europe/Berlin`; every time in the files is UTC.
    pub time_zone: Option<String>,
    /// Its offset from UTC at the start, as `+01:00`.
    pub utc_offset: Option<String>,
}

/// How the tool was built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Build {
    /// The commit of the tool's own repository; null when it was not built from a checkout.
    pub commit: Option<String>,
    /// Whether its sources differed from that commit.
    pub dirty: Option<bool>,
    /// The compiler.
    pub rustc: Option<String>,
    /// The target triple.
    pub target: Option<String>,
    /// `release` or `debug`.
    pub profile: Option<String>,
}

impl Build {
    /// Of this very program.
    #[must_use]
    pub fn of_this_program() -> Self {
        let known = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let commit = known(option_env!("INFERSWEEP_COMMIT"));
        Self {
            dirty: commit.is_some().then(|| option_env!("INFERSWEEP_DIRTY") == Some("true")),
            commit,
            rustc: known(option_env!("INFERSWEEP_RUSTC")),
            target: known(option_env!("INFERSWEEP_TARGET")),
            profile: known(option_env!("INFERSWEEP_PROFILE")),
        }
    }
}

/// The state of the repository that a scenario lies in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SuiteState {
    /// The scenario's file, from the root of the repository.
    pub file: String,
    /// The commit that is checked out; null before the first.
    pub commit: Option<String>,
    /// The branch; null when none is checked out.
    pub branch: Option<String>,
    /// Whether tracked files differ from the commit, or files of this scenario are not tracked.
    pub dirty: bool,
    /// The files of this scenario that differ from the commit, from the root of the repository.
    pub changed: Vec<String>,
}

/// A lock as it was when the run started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockState {
    /// Where it lies.
    pub path: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Whether the run was held to it, with `--locked`.
    pub held: bool,
}

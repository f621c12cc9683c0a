use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::json_file::{FORMAT_VERSION, read_json, write_json};
use super::run_dir::Occupation;
use super::{FrozenInput, Host, Provenance, RunDir, ServerIdentity, StoreError};
use crate::scenario::Scenario;
use crate::time::rfc3339;

/// What a run is, who it asked, and how far it got: `manifest.json`.
///
/// Fields that this version does not know are passed over when it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// Version of the run directory's files.
    pub format_version: u64,
    /// Version of the tool that wrote it.
    pub tool_version: String,
    /// The scenario's name.
    pub name: String,
    /// SHA-256 of the resolved scenario, in hex.
    pub scenario_digest: String,
    /// Markdown for the top of the report.
    pub about: Option<String>,
    /// The scenario's labels.
    pub labels: BTreeMap<String, String>,
    /// The scenario's tags.
    pub tags: Vec<String>,
    /// Root of content and schedules.
    pub seed: u64,
    /// Root of the salt in prompts; `--nonce` repeats it.
    pub nonce: u64,
    /// What `--only` kept of the scenario's cells.
    pub only: Vec<String>,
    /// The servers that were asked, by endpoint; after a resume, as they were then.
    pub servers: BTreeMap<String, ServerIdentity>,
    /// Servers that answered differently after a hook, in the order in which that was seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_changes: Vec<ServerChange>,
    /// When the run was taken up again, and what was other then.
    pub resumes: Vec<Resume>,
    /// Requests made to learn sizes and limits; never counted.
    pub probes: Vec<ProbeReport>,
    /// What was learnt of each model's tokens, by `endpoint/model`.
    pub token_models: BTreeMap<String, serde_json::Value>,
    /// Inputs of the scenario: copied, or known by their hash.
    pub inputs: Vec<FrozenInput>,
    /// The machine that sent the requests.
    pub host: Host,
    /// The tool's build, the suite's repository and lock, the time zone.
    pub provenance: Provenance,
    /// The command line, with secrets struck out.
    pub command: Option<Vec<String>>,
    /// The process that writes the run; of use only on its host, while `state` is running.
    pub pid: Option<u32>,
    /// Start, RFC 3339 in UTC.
    pub start: String,
    /// Start, nanoseconds since the Unix epoch.
    pub start_unix_ns: i64,
    /// End, RFC 3339 in UTC; of the last resume.
    pub end: Option<String>,
    /// End, nanoseconds since the Unix epoch.
    pub end_unix_ns: Option<i64>,
    /// How far it got.
    pub state: RunState,
}

/// How far a run got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Under way; or its process was killed, when nobody holds the run's lock.
    Running,
    /// Every repeat of the plan was carried out.
    Complete,
    /// It ended before its plan did.
    #[default]
    Interrupted,
}

/// A process that took an interrupted run up again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resume {
    /// When, RFC 3339 in UTC.
    pub start: String,
    /// When, nanoseconds since the Unix epoch.
    pub start_unix_ns: i64,
    /// The servers until then, by endpoint, where they were others.
    pub servers_before: BTreeMap<String, ServerIdentity>,
}

/// A server that a hook changed, from one repeat of a cell on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerChange {
    /// The cell that is measured against it first.
    pub cell_id: String,
    /// From 0.
    pub repeat: u32,
    /// The endpoint.
    pub endpoint: String,
    /// What it says of itself now.
    pub server: ServerIdentity,
}

/// One probe: what it asked and what it taught.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeReport {
    /// The endpoint.
    pub endpoint: String,
    /// The model's label.
    pub model: String,
    /// Requests sent.
    pub sent: u32,
    /// Tokens that the server counts on top of a prompt's own, when that was learnt.
    pub overhead_tokens: Option<i64>,
    /// Why it failed.
    pub failed: Option<String>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            name: String::new(),
            scenario_digest: String::new(),
            about: None,
            labels: BTreeMap::new(),
            tags: Vec::new(),
            seed: 0,
            nonce: 0,
            only: Vec::new(),
            servers: BTreeMap::new(),
            server_changes: Vec::new(),
            resumes: Vec::new(),
            probes: Vec::new(),
            token_models: BTreeMap::new(),
            inputs: Vec::new(),
            host: Host::default(),
            provenance: Provenance::default(),
            command: None,
            pid: None,
            start: String::new(),
            start_unix_ns: 0,
            end: None,
            end_unix_ns: None,
            state: RunState::default(),
        }
    }
}

impl Manifest {
    /// The file's name in a run directory.
    pub const FILE: &str = "manifest.json";

    /// The manifest of a run that starts now, in this process on this host.
    pub fn starting(scenario: &Scenario, scenario_digest: String, nonce: u64, start_unix_ns: i64) -> Self {
        Self {
            name: scenario.name.clone(),
            scenario_digest,
            about: scenario.about.clone(),
            labels: scenario.labels.clone(),
            tags: scenario.tags.clone(),
            seed: scenario.seed,
            nonce,
            host: Host::here(),
            pid: Some(std::process::id()),
            start: rfc3339(start_unix_ns),
            start_unix_ns,
            state: RunState::Running,
            ..Self::default()
        }
    }

    /// Notes the end.
    pub fn finish(&mut self, state: RunState, end_unix_ns: i64) {
        self.state = state;
        self.end = Some(rfc3339(end_unix_ns));
        self.end_unix_ns = Some(end_unix_ns);
    }

    /// Notes that this process takes the run up again, and that these servers answer now.
    pub fn resume(&mut self, start_unix_ns: i64, servers: &BTreeMap<String, ServerIdentity>) {
        self.state = RunState::Running;
        self.pid = Some(std::process::id());
        let mut servers_before = BTreeMap::new();
        for (endpoint, server) in servers {
            if let Some(before) =
                self.servers.insert(endpoint.clone(), server.clone()).filter(|before| before != server)
            {
                servers_before.insert(endpoint.clone(), before);
            }
        }
        self.resumes.push(Resume { start: rfc3339(start_unix_ns), start_unix_ns, servers_before });
        self.end = None;
        self.end_unix_ns = None;
    }

    /// Whether a process is writing the run now, other than through this very [`RunDir`].
    pub fn is_running(&self, run: &RunDir) -> bool {
        match run.occupation() {
            Occupation::Theirs => true,
            Occupation::Ours | Occupation::Free => false,
            Occupation::Unknown => self.state == RunState::Running && self.pid.is_some_and(alive),
        }
    }

    /// Reads the manifest of a run.
    pub fn read(run: &RunDir) -> Result<Self, StoreError> {
        read_json(&run.file(Self::FILE))
    }

    /// Writes it, atomically.
    pub fn write(&self, run: &RunDir) -> Result<(), StoreError> {
        write_json(&run.file(Self::FILE), self)
    }
}

/// Whether a process of this host is there.
fn alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    // One that may not be signalled is there all the same.
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_with(manifest: &str) -> (tempfile::TempDir, RunDir) {
        let out = tempfile::tempdir().unwrap();
        let run = RunDir::create(out.path(), "m", 0, 0).unwrap();
        run.write(Manifest::FILE, manifest.as_bytes()).unwrap();
        (out, run)
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let (_out, run) = run_with("");
        let mut manifest = Manifest { name: "m".into(), seed: u64::MAX, host: Host::here(), ..Manifest::default() };
        manifest.servers.insert("cloud".into(), ServerIdentity { api: "openai_chat".into(), ..Default::default() });
        manifest.probes.push(ProbeReport { overhead_tokens: Some(-3), ..Default::default() });
        manifest.finish(RunState::Complete, 1_795_512_600_000_000_000);
        manifest.write(&run).unwrap();
        assert_eq!(Manifest::read(&run).unwrap(), manifest);
        assert_eq!(manifest.end.as_deref(), Some("2026-11-24T09:30:00Z"));
    }

    #[test]
    fn unknown_fields_pass_and_missing_ones_are_empty() {
        let (_out, run) = run_with(r#"{"format_version": 1, "state": "running", "weather": {"wind": 3}}"#);
        let manifest = Manifest::read(&run).unwrap();
        assert_eq!((manifest.state, manifest.seed), (RunState::Running, 0));
    }

    #[test]
    fn a_later_version_and_a_broken_file_are_told_apart() {
        let (_out, run) = run_with(r#"{"format_version": 2, "state": {"phase": "new"}}"#);
        assert!(matches!(Manifest::read(&run), Err(StoreError::Newer { found: 2, known: 1, .. })));
        for (text, why) in [("{\"format_version\": 1,", "EOF"), ("{}", "format_version"), ("[1", "EOF")] {
            let (_out, run) = run_with(text);
            let message = Manifest::read(&run).unwrap_err().to_string();
            assert!(message.contains("manifest.json cannot be read") && message.contains(why), "{message}");
        }
    }
}

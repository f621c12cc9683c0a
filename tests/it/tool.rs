//! The binary as a user calls it, in a directory of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use infersweep::record::RequestRecord;
use infersweep::store::read_records;

/// A directory with scenarios in it, and the tool.
pub(crate) struct Bench {
    dir: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

/// What a call came to.
pub(crate) struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), variables: BTreeMap::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infersweep"));
        command.args(words.split_whitespace()).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_clear().envs(&self.variables);
        command
    }

    pub(crate) fn call(&self, words: &str) -> Said {
        said(&self.command(words).output().unwrap())
    }

    /// What a shell makes of a line, with the tool on its path.
    pub(crate) fn shell(&self, line: &str) -> Said {
        let tool = Path::new(env!("CARGO_BIN_EXE_infersweep")).parent().unwrap().display();
        let mut command = Command::new("bash");
        command.args(["-ec", line]).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", format!("{tool}:/usr/bin:/bin")).envs(&self.variables);
        said(&command.output().unwrap())
    }

    /// The run directory of the last run of a scenario.
    pub(crate) fn latest(&self, name: &str) -> PathBuf {
        self.path("results").join(name).join("latest").canonicalize().unwrap()
    }

    pub(crate) fn json(path: &Path) -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }
}

pub(crate) fn said(output: &Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Every row of a directory of Parquet files.
pub(crate) fn rows(dir: &Path) -> Vec<RequestRecord> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| read_records(path).unwrap().map(Result::unwrap)).collect()
}

/// Every file below a directory.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// `infersweep simulate` as a process of its own; stopped when dropped.
pub(crate) struct Simulated {
    child: Child,
    pub url: String,
}

impl Simulated {
    pub(crate) fn start(bench: &Bench, more: &str) -> Self {
        Self::start_at(bench, "0", more)
    }

    pub(crate) fn start_at(bench: &Bench, port: &str, more: &str) -> Self {
        let mut child =
            bench.command(&format!("simulate --port {port} {more}")).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().last().unwrap().to_owned();
        Self { child, url }
    }
}

impl Simulated {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A scenario on the simulator that is over in a moment.
pub(crate) const SMALL: &str = r#"
name = "small"
seed = 3
labels = { ticket = "PERF-1" }

[endpoints.sim]
api = "simulator"
simulator = { ttft = "5ms", itl = "1ms" }

[matrix]
model = ["a", "b"]
input_tokens = [24, 64]
output_tokens = 6
concurrency = [1, 4]

[load]
requests = 8
warmup = "1x"
"#;

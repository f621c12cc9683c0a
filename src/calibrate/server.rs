use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::rung::TTFT;
use super::{CalibrateError, Rung};
use crate::client::Client;
use crate::cpus::CpuList;
use crate::scenario::Scenario;
use crate::simulator::{Decoding, HostedSimulator, RequestStamps, SimulatorOptions, StampPage};
use crate::text::Secrets;
use crate::time::Clock;
use crate::units::format_duration;

/// Where the simulated server of each rung runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerHost {
    /// On threads of this process.
    InProcess,
    /// In a process of its own, held to some processors.
    Separate {
        /// This tool: it is called as `infersweep simulate`.
        program: PathBuf,
        /// The processors; `None` leaves the choice to the system.
        cpus: Option<CpuList>,
    },
}

/// A simulated server of one rung. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Server {
    base_url: String,
    _running: Running,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held for as long as it is to run")]
enum Running {
    Here(HostedSimulator),
    There(Process),
}

/// Killed when dropped; and it stops by itself when this process goes, for its standard input ends then.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already needs neither.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts a server that streams as `rung` says.
    pub(super) fn start(host: &ServerHost, rung: &Rung) -> Result<Self, CalibrateError> {
        let (base_url, running) = match host {
            ServerHost::InProcess => {
                let simulator =
                    HostedSimulator::start(options(rung)).map_err(|error| CalibrateError::Server(error.to_string()))?;
                (simulator.base_url().to_owned(), Running::Here(simulator))
            }
            ServerHost::Separate { program, cpus } => {
                let mut command = Command::new(program);
                command.args(words(rung));
                if let Some(cpus) = cpus {
                    command.args(["--cpus", &cpus.to_string()]);
                }
                let (base_url, process) = spawn(command)?;
                (base_url, Running::There(process))
            }
        };
        Ok(Self { base_url, _running: running })
    }

    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The server's own stamps of all that it answered. Asked for over HTTP wherever the server is.
    pub(super) async fn stamps(&self, scenario: &Scenario) -> Result<Vec<RequestStamps>, CalibrateError> {
        let wrong = |error: &dyn std::fmt::Display| CalibrateError::Stamps(error.to_string());
        let endpoint = scenario.endpoints.first().ok_or_else(|| wrong(&"no endpoint"))?;
        let client =
            Client::new(endpoint, &self.base_url, Clock::start(), Secrets::default()).map_err(|error| wrong(&error))?;
        let text = client.get_text("/simulator/stamps").await.map_err(|error| wrong(&error))?;
        let page: StampPage = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        Ok(page.requests)
    }
}

/// Streams of their own: what is measured is the reader, not a burst that the server makes.
fn options(rung: &Rung) -> SimulatorOptions {
    SimulatorOptions {
        ttft: TTFT,
        prefill_per_token: std::time::Duration::ZERO,
        itl: rung.itl(),
        batch_slowdown: 0.0,
        decoding: Decoding::Apart,
        slots: rung.streams as usize,
        ..SimulatorOptions::default()
    }
}

/// The same as the words of `infersweep simulate`.
fn words(rung: &Rung) -> Vec<String> {
    let options = options(rung);
    let nanoseconds = |duration: std::time::Duration| format!("{}ns", duration.as_nanos());
    let mut words: Vec<String> = ["simulate", "--port", "0", "--until-eof", "--apart"].map(str::to_owned).to_vec();
    for (flag, value) in [
        ("--ttft", format_duration(options.ttft)),
        ("--itl", nanoseconds(options.itl)),
        ("--prefill-per-token", nanoseconds(options.prefill_per_token)),
        ("--batch-slowdown", options.batch_slowdown.to_string()),
        ("--slots", options.slots.to_string()),
    ] {
        words.extend([flag.to_owned(), value]);
    }
    words
}

/// Starts the process and waits for the line that names its URL, the last word of it.
fn spawn(mut command: Command) -> Result<(String, Process), CalibrateError> {
    let wrong = |error: std::io::Error| CalibrateError::Server(error.to_string());
    // A group of its own: Ctrl-C on the terminal is for the client, which lets its requests end.
    command.process_group(0);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().map_err(wrong)?;
    let mut process = Process(child);
    let mut line = String::new();
    if let Some(stdout) = process.0.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(wrong)?;
    }
    match line.split_whitespace().last() {
        Some(url) if url.starts_with("http://") => Ok((url.to_owned(), process)),
        _ => Err(CalibrateError::Server(format!("it says no URL, but {line:?}"))),
    }
}

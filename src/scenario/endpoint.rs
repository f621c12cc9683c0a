use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::text::Secret;

use super::{RequestOptions, Scrape, StudioApi, Transport};

/// The protocol that an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// OpenAI's chat completions, as most servers speak it.
    OpenaiChat,
    /// OpenAI's text completions.
    OpenaiCompletions,
    /// SambaNova Cloud.
    Sambanova,
    /// SambaStudio.
    Sambastudio,
    /// The simulated server, started for the run on loopback.
    Simulator,
}

/// Where requests go and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Its name in the scenario.
    pub name: String,
    /// The protocol.
    pub api: Api,
    /// Base URL without a trailing slash, such as `http://127.0.0.1:8000/v1`; `None` for a simulator.
    pub base_url: Option<String>,
    /// The name of the environment variable that holds the key.
    pub api_key_env: Option<String>,
    /// The file that holds the key.
    pub api_key_file: Option<PathBuf>,
    /// The key, when the variable is set or the file can be read; needed to run, not to check or plan.
    pub api_key: Option<Secret>,
    /// How requests get there.
    pub transport: Transport,
    /// Whether answers are streamed.
    pub stream: bool,
    /// Extra request headers; values may hold secrets.
    pub headers: BTreeMap<String, Secret>,
    /// Limits of one request.
    pub timeouts: Timeouts,
    /// How requests to this endpoint differ from the scenario's.
    pub request: RequestOptions,
    /// Extra columns read from the answer, by name.
    pub server_metrics: BTreeMap<String, ServerMetric>,
    /// The Prometheus page that is scraped while a cell runs.
    pub scrape: Option<Scrape>,
    /// `METHOD /path` from the server's root, called before every repeat of every cell.
    pub cache_reset: Option<String>,
    /// Part of the server's identity.
    pub revision: Option<String>,
    /// How many accelerators serve it.
    pub accelerators: Option<u32>,
    /// How the simulator behaves; present exactly when `api` is the simulator.
    pub simulator: Option<SimulatorSettings>,
}

/// Limits of one request; each is a cause of failure of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection, TLS included.
    pub connect: Duration,
    /// From sent to the first content token.
    pub first_token: Duration,
    /// Between two reads of a stream.
    pub idle: Duration,
    /// From sent to the end.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_token: Duration::from_secs(120),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(600),
        }
    }
}

/// An extra column: where it stands in the answer and its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerMetric {
    /// A JSON pointer (RFC 6901) into the last object of the answer that has it.
    pub pointer: String,
    /// `s`, `ms`, or none for a plain number; seconds are stored in milliseconds.
    pub unit: Option<String>,
}

impl ServerMetric {
    /// The column of a metric of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> String {
        format!("server_{name}{}", if self.unit.is_some() { "_ms" } else { "" })
    }
}

impl Endpoint {
    /// Whether it is spoken to under TLS without a look at its certificate.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        !self.transport.tls.verify && self.base_url.as_deref().is_some_and(|url| url.starts_with("https:"))
    }

    /// Whether its protocol carries text only, so that no pictures can be sent.
    #[must_use]
    pub fn is_text_only(&self) -> bool {
        match self.api {
            Api::OpenaiCompletions => true,
            Api::Sambastudio => self.base_url.as_deref().and_then(StudioApi::of).is_some_and(StudioApi::is_generic),
            Api::OpenaiChat | Api::Sambanova | Api::Simulator => false,
        }
    }
}

/// How the simulated server behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulatorSettings {
    /// Fixed part of the time to the first token.
    pub ttft: Duration,
    /// Added to it for each input token.
    pub prefill_per_token: Duration,
    /// Time of a decode step for one sequence.
    pub itl: Duration,
    /// Fraction by which each further sequence slows a step.
    pub batch_slowdown: f64,
    /// Sequences decoded at once; more wait.
    pub slots: u32,
    /// Relative standard deviation of prefill and step times.
    pub jitter: f64,
    /// Tokens that the chat template adds to each prompt.
    pub template_tokens: u32,
    /// Longest prompt and answer together, tokens.
    pub context_length: u32,
    /// How long it takes to make another model ready than the one that was used last.
    pub switch: Duration,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            ttft: Duration::from_millis(40),
            prefill_per_token: Duration::from_micros(20),
            itl: Duration::from_millis(8),
            batch_slowdown: 0.02,
            slots: 16,
            jitter: 0.0,
            template_tokens: 7,
            context_length: 131_072,
            switch: Duration::ZERO,
        }
    }
}

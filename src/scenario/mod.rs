//! What the user asked, valid: the scenario language.
//!
//! A [`Scenario`] is what the rest of the program sees; it is only built from a scenario file, by
//! validation, so that every value in it holds.

mod axis;
mod bare_vars;
mod endpoint;
mod families;
mod files;
mod format;
mod hide;
mod included;
mod key_file;
mod known_metrics;
mod language;
mod layers;
mod load;
mod matrix;
mod model;
mod output;
mod prompt;
mod proxy_url;
mod read;
mod request;
mod resolve;
mod scrape;
mod search;
mod slo;
mod studio_url;
mod suite;
mod transport;
mod tree;
mod variables;

pub use axis::{Axes, AxisName, AxisValue, Loop, Mode, parse_axis_value};
pub use endpoint::{Api, Endpoint, ServerMetric, SimulatorSettings, Timeouts};
pub use format::canonical;
pub use known_metrics::{KNOWN_METRICS, KnownMetric, Merge, SCRAPE_COLUMNS};
pub use language::schema;
#[cfg(test)]
pub(crate) use load::STOP_METRICS;
pub use load::{CellOrder, Hooks, Load, Parallel, Retries, RetryCause, StopReason, StopWhen};
pub use matrix::{Block, Exclude, Include, Matrix};
pub use model::{Model, Price, TokenizerSource};
pub use output::{ChunkTimes, Format, Output};
pub use prompt::{
    Chat, ChatSource, Dataset, DatasetOrder, ImageFormat, Included, Prompt, PromptImages, SharedPrefix, Unique,
};
pub use read::{ReadOptions, Reading, read, read_text};
pub use request::{MaxTokensKey, RequestOptions};
#[cfg(test)]
pub(crate) use resolve::GATE_METRICS;
pub use scrape::{MetricKind, Scrape, ScrapedMetric};
pub use search::{Search, SearchAxis};
pub use slo::{Bound, Gate, Judge, Slo};
pub use studio_url::StudioApi;
pub use suite::{Glance, Places, Skipped, Suite, SuiteError};
pub use transport::{Connection, HttpVersion, Proxy, TlsOptions, Transport};
pub use variables::{Unset, Variables};

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::text::Secrets;

/// A valid scenario: what to send, to whom, in which combinations, how to load the server, what is good.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Directory name of its results.
    pub name: String,
    /// Markdown for the top of the report.
    pub about: Option<String>,
    /// Root of all randomness.
    pub seed: u64,
    /// Kept in the manifest and the summary.
    pub labels: BTreeMap<String, String>,
    /// A table of tokenizers by models' names.
    pub tokenizer_families: Option<PathBuf>,
    /// For filters.
    pub tags: Vec<String>,
    /// By name, in the order of the file.
    pub endpoints: Vec<Endpoint>,
    /// Every model that the matrix names or the file declares, by label.
    pub models: BTreeMap<String, Model>,
    /// How a request is made, where neither endpoint nor model says otherwise.
    pub request: RequestOptions,
    /// The axes.
    pub matrix: Matrix,
    /// Where prompts come from.
    pub prompt: Prompt,
    /// Rows of mode `custom`.
    pub dataset: Option<Dataset>,
    /// Conversations of mode `chat`.
    pub chat: Option<Chat>,
    /// How the server is loaded.
    pub load: Load,
    /// What makes a request good.
    pub slo: Option<Slo>,
    /// Finds the highest load that still meets them.
    pub search: Option<Search>,
    /// Limits that fail a run.
    pub gates: Vec<Gate>,
    /// What is written.
    pub output: Output,
    /// The scenario file and every file it extends; the first is the scenario itself.
    pub files: Vec<PathBuf>,
    /// The resolved scenario as TOML with `${VAR}` unexpanded: the frozen copy.
    pub frozen: String,
    /// Every value that came from the environment.
    pub secrets: Secrets,
}

impl Scenario {
    /// How conversations go: as written, or by default.
    pub fn chat(&self) -> Chat {
        self.chat.unwrap_or_default()
    }

    /// Whether requests of a mode are made from the dataset's rows.
    pub fn takes_rows(&self, mode: Mode) -> bool {
        match mode {
            Mode::Custom => true,
            Mode::Chat => self.chat().source == ChatSource::Dataset,
            Mode::Synthetic | Mode::RealWorkload => false,
        }
    }

    /// The dataset, where a mode of the matrix takes its rows.
    pub fn dataset_in_use(&self) -> Option<&Dataset> {
        self.dataset.as_ref().filter(|_| self.matrix.modes().any(|mode| self.takes_rows(mode)))
    }

    /// How requests to a model at an endpoint are made: what the endpoint says, under the model, under `request`.
    pub fn request_options(&self, endpoint: &str, model: &str) -> RequestOptions {
        let mut options = self.endpoint(endpoint).map(|endpoint| endpoint.request.clone()).unwrap_or_default();
        if let Some(model) = self.models.get(model) {
            options = options.under(&model.request);
        }
        options.under(&self.request)
    }

    /// The endpoint called `name`.
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name == name)
    }
}

use std::path::PathBuf;

use super::Shortage;
use crate::client::ClientError;
use crate::record::Failure;
use crate::store::StoreError;

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// This machine does not suffice; nothing was sent.
    #[error("{}", told(.0))]
    Insufficient(Vec<Shortage>),
    /// The scenario runs commands, and nobody allowed it.
    #[error("the scenario runs commands of its own ({}), which needs --allow-hooks", .commands.join(", "))]
    HooksNotAllowed {
        /// `before_cell = "./restart.sh"`, with secrets struck out.
        commands: Vec<String>,
    },
    /// A key is needed that is not there.
    #[error("endpoint `{endpoint}` needs a key: the variable `{variable}` is not set")]
    MissingKey {
        /// The endpoint.
        endpoint: String,
        /// The variable that should hold it.
        variable: String,
    },
    /// An address is needed that is not there.
    #[error("endpoint `{endpoint}` has no `base_url`, and the variable `SAMBASTUDIO_URL` is not set")]
    MissingUrl {
        /// The endpoint.
        endpoint: String,
    },
    /// The endpoint cannot be spoken to at all.
    #[error("endpoint `{endpoint}`: {error}")]
    Client {
        /// The endpoint.
        endpoint: String,
        /// Why.
        error: ClientError,
    },
    /// No connection.
    #[error("endpoint `{endpoint}` at {url} cannot be reached ({}): {}", failure.cause.as_str(), failure.message)]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// Where it should be.
        url: String,
        /// What happened.
        failure: Failure,
    },
    /// The key was refused.
    #[error("endpoint `{endpoint}` at {url} refused the key: {message}")]
    Unauthorized {
        /// The endpoint.
        endpoint: String,
        /// Where it is.
        url: String,
        /// What it said.
        message: String,
        /// The variable that holds the key, if one is named.
        variable: Option<String>,
    },
    /// A tokenizer does not load.
    #[error("the tokenizer of model `{model}`: {message}")]
    Tokenizer {
        /// The model's label.
        model: String,
        /// Why.
        message: String,
    },
    /// A file that the scenario names cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// Why.
        error: String,
    },
    /// Results cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The simulator does not start.
    #[error("the simulator of endpoint `{endpoint}` does not start: {message}")]
    Simulator {
        /// The endpoint.
        endpoint: String,
        /// Why.
        message: String,
    },
    /// A prompt does not render.
    #[error("a prompt of cell {cell} does not render: {message}")]
    Prompt {
        /// The cell.
        cell: String,
        /// Why.
        message: String,
    },
    /// A fault of ours.
    #[error("internal: {0}")]
    Internal(String),
}

/// One shortage a line.
fn told(shortages: &[Shortage]) -> String {
    let line = |lack: &Shortage| format!("cell {} cannot be measured from here: {}", lack.cell_id, lack.problem);
    shortages.iter().map(line).collect::<Vec<_>>().join("\n")
}

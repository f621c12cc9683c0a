use std::collections::BTreeMap;
use std::path::PathBuf;

use super::RequestOptions;

/// A model: a label in the scenario, a wire name at each endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its label.
    pub label: String,
    /// The wire name where `ids` has none.
    pub id: String,
    /// Wire names by endpoint.
    pub ids: BTreeMap<String, String>,
    /// The endpoint it is sent to unless an `endpoint` axis says otherwise.
    pub endpoint: Option<String>,
    /// What counts its tokens; `None`: its family's, else learnt from the server.
    pub tokenizer: Option<TokenizerSource>,
    /// What counts its tokens by its name, where `tokenizer` says nothing: a guess, used as far as the server agrees.
    pub family: Option<TokenizerSource>,
    /// How requests to this model differ from the scenario's.
    pub request: RequestOptions,
    /// What its tokens cost.
    pub price: Option<Price>,
}

impl Model {
    /// The wire name at an endpoint.
    pub fn id_at(&self, endpoint: &str) -> &str {
        self.ids.get(endpoint).unwrap_or(&self.id)
    }
}

/// Where a tokenizer comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenizerSource {
    /// A token a word: the simulator's.
    Words,
    /// A `tokenizer.json` on disk.
    File(PathBuf),
    /// `hf:org/name@revision`, from the hub's cache.
    Hub {
        /// `org/name`.
        repository: String,
        /// Branch, tag or commit; `main` unless given.
        revision: String,
    },
}

/// Dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Input tokens.
    pub input: f64,
    /// Input tokens that the server had cached; as `input` unless given.
    pub cached_input: f64,
    /// Output tokens.
    pub output: f64,
}

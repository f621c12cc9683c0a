use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::join_all;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::error::RunError;
use super::event::{Observer, RunEvent};
use crate::client::Hub;
use crate::plan::Plan;
use crate::scenario::{Model, Scenario, TokenizerSource};
use crate::store::write_atomic;
use crate::text::{Secret, hex};
use crate::tokens::Tokenizer;
use crate::workload::{
    Cached, Fitter, HubCache, canonical_tokenizer, read_canonical_tokenizer, server_tokenizer, word_tokenizer,
};

/// Where tokenizers are looked for and kept, besides the scenario's own files.
#[derive(Debug, Clone, Default)]
pub struct TokenizerPlaces {
    /// The hub's cache on this machine; without one no tokenizer of the hub can be used.
    pub hub_cache: Option<PathBuf>,
    /// The hub's URL; `None`: nothing is downloaded.
    pub hub_url: Option<String>,
    /// What the hub is asked with.
    pub hub_token: Option<Secret>,
    /// Where tokenizers are kept in the form that is read fast.
    pub cache: Option<PathBuf>,
}

/// A tokenizer that is ready for use.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) tokenizer: Arc<dyn Tokenizer>,
    pub(super) fitter: Arc<Fitter>,
    pub(super) origin: Origin,
}

/// Which tokenizer counts, for the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Origin {
    /// `words`, `server`, a path or `hf:org/name@revision`.
    pub(super) tokenizer: String,
    /// The commit that the revision named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// SHA-256 of the file, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    /// Whether the tokens of a text give it back; where they do not, counts still hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) round_trips: Option<bool>,
}

/// The tokenizers of a run, each read once.
#[derive(Debug)]
pub(super) struct Tokenizers {
    ready: BTreeMap<TokenizerSource, Ready>,
    server: Ready,
}

/// Prose, figures, code and several scripts.
const SAMPLE: &str = include_str!("../workload/probe.txt");

/// Goes up with the version of what reads the fast form.
const FAST_FORM: &str = "1.0.0-rc.3";

impl Tokenizers {
    /// Reads what the models of a plan name, on threads of their own; downloads what is missing.
    ///
    /// A tokenizer that a model names must be there. One that only its family has may be missing: the server counts.
    pub(super) async fn read(
        scenario: &Scenario,
        plan: &Plan,
        places: &TokenizerPlaces,
        observer: &dyn Observer,
    ) -> Result<Self, RunError> {
        let used: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.axes.model()).collect();
        let models: Vec<&Model> = used.into_iter().filter_map(|label| scenario.models.get(label)).collect();
        let mut wanted: BTreeMap<&TokenizerSource, &Model> = BTreeMap::new();
        for model in models {
            // Whoever must have it comes first: then its absence is an error.
            match (&model.tokenizer, &model.family) {
                (Some(source), _) => drop(wanted.insert(source, model)),
                (None, Some(source)) => drop(wanted.entry(source).or_insert(model)),
                (None, None) => {}
            }
        }
        let read = wanted.into_iter().map(async |(source, model)| (source, model, read(source, places).await));
        let mut ready = BTreeMap::new();
        for (source, model, outcome) in join_all(read).await {
            match outcome {
                Ok(tokenizer) => {
                    if tokenizer.origin.round_trips == Some(false) {
                        observer.tell(RunEvent::Warning(format!(
                            "{} does not give a text back from its tokens; counts hold all the same",
                            tokenizer.origin.tokenizer
                        )));
                    }
                    ready.insert(source.clone(), tokenizer);
                }
                Err(message) if model.tokenizer.is_some() => {
                    return Err(RunError::Tokenizer { model: model.label.clone(), message });
                }
                Err(message) => observer.tell(RunEvent::Warning(format!(
                    "model `{}`: the tokenizer of its family is not used ({message}); the server counts",
                    model.label
                ))),
            }
        }
        let server = Ready::new(server_tokenizer(), Origin { tokenizer: "server".to_owned(), ..Origin::default() });
        Ok(Self { ready, server })
    }

    /// The tokenizer of a model: its own, its family's, or the server.
    pub(super) fn of(&self, model: Option<&Model>) -> &Ready {
        let source = model.and_then(|model| model.tokenizer.as_ref().or(model.family.as_ref()));
        source.and_then(|source| self.ready.get(source)).unwrap_or(&self.server)
    }

    /// The server itself.
    pub(super) fn of_server(&self) -> &Ready {
        &self.server
    }
}

impl Ready {
    fn new(tokenizer: Arc<dyn Tokenizer>, origin: Origin) -> Self {
        let fitter = Arc::new(Fitter::new(tokenizer.as_ref()));
        Self { tokenizer, fitter, origin }
    }

    /// A tokenizer of a file, from the fast form that an earlier run left, if one did.
    fn of_file(path: &Path, origin: Origin, cache: Option<&Path>) -> Result<Self, String> {
        let shown = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| shown(&error))?;
        let sha256 = hex(&Sha256::digest(&bytes));
        let kept = cache.map(|cache| cache.join("tokenizers").join(format!("{sha256}-{FAST_FORM}.json")));
        let known = kept.as_deref().and_then(|kept| std::fs::read_to_string(kept).ok());
        let tokenizer = match known.and_then(|text| read_canonical_tokenizer(&text).ok()) {
            Some(tokenizer) => tokenizer,
            None => {
                let text = String::from_utf8(bytes).map_err(|error| shown(&error))?;
                let canonical = canonical_tokenizer(&text).map_err(|error| shown(&error))?;
                let tokenizer = read_canonical_tokenizer(&canonical).map_err(|error| shown(&error))?;
                if let Some(kept) = kept {
                    // Where it cannot be kept, the next run takes as long as this one.
                    let _ = write_atomic(&kept, canonical.as_bytes());
                }
                tokenizer
            }
        };
        let round_trips = Some(tokenizer.restores(SAMPLE));
        Ok(Self::new(tokenizer, Origin { sha256: Some(sha256), round_trips, ..origin }))
    }
}

async fn read(source: &TokenizerSource, places: &TokenizerPlaces) -> Result<Ready, String> {
    let (path, origin) = match source {
        TokenizerSource::Words => {
            return Ok(Ready::new(word_tokenizer(), Origin { tokenizer: "words".to_owned(), ..Origin::default() }));
        }
        TokenizerSource::File(path) => {
            (path.clone(), Origin { tokenizer: path.display().to_string(), ..Origin::default() })
        }
        TokenizerSource::Hub { repository, revision } => {
            let Cached { path, commit } = of_hub(repository, revision, places).await?;
            let tokenizer = format!("hf:{repository}@{revision}");
            (path, Origin { tokenizer, commit: Some(commit), ..Origin::default() })
        }
    };
    let cache = places.cache.clone();
    let reading = tokio::task::spawn_blocking(move || Ready::of_file(&path, origin, cache.as_deref()));
    reading.await.map_err(|error| error.to_string())?
}

/// A tokenizer of the hub: from its cache on this machine, else downloaded into it.
async fn of_hub(repository: &str, revision: &str, places: &TokenizerPlaces) -> Result<Cached, String> {
    let name = format!("hf:{repository}@{revision}");
    let Some(root) = &places.hub_cache else {
        return Err(format!("{name}: there is no directory for the hub's cache: HF_HOME names one"));
    };
    let cache = HubCache::new(root.clone());
    if let Some(cached) = cache.find(repository, revision) {
        return Ok(cached);
    }
    let Some(url) = &places.hub_url else {
        return Err(format!("{name} is not in {} and HF_HUB_OFFLINE forbids to download it", root.display()));
    };
    let hub = Hub::new(url, places.hub_token.clone()).map_err(|error| error.to_string())?;
    let download = async {
        let commit = hub.commit(repository, revision).await?;
        Ok((hub.file(repository, &commit, "tokenizer.json").await?, commit))
    };
    let (file, commit) = download.await.map_err(|error: crate::client::HubError| format!("{name}: {error}"))?;
    let tag = file.tag.unwrap_or_else(|| hex(&Sha256::digest(&file.content)));
    cache
        .keep(repository, revision, &commit, &tag, &file.content)
        .map_err(|error| format!("{name} cannot be kept in {}: {error}", root.display()))
}

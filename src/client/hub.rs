use std::time::Duration;

use reqwest::header::{ETAG, HeaderMap};
use serde_json::Value;

use super::encryption::system_tls;
use super::failure::chain;
use crate::text::Secret;

/// Reads files of a model hub.
#[derive(Debug)]
pub struct Hub {
    http: reqwest::Client,
    base_url: String,
    token: Option<Secret>,
}

/// A file of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubFile {
    /// Its bytes.
    pub content: Vec<u8>,
    /// What the hub calls that content.
    pub tag: Option<String>,
}

/// Why the hub gives no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// No answer.
    #[error("{base_url} cannot be reached: {message}")]
    Unreachable {
        /// Where it should be.
        base_url: String,
        /// Why.
        message: String,
    },
    /// It is not for everyone.
    #[error("{base_url} does not show {what} (HTTP {status}): HF_TOKEN must be a token that may read it")]
    Refused {
        /// Where it is.
        base_url: String,
        /// The repository.
        what: String,
        /// The status.
        status: u16,
    },
    /// It has no such thing, or says something else.
    #[error("{base_url} has no {what}: {message}")]
    Missing {
        /// Where it is.
        base_url: String,
        /// The repository and revision, and the file.
        what: String,
        /// What it says.
        message: String,
    },
}

/// How long a connection may take: who is offline should not wait long.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// How long an answer may be silent.
const READ_LIMIT: Duration = Duration::from_secs(20);

impl Hub {
    /// The hub at a URL, as `https://huggingface.co`.
    ///
    /// # Errors
    /// When this machine has no TLS.
    pub fn new(base_url: &str, token: Option<Secret>) -> Result<Self, HubError> {
        let base_url = base_url.trim_end_matches('/').to_owned();
        let failed = |message: String| HubError::Unreachable { base_url: base_url.clone(), message };
        let tls = system_tls().map_err(|error| failed(error.to_string()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .connect_timeout(CONNECT_LIMIT)
            .read_timeout(READ_LIMIT)
            .build()
            .map_err(|error| failed(chain(&error)))?;
        Ok(Self { http, base_url, token })
    }

    /// The commit that a branch or tag of a repository names.
    ///
    /// # Errors
    /// See [`HubError`].
    pub async fn commit(&self, repository: &str, revision: &str) -> Result<String, HubError> {
        let what = format!("{repository}@{revision}");
        let (_, body) = self.get(&format!("/api/models/{repository}/revision/{revision}"), &what).await?;
        let sha =
            serde_json::from_slice::<Value>(&body).ok().and_then(|page| Some(page.get("sha")?.as_str()?.to_owned()));
        sha.ok_or_else(|| HubError::Missing {
            base_url: self.base_url.clone(),
            what,
            message: "the answer names no commit".to_owned(),
        })
    }

    /// A file of a commit.
    ///
    /// # Errors
    /// See [`HubError`].
    pub async fn file(&self, repository: &str, commit: &str, name: &str) -> Result<HubFile, HubError> {
        let what = format!("{name} in {repository}@{commit}");
        let (headers, content) = self.get(&format!("/{repository}/resolve/{commit}/{name}"), &what).await?;
        let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok());
        let tag = tag.map(|tag| tag.trim_start_matches("W/").trim_matches('"').to_owned());
        Ok(HubFile { content, tag })
    }

    async fn get(&self, path: &str, what: &str) -> Result<(HeaderMap, Vec<u8>), HubError> {
        let base_url = || self.base_url.clone();
        let unreachable = |error: reqwest::Error| HubError::Unreachable {
            base_url: base_url(),
            message: chain(&error.without_url()),
        };
        let mut request = self.http.get(format!("{}{path}", self.base_url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let response = request.send().await.map_err(unreachable)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(unreachable)?;
        match status.as_u16() {
            200..300 => Ok((headers, body.into())),
            status @ (401 | 403) => Err(HubError::Refused { base_url: base_url(), what: what.to_owned(), status }),
            status => Err(HubError::Missing {
                base_url: base_url(),
                what: what.to_owned(),
                message: format!("HTTP {status}"),
            }),
        }
    }
}

use std::time::Duration;

use hyper::Method;
use hyper::header::{HeaderMap, HeaderValue, SERVER};
use reqwest::Response;
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use serde_json::Value;

use crate::scenario::{HttpVersion, Transport};
use crate::text::Secrets;

use super::address::Address;
use super::encryption::trusting_nobody;
use super::failure::{chain, presentable_text};
use super::refusal::error_message;

/// How long a call may take. A model list that takes longer is no list.
const LIMIT: Duration = Duration::from_secs(30);
/// Bytes of an answer: a list of models and a page of metrics are far smaller.
const LONGEST_ANSWER: usize = 16 << 20;

/// A model that an endpoint says it serves.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelListing {
    /// Its name on the wire.
    pub id: String,
    /// The longest prompt and answer together, tokens, where the server says so.
    pub context_length: Option<u64>,
}

/// Why a call beside the measured ones failed. Messages are one line, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No answer.
    #[error("no answer from {url}: {message}")]
    Unreachable {
        /// What was called.
        url: String,
        /// Why.
        message: String,
    },
    /// An answer that is no success.
    #[error("HTTP {status} from {url}: {message}")]
    Status {
        /// What was called.
        url: String,
        /// The status.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// A success that says something else.
    #[error("{url} answers with something else than a list of models: {message}")]
    Unreadable {
        /// What was called.
        url: String,
        /// Its beginning.
        message: String,
    },
    /// No HTTP method.
    #[error("`{method}` is no HTTP method")]
    Method {
        /// The word.
        method: String,
    },
}

/// Calls that nobody measures.
#[derive(Debug)]
pub(crate) struct Control {
    http: reqwest::Client,
    address: Address,
    secrets: Secrets,
}

impl Control {
    /// Calls to `address` with these headers, by the way of the measured requests.
    pub(crate) fn new(
        address: Address,
        headers: HeaderMap,
        transport: &Transport,
        tls: Option<ClientConfig>,
        connect: Duration,
        secrets: Secrets,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self { http: untimed_http(headers, transport, tls, connect, LIMIT)?, address, secrets })
    }

    /// `GET {base}/models`, and the `server` header of the answer.
    pub(crate) async fn models(&self) -> Result<(Vec<ModelListing>, Option<String>), ControlError> {
        let url = self.address.under_base("/models");
        let Answer { text, server } = self.fetch(Method::GET, &url).await?;
        let listed = listings(&text);
        let unreadable = || ControlError::Unreadable { url: self.told(&url), message: self.told(&text) };
        Ok((listed.ok_or_else(unreadable)?, server))
    }

    /// A call to `path` from the server's root.
    pub(crate) async fn call(&self, method: Method, path: &str) -> Result<String, ControlError> {
        Ok(self.fetch(method, &self.address.under_root(path)).await?.text)
    }

    async fn fetch(&self, method: Method, url: &str) -> Result<Answer, ControlError> {
        let unreachable = |error: reqwest::Error| ControlError::Unreachable {
            url: self.told(url),
            message: self.told(&chain(&error.without_url())),
        };
        let response = self.http.request(method, url).send().await.map_err(unreachable)?;
        let status = response.status();
        let server = response.headers().get(SERVER).and_then(|value| value.to_str().ok()).map(|text| self.told(text));
        let endless = || ControlError::Unreachable {
            url: self.told(url),
            message: format!("an answer of more than {} MiB", LONGEST_ANSWER >> 20),
        };
        let text = text_of(response).await.map_err(unreachable)?.ok_or_else(endless)?;
        if status.is_success() {
            return Ok(Answer { text, server });
        }
        let message = self.told(&error_message(text.as_bytes()));
        Err(ControlError::Status { url: self.told(url), status: status.as_u16(), message })
    }

    fn told(&self, text: &str) -> String {
        presentable_text(text, &self.secrets)
    }
}

/// The text of a body; `None` for one that is longer than any.
async fn text_of(mut response: Response) -> Result<Option<String>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        body.extend_from_slice(&piece);
        if body.len() > LONGEST_ANSWER {
            return Ok(None);
        }
    }
    Ok(Some(String::from_utf8_lossy(&body).into_owned()))
}

/// A successful answer.
struct Answer {
    text: String,
    /// What its `server` header says.
    server: Option<String>,
}

/// A client for what nobody times, by the way of the measured requests. No redirects are followed.
pub(super) fn untimed_http(
    headers: HeaderMap,
    transport: &Transport,
    tls: Option<ClientConfig>,
    connect: Duration,
    limit: Duration,
) -> Result<reqwest::Client, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .default_headers(headers)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(connect)
        .timeout(limit);
    let builder = by_the_same_way(builder, transport)?;
    // A client with a configuration of its own asks for no process-wide TLS provider. Where nothing is
    // encrypted it trusts nobody.
    let builder = match tls.or_else(trusting_nobody) {
        Some(config) => builder.tls_backend_preconfigured(config),
        None => builder,
    };
    builder.build()
}

fn by_the_same_way(
    mut builder: reqwest::ClientBuilder,
    transport: &Transport,
) -> Result<reqwest::ClientBuilder, reqwest::Error> {
    if transport.http == HttpVersion::Http2 {
        builder = builder.http2_prior_knowledge();
    }
    #[cfg(unix)]
    if let Some(path) = &transport.unix_socket {
        return Ok(builder.unix_socket(path.as_path()));
    }
    let Some(proxy) = &transport.proxy else { return Ok(builder) };
    let mut by_proxy = reqwest::Proxy::all(format!("http://{}", proxy.authority()))?;
    if let Some(mut value) = proxy.authorization.as_ref().and_then(|value| HeaderValue::from_str(value.expose()).ok()) {
        value.set_sensitive(true);
        by_proxy = by_proxy.custom_http_auth(value);
    }
    Ok(builder.proxy(by_proxy))
}

/// The models in `{"data": [..]}`, `{"models": [..]}` or a bare list, named by `id`, `name` or `model`.
fn listings(text: &str) -> Option<Vec<ModelListing>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let list = value.get("data").or_else(|| value.get("models")).unwrap_or(&value).as_array()?;
    let listing = |entry: &Value| {
        let id = ["id", "name", "model"].iter().find_map(|key| entry.get(key)?.as_str()).or_else(|| entry.as_str())?;
        let lengths = ["/max_model_len", "/context_length", "/context_window", "/meta/n_ctx"];
        let context_length = lengths.iter().find_map(|pointer| entry.pointer(pointer)?.as_u64());
        Some(ModelListing { id: id.to_owned(), context_length })
    };
    list.iter().map(listing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_listed_in_several_ways() {
        for (text, expected) in [
            (
                r#"{"object":"list","data":[{"id":"a","max_model_len":4096},{"id":"b"}]}"#,
                Some(vec![("a", Some(4096)), ("b", None)]),
            ),
            (r#"{"models":[{"name":"a"}]}"#, Some(vec![("a", None)])),
            (r#"[{"id":"a","context_length":8192}]"#, Some(vec![("a", Some(8192))])),
            (r#"{"data":[]}"#, Some(vec![])),
            (r#"{"data":[{}]}"#, None),
            ("<html>", None),
            ("{}", None),
        ] {
            let found = listings(text);
            let found =
                found.as_ref().map(|list| list.iter().map(|m| (m.id.as_str(), m.context_length)).collect::<Vec<_>>());
            assert_eq!(found, expected, "{text}");
        }
    }
}

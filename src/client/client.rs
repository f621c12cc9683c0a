use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, USER_AGENT,
};
use rustls::ClientConfig;

use crate::record::{Failure, Outcome, Phase, RequestRecord, Trace};
use crate::scenario::{Connection, Endpoint, HttpVersion, Retries};
use crate::text::Secrets;
use crate::time::Clock;
use crate::workload::ChatRequest;

use super::address::{Address, BadAddress};
use super::api::Target;
use super::control::{Control, ControlError, ModelListing};
use super::dial::{Dialer, asks_for_whole_urls};
use super::encryption::{NoTls, tls};
use super::ending::Ended;
use super::exchange::{Exchange, Manners};
use super::failure::{presentable, presentable_text};
use super::flat_text::has_more_than_text;
use super::link::Outbound;
use super::links::Links;
use super::observation::Observation;
use super::request_head::RequestHead;
use super::retry::{Again, RetryRule};
use super::route::{KeyHeader, Route};
use super::server_report::MetricTable;
use super::trace::trace;

/// Speaks to one endpoint. Clones share connections; it knows nothing of rates, cells or statistics.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    retries: Arc<RetryRule>,
}

struct Shared {
    manners: Manners,
    head: RequestHead,
    links: Links,
    metrics: Arc<MetricTable>,
    control: Control,
}

/// Why there is no client for an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A base URL that is none.
    #[error("the base_url of endpoint `{endpoint}` cannot be used ({url}): {why}")]
    BaseUrl {
        /// The endpoint.
        endpoint: String,
        /// The URL, with secrets struck out.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A `metrics_url` that is none.
    #[error("the metrics_url of endpoint `{endpoint}` cannot be used ({url}): {why}")]
    MetricsUrl {
        /// The endpoint.
        endpoint: String,
        /// The URL, with secrets struck out.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A header, or a key, with characters that HTTP does not allow.
    #[error(
        "the header `{name}` of endpoint `{endpoint}` cannot be sent: it holds characters that HTTP does not allow"
    )]
    Header {
        /// The endpoint.
        endpoint: String,
        /// The header.
        name: String,
    },
    /// No TLS on this machine, for want of trusted roots for one.
    #[error("no TLS for endpoint `{endpoint}`: {why}")]
    Tls {
        /// The endpoint.
        endpoint: String,
        /// What is wrong.
        why: String,
    },
}

impl Client {
    /// A client of `endpoint` at `base_url`, which is known only at run time for a simulator. Opens nothing yet.
    pub fn new(endpoint: &Endpoint, base_url: &str, clock: Clock, secrets: Secrets) -> Result<Self, ClientError> {
        Self::trusting(endpoint, base_url, clock, secrets, || tls(&endpoint.transport.tls))
    }

    /// A client whose encrypted connections are made by `tls`; it is asked for only where there are any.
    pub(crate) fn trusting(
        endpoint: &Endpoint,
        base_url: &str,
        clock: Clock,
        mut secrets: Secrets,
        tls: impl FnOnce() -> Result<ClientConfig, NoTls>,
    ) -> Result<Self, ClientError> {
        if let Some(key) = &endpoint.api_key {
            secrets.add(key.expose());
        }
        let name = || endpoint.name.clone();
        let bad_url = |why: &dyn fmt::Display| ClientError::BaseUrl {
            endpoint: name(),
            url: presentable_text(base_url, &secrets),
            why: why.to_string(),
        };
        let no_tls = |why: &dyn fmt::Display| ClientError::Tls { endpoint: name(), why: why.to_string() };
        let connect = endpoint.timeouts.connect;

        let no_route = "a SambaStudio URL leads to chat/completions or has /generic/ in it";
        let Route { provider, base_url, key_header } =
            Route::of(endpoint.api, base_url, endpoint.stream).ok_or_else(|| bad_url(&no_route))?;
        let base_url = base_url.as_ref();
        let address = Address::parse(base_url).map_err(|why| bad_url(&why))?;
        let url = address.request_url(provider.path()).map_err(|why| bad_url(&why))?;
        let transport = &endpoint.transport;
        let tls =
            address.tls.then(tls).transpose().map_err(|why| no_tls(&why))?.map(|tls| offering(tls, transport.http));
        let dialer = Dialer::new(&address, transport, tls.as_ref(), connect, clock).map_err(|why| bad_url(&why))?;
        let own_headers = endpoint_headers(endpoint, key_header)?;
        let mut headers = request_headers(&own_headers, &address).map_err(|why| bad_url(&why))?;
        let to_proxy = asks_for_whole_urls(&address, transport);
        if let Some(value) =
            transport.proxy.as_ref().and_then(|proxy| proxy.authorization.as_ref()).filter(|_| to_proxy)
        {
            let bad = || ClientError::Header { endpoint: name(), name: PROXY_AUTHORIZATION.to_string() };
            headers.insert(PROXY_AUTHORIZATION, sensitive(value.expose()).ok_or_else(bad)?);
        }
        let head = RequestHead::new(url, to_proxy, transport.connection == Connection::New, &headers);
        let links = Links::new(dialer, transport.connection);
        let control = Control::new(address, own_headers, transport, tls, connect, secrets.clone());
        let control = control.map_err(|why| no_tls(&why))?;
        let metrics = Arc::new(MetricTable::new(provider.server_figures(), &endpoint.server_metrics));
        let manners = Manners { provider, stream: endpoint.stream, timeouts: endpoint.timeouts, clock, secrets };
        Ok(Self { shared: Arc::new(Shared { manners, head, links, metrics, control }), retries: Arc::default() })
    }

    /// The same client, which sends failed requests again by that rule.
    #[must_use]
    pub fn retrying(self, retries: &Retries) -> Self {
        Self { retries: Arc::new(RetryRule::new(retries.clone())), ..self }
    }

    /// The body of a request. Pure: the same bytes for the same input, keys in a fixed order.
    pub fn encode(&self, request: &ChatRequest, target: &Target) -> Bytes {
        let manners = &self.shared.manners;
        manners.provider.body(request, target, manners.stream).into()
    }

    /// Why a request cannot be sent to this endpoint at all.
    pub fn refuses(&self, request: &ChatRequest) -> Option<&'static str> {
        let refused = !self.shared.manners.provider.carries_pictures() && has_more_than_text(request);
        refused.then_some("this endpoint carries text only, and the request has pictures or other parts")
    }

    /// An observation to hand to [`Client::exchange`].
    pub fn observation(&self) -> Observation {
        Observation::new(Arc::clone(&self.shared.metrics))
    }

    /// Opens connections until that many requests find an idle one, a few at a time. The first failure ends it and tells
    /// why the endpoint is out of reach.
    pub async fn warm(&self, requests: usize) -> Result<(), Failure> {
        let shared = &*self.shared;
        shared.links.warm(requests).await.map_err(|failure| presentable(failure, &shared.manners.secrets))
    }

    /// Closes every idle connection: the server behind them may be another one now.
    pub fn forget_connections(&self) {
        self.shared.links.clear();
    }

    /// Idle connections.
    pub fn idle_connections(&self) -> usize {
        self.shared.links.idle()
    }

    /// Sends one request and reads its answer to the end, whatever the end is: it stands in `observed`, which is
    /// filled on the way. Dropping the future closes the connection.
    ///
    /// A pooled connection that dies before any byte of the answer is no fault of the request: it is sent once more
    /// over a fresh one, and `attempts` shows it. What is sent again by the rule of [`Client::retrying`] is timed from
    /// its first attempt.
    pub async fn exchange(&self, body: &Bytes, observed: &mut Observation) {
        let manners = &self.shared.manners;
        let begun_ns = manners.clock.now_ns();
        let mut sent_again = 0;
        loop {
            self.try_once(body, observed).await;
            let total = manners.timeouts.total;
            match self.retries.judge(observed, sent_again, total, begun_ns, manners.clock.now_ns()) {
                Again::No => return,
                Again::TooLate(wait) => return observed.note_no_retry(wait, total),
                Again::After(wait) => {
                    observed.begin_again(begun_ns);
                    tokio::time::sleep(wait).await;
                }
            }
            sent_again += 1;
        }
    }

    async fn try_once(&self, body: &Bytes, observed: &mut Observation) {
        let shared = &*self.shared;
        let clock = shared.manners.clock;
        let mut pooled = shared.links.kept().await;
        loop {
            observed.begin_attempt(clock.now_ns());
            let is_pooled = pooled.is_some();
            let link = match pooled.take() {
                Some(link) => link,
                None => match shared.links.fresh().await {
                    Ok((link, dialled)) => {
                        observed.connected(dialled);
                        link
                    }
                    Err(failure) => return shared.fail(observed, failure),
                },
            };
            match Exchange::new(&shared.manners, link, observed).run(Outbound::new(&shared.head, body)).await {
                Ended::Reusable(link) => return shared.links.put(link),
                Ended::Spent => return,
                Ended::Unanswered(failure) if is_pooled => {
                    observed.end_attempt(clock.now_ns(), Some(failure.cause));
                }
                Ended::Unanswered(failure) => return shared.fail(observed, failure),
            }
        }
    }

    /// What the client strikes out of all it tells.
    pub fn secrets(&self) -> &Secrets {
        &self.shared.manners.secrets
    }

    /// Strikes secrets out of what a row has from the server and from the scenario; its message has none.
    pub fn strike_out(&self, record: &mut RequestRecord) {
        let told = [&mut record.response_id, &mut record.finish_reason].into_iter().flatten();
        told.chain([&mut record.model_id]).for_each(|text| self.secrets().strike_out(text));
    }

    /// A failed request as it went over the wire; `None` for one that did not fail. Secrets within texts are still there:
    /// see [`Client::secrets`].
    pub fn trace(&self, request_index: u64, phase: Phase, body: &[u8], observed: &Observation) -> Option<Trace> {
        trace(&self.shared.head.shown, request_index, phase, body, observed)
    }

    /// The models that the endpoint says it serves; none where its protocol has no list.
    pub async fn models(&self) -> Result<Vec<ModelListing>, ControlError> {
        Ok(self.models_and_server().await?.0)
    }

    /// The same, and the `server` header of the answer, where there is one.
    pub async fn models_and_server(&self) -> Result<(Vec<ModelListing>, Option<String>), ControlError> {
        if !self.shared.manners.provider.lists_models() {
            return Ok((Vec::new(), None));
        }
        self.shared.control.models().await
    }

    /// The body of `GET path`, from the server's root: the base URL without its `/v1`.
    pub async fn get_text(&self, path: &str) -> Result<String, ControlError> {
        self.shared.control.call(Method::GET, path).await
    }

    /// The body of another call at the server's root, such as `POST /reset_prefix_cache`.
    pub async fn call(&self, method: &str, path: &str) -> Result<String, ControlError> {
        let method = method.parse().map_err(|_| ControlError::Method { method: method.to_owned() })?;
        self.shared.control.call(method, path).await
    }
}

impl Shared {
    fn fail(&self, observed: &mut Observation, failure: Failure) {
        let failure = presentable(failure, &self.manners.secrets);
        observed.end(Outcome::Failed(failure), self.manners.clock.now_ns());
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("manners", &self.shared.manners)
            .field("links", &self.shared.links)
            .finish_non_exhaustive()
    }
}

/// The key and the scenario's headers, which go with every call; a header of the scenario wins over ours.
pub(super) fn endpoint_headers(endpoint: &Endpoint, key_header: KeyHeader) -> Result<HeaderMap, ClientError> {
    let bad = |name: &str| ClientError::Header { endpoint: endpoint.name.clone(), name: name.to_owned() };
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, user_agent());
    if let Some(key) = &endpoint.api_key {
        let (header, value) = match key_header {
            KeyHeader::Bearer => (AUTHORIZATION, format!("Bearer {}", key.expose())),
            KeyHeader::Key => (HeaderName::from_static("key"), key.expose().to_owned()),
        };
        let value = sensitive(&value).ok_or_else(|| bad(header.as_str()))?;
        headers.insert(header, value);
    }
    for (name, value) in &endpoint.headers {
        let header = HeaderName::try_from(name).map_err(|_| bad(name))?;
        headers.insert(header, sensitive(value.expose()).ok_or_else(|| bad(name))?);
    }
    Ok(headers)
}

/// What the tool calls itself.
pub(super) fn user_agent() -> HeaderValue {
    HeaderValue::from_static(concat!("infersweep/", env!("CARGO_PKG_VERSION")))
}

fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The configuration for one version of HTTP, which is all that it offers by ALPN.
fn offering(mut config: ClientConfig, http: HttpVersion) -> ClientConfig {
    let name: &[u8] = match http {
        HttpVersion::Http1 => b"http/1.1",
        HttpVersion::Http2 => b"h2",
    };
    config.alpn_protocols = vec![name.to_vec()];
    config
}

/// Those and what a request with a JSON body needs.
fn request_headers(own: &HeaderMap, address: &Address) -> Result<HeaderMap, BadAddress> {
    let mut headers = HeaderMap::with_capacity(own.len() + 4);
    headers.insert(HOST, HeaderValue::from_str(&address.host_header).map_err(|_| BadAddress::NoUrl)?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    // Without a word on it a server may compress, which would hide when tokens come.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(headers)
}

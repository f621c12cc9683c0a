use std::fmt;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, USER_AGENT};
use rustls::ClientConfig;

use super::wanted::Wanted;
use crate::client::client::{endpoint_headers, user_agent};
use crate::client::control::untimed_http;
use crate::client::encryption::tls;
use crate::client::failure::{chain, presentable_text};
use crate::client::refusal::error_message;
use crate::client::route::Route;
use crate::client::{ClientError, address::Address};
use crate::record::{ScrapedColumn, ScrapedSample};
use crate::scenario::{Endpoint, Scrape, Transport};
use crate::text::Secrets;
use crate::time::Clock;

/// How long one scrape may take, the connection included.
const LIMIT: Duration = Duration::from_secs(5);

/// The longest page that is read, in bytes: a hundred times that of a busy server.
const LONGEST_PAGE: usize = 16 << 20;

/// How the Prometheus page of an endpoint is fetched. Plain data: each thread that scrapes opens a session of its own.
#[derive(Clone)]
pub struct Scraper {
    url: Url,
    headers: HeaderMap,
    transport: Transport,
    tls: Option<ClientConfig>,
    connect: Duration,
    interval: Duration,
    wanted: Wanted,
    clock: Clock,
    secrets: Secrets,
}

impl Scraper {
    /// The scraper of an endpoint that is at `base_url`; `None` when its scenario names no page.
    ///
    /// The endpoint's key and headers go to the origin of `base_url` only, unless the scenario says otherwise.
    ///
    /// # Errors
    /// The URL does not parse, a header cannot be sent, or this machine has no TLS.
    pub fn new(
        endpoint: &Endpoint,
        base_url: &str,
        clock: Clock,
        mut secrets: Secrets,
    ) -> Result<Option<Self>, ClientError> {
        let Some(scrape) = &endpoint.scrape else { return Ok(None) };
        if let Some(key) = &endpoint.api_key {
            secrets.add(key.expose());
        }
        let bad_url = |why: &dyn ToString| ClientError::MetricsUrl {
            endpoint: endpoint.name.clone(),
            url: presentable_text(&scrape.url, &secrets),
            why: why.to_string(),
        };
        let url: Url = place(scrape, base_url).map_err(|why| bad_url(&why))?.parse().map_err(|why| bad_url(&why))?;
        let own_origin = base_url.parse::<Url>().is_ok_and(|base| base.origin() == url.origin());
        let mut headers = match Route::of(endpoint.api, base_url, endpoint.stream) {
            Some(route) if scrape.auth.unwrap_or(own_origin) => endpoint_headers(endpoint, route.key_header)?,
            _ => HeaderMap::from_iter([(USER_AGENT, user_agent())]),
        };
        headers.insert(ACCEPT, HeaderValue::from_static("text/plain;version=0.0.4, */*;q=0.1"));
        // The way to the endpoint leads nowhere else.
        let transport = if own_origin { endpoint.transport.clone() } else { Transport::default() };
        let tls = (url.scheme() == "https").then(|| tls(&transport.tls)).transpose();
        let tls = tls.map_err(|why| ClientError::Tls { endpoint: endpoint.name.clone(), why: why.to_string() })?;
        let (connect, interval) = (endpoint.timeouts.connect.min(LIMIT), scrape.interval);
        Ok(Some(Self { url, headers, transport, tls, connect, interval, wanted: Wanted::of(scrape), clock, secrets }))
    }

    /// Between two scrapes.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The columns of its samples.
    pub fn columns(&self) -> &[ScrapedColumn] {
        self.wanted.columns()
    }

    /// Where the page is, secrets struck out.
    pub fn shown_url(&self) -> String {
        presentable_text(self.url.as_str(), &self.secrets)
    }

    /// What is struck out of all that it tells.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// A session, for the runtime of the calling task. Opens nothing yet.
    pub fn session(self) -> ScrapeSession {
        let http = untimed_http(self.headers.clone(), &self.transport, self.tls.clone(), self.connect, LIMIT);
        ScrapeSession { http: http.map_err(|error| chain(&error)), scraper: self }
    }
}

impl fmt::Debug for Scraper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scraper")
            .field("url", &self.shown_url())
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

/// The whole URL of the page.
fn place(scrape: &Scrape, base_url: &str) -> Result<String, impl ToString + use<>> {
    if scrape.url.starts_with('/') {
        Address::parse(base_url).map(|base| base.under_root(&scrape.url))
    } else {
        Ok(scrape.url.clone())
    }
}

/// Connections to a page, kept between scrapes.
pub struct ScrapeSession {
    http: Result<reqwest::Client, String>,
    scraper: Scraper,
}

impl ScrapeSession {
    /// Fetches the page once and reads it; whatever goes wrong is in the sample. Takes some seconds at most.
    pub async fn scrape(&self) -> ScrapedSample {
        let Scraper { clock, wanted, secrets, .. } = &self.scraper;
        let sent_ns = clock.now_ns();
        let fetched = self.fetch().await;
        let at_ns = clock.now_ns();
        let (values, fault) = match fetched {
            Ok(page) => wanted.read(&String::from_utf8_lossy(&page)),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        let fault = fault.map(|fault| presentable_text(&fault, secrets));
        ScrapedSample { at_ns, scrape_ns: at_ns - sent_ns, missed: 0, fault, values }
    }

    async fn fetch(&self) -> Result<Vec<u8>, String> {
        let http = self.http.as_ref().map_err(Clone::clone)?;
        let no_page = |error: reqwest::Error| {
            if error.is_timeout() {
                format!("no page within {} s", LIMIT.as_secs())
            } else {
                format!("no page: {}", chain(&error.without_url()))
            }
        };
        let mut response = http.get(self.scraper.url.clone()).send().await.map_err(no_page)?;
        let status = response.status();
        let mut page = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(no_page)? {
            page.extend_from_slice(&bytes);
            if page.len() > LONGEST_PAGE {
                return Err(format!("the page is longer than {} MiB", LONGEST_PAGE >> 20));
            }
        }
        let said = if status.is_redirection() { "redirects are not followed".to_owned() } else { error_message(&page) };
        if status.is_success() { Ok(page) } else { Err(format!("HTTP {status}: {said}")) }
    }
}

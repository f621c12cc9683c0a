use std::fmt;
use std::path::PathBuf;

use crate::text::Secret;

/// How requests get to an endpoint and back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transport {
    /// The version of HTTP.
    pub http: HttpVersion,
    /// Whether requests share connections.
    pub connection: Connection,
    /// The forward proxy between; of the scenario, or of the environment.
    pub proxy: Option<Proxy>,
    /// The Unix socket that is spoken to in the place of the host and port of `base_url`.
    pub unix_socket: Option<PathBuf>,
    /// Certificates.
    pub tls: TlsOptions,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.1: one request at a time on a connection.
    #[default]
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2: by ALPN under TLS, by prior knowledge in clear.
    #[serde(rename = "2")]
    Http2,
}

/// Whether requests share connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// A connection is kept and serves the next request.
    #[default]
    KeepAlive,
    /// Every request opens one of its own, and closes it.
    New,
}

/// A forward proxy, spoken to in clear.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The value of `Proxy-Authorization`, where the URL has a user name.
    pub authorization: Option<Secret>,
    /// The variable of the environment that named it; `None` for one of the scenario.
    pub variable: Option<&'static str>,
}

impl Proxy {
    /// `host:port`, an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("authority", &self.authority()).finish_non_exhaustive()
    }
}

/// Whom to trust and who to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// Certificates (PEM) that are trusted besides the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate and those up to its authority (PEM).
    pub client_certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub client_key: Option<PathBuf>,
    /// Whether the server's certificate is checked.
    pub verify: bool,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self { ca: None, client_certificate: None, client_key: None, verify: true }
    }
}

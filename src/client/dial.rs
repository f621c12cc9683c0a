use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::record::{Cause, Failure};
use crate::scenario::{HttpVersion, Proxy, Transport};
use crate::time::{Clock, MonotonicNs};

use super::address::{Address, authority};
use super::arrival::ask_for_stamps;
use super::carrier::Carrier;
use super::encryption::handshake_failure;
use super::failure::connect_cause;
use super::http1::Connection;
use super::http2::Session;
use super::socket::{Line, Socket};
use super::tunnel::open_tunnel;
use super::wire::{Stamped, Wire};

/// Opens connections to one address.
#[derive(Clone)]
pub(crate) struct Dialer {
    way: Way,
    /// `host:port` of the server.
    target: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    http: HttpVersion,
    /// For name, connection and handshake together.
    limit: Duration,
    clock: Clock,
}

/// What the first socket leads to.
#[derive(Clone)]
enum Way {
    Server {
        host: String,
        port: u16,
    },
    /// A proxy; with a tunnel through it, unless it is asked for whole URLs.
    Proxy {
        proxy: Proxy,
        tunnel: bool,
    },
    Unix(PathBuf),
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("to", &self.first_hop()).field("http", &self.http).finish_non_exhaustive()
    }
}

/// When a connection came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "each is named as its column, with its unit")]
pub(crate) struct Dialled {
    /// When its opening began.
    pub(crate) dial_ns: MonotonicNs,
    /// When it stood and the TLS handshake began.
    pub(crate) handshake_ns: Option<MonotonicNs>,
    /// When it was ready, TLS included.
    pub(crate) connect_ns: MonotonicNs,
}

/// A connection of either version.
pub(crate) enum Opened {
    Http1(Box<Connection>),
    Http2(Arc<Session>),
}

impl Dialer {
    /// Dials `address`, encrypted when `tls` is there.
    pub(crate) fn new(
        address: &Address,
        transport: &Transport,
        tls: Option<&ClientConfig>,
        limit: Duration,
        clock: Clock,
    ) -> Result<Self, rustls::pki_types::InvalidDnsNameError> {
        let tls = match tls {
            None => None,
            Some(config) => {
                Some((TlsConnector::from(Arc::new(config.clone())), ServerName::try_from(address.host.clone())?))
            }
        };
        let way = match (&transport.unix_socket, &transport.proxy) {
            (Some(path), _) => Way::Unix(path.clone()),
            (None, Some(proxy)) => {
                Way::Proxy { proxy: proxy.clone(), tunnel: !asks_for_whole_urls(address, transport) }
            }
            (None, None) => Way::Server { host: address.host.clone(), port: address.port },
        };
        let target = authority(&address.host, address.port);
        Ok(Self { way, target, tls, http: transport.http, limit, clock })
    }

    /// A new connection, ready for a request.
    pub(crate) async fn dial(&self) -> Result<(Opened, Dialled), Failure> {
        match timeout(self.limit, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(self.too_slow()),
        }
    }

    /// The failure of a connection that took longer than its limit.
    pub(crate) fn too_slow(&self) -> Failure {
        Failure::new(Cause::ConnectTimeout, format!("no connection to {} within {:?}", self.first_hop(), self.limit))
    }

    /// Whether its connections carry many requests at a time.
    pub(crate) fn is_shared(&self) -> bool {
        self.http == HttpVersion::Http2
    }

    /// For all that comes before a request can be sent.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    async fn open(&self) -> Result<(Opened, Dialled), Failure> {
        let dial_ns = self.clock.now_ns();
        let carrier = self.reach().await?;
        let wire = Wire::new(self.clock);
        let mut line: Line = Stamped::new(carrier, Arc::clone(&wire));
        if let Way::Proxy { proxy, tunnel: true } = &self.way {
            open_tunnel(&mut line, proxy, &self.target).await?;
        }
        let handshake_ns = self.tls.is_some().then(|| self.clock.now_ns());
        let socket = self.encrypted(line).await?;
        let dialled = Dialled { dial_ns, handshake_ns, connect_ns: self.clock.now_ns() };
        let opened = match self.http {
            HttpVersion::Http1 => Opened::Http1(Box::new(Connection::new(socket, wire))),
            HttpVersion::Http2 => Opened::Http2(
                Session::open(socket, wire, self.clock)
                    .await
                    .map_err(|why| Failure::new(Cause::Connect, format!("no HTTP/2 with {}: {why}", self.target)))?,
            ),
        };
        Ok((opened, dialled))
    }

    async fn encrypted(&self, line: Line) -> Result<Socket, Failure> {
        let Some((connector, name)) = &self.tls else { return Ok(Socket::Plain(line)) };
        let stream =
            connector.connect(name.clone(), line).await.map_err(|error| handshake_failure(&self.target, &error))?;
        let agreed = stream.get_ref().1.alpn_protocol();
        if self.http == HttpVersion::Http2 && agreed != Some(b"h2") {
            let message = format!("{} does not offer HTTP/2 in its TLS handshake; write http = \"1.1\"", self.target);
            return Err(Failure::new(Cause::Tls, message));
        }
        Ok(Socket::Tls(Box::new(stream)))
    }

    async fn reach(&self) -> Result<Box<dyn Carrier>, Failure> {
        match &self.way {
            Way::Server { host, port } => self.reach_tcp(host, *port).await,
            Way::Proxy { proxy, .. } => self.reach_tcp(&proxy.host, proxy.port).await,
            #[cfg(unix)]
            Way::Unix(path) => match tokio::net::UnixStream::connect(path).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => Err(self.refused(&error)),
            },
            #[cfg(not(unix))]
            Way::Unix(_) => Err(Failure::new(Cause::Internal, "this system has no Unix sockets")),
        }
    }

    /// Tries each address of the host in turn; a silent one may use up its share of the limit, not all of it.
    async fn reach_tcp(&self, host: &str, port: u16) -> Result<Box<dyn Carrier>, Failure> {
        let addresses: Vec<SocketAddr> = match lookup_host((host, port)).await {
            Ok(found) => found.collect(),
            Err(error) => {
                return Err(Failure::new(Cause::Dns, format!("the host {host} is not known: {error}")));
            }
        };
        let shares = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let mut last = Failure::new(Cause::Dns, format!("the host {host} has no address"));
        for address in addresses {
            last = match timeout(self.limit / shares, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    // Without this a request of several segments waits for acknowledgements.
                    tcp.set_nodelay(true).map_err(|error| self.refused(&error))?;
                    ask_for_stamps(&tcp);
                    return Ok(Box::new(tcp));
                }
                Ok(Err(error)) => self.refused(&error),
                Err(_) => Failure::new(Cause::ConnectTimeout, format!("{address} did not answer")),
            };
        }
        Err(last)
    }

    fn refused(&self, error: &io::Error) -> Failure {
        Failure::new(connect_cause(error), format!("no connection to {}: {error}", self.first_hop()))
    }

    /// What the first socket leads to, in words.
    fn first_hop(&self) -> String {
        match &self.way {
            Way::Server { .. } => self.target.clone(),
            Way::Proxy { proxy, .. } => match proxy.variable {
                Some(variable) => format!("the proxy {} of {variable}", proxy.authority()),
                None => format!("the proxy {}", proxy.authority()),
            },
            Way::Unix(path) => path.display().to_string(),
        }
    }
}

/// Whether requests go to a proxy with the whole URL in them: what is encrypted, or is HTTP/2, goes through a tunnel.
pub(crate) fn asks_for_whole_urls(address: &Address, transport: &Transport) -> bool {
    transport.proxy.is_some() && transport.unix_socket.is_none() && !address.tls && transport.http == HttpVersion::Http1
}

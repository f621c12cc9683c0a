use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::record::{Cause, Failure};
use crate::time::Clock;

use super::address::Address;
use super::arrival::ask_for_stamps;
use super::failure::{chain, connect_cause};
use super::link::Link;
use super::wire::{Stamped, Wire};

/// Opens connections to one address.
#[derive(Clone)]
pub(crate) struct Dialer {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// For name, connection and handshake together.
    limit: Duration,
    clock: Clock,
}

/// TLS that trusts what the system trusts, with the ring provider.
pub(crate) fn system_tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(Arc::clone(&provider))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

impl Dialer {
    /// Dials `address`, encrypted when `tls` is there.
    pub(crate) fn new(
        address: &Address,
        tls: Option<&ClientConfig>,
        limit: Duration,
        clock: Clock,
    ) -> Result<Self, rustls::pki_types::InvalidDnsNameError> {
        let tls = match tls {
            None => None,
            Some(config) => {
                let mut config = config.clone();
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                let name = ServerName::try_from(address.host.clone())?;
                Some((TlsConnector::from(Arc::new(config)), name))
            }
        };
        Ok(Self { host: address.host.clone(), port: address.port, tls, limit, clock })
    }

    /// A new connection, ready for a request.
    pub(crate) async fn dial(&self) -> Result<Box<Link>, Failure> {
        match timeout(self.limit, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(Failure::new(
                Cause::ConnectTimeout,
                format!("no connection to {}:{} within {:?}", self.host, self.port, self.limit),
            )),
        }
    }

    async fn open(&self) -> Result<Box<Link>, Failure> {
        let tcp = self.reach().await?;
        // Without this a request of several segments waits for acknowledgements.
        tcp.set_nodelay(true).map_err(|error| self.refused(&error))?;
        ask_for_stamps(&tcp);
        let wire = Wire::new(self.clock);
        let stamped = Stamped::new(tcp, Arc::clone(&wire));
        let stream = match &self.tls {
            None => Stream::Plain(stamped),
            Some((connector, name)) => {
                let encrypted = connector.connect(name.clone(), stamped).await.map_err(|error| {
                    Failure::new(
                        Cause::Tls,
                        format!("the TLS handshake with {}:{} failed: {}", self.host, self.port, chain(&error)),
                    )
                })?;
                Stream::Tls(Box::new(encrypted))
            }
        };
        Ok(Box::new(Link::new(stream, wire)))
    }

    /// Tries each address of the host in turn; a silent one may use up its share of the limit, not all of it.
    async fn reach(&self) -> Result<TcpStream, Failure> {
        let addresses: Vec<SocketAddr> = match lookup_host((self.host.as_str(), self.port)).await {
            Ok(found) => found.collect(),
            Err(error) => {
                return Err(Failure::new(Cause::Dns, format!("the host {} is not known: {error}", self.host)));
            }
        };
        let shares = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let mut last = Failure::new(Cause::Dns, format!("the host {} has no address", self.host));
        for address in addresses {
            last = match timeout(self.limit / shares, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => self.refused(&error),
                Err(_) => Failure::new(Cause::ConnectTimeout, format!("{address} did not answer")),
            };
        }
        Err(last)
    }

    fn refused(&self, error: &io::Error) -> Failure {
        Failure::new(connect_cause(error), format!("no connection to {}:{}: {error}", self.host, self.port))
    }
}

/// A stamped connection, encrypted or not.
pub(crate) enum Stream {
    Plain(Stamped<TcpStream>),
    Tls(Box<TlsStream<Stamped<TcpStream>>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

//! What stands before a simulator in tests of the ways to one: TLS, a Unix socket, a forward proxy.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;

/// Something that listens until it is dropped.
pub(crate) struct Front {
    /// `host:port`; nothing of a Unix socket.
    pub(crate) address: String,
    /// The heads of what a proxy was asked.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Front {
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// `host:port` of a base URL.
pub(crate) fn authority(url: &str) -> String {
    url.split("://").last().unwrap().split('/').next().unwrap().to_owned()
}

/// An authority and what it has certified, as PEM.
pub(crate) struct Authority {
    pub(crate) certificate: String,
    pub(crate) server: (String, String),
    pub(crate) client: (String, String),
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut of_authority = CertificateParams::new(Vec::new()).unwrap();
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = of_authority.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(of_authority, key);
        let certified = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
            (leaf.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
        };
        let (server, client) = (certified("127.0.0.1"), certified("client.test"));
        Self { certificate, server, client }
    }
}

/// TLS before the server at `target`; `asks`: for a certificate of the client.
pub(crate) fn tls(target: &str, authority: &Authority, alpn: &[&str], asks: bool) -> Front {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = if asks {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.certificate.as_bytes()).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
        versions.with_client_cert_verifier(verifier)
    } else {
        versions.with_no_client_auth()
    };
    let chain = vec![CertificateDer::from_pem_slice(authority.server.0.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(authority.server.1.as_bytes()).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let (acceptor, target) = (TlsAcceptor::from(Arc::new(config)), target.to_owned());
    let runtime = runtime();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    runtime.spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, target) = (acceptor.clone(), target.clone());
            tokio::spawn(async move {
                if let Ok(mut ours) = acceptor.accept(tcp).await {
                    let mut theirs = TcpStream::connect(target).await.unwrap();
                    let _ = copy_bidirectional(&mut ours, &mut theirs).await;
                }
            });
        }
    });
    Front { address, asked: Arc::default(), _runtime: runtime }
}

/// A Unix socket before the server at `target`.
pub(crate) fn unix(path: &Path, target: &str) -> Front {
    let runtime = runtime();
    let listener = {
        let _inside = runtime.enter();
        UnixListener::bind(path).unwrap()
    };
    let target = target.to_owned();
    runtime.spawn(async move {
        while let Ok((mut ours, _)) = listener.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                let mut theirs = TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut ours, &mut theirs).await;
            });
        }
    });
    Front { address: String::new(), asked: Arc::default(), _runtime: runtime }
}

/// A forward proxy whose every road leads to `target`; it asks for `Basic user:password` where `wanted` is that in base64.
pub(crate) fn proxy(target: &str, wanted: Option<&str>) -> Front {
    let runtime = runtime();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (target, wanted, log) = (target.to_owned(), wanted.map(str::to_owned), Arc::clone(&asked));
    runtime.spawn(async move {
        while let Ok((mut ours, _)) = listener.accept().await {
            let (target, wanted, log) = (target.clone(), wanted.clone(), Arc::clone(&log));
            tokio::spawn(async move {
                let mut held = Vec::new();
                while !held.windows(4).any(|four| four == b"\r\n\r\n") {
                    if ours.read_buf(&mut held).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let head = String::from_utf8_lossy(&held).into_owned();
                log.lock().unwrap().push(head.clone());
                if wanted.is_some_and(|wanted| !head.to_lowercase().contains(&format!("basic {wanted}").to_lowercase())) {
                    let _ = ours
                        .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                        .await;
                    return;
                }
                let mut theirs = TcpStream::connect(target).await.unwrap();
                if head.starts_with("CONNECT ") {
                    ours.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                } else {
                    theirs.write_all(&held).await.unwrap();
                }
                let _ = copy_bidirectional(&mut ours, &mut theirs).await;
            });
        }
    });
    Front { address, asked, _runtime: runtime }
}

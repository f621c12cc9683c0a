use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::*;

/// Made for this test alone: it says 127.0.0.1 and nobody trusts it.
pub(super) const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBmTCCAT+gAwIBAgIUYRV6QiBxbjSCRhT7C+Bz3aQiUrgwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPaW5mZXJzd2VlcCB0ZXN0MCAXDTI2MTEyNDEwMzYxN1oYDzIx
MjYxMDMxMTAzNjE3WjAaMRgwFgYDVQQDDA9pbmZlcnN3ZWVwIHRlc3QwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAASwbm8P/HNHv0WZlxtCOVEqfd/eQJFbMFojLrbX
Ft4rXLKGCG4OKcKbwkw+Ddq+iHnFVOGXk4EomuUFyIuzNMuio2EwXzAdBgNVHQ4E
FgQU/45EUt1R6EOKhYtIOXzGJ/nKAFMwHwYDVR0jBBgwFoAU/45EUt1R6EOKhYtI
OXzGJ/nKAFMwDwYDVR0RBAgwBocEfwAAATAMBgNVHRMBAf8EAjAAMAoGCCqGSM49
BAMCA0gAMEUCICXsCXFBicQGybF7L0thgNqfE7sZRbtLU9jm3Zs2Py5iAiEAmrNv
mcR0a79X/GSlIMhNPseTLQVtxC4HbLVUmf9cgz8=
-----END CERTIFICATE-----
";

const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgWWVDPYQUfGuKbyQp
EM0gN+ojE31D9l9c4h9sKc8fWJKhRANCAASwbm8P/HNHv0WZlxtCOVEqfd/eQJFb
MFojLrbXFt4rXLKGCG4OKcKbwkw+Ddq+iHnFVOGXk4EomuUFyIuzNMui
-----END PRIVATE KEY-----
";

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn server_config() -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let versions = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    versions.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
}

pub(super) fn trusting_it() -> Result<ClientConfig, encryption::NoTls> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap())?;
    let versions = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// Answers on as many connections as scripts, over TLS.
pub(super) async fn encrypted_server(connections: Vec<Vec<Act>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    let acceptor = TlsAcceptor::from(Arc::new(server_config()));
    tokio::spawn(async move {
        for script in connections {
            let (tcp, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(tcp).await {
                play(stream, script).await;
            }
        }
    });
    url
}

#[tokio::test]
async fn stamps_are_those_of_the_socket_under_tls() {
    let slow = vec![
        Read,
        head(),
        Wait(40),
        Send(chunk(&content("one"))),
        Wait(40),
        Send(chunk(&content(" two")) + &chunk(DONE)),
    ];
    let slow = [slow.as_slice(), &[send(LAST), Read, Close]].concat();
    let fast = vec![Read, head(), two_tokens(), AwaitClose];
    let url = encrypted_server(vec![slow, fast]).await;
    let client = Client::trusting(&endpoint(), &url, Clock::start(), Secrets::default(), trusting_it).unwrap();

    let observed = observe(&client).await;
    assert_eq!((observed.outcome(), observed.text()), (Some(&Outcome::Completed), "one two"));
    let stamps = *observed.stamps();
    let points = [stamps.sent_ns, stamps.first_token_ns, stamps.last_token_ns].map(Option::unwrap);
    assert!(stamps.connect_ns.unwrap() <= points[0]);
    for pair in points.windows(2) {
        assert!((15_000_000..400_000_000).contains(&(pair[1] - pair[0])), "{points:?}");
    }
    assert_eq!(client.idle_connections(), 1);

    // The farewell of TLS is no byte of an answer: the dead connection is replaced.
    let observed = observe(&client).await;
    assert_eq!((observed.outcome(), observed.attempts().len()), (Some(&Outcome::Completed), 2));
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_refused() {
    let url = encrypted_server(vec![vec![]]).await;
    let observed = observe(&client(&url)).await;
    assert_failed(&observed, Cause::Tls, "certificate");
    assert_eq!(observed.stamps().sent_ns, None);
}

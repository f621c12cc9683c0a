use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::failure::chain;
use crate::record::{Cause, Failure};
use crate::scenario::TlsOptions;

/// Why there is no TLS. Paths and what is wrong with them; never what is in a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoTls {
    /// Of this machine, or of certificates that do not fit.
    #[error("{0}")]
    Rustls(#[from] rustls::Error),
    /// A file holds nothing of the kind.
    #[error("tls.{key}: no {what} in {path}: {why}")]
    File { key: &'static str, what: &'static str, path: String, why: String },
}

/// TLS that trusts what the system trusts, with the ring provider.
pub(crate) fn system_tls() -> Result<ClientConfig, NoTls> {
    tls(&TlsOptions::default())
}

/// TLS as an endpoint asks for it.
pub(crate) fn tls(options: &TlsOptions) -> Result<ClientConfig, NoTls> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = if options.verify {
        let extra = options.ca.as_deref().map(|path| certificates("ca", path)).transpose()?.unwrap_or_default();
        Arc::new(Verifier::new_with_extra_roots(extra, Arc::clone(&provider))?)
    } else {
        Arc::new(Unchecked(Arc::clone(&provider)))
    };
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let trusting = versions.dangerous().with_custom_certificate_verifier(verifier);
    match (&options.client_certificate, &options.client_key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates("client_certificate", certificate)?;
            Ok(trusting.with_client_auth_cert(chain, private_key(key)?)?)
        }
        _ => Ok(trusting.with_no_client_auth()),
    }
}

/// TLS for a client that encrypts nothing: it trusts nobody.
pub(crate) fn trusting_nobody() -> Option<ClientConfig> {
    let provider = rustls::crypto::ring::default_provider();
    let versions = ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions().ok()?;
    Some(versions.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, NoTls> {
    let none = |why: String| NoTls::File { key, what: "certificate (PEM)", path: path.display().to_string(), why };
    let read = CertificateDer::pem_file_iter(path).map_err(|error| none(error.to_string()))?;
    let found: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| none(error.to_string()))?;
    if found.is_empty() { Err(none("it has none".to_owned())) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, NoTls> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| NoTls::File {
        key: "client_key",
        what: "private key (PEM)",
        path: path.display().to_string(),
        why: error.to_string(),
    })
}

/// Takes any certificate; that the server has its key is checked all the same.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A handshake that failed, with the key of the scenario that may mend it.
pub(crate) fn handshake_failure(peer: &str, error: &io::Error) -> Failure {
    let what = format!("the TLS handshake with {peer} failed: {}", chain(error));
    Failure::new(Cause::Tls, told_with_remedy(what, error))
}

/// The failure of a connection that the server ended by an alert of TLS: under TLS 1.3 it says so only after the handshake
/// what it thinks of the client's certificate.
pub(crate) fn alert_failure(error: &io::Error) -> Option<Failure> {
    matches!(rustls_error(error)?, rustls::Error::AlertReceived(_)).then(|| {
        let what = format!("the server ended the encrypted connection: {}", chain(error));
        Failure::new(Cause::Tls, told_with_remedy(what, error))
    })
}

fn told_with_remedy(what: String, error: &io::Error) -> String {
    match rustls_error(error).and_then(remedy) {
        Some(remedy) => format!("{what}; {remedy}"),
        None => what,
    }
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn remedy(error: &rustls::Error) -> Option<&'static str> {
    use CertificateError as Bad;
    Some(match error {
        rustls::Error::InvalidCertificate(
            Bad::UnknownIssuer | Bad::BadSignature | Bad::ApplicationVerificationFailure | Bad::Other(_),
        ) => {
            "to trust it, name its authority's certificate, or its own, in tls.ca; tls.verify = false measures without checking"
        }
        rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "write the name of the certificate in base_url; tls.verify = false measures without checking"
        }
        rustls::Error::InvalidCertificate(_) => "tls.verify = false measures without checking it",
        rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "it does not speak this version of HTTP: write the other one in `http`"
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::HandshakeFailure
            | AlertDescription::AccessDenied,
        ) => "it may ask for a certificate of the client: tls.client_certificate and tls.client_key",
        _ => return None,
    })
}

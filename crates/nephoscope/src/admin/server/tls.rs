//! Our side of TLS: the certificate, and client certificates where they are taken.

use crate::exit::Failure;
use config_file::ServerTls;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt::{self, Display};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// What makes handshakes.
#[derive(Clone)]
pub(in crate::admin) struct Tls(TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// With the certificates as they are in their files now.
    pub(in crate::admin) fn new(tls: &ServerTls) -> Result<Self, Failure> {
        acceptor(tls).map(Self)
    }

    /// For one connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.0.clone()
    }
}

/// A client without a certificate is let in: it may have a token, and is told so if not.
fn acceptor(tls: &ServerTls) -> Result<TlsAcceptor, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::software("choosing the versions of TLS", &error))?;
    let builder = match &tls.clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(verifier(&clients.ca_file, provider)?),
    };
    let key = PrivateKeyDer::from_pem_file(&tls.key_file).map_err(|error| unusable(&tls.key_file, &error))?;
    let mut config = builder
        .with_single_cert(certificates(&tls.cert_file)?, key)
        .map_err(|error| unusable(&tls.cert_file, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn verifier(
    ca_file: &Path,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca_file)? {
        roots
            .add(certificate)
            .map_err(|error| unusable(ca_file, &error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| unusable(ca_file, &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &dyn Display) -> Failure {
    Failure::usage(format!(
        "{} cannot be used for TLS on `listen` (key `api`): {error}",
        path.display()
    ))
}

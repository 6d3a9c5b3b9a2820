//! The receiver's side of TLS: its own certificate, and client certificates where they are demanded.

use axum::serve::Listener;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Handshakes are made one after the other, so a silent client must not hold up the next.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(2);
/// Out of file descriptors, most likely; some will be closed soon.
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// The receiver's certificates in PEM.
#[derive(Clone)]
pub struct ServerTls {
    /// Its chain.
    pub cert_pem: String,
    /// Its private key.
    pub key_pem: String,
    /// Authorities of client certificates; with it a client must show one.
    pub client_ca_pem: Option<String>,
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("wants_client", &self.client_ca_pem.is_some())
            .finish_non_exhaustive()
    }
}

/// Makes the acceptor; the error names the value that is wrong.
pub(super) fn acceptor(tls: &ServerTls) -> io::Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| invalid("the TLS versions", e))?;
    let builder = match &tls.client_ca_pem {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(pem)?), provider)
                .build()
                .map_err(|e| invalid("client_ca_pem", e))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_slice(tls.key_pem.as_bytes()).map_err(|e| invalid("key_pem", e))?;
    let mut config = builder
        .with_single_cert(certificates(&tls.cert_pem)?, key)
        .map_err(|e| invalid("cert_pem", e))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn roots(pem: &str) -> io::Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem)? {
        store.add(certificate).map_err(|e| invalid("client_ca_pem", e))?;
    }
    Ok(store)
}

fn certificates(pem: &str) -> io::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|e| invalid("a certificate", e))
}

fn invalid(what: &str, e: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("receiver's {what}: {e}"))
}

/// TCP with a handshake in front.
pub(super) struct TlsListener {
    pub(super) listener: TcpListener,
    pub(super) acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, peer)) = self.listener.accept().await else {
                sleep(AFTER_ACCEPT_ERROR).await;
                continue;
            };
            // A failed handshake is the client's to report.
            if let Ok(Ok(stream)) = timeout(HANDSHAKE_LIMIT, self.acceptor.accept(stream)).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

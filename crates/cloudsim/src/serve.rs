//! Serves an axum router on loopback, plain or over TLS, HTTP/1 and HTTP/2, until it is stopped.
//!
//! Also the certificate authority that exists for one simulator only, and the two answers that are none: a cut connection
//! and silence.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// How long open connections may finish after `stop`.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// A certificate authority made at start, and a server certificate of its own for `localhost`, `127.0.0.1` and `::1`.
pub struct TestCa {
    /// The authority's certificate, what a client must trust.
    pub ca_pem: String,
    server: Arc<rustls::ServerConfig>,
}

impl fmt::Debug for TestCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCa").finish_non_exhaustive()
    }
}

impl TestCa {
    /// Makes the authority and the server's certificate.
    pub fn new() -> io::Result<Self> {
        Self::with_names(&[])
    }

    /// The same with further names in the server's certificate.
    pub fn with_names(extra: &[&str]) -> io::Result<Self> {
        let ca_key = KeyPair::generate().map_err(io::Error::other)?;
        let ca_params = ca_params();
        let ca_pem = ca_params.self_signed(&ca_key).map_err(io::Error::other)?.pem();
        let issuer = Issuer::new(ca_params, ca_key);
        let names: Vec<String> = ["localhost", "127.0.0.1", "::1"]
            .iter()
            .chain(extra)
            .map(|&name| name.to_owned())
            .collect();
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let params = CertificateParams::new(names).map_err(io::Error::other)?;
        let cert = params.signed_by(&key, &issuer).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut server = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(
                vec![cert.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .map_err(io::Error::other)?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            ca_pem,
            server: Arc::new(server),
        })
    }

    /// Writes the authority's certificate where a client is told to look for it.
    pub fn write_ca_pem(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, &self.ca_pem)
    }
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
        .distinguished_name
        .push(DnType::CommonName, "cloudsim test authority");
    params
}

/// A server that runs until [`Running::stop`]; dropping it ends it at once.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops listening, lets open requests finish for half a second, and ends.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if (&mut self.task).await.is_err() {
            tracing::warn!(addr = %self.addr, "the simulator's server ended before it was stopped");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens on `listen` (port 0 finds a free one) and serves `router`; over TLS when there is an authority.
pub async fn serve(listen: SocketAddr, router: Router, tls: Option<&TestCa>) -> io::Result<Running> {
    let listener = TcpListener::bind(listen).await?;
    let addr = listener.local_addr()?;
    let acceptor = tls.map(|ca| TlsAcceptor::from(Arc::clone(&ca.server)));
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(accept_until_stopped(listener, router, acceptor, stopped));
    Ok(Running { addr, stop, task })
}

async fn accept_until_stopped(
    listener: TcpListener,
    router: Router,
    acceptor: Option<TlsAcceptor>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone(), acceptor.clone(), stopped.clone()));
                }
                Err(error) => tracing::debug!(%error, "accept failed"),
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    let all_done = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_GRACE, all_done).await.is_err() {
        tracing::debug!("connections were still open when the simulator stopped");
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    acceptor: Option<TlsAcceptor>,
    stopped: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    match acceptor {
        None => http(stream, router, stopped).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => http(stream, router, stopped).await,
            Err(error) => tracing::debug!(%error, "TLS handshake failed"),
        },
    }
}

async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // The clouds say themselves what time it is.
    builder.http1().auto_date_header(false);
    builder.http2().auto_date_header(false);
    let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        _ = stopped.changed() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended with an error");
    }
}

/// An answer that starts well and breaks its connection (its stream, over HTTP/2) in the middle of the body.
pub fn cut_connection() -> Response {
    let pieces: [Result<Bytes, io::Error>; 2] = [
        Ok(Bytes::from_static(b"{")),
        Err(io::Error::from(io::ErrorKind::ConnectionReset)),
    ];
    let mut response = Response::new(Body::from_stream(futures::stream::iter(pieces)));
    response.headers_mut().insert(
        http::header::CONTENT_LENGTH,
        http::HeaderValue::from_static("1048576"),
    );
    response
}

/// Silence: never ends by itself; the client gives up or the simulator stops.
pub async fn hang() {
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn serves_and_stops() {
        let router = Router::new().route("/", axum::routing::get(|| async { "hello" }));
        let running = serve(([127, 0, 0, 1], 0).into(), router, None).await.unwrap();
        let mut stream = TcpStream::connect(running.addr()).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("hello"), "{answer}");
        let addr = running.addr();
        running.stop().await;
        assert!(TcpStream::connect(addr).await.is_err());
    }

    #[test]
    fn an_authority_can_be_made() {
        assert!(
            TestCa::new()
                .unwrap()
                .ca_pem
                .starts_with("-----BEGIN CERTIFICATE")
        );
    }
}

//! Connections: how many, how long each part of one may take, and TLS. HTTP/1.1 only: it is what browsers, curl and
//! scrapers of loopback speak, and it leaves no streams to bound.

mod tls;

pub(super) use tls::Tls;

use super::Admitted;
use super::access::{canonical, hex_sha256};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Most connections at once; others wait in the kernel's queue. Each may hold one request and its answer.
const CONNECTIONS_MAX: usize = 256;

/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// How long the head of a request may take, and how long a connection may be idle between two.
const HEAD_MAX: Duration = Duration::from_secs(30);

/// How long a connection may be kept. After it the request under way is answered, and whoever reads slowly is cut off.
const LIFE_MAX: Duration = Duration::from_secs(600);

/// How long the last answer of a connection may take.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(60);

/// Out of file descriptors, most likely; some will be closed soon.
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// Hexadecimal digits of a certificate's fingerprint that name its holder.
const FINGERPRINT_DIGITS: usize = 16;

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    address: SocketAddr,
    certificate: Option<Arc<str>>,
}

impl Peer {
    /// Its address.
    pub(super) fn ip(&self) -> IpAddr {
        canonical(self.address.ip())
    }

    /// The beginning of the SHA-256 of its certificate, which an authority of ours has signed.
    pub(super) fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = StatusCode;

    /// Every request has one: [`serve`] sees to it.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let peer = parts.extensions.get::<Self>().cloned();
        peer.ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Serves until `stop`; requests under way end first.
pub(super) async fn serve(
    listener: TcpListener,
    admitted: Admitted,
    router: Router,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    while let Some((stream, address, slot)) = next(&listener, &slots, &stop).await {
        let tls = admitted.borrow().tls.as_ref().map(Tls::acceptor);
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(connection(stream, address, tls, router, stop, slot));
        // Takes away what has ended, so that the set does not grow.
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The next connection, when there is a slot for it; nothing after `stop`.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let accepted = async {
        // The semaphore is never closed.
        let slot = Arc::clone(slots).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, address)) => return Some((stream, address, slot)),
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection to the page");
                    sleep(AFTER_ACCEPT_ERROR).await;
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => None,
        accepted = accepted => accepted,
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
    _slot: OwnedSemaphorePermit,
) {
    let Some(acceptor) = tls else {
        let peer = Peer {
            address,
            certificate: None,
        };
        return requests(stream, router.layer(Extension(peer)), stop).await;
    };
    match timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let peer = Peer {
                address,
                certificate: shown.map(|certificate| fingerprint(certificate)),
            };
            requests(stream, router.layer(Extension(peer)), stop).await;
        }
        Ok(Err(error)) => tracing::debug!(%address, %error, "a handshake failed"),
        Err(_elapsed) => tracing::debug!(%address, "a handshake took too long"),
    }
}

fn fingerprint(certificate: &[u8]) -> Arc<str> {
    let digits = hex_sha256(certificate);
    digits.get(..FINGERPRINT_DIGITS).unwrap_or_default().into()
}

async fn requests(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router, stop: CancellationToken) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = over(&stop) => {
            connection.as_mut().graceful_shutdown();
            timeout(LAST_ANSWER_MAX, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the page broke off");
    }
}

/// Returns when a connection should take no further request.
async fn over(stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = sleep(LIFE_MAX) => {}
    }
}

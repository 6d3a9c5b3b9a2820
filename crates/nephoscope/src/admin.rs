//! What the daemon says of itself over HTTP: health, metrics, the REST API and one page of status. It only shows what
//! [`Live`] knows.

mod access;
mod api;
mod federate;
mod headers;
mod health;
mod metrics;
mod page;
mod router;
mod server;

pub(crate) use access::new_token;
pub(crate) use api::accounts::AccountRow;
pub(crate) use api::destinations::DestinationRow;
pub(crate) use api::status::{NamespaceRow, ProblemRow, Status};

use crate::exit::Failure;
use crate::live::Live;
use access::Access;
use config_file::{Api, ReadyAccounts};
use server::Tls;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Who is let in and how, as one configuration says it.
#[derive(Debug)]
pub(crate) struct Admission {
    access: Access,
    /// How many accounts must be ready for the daemon to be.
    ready: ReadyAccounts,
    tls: Option<Tls>,
}

impl Admission {
    /// As configured, for a listener at this address; certificates are read now.
    pub(crate) fn new(api: &Api, address: SocketAddr) -> Result<Self, Failure> {
        let readable = !address.ip().is_loopback() && api.tls.is_none();
        if readable && api.asks_who() {
            tracing::warn!(%address, "tokens come in over plain HTTP, where others may read them; set `api.tls`");
        }
        Ok(Self {
            access: Access::new(api, address),
            ready: api.ready,
            tls: api.tls.as_ref().map(Tls::new).transpose()?,
        })
    }

    /// How a browser gets in.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// The admission of the moment: each connection and each request asks for it anew.
type Admitted = watch::Receiver<Arc<Admission>>;

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    admitted: Admitted,
    live: Arc<Live>,
    stop: CancellationToken,
) {
    let router = router::router(live, &admitted);
    server::serve(listener, admitted, router, stop).await;
}

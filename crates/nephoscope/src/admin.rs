//! What the daemon says of itself over HTTP: health, metrics, the REST API and one page of status. It only shows what
//! [`Live`] knows.

mod api;
mod health;
mod metrics;
mod page;
mod router;

use crate::live::Live;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `stop`.
pub(crate) async fn serve(listener: TcpListener, state: Arc<Live>, stop: CancellationToken) {
    let served = axum::serve(listener, router::router(state))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "serving the page");
    }
}

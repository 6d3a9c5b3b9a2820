//! What the daemon says of itself over HTTP: `/healthz`, `/readyz`, `/metrics`, `/federate` and one page of status.

mod metrics;
mod page;
mod status;

use crate::live::Live;
use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json};
use axum::routing::get;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `stop`.
pub(crate) async fn serve(listener: TcpListener, state: Arc<Live>, stop: CancellationToken) {
    let router = Router::new()
        .route(
            "/",
            get(async |Shared(state): Shared<Arc<Live>>| Html(page::render(&state))),
        )
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route(
            "/metrics",
            get(async |Shared(state): Shared<Arc<Live>>| text(metrics::render(&state))),
        )
        .route(
            "/federate",
            get(async |Shared(state): Shared<Arc<Live>>| text(federate(&state))),
        )
        .route(
            "/api/v1/status",
            get(async |Shared(state): Shared<Arc<Live>>| Json(status::render(&state))),
        )
        .with_state(state);
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "serving the page");
    }
}

fn text(body: String) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        body,
    )
}

fn federate(live: &Live) -> String {
    let destinations = live.destinations();
    let latest = destinations.iter().filter_map(|d| d.latest.as_ref());
    latest.map(|latest| latest.render()).collect()
}

async fn ready(Shared(state): Shared<Arc<Live>>) -> impl IntoResponse {
    let mut all_ready = state.not_connected().is_empty();
    let mut accounts = serde_json::Map::new();
    for (name, why) in state.not_connected() {
        accounts.insert(name, serde_json::json!({ "ready": false, "reason": why }));
    }
    for account in state.progress.snapshot() {
        let ready = account.scopes_ok > 0;
        all_ready &= ready;
        let reason = account.last_error.map(|last| last.text);
        accounts.insert(
            account.name,
            serde_json::json!({ "ready": ready, "reason": reason }),
        );
    }
    let mut destinations = serde_json::Map::new();
    for destination in state.destinations() {
        let now = destination.stats.snapshot();
        destinations.insert(
            destination.name,
            serde_json::json!({ "delivered": now.delivered_points, "reason": now.last_error }),
        );
    }
    let status = if all_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(serde_json::json!({ "ready": all_ready, "accounts": accounts, "destinations": destinations })),
    )
}

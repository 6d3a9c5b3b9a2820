//! What the daemon says of itself over HTTP: `/healthz`, `/readyz`, `/metrics`, `/federate` and one page of status.

mod metrics;
mod page;
mod status;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json};
use axum::routing::get;
use export::{DeliveryStats, Latest};
use gate::Gate;
use scheduler::Progress;
use std::sync::Arc;
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Everything that can be shown.
pub(crate) struct State {
    pub(crate) store: Arc<Store>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) gates: Vec<Gate>,
    pub(crate) not_connected: Vec<(String, String)>,
    pub(crate) destinations: Vec<(String, Arc<DeliveryStats>)>,
    pub(crate) latest: Vec<Arc<Latest>>,
}

impl State {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            progress: Arc::default(),
            gates: Vec::new(),
            not_connected: Vec::new(),
            destinations: Vec::new(),
            latest: Vec::new(),
        }
    }
}

/// Serves until `stop`.
pub(crate) async fn serve(listener: TcpListener, state: Arc<State>, stop: CancellationToken) {
    let router = Router::new()
        .route(
            "/",
            get(async |Shared(state): Shared<Arc<State>>| Html(page::render(&state))),
        )
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route(
            "/metrics",
            get(async |Shared(state): Shared<Arc<State>>| text(metrics::render(&state))),
        )
        .route(
            "/federate",
            get(async |Shared(state): Shared<Arc<State>>| text(federate(&state))),
        )
        .route(
            "/api/v1/status",
            get(async |Shared(state): Shared<Arc<State>>| Json(status::render(&state))),
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

fn federate(state: &State) -> String {
    state.latest.iter().map(|latest| latest.render()).collect()
}

async fn ready(Shared(state): Shared<Arc<State>>) -> impl IntoResponse {
    let mut all_ready = state.not_connected.is_empty();
    let mut accounts = serde_json::Map::new();
    for (name, why) in &state.not_connected {
        accounts.insert(name.clone(), serde_json::json!({ "ready": false, "reason": why }));
    }
    for account in state.progress.snapshot() {
        let ready = account.scopes_ok > 0;
        all_ready &= ready;
        let reason = account.last_error.map(|(_, why)| why);
        accounts.insert(
            account.name,
            serde_json::json!({ "ready": ready, "reason": reason }),
        );
    }
    let mut destinations = serde_json::Map::new();
    for (name, stats) in &state.destinations {
        let now = stats.snapshot();
        destinations.insert(
            name.clone(),
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

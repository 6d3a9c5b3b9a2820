//! Every route in one table.

use super::api::{accounts, destinations, error, points, series, status};
use super::{health, metrics, page};
use crate::live::Live;
use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{Html, IntoResponse};
use axum::routing::{MethodRouter, get};
use std::sync::Arc;

/// A path and what answers there.
pub(super) struct Route {
    /// The path.
    pub(super) path: &'static str,
    handler: fn() -> MethodRouter<Arc<Live>>,
}

const fn reads(path: &'static str, handler: fn() -> MethodRouter<Arc<Live>>) -> Route {
    Route { path, handler }
}

/// All routes.
pub(super) const ROUTES: &[Route] = &[
    reads("/", || {
        get(async |Shared(live): Shared<Arc<Live>>| Html(page::render(&live)))
    }),
    reads("/healthz", || get(health::alive)),
    reads("/readyz", || get(health::ready)),
    reads("/metrics", || {
        get(async |Shared(live): Shared<Arc<Live>>| text(metrics::render(&live)))
    }),
    reads("/federate", || {
        get(async |Shared(live): Shared<Arc<Live>>| text(federate(&live)))
    }),
    reads("/api/v1/status", || get(status::show)),
    reads("/api/v1/accounts", || get(accounts::list)),
    reads("/api/v1/destinations", || get(destinations::list)),
    reads("/api/v1/series", || get(series::list)),
    reads("/api/v1/points", || get(points::list)),
];

/// What answers all requests.
pub(super) fn router(live: Arc<Live>) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| {
        router.route(route.path, (route.handler)())
    });
    routes
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn(error::envelope))
        .with_state(live)
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

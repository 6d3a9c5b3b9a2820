//! Every route in one table, with the scope that it needs; what the API document says is compared with it by a test.

use super::access;
use super::api::{accounts, actions, destinations, document, error, events, points, series, status};
use super::{Admitted, federate, headers, health, metrics, page};
use crate::live::Live;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};
use config_file::ApiScope;
use std::sync::Arc;

/// A path and what answers there.
pub(super) struct Route {
    /// The path.
    pub(super) path: &'static str,
    /// The method, in lower case as the API document has it.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "compared with the API document by a test")
    )]
    pub(super) method: &'static str,
    /// What a caller must be given; nothing where everybody may ask.
    pub(super) scope: Option<ApiScope>,
    handler: fn() -> MethodRouter<Arc<Live>>,
}

const fn reads(path: &'static str, handler: fn() -> MethodRouter<Arc<Live>>) -> Route {
    Route {
        path,
        method: "get",
        scope: Some(ApiScope::Read),
        handler,
    }
}

/// Asked by machines that have no token.
const fn probe(path: &'static str, handler: fn() -> MethodRouter<Arc<Live>>) -> Route {
    Route {
        path,
        method: "get",
        scope: None,
        handler,
    }
}

const fn does(path: &'static str, scope: ApiScope, handler: fn() -> MethodRouter<Arc<Live>>) -> Route {
    Route {
        path,
        method: "post",
        scope: Some(scope),
        handler,
    }
}

/// All routes.
pub(super) const ROUTES: &[Route] = &[
    probe("/healthz", || get(health::alive)),
    probe("/livez", || get(health::alive)),
    probe("/-/healthy", || get(health::alive)),
    probe("/readyz", || get(health::ready)),
    probe("/-/ready", || get(health::ready)),
    reads("/", || get(page::show)),
    reads("/metrics", || get(metrics::show)),
    reads("/federate", || get(federate::show)),
    reads("/api/v1/openapi.json", || get(document::show)),
    reads("/api/v1/status", || get(status::show)),
    reads("/api/v1/accounts", || get(accounts::list)),
    reads("/api/v1/destinations", || get(destinations::list)),
    reads("/api/v1/series", || get(series::list)),
    reads("/api/v1/points", || get(points::list)),
    reads("/api/v1/events", || get(events::list)),
    does("/api/v1/reload", ApiScope::Reload, || post(actions::reload)),
    does("/api/v1/poll", ApiScope::Poll, || post(actions::poll)),
];

/// What answers all requests.
pub(super) fn router(live: Arc<Live>, admitted: &Admitted) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| {
        router.route(route.path, guarded(route, admitted))
    });
    routes
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn_with_state(admitted.clone(), access::admit))
        .layer(from_fn(error::envelope))
        .layer(from_fn(headers::harden))
        .with_state(live)
}

/// A route behind its scope. A method that it does not have is refused without asking who wants it.
fn guarded(route: &Route, admitted: &Admitted) -> MethodRouter<Arc<Live>> {
    let handler = (route.handler)();
    let admitted = admitted.clone();
    let Some(scope) = route.scope else {
        return handler.route_layer(from_fn(move |request, next| {
            access::recognise(admitted.clone(), request, next)
        }));
    };
    handler.route_layer(from_fn(move |request, next| {
        access::permit(admitted.clone(), scope, request, next)
    }))
}

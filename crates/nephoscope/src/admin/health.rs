//! `/healthz`: whether the process is alive, asked of its scheduler. `/readyz`: whether every account has authenticated,
//! and what each account and destination has to say.

use super::api::error::ApiError;
use crate::live::Live;
use crate::overview::budget;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long the scheduler may take for a turn; it takes one as soon as it is asked.
const TURN_MAX: Duration = Duration::from_secs(5);

/// The answer of `/healthz`.
pub(super) async fn alive(Shared(live): Shared<Arc<Live>>) -> Response {
    match timeout(TURN_MAX, live.progress.turned()).await {
        Ok(()) => "ok\n".into_response(),
        Err(_elapsed) => {
            let message = "the scheduler has not taken a turn within 5 s; the daemon should be restarted";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "scheduler_hangs", message).into_response()
        }
    }
}

/// The body of `/readyz`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Readiness {
    /// Whether every account has authenticated.
    ready: bool,
    /// Why the last reload changed nothing, if it did not. The daemon goes on with the configuration before.
    reload_refused: Option<String>,
    /// By the configuration's name.
    accounts: BTreeMap<String, AccountReadiness>,
    /// By the configuration's name.
    destinations: BTreeMap<String, DestinationReadiness>,
}

/// Whether an account works.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct AccountReadiness {
    /// Whether at least one of its scopes could be listed.
    ready: bool,
    /// Why it waits for its budget; else what went wrong last.
    reason: Option<String>,
}

/// Whether a destination works. One that is down does not make the daemon unready: what waits for it waits on disk.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DestinationReadiness {
    /// Whether it answers.
    up: bool,
    /// Points taken since the start.
    delivered: u64,
    /// What is wrong with it, also points lost within the last hour; else what went wrong last.
    reason: Option<String>,
}

/// The answer of `/readyz`: 200, or 503 with the same body.
pub(super) async fn ready(Shared(live): Shared<Arc<Live>>) -> Response {
    let readiness = readiness(&live);
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness)).into_response()
}

fn readiness(live: &Live) -> Readiness {
    let connected = live.progress.snapshot().into_iter().map(|account| {
        let standing = live.gate(&account.name).and_then(|gate| gate.budget().standing());
        let waits = standing.as_ref().and_then(budget::why);
        let reason = waits.or(account.last_error.map(|last| last.text));
        let ready = account.scopes_ok > 0;
        (account.name, AccountReadiness { ready, reason })
    });
    let broken = live.not_connected().into_iter().map(|(name, why)| {
        let reason = Some(why);
        (name, AccountReadiness { ready: false, reason })
    });
    // Last: one whose new settings do not work goes on with those before and is not ready all the same.
    let accounts: BTreeMap<_, _> = connected.chain(broken).collect();
    let reload = live.last_reload();
    let destinations = live.destinations().into_iter().map(|destination| {
        let now = destination.stats.snapshot();
        let readiness = DestinationReadiness {
            up: now.up,
            delivered: now.delivered_points,
            reason: crate::overview::reason(&now),
        };
        (destination.name, readiness)
    });
    Readiness {
        ready: accounts.values().all(|account| account.ready),
        reload_refused: reload
            .and_then(|last| last.outcome.err())
            .map(|refused| refused.why),
        accounts,
        destinations: destinations.collect(),
    }
}

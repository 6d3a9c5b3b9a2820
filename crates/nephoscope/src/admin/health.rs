//! `/healthz` (`/livez`, `/-/healthy`): whether the process is alive, asked of its scheduler. `/readyz` (`/-/ready`): whether
//! it is ready, and what each account and destination has to say.

use super::access::Caller;
use super::api::error::ApiError;
use crate::clock::SystemClock;
use crate::live::Live;
use crate::overview::{self, AccountRow, DestinationRow, Overview};
use axum::Extension;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use config_file::ReadyAccounts;
use scheduler::Clock as _;
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
    /// Whether enough accounts give points (`api.ready`), there is room for them, and a destination takes them.
    ready: bool,
    /// Why it is not ready. Shown, as all that follows, to callers with the scope `read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    details: Option<Details>,
}

/// What is not told to everybody.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Details {
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
    /// Whether at least one of its scopes could be listed and can be read.
    ready: bool,
    /// Why it waits for its budget; else what is wrong, or went wrong last.
    reason: Option<String>,
}

/// Whether a destination works. One of several that is down does not make the daemon unready: what waits for it waits on
/// disk.
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

/// The answer of `/readyz`: 200, or 503 with the same body. A probe need not say who it is, and is told no names.
pub(super) async fn ready(
    Shared(live): Shared<Arc<Live>>,
    Extension(wanted): Extension<ReadyAccounts>,
    caller: Option<Extension<Caller>>,
) -> Response {
    let overview = Overview::of(&live, SystemClock.now());
    let readiness = overview::Readiness::of(&overview, wanted);
    let status = if readiness.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = Readiness {
        ready: readiness.is_ready(),
        reason: readiness.reason().filter(|_| caller.is_some()).map(str::to_owned),
        details: caller.map(|_| details(&overview)),
    };
    (status, Json(body)).into_response()
}

fn details(overview: &Overview) -> Details {
    let account = |row: &AccountRow| {
        let readiness = AccountReadiness {
            ready: row.ready,
            reason: overview::why_not_ready(row),
        };
        (row.name.clone(), readiness)
    };
    let destination = |row: &DestinationRow| {
        let readiness = DestinationReadiness {
            up: row.delivery.up,
            delivered: row.delivery.delivered_points,
            reason: overview::reason(&row.delivery),
        };
        (row.name.clone(), readiness)
    };
    let refused = overview
        .reload
        .as_ref()
        .and_then(|last| last.outcome.as_ref().err());
    Details {
        reload_refused: refused.map(|refused| refused.why.clone()),
        accounts: overview.accounts.iter().map(account).collect(),
        destinations: overview.destinations.iter().map(destination).collect(),
    }
}

//! What can be asked of the daemon: `/api/v1/reload` and `/api/v1/poll`. The log says who asked.

use super::body::Sent;
use super::error::ApiError;
use super::request_id::RequestId;
use crate::admin::access::Caller;
use crate::admin::server::Peer;
use crate::live::Live;
use axum::Extension;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a reload changed, by names such as `aws prod` and `destination gateway`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ReloadAnswer {
    /// What there was not before.
    added: Vec<String>,
    /// What is different now.
    changed: Vec<String>,
    /// What there is no more.
    removed: Vec<String>,
}

/// Nothing to say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::admin) struct Nothing {}

/// What is to be polled.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::admin) struct PollWish {
    /// Only this account, by the configuration's name; absent or null = all.
    #[serde(default)]
    account: Option<String>,
}

/// What is polled now.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PollAnswer {
    /// Groups of targets that are due at once.
    groups: usize,
}

/// Who asks, for the log.
type Asking = (Extension<Caller>, Peer, Extension<RequestId>);

/// Takes up the configuration file as it is now; answers when that is done.
pub(in crate::admin) async fn reload(
    Shared(live): Shared<Arc<Live>>,
    asking: Asking,
    Sent(_): Sent<Nothing>,
) -> Result<Response, ApiError> {
    note(&asking, "reload", None);
    match live.control().reload().await {
        Ok(done) => {
            let (added, changed, removed) = (done.added, done.changed, done.removed);
            Ok(Json(ReloadAnswer {
                added,
                changed,
                removed,
            })
            .into_response())
        }
        Err(refused) => Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "configuration_refused",
            refused.why,
        )),
    }
}

/// Makes an account, or all of them, due at once; answers before they have been polled.
pub(in crate::admin) async fn poll(
    Shared(live): Shared<Arc<Live>>,
    asking: Asking,
    Sent(wish): Sent<PollWish>,
) -> Result<Response, ApiError> {
    let account = wish.unwrap_or_default().account;
    if let Some(name) = &account {
        known(&live, name)?;
    }
    note(&asking, "poll", account.as_deref());
    let groups = live.control().poll(account.as_deref()).await;
    Ok((StatusCode::ACCEPTED, Json(PollAnswer { groups })).into_response())
}

fn known(live: &Live, name: &str) -> Result<(), ApiError> {
    if live.gate(name).is_some() {
        return Ok(());
    }
    let waits = live
        .not_connected()
        .into_iter()
        .find(|(account, _)| account == name);
    Err(match waits {
        Some((_, why)) => ApiError::new(
            StatusCode::CONFLICT,
            "account_not_connected",
            format!("the account is not connected, so there is nothing to poll: {why}"),
        ),
        None => ApiError::new(
            StatusCode::NOT_FOUND,
            "account_unknown",
            "no account of the configuration has this name; /api/v1/accounts lists them",
        ),
    })
}

fn note((caller, peer, id): &Asking, action: &'static str, account: Option<&str>) {
    tracing::info!(
        caller = %caller.0,
        address = %peer.ip(),
        action,
        account,
        request_id = id.0.as_str(),
        "asked over the API"
    );
}

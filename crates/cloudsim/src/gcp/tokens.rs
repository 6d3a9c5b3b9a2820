//! The three places that hand out access tokens: the OAuth token endpoint (JWT grant), IAM credentials
//! (impersonation) and the metadata server. What makes a token good is `auth.rs`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, body::Bytes};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::Shared;
use super::auth::{ACCOUNT, LIFETIME_S};
use super::errors::ApiError;
use super::values::SECOND_NS;
use super::wire;

const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// `POST /token`.
pub(crate) async fn grant(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let now_s = shared.world.clock.unpaced_unix_s();
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    };
    let refused = |error: &str, description: &str| {
        shared.counts.request("Token", error);
        let body = json!({"error": error, "error_description": description});
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    };
    if field("grant_type") != JWT_GRANT {
        return refused("unsupported_grant_type", "Invalid grant_type");
    }
    match shared
        .authority
        .check_assertion(field("assertion"), shared.endpoint(), now_s)
    {
        Ok(()) => fresh(&shared, now_s),
        Err(description) => refused("invalid_grant", description),
    }
}

/// `GET /computeMetadata/v1/instance/service-accounts/default/{item}`.
pub(crate) async fn metadata(
    State(shared): State<Arc<Shared>>,
    Path(item): Path<String>,
    headers: HeaderMap,
) -> Response {
    if headers
        .get("metadata-flavor")
        .is_none_or(|flavor| flavor != "Google")
    {
        return (
            StatusCode::FORBIDDEN,
            "Missing required header \"Metadata-Flavor\": \"Google\"",
        )
            .into_response();
    }
    let flavor = [("metadata-flavor", "Google")];
    match item.as_str() {
        "token" => (flavor, fresh(&shared, shared.world.clock.unpaced_unix_s())).into_response(),
        "email" => (flavor, ACCOUNT).into_response(),
        _ => (StatusCode::NOT_FOUND, flavor).into_response(),
    }
}

fn fresh(shared: &Shared, now_s: i64) -> Response {
    shared.counts.request("Token", "ok");
    let life_s = shared.token_life_s();
    let token = shared.authority.issue(now_s, now_s + life_s);
    Json(json!({"access_token": token, "expires_in": life_s, "token_type": "Bearer"})).into_response()
}

/// `POST /v1/projects/-/serviceAccounts/{email}:generateAccessToken`.
pub(crate) async fn impersonate(
    State(shared): State<Arc<Shared>>,
    Path(call): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now_s = shared.world.clock.unpaced_unix_s();
    let answer = shared
        .authority
        .check(&headers, now_s)
        .and_then(|()| impersonated(&call, &body));
    match answer {
        Ok(lifetime_s) => {
            shared.counts.request("GenerateAccessToken", "ok");
            let exp_s = now_s + lifetime_s.min(shared.token_life_s());
            let token = shared.authority.issue(now_s, exp_s);
            Json(json!({"accessToken": token, "expireTime": wire::time(exp_s * SECOND_NS)})).into_response()
        }
        Err(error) => {
            shared.counts.request("GenerateAccessToken", error.status);
            error.into_response()
        }
    }
}

/// The lifetime that was asked for, in seconds.
fn impersonated(call: &str, body: &[u8]) -> Result<i64, ApiError> {
    let email = call
        .strip_suffix(":generateAccessToken")
        .ok_or_else(|| ApiError::not_found("No such method."))?;
    if !email.ends_with(".gserviceaccount.com") {
        return Err(ApiError::not_found(format!("Unknown service account {email}.")));
    }
    let body: Value = serde_json::from_slice(body).map_err(|_| ApiError::invalid("body", "not JSON"))?;
    if body["scope"].as_array().is_none_or(Vec::is_empty) {
        return Err(ApiError::invalid("scope", "at least one scope is required"));
    }
    let Some(text) = body["lifetime"].as_str() else {
        return Ok(LIFETIME_S);
    };
    let seconds = text
        .strip_suffix('s')
        .and_then(|number| number.parse::<i64>().ok());
    seconds
        .filter(|seconds| (1..=LIFETIME_S).contains(seconds))
        .ok_or_else(|| ApiError::invalid("lifetime", "must be between 1s and 3600s"))
}

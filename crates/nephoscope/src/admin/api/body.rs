//! The body of a request that changes something: nothing, or a small JSON document that comes at once.

use super::error::ApiError;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::timeout;

/// Longest body; the largest that means something is a name.
const MOST_BYTES: usize = 16 << 10;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was sent; nothing when there is no body.
#[derive(Debug)]
pub(in crate::admin) struct Sent<T>(pub(super) Option<T>);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        let read = timeout(PATIENCE, to_bytes(request.into_body(), MOST_BYTES)).await;
        let body = read.map_err(|_elapsed| too_slow())?.map_err(|_| too_large())?;
        if body.is_empty() {
            return Ok(Self(None));
        }
        if !is_json {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "send JSON with `Content-Type: application/json`, or no body",
            ));
        }
        // A list would do for a structure otherwise.
        let parsed = serde_json::from_slice::<Map<String, Value>>(&body);
        parsed
            .and_then(|members| T::deserialize(Value::Object(members)))
            .map(|body| Self(Some(body)))
            .map_err(|error| ApiError::bad(format!("the body cannot be understood: {error}")))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media
        .and_then(|media| media.split(';').next())
        .unwrap_or("")
        .trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn too_slow() -> ApiError {
    let message = format!("the body did not come within {} s", PATIENCE.as_secs());
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", message)
}

/// Or the connection broke off, and nobody reads this.
fn too_large() -> ApiError {
    let message = format!("a body may have {MOST_BYTES} bytes at most");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
}

//! `/api/v1/openapi.json`: the API document, as it is in `docs/`.

use super::asked::Asked;
use super::error::ApiError;
use super::listing::versioned;
use axum::response::Response;

/// Compared with routes and types by the tests of `openapi`.
pub(super) const DOCUMENT: &str = include_str!("../../../../../docs/openapi.json");

/// The answer.
pub(in crate::admin) async fn show(asked: Asked) -> Result<Response, ApiError> {
    asked.params(&[])?;
    asked.wants_json()?;
    Ok(versioned(&asked, "application/json", DOCUMENT))
}

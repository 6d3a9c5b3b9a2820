//! What an answer that is none looks like: JSON with the same four members, whatever went wrong and whoever noticed (a
//! handler, the router, an extractor). Only a browser that is not let in to the page gets a page.

use crate::admin::page::door;
use crate::clock::SystemClock;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use scheduler::Clock as _;
use serde::Serialize;

use super::request_id::RequestId;
use super::time::rfc3339;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(in crate::admin) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    /// With a word for programs and a sentence for people.
    pub(in crate::admin) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// The HTTP status.
    pub(in crate::admin) fn status(&self) -> StatusCode {
        self.status
    }

    /// The word for programs.
    pub(in crate::admin) fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence for people.
    pub(in crate::admin) fn message(&self) -> &str {
        &self.message
    }

    /// The question cannot be understood (400).
    pub(in crate::admin) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }
}

impl IntoResponse for ApiError {
    /// [`envelope`] writes the body: only it knows the request.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of an answer that is none.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ErrorBody {
    /// What went wrong.
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ErrorDetail {
    /// A word for programs.
    code: &'static str,
    /// A sentence for people: what was wrong and what to do.
    message: String,
    /// When it happened.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    timestamp: String,
    /// The request's `X-Request-Id`, which the daemon's log has as well.
    request_id: String,
}

/// Gives every answer its `X-Request-Id`, and every failure its body.
pub(in crate::admin) async fn envelope(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let at_browser = door::is_wanted(request.method(), request.uri(), request.headers());
    let mut response = next.run(request).await;
    if lacks_body(&response) {
        if at_browser {
            show_door(&mut response, &id);
        } else {
            write_body(&mut response, &id);
        }
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(RequestId::HEADER, value);
    }
    response
}

/// A failure that has a JSON body already is one that means to say more (`/readyz`).
fn lacks_body(response: &Response) -> bool {
    let status = response.status();
    let said = response.headers().get(header::CONTENT_TYPE);
    (status.is_client_error() || status.is_server_error())
        && said.is_none_or(|media| media != "application/json")
}

/// The headers that say more stay: how to show a token, when to come again.
fn show_door(response: &mut Response, id: &RequestId) {
    let error = said(response);
    let (parts, body) = door::closed(&error, id.as_str()).into_parts();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().extend(parts.headers);
    *response.body_mut() = body;
}

/// What went wrong, in whoever's words.
fn said(response: &mut Response) -> ApiError {
    let status = response.status();
    response
        .extensions_mut()
        .remove::<ApiError>()
        .unwrap_or_else(|| unnamed(status))
}

fn write_body(response: &mut Response, id: &RequestId) {
    let error = said(response);
    let body = ErrorBody {
        error: ErrorDetail {
            code: error.code,
            message: error.message,
            timestamp: rfc3339(SystemClock.now()),
            request_id: id.as_str().to_owned(),
        },
    };
    // A structure of texts can always be written.
    let bytes = serde_json::to_vec(&body).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    *response.body_mut() = Body::from(bytes);
}

/// What the router and the extractors refuse without a word of ours.
fn unnamed(status: StatusCode) -> ApiError {
    let (code, message) = match status.as_u16() {
        404 => (
            "not_found",
            "there is nothing here; /api/v1/openapi.json lists what there is",
        ),
        405 => (
            "method_not_allowed",
            "this cannot be done here; the header Allow lists what can",
        ),
        413 => ("body_too_large", "the body is too large"),
        _ if status.is_client_error() => ("bad_request", "the request cannot be understood"),
        _ => (
            "internal",
            "a fault of ours; the log says more under this request id",
        ),
    };
    ApiError::new(status, code, message)
}

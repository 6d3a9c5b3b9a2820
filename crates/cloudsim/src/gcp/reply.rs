//! An answer as bytes: JSON, or one of the bad answers that concern the whole body, gzipped when the client takes it.
//! Bad values inside a good body are `wire.rs`; refusals are `errors.rs`.

use std::io::{self, Write as _};

use axum::body::Body;
use axum::response::Response;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;

use super::errors::ApiError;
use crate::BadAnswer;

/// The answer as bytes: bad in the way that was asked for, gzipped when the client takes it.
pub(super) fn sent(headers: &HeaderMap, value: &Value, bad: Option<BadAnswer>) -> Response {
    let (mut body, mut kind) = (value.to_string(), "application/json; charset=UTF-8");
    match bad {
        Some(BadAnswer::Html) => {
            (body, kind) = ("<html><body>Proxy sign-in</body></html>".to_owned(), "text/html");
        }
        Some(BadAnswer::Truncated) => body = body.chars().take(body.chars().count() / 2).collect(),
        Some(BadAnswer::ErrorInside200) => body = ApiError::unavailable().body().to_string(),
        _ => {}
    }
    let gzip = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.contains("gzip"));
    let packed = if gzip { packed(body.as_bytes()).ok() } else { None };
    let encoded = packed.is_some();
    let mut response = Response::new(packed.map_or_else(|| Body::from(body), Body::from));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if encoded {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn packed(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

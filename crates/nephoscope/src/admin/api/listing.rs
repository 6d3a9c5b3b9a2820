//! A page of rows as an answer, in the form that the caller wants, with its version (`ETag`) and the way to the next.

use super::asked::{Asked, Params};
use super::error::ApiError;
use super::form::Form;
use super::{csv, xml};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

/// What can be written as rows.
pub(super) trait Row: Serialize {
    /// What one is called in XML.
    const NAME: &'static str;
    /// The members, in the order of a table's columns.
    const COLUMNS: &'static [&'static str];
}

/// A page of rows.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Listing<R> {
    /// The rows.
    pub(super) items: Vec<R>,
    /// The `cursor` of the next page; null when this is the last.
    pub(super) next: Option<String>,
    /// How much of what is collected can be shown at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) coverage: Option<Coverage>,
}

/// How much of what is collected the memory of recent points holds.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Coverage {
    /// Series whose recent points are held.
    pub(super) held_series: usize,
    /// Series that have been collected.
    pub(super) known_series: usize,
    /// Bytes that the recent points take.
    pub(super) bytes: usize,
    /// Most bytes that they may take (key `api.recent_max`).
    pub(super) max_bytes: usize,
}

impl<R: Row> Listing<R> {
    /// The answer.
    pub(super) fn answer(&self, asked: &Asked, params: &Params) -> Result<Response, ApiError> {
        let form = asked.form(params)?;
        let body = match form {
            Form::Json => serde_json::to_vec(self).map_err(|error| failed(&error))?,
            Form::Csv => csv::table(R::COLUMNS, &self.values()?).map_err(|error| failed(&error))?,
            Form::Xml => {
                xml::document(R::NAME, R::COLUMNS, &self.values()?).map_err(|error| failed(&error))?
            }
        };
        let mut response = versioned(asked, form.media_type(), body);
        if let Some(next) = &self.next {
            let link = format!("<{}>; rel=\"next\"", asked.with_cursor(next));
            if let Ok(value) = HeaderValue::from_str(&link) {
                response.headers_mut().insert(header::LINK, value);
            }
        }
        Ok(response)
    }

    fn values(&self) -> Result<Vec<Value>, ApiError> {
        let values = self.items.iter().map(serde_json::to_value);
        values.collect::<Result<_, _>>().map_err(|error| failed(&error))
    }
}

/// A single object as an answer, in JSON only.
pub(super) fn object(asked: &Asked, body: &impl Serialize) -> Result<Response, ApiError> {
    asked.wants_json()?;
    let body = serde_json::to_vec(body).map_err(|error| failed(&error))?;
    Ok(versioned(asked, Form::Json.media_type(), body))
}

/// A body with its version; only the version when the caller has it already.
pub(super) fn versioned(
    asked: &Asked,
    media_type: &'static str,
    body: impl Into<Body> + AsRef<[u8]>,
) -> Response {
    let etag = format!("\"{:032x}\"", xxh3_128(body.as_ref()));
    let mut response = if asked.has(&etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, media_type)], body.into()).into_response()
    };
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.insert(
        header::VARY,
        HeaderValue::from_static("accept, authorization, x-api-key"),
    );
    response
}

fn failed(error: &dyn std::error::Error) -> ApiError {
    tracing::error!(%error, "writing an answer");
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "the answer could not be written; the log says why",
    )
}

/// The rows after those that a cursor names, at most `limit`; `key` must rise from row to row.
pub(super) fn page<R>(
    mut rows: Vec<R>,
    key: impl Fn(&R) -> &str,
    params: &Params,
    limit: usize,
) -> Result<Listing<R>, ApiError> {
    rows.sort_by(|a, b| key(a).cmp(key(b)));
    if let Some(cursor) = params.cursor()? {
        rows.retain(|row| key(row).as_bytes() > cursor.as_slice());
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next = last.map(|row| super::asked::hex(key(row).as_bytes()));
    Ok(Listing {
        items: rows,
        next,
        coverage: None,
    })
}

//! What a browser shows that is not let in to the page: why, and how one gets in. Programs get the API's own words.

use super::{CSS, POLICY};
use crate::admin::api::error::ApiError;
use askama::Template;
use axum::http::HeaderMap;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};

#[derive(Template)]
#[template(path = "door.html")]
struct Door<'a> {
    title: &'static str,
    why: &'a str,
    /// A token is wanted.
    token: bool,
    /// One was shown, and it was not ours.
    wrong: bool,
    id: &'a str,
    css: &'static str,
}

/// Whether somebody at a browser wants to see the page.
pub(in crate::admin) fn is_wanted(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    // A browser names it first; a program says `*/*`.
    *method == Method::GET
        && uri.path() == "/"
        && accept.is_some_and(|accept| accept.starts_with("text/html"))
}

/// The answer in place of the page.
pub(in crate::admin) fn closed(error: &ApiError, id: &str) -> Response {
    let token = error.status() == StatusCode::UNAUTHORIZED;
    let title = match error.status() {
        StatusCode::UNAUTHORIZED => "This daemon wants to know who you are",
        StatusCode::FORBIDDEN => "This daemon may not show you its page",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        _ => "The page cannot be shown",
    };
    let door = Door {
        title,
        why: error.message(),
        token,
        wrong: error.code() == "token_unknown",
        id,
        css: CSS,
    };
    let html = door.render().unwrap_or_else(|_| error.message().to_owned());
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (error.status(), headers, Html(html)).into_response()
}

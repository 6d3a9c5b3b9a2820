//! The status page: one self-contained document, rendered on each request, complete without a script. The templates
//! beside this file say what it looks like, `page.css` and `page.js` are put into it, and a policy in the header lets
//! the browser run these two and nothing else. What is said is decided in [`crate::overview`].

mod accounts;
mod chart;
pub(super) mod door;
mod number;
mod query;
mod search;
mod text;

use crate::clock::SystemClock;
use crate::live::Live;
use crate::overview::{GroupRow, Overview};
use accounts::{AccountsPart, FEW};
use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{RawQuery, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use provider_api::UnixNanos;
use query::Query;
use scheduler::{Clock as _, NamespaceProgress};
use search::Found;
use std::sync::{Arc, LazyLock};

const CSS: &str = include_str!("page.css");
const JS: &str = include_str!("page.js");

/// Problems that are spelled out; the tables have the rest.
const PROBLEMS_SHOWN: usize = 8;

/// Groups that are shown; those further down are no slower.
const GROUPS_SHOWN: usize = 10;

/// Namespaces that are shown unless all are asked for.
const NAMESPACES_SHOWN: usize = 30;

/// What the browser may run and load: our style, our script by their hashes, and answers of the daemon itself.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        hash(CSS),
        hash(JS)
    );
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

fn hash(text: &str) -> String {
    BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()))
}

/// The page's answer.
pub(super) async fn show(Shared(live): Shared<Arc<Live>>, RawQuery(query): RawQuery) -> Response {
    let overview = Overview::of(&live, SystemClock.now());
    let query = Query::parse(query.as_deref().unwrap_or_default());
    let found = Found::of(&live.recent, &query, overview.store.series, overview.now);
    match render(&overview, &query, &found) {
        Ok(html) => {
            let headers = [
                (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (headers, Html(html)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "rendering the status page");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the page could not be rendered\n",
            )
                .into_response()
        }
    }
}

fn render(overview: &Overview, query: &Query, found: &Found) -> askama::Result<String> {
    let namespaces = if query.all { usize::MAX } else { NAMESPACES_SHOWN };
    let page = Page {
        o: overview,
        query,
        accounts: AccountsPart::of(
            &overview.accounts,
            query,
            overview.problems.len() <= PROBLEMS_SHOWN,
        ),
        groups: first(&overview.groups, GROUPS_SHOWN),
        namespaces: first(&overview.namespaces, namespaces),
        found,
        totals: Totals::of(overview),
        problems_shown: PROBLEMS_SHOWN,
        few: FEW,
        version: env!("CARGO_PKG_VERSION"),
        css: CSS,
        js: JS,
    };
    page.render()
}

fn first<T>(all: &[T], most: usize) -> &[T] {
    all.get(..most).unwrap_or(all)
}

/// Everything that the templates show.
#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    o: &'a Overview,
    query: &'a Query,
    accounts: AccountsPart<'a>,
    groups: &'a [GroupRow],
    namespaces: &'a [NamespaceProgress],
    found: &'a Found,
    totals: Totals,
    problems_shown: usize,
    few: usize,
    version: &'static str,
    css: &'static str,
    js: &'static str,
}

/// Sums over all accounts.
struct Totals {
    series: u64,
    points: u64,
    requests: u64,
    usd_nanos: u64,
    newest: Option<UnixNanos>,
}

impl Totals {
    fn of(overview: &Overview) -> Self {
        let accounts = &overview.accounts;
        Self {
            series: accounts.iter().map(|a| a.progress.series).sum(),
            points: accounts.iter().map(|a| a.progress.points).sum(),
            requests: accounts.iter().map(|a| a.requests).sum(),
            usd_nanos: accounts.iter().map(|a| a.usd_nanos).sum(),
            newest: accounts.iter().filter_map(|a| a.progress.newest).max(),
        }
    }
}

#[cfg(test)]
mod tests;

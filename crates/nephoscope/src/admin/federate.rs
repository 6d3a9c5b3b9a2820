//! The newest points of the clouds at `/federate`, for a Prometheus that scrapes: all of them, or what `match[]` chooses.

use super::api::error::ApiError;
use super::metrics::{accepted, answer};
use crate::live::Live;
use axum::extract::{RawQuery, State as Shared};
use axum::http::HeaderMap;
use axum::response::Response;
use export::prometheus::{Selector, federate};
use std::sync::Arc;
use url::form_urlencoded::parse;

/// Most selectors of a request: each is held against every series.
pub(super) const MOST_SELECTORS: usize = 20;

/// The answer of `/federate`.
pub(super) async fn show(
    Shared(live): Shared<Arc<Live>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let selectors = selectors(query.as_deref().unwrap_or_default())?;
    let destinations = live.destinations();
    let tables: Vec<_> = destinations.iter().filter_map(|d| d.latest.clone()).collect();
    let format = accepted(&headers);
    Ok(answer(format, federate(&tables, format, &selectors)))
}

/// Other parameters are a scraper's own affair.
fn selectors(query: &str) -> Result<Vec<Selector>, ApiError> {
    let texts = parse(query.as_bytes()).filter(|(name, _)| name == "match[]");
    let texts: Vec<_> = texts.take(MOST_SELECTORS + 1).collect();
    if texts.len() > MOST_SELECTORS {
        let message = format!("match[] is given more than {MOST_SELECTORS} times; ask in several requests");
        return Err(ApiError::bad(message));
    }
    texts
        .iter()
        .map(|(_, text)| Selector::parse(text))
        .collect::<Result<_, _>>()
        .map_err(|error| ApiError::bad(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_match_counts_and_a_wrong_one_is_named() {
        for (query, wanted) in [
            ("", 0),
            ("match=up&x=1", 0),
            ("match[]=up&match%5B%5D=%7B__name__%3D~%22aws_.*%22%7D", 2),
        ] {
            assert_eq!(
                selectors(query).map(|all| all.len()).ok(),
                Some(wanted),
                "{query}"
            );
        }
        let error = selectors("match[]=up&match[]=sum(up)").unwrap_err();
        assert_eq!(error.status().as_u16(), 400);
        assert_eq!(error.message(), "match[]=sum(up): `{` is expected at `(up)`");
        let many = |n: usize| selectors(&"match[]=up&".repeat(n));
        assert_eq!(
            many(MOST_SELECTORS).map(|all| all.len()).ok(),
            Some(MOST_SELECTORS)
        );
        assert!(
            many(MOST_SELECTORS + 1)
                .unwrap_err()
                .message()
                .contains("20 times")
        );
    }
}

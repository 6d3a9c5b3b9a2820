//! `ListMetrics`: names and dimensions of what has data, five hundred to a page, without units.

use super::State;
use super::answer::ApiError;
use super::catalog::Series;
use super::page;
use super::wire::Doc;

/// Metrics on a page.
const PAGE: usize = 500;
/// Dimension filters at most.
const MAX_FILTERS: usize = 10;
/// What `RecentlyActive=PT3H` means, in seconds.
const RECENT_S: i64 = 3 * 3600;

/// How long after its last point a metric is still listed, in seconds: two weeks.
const KEPT_S: i64 = 14 * 24 * 3600;
/// How long after its first point a metric may be missing, and how long it may count as recent for longer, in seconds.
const LISTING_LAG_S: u64 = 14 * 60;
const RECENT_LAG_S: u64 = 50 * 60;

/// Answers `ListMetrics`.
pub(super) fn list_metrics(state: &State, region: &str, request: &Doc) -> Result<Doc, ApiError> {
    if request.list("Dimensions").len() > MAX_FILTERS {
        return Err(ApiError::validation(
            "The collection Dimensions must not have a size greater than 10.",
        ));
    }
    let recent_only = match request.str("RecentlyActive") {
        None => false,
        Some("PT3H") => true,
        Some(_) => {
            return Err(ApiError::bad(
                "InvalidParameterValue",
                "RecentlyActive must be PT3H",
            ));
        }
    };
    let fingerprint = page::fingerprint("lm", request, &["NextToken"]);
    let start = match request.str("NextToken") {
        None => 0,
        Some(token) => page::open(token, fingerprint)
            .ok_or_else(|| ApiError::bad("InvalidParameterValue", "Invalid nextToken"))?[0],
    };
    let now_unix_s = state.world.clock.now_unix_s();
    let mut metrics = Vec::new();
    let mut token = None;
    for (at, series) in state.catalog.region(region).series.iter().enumerate().skip(start) {
        if !wanted(series, request)
            || !is_listed(series, recent_only, now_unix_s)
            || (recent_only && !is_recent(state, series, now_unix_s))
        {
            continue;
        }
        if metrics.len() == PAGE {
            token = Some(page::seal(fingerprint, [at, 0]));
            break;
        }
        metrics.push(entry(series));
    }
    let mut answer = Doc::map([("Metrics", Doc::List(metrics))]);
    if let Some(token) = token {
        answer.set("NextToken", Doc::Text(token));
    }
    Ok(answer)
}

fn wanted(series: &Series, request: &Doc) -> bool {
    request
        .str("Namespace")
        .is_none_or(|namespace| namespace == series.namespace)
        && request
            .str("MetricName")
            .is_none_or(|name| name == series.metric.name)
        && request
            .list("Dimensions")
            .iter()
            .all(|filter| has_dimension(series, filter))
}

fn has_dimension(series: &Series, filter: &Doc) -> bool {
    let value = filter.str("Value");
    series
        .dimensions
        .iter()
        .any(|(name, has)| filter.str("Name") == Some(name) && value.is_none_or(|wanted| wanted == has))
}

/// Whether something that lives for minutes is listed: up to a quarter of an hour after it began, up to two weeks after it
/// ended, as "recent" for three hours and up to fifty minutes.
fn is_listed(series: &Series, recent_only: bool, now_unix_s: i64) -> bool {
    let Some(life) = series.life else { return true };
    let kept_s = if recent_only {
        RECENT_S + life.within_s(1, RECENT_LAG_S)
    } else {
        KEPT_S
    };
    (life.born_s + 60 + life.within_s(0, LISTING_LAG_S)..life.ended_s + kept_s).contains(&now_unix_s)
}

/// Whether its newest published bucket started within the last three hours.
fn is_recent(state: &State, series: &Series, now_unix_s: i64) -> bool {
    let delay_s = i64::try_from(state.world.publish_delay.as_secs()).unwrap_or(i64::MAX);
    let native_s = series.metric.native_s;
    let newest_start_s = (now_unix_s.saturating_sub(delay_s) / native_s - 1) * native_s;
    newest_start_s >= now_unix_s - RECENT_S
}

fn entry(series: &Series) -> Doc {
    let dimensions = series.dimensions.iter();
    let dimensions = dimensions.map(|(name, value)| {
        Doc::map([
            ("Name", Doc::text(name.clone())),
            ("Value", Doc::text(value.clone())),
        ])
    });
    Doc::map([
        ("Namespace", Doc::text(series.namespace)),
        ("MetricName", Doc::text(series.metric.name)),
        ("Dimensions", Doc::List(dimensions.collect())),
    ])
}

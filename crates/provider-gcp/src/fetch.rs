//! Reads one call page by page. Each page is one request through the gate and one batch; no page is asked for before
//! the stream is polled for it. A target is complete only after its last page and only if Google named no error
//! anywhere on the way. All loops end: pages are counted, tokens remembered, points per series bounded.

use crate::GCP;
use crate::config::MAX_PAGE_SIZE;
use crate::connection::Connection;
use crate::convert::{Converter, timestamp};
use crate::discover::GcpTarget;
use crate::plan;
use async_stream::try_stream;
use futures::Stream;
use gate::Request;
use google_cloud_monitoring_v3::model::list_time_series_request::TimeSeriesView;
use google_cloud_monitoring_v3::model::{ListTimeSeriesResponse, TimeInterval};
use provider_api::{Batch, Call, ErrorKind, Failure, Pages, Price, ProviderError, Target, Window};
use std::time::Duration;

/// A hundred million points at the default page size: far beyond any window, and an end.
const MAX_PAGES: u64 = 10_000;

/// A series may be denser than its descriptor says, but not this many times…
const DENSER_THAN_ASKED: u64 = 10;

/// …unless it has no more than a point per second (users may write one every five seconds).
const DENSEST_GRAIN: Duration = Duration::from_secs(1);

/// The batches of one call.
pub(crate) fn fetch<'a>(
    connection: &'a Connection,
    call: &'a Call,
) -> impl Stream<Item = Result<Batch, ProviderError>> + Send + 'a {
    try_stream! {
        for target in &call.targets {
            let Some(detail) = plan::of(target) else { continue };
            let mut reading = Reading::new(connection, call, target, detail);
            while let Some(batch) = reading.next().await? {
                yield batch;
            }
        }
    }
}

/// One target's pages.
struct Reading<'a> {
    connection: &'a Connection,
    call: &'a Call,
    target: &'a Target,
    detail: &'a GcpTarget,
    converter: Converter<'a>,
    /// The token of the next page; `None` after the last.
    token: Option<String>,
    pages: Pages,
    /// Series returned, and those of them that are paid. One that goes on over a page's end counts twice: whether Google
    /// bills it twice is not documented.
    returned: u64,
    paid: u64,
    /// What Google said was missing.
    missing: Vec<String>,
    /// Found out on the page before; that page was handed over first.
    broken: Option<String>,
}

impl<'a> Reading<'a> {
    fn new(connection: &'a Connection, call: &'a Call, target: &'a Target, detail: &'a GcpTarget) -> Self {
        Self {
            connection,
            call,
            target,
            detail,
            converter: Converter::new(&connection.config().account, target.id, detail, call.window),
            token: Some(String::new()),
            pages: Pages::at_most(MAX_PAGES),
            returned: 0,
            paid: call.price.units,
            missing: Vec::new(),
            broken: None,
        }
    }

    async fn next(&mut self) -> Result<Option<Batch>, ProviderError> {
        if let Some(broken) = self.broken.take() {
            return Err(self.bad_response(&broken));
        }
        let Some(token) = self.token.take() else {
            return Ok(None);
        };
        match self.ask(&token).await {
            Ok((request, page)) => {
                self.pay(&request, &page).await;
                self.batch(page).map(Some)
            }
            Err(e) if *e.kind() == ErrorKind::NotFound => Ok(Some(self.not_found(&e))),
            // Tokens expire; from its first page on the read may well be answered.
            Err(e) if *e.kind() == ErrorKind::InvalidRequest && !token.is_empty() => {
                Err(self.bad_response(&format!("a page token was refused: {}", e.message())))
            }
            Err(e) => Err(e),
        }
    }

    fn batch(&mut self, mut page: ListTimeSeriesResponse) -> Result<Batch, ProviderError> {
        let given = std::mem::take(&mut page.time_series);
        let limit = points_per_series(self.call.window, self.target.group.grain);
        if given.iter().any(|s| s.points.len() > limit) {
            return Err(self.bad_response("far more points than the window can hold"));
        }
        self.missing.extend(what_is_missing(&page));
        let converted = self.converter.page(&page.unit, &given);
        // No `cloud_time`: the client library hands out bodies only, headers are kept for refusals alone.
        let batch = Batch {
            series: converted.series,
            skipped: converted.skipped,
            ..Batch::default()
        };
        let brought = !batch.series.is_empty();
        match self.pages.follow(Some(&page.next_page_token), brought) {
            Ok(None) => return Ok(self.finish(batch)),
            Ok(next) => self.token = next,
            Err(why) => self.broken = Some(why),
        }
        Ok(batch)
    }

    /// Pays for series beyond those that were foreseen.
    async fn pay(&mut self, request: &Request, page: &ListTimeSeriesResponse) {
        self.returned += u64::try_from(page.time_series.len()).unwrap_or(u64::MAX);
        let owed = self.returned.saturating_sub(self.paid);
        if owed > 0 {
            self.paid += owed;
            let price = plan::price(owed);
            self.connection.gate().owes(request, price.usd_nanos).await;
        }
    }

    /// Adds the verdict on the target to its last batch.
    fn finish(&self, mut batch: Batch) -> Batch {
        let target = self.target.id;
        if self.missing.is_empty() {
            self.detail.seen.set(self.returned);
            batch.complete.push(target);
        } else {
            let kind = ErrorKind::Unavailable { retry_after: None };
            batch.failed.push(Failure {
                target,
                kind,
                message: self.missing.join("; "),
            });
        }
        batch
    }

    /// Google's 404: the type has never had data here, or it is younger than ten minutes. Then there is something to come.
    fn not_found(&self, error: &ProviderError) -> Batch {
        if !self.detail.active {
            return self.finish(Batch::default());
        }
        let failure = Failure {
            target: self.target.id,
            kind: error.kind().clone(),
            message: error.message().to_owned(),
        };
        Batch {
            failed: vec![failure],
            ..Batch::default()
        }
    }

    async fn ask(&self, token: &str) -> Result<(Request, ListTimeSeriesResponse), ProviderError> {
        // The series were priced with the first page; those beyond are paid when they have come.
        let price = if token.is_empty() {
            self.call.price
        } else {
            Price::FREE
        };
        let request = Request {
            urgency: self.call.urgency,
            group: self.call.group().cloned(),
            domain: self.connection.domain(),
            question: Some(self.target.id.0),
            ..Request::new(self.call.scope.clone(), self.call.operation, price)
        };
        let window = self.call.window;
        // Google's intervals are (start, end], as our windows are.
        let interval = TimeInterval::new()
            .set_start_time(timestamp(window.start()))
            .set_end_time(timestamp(window.end()));
        let size = self.connection.config().page_size.clamp(1, MAX_PAGE_SIZE);
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        let answer = self
            .connection
            .ask(&request, |client| {
                client
                    .list_time_series()
                    .set_name(format!("projects/{}", self.detail.project))
                    .set_filter(&*self.detail.query)
                    .set_interval(interval.clone())
                    .set_view(TimeSeriesView::Full)
                    .set_page_size(size)
                    .set_page_token(token)
                    .send()
            })
            .await?;
        Ok((request, answer))
    }

    fn bad_response(&self, message: &str) -> ProviderError {
        let message = format!("{}: {message}", self.detail.metric_type);
        let kind = ErrorKind::BadResponse;
        ProviderError::new(GCP, self.call.operation, self.call.scope.clone(), kind, message)
    }
}

/// The most points that one series may have on one page and be believed.
fn points_per_series(window: Window, grain: Duration) -> usize {
    let asked = window.grains(grain).saturating_mul(DENSER_THAN_ASKED);
    usize::try_from(asked.max(window.grains(DENSEST_GRAIN)).saturating_add(1)).unwrap_or(usize::MAX)
}

/// The words for each gap in an answer. `page` is without its series: the list of unreachable regions is in Google's
/// documents but not in the library's model, which keeps it only for writing the answer out again; so does it with an
/// error that comes in a success, which would otherwise read as "no series".
fn what_is_missing(page: &ListTimeSeriesResponse) -> Vec<String> {
    let errors = page
        .execution_errors
        .iter()
        .map(|e| format!("{} (code {})", e.message, e.code));
    let rest = serde_json::to_value(page).unwrap_or_default();
    let regions = rest
        .get("unreachable")
        .and_then(|u| u.as_array())
        .into_iter()
        .flatten();
    let regions = regions.map(|r| format!("unreachable: {}", r.as_str().unwrap_or("?")));
    let inside = rest
        .get("error")
        .map(|e| format!("an error inside a success: {e}"));
    errors.chain(regions).chain(inside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::UnixNanos;

    #[test]
    fn gaps_are_named() {
        let page = serde_json::json!({"executionErrors": [{"code": 14, "message": "cell down"}], "unreachable": ["us-east1"]});
        let page = serde_json::from_value(page).expect("a page");
        assert_eq!(
            what_is_missing(&page),
            ["cell down (code 14)", "unreachable: us-east1"]
        );
        let page = serde_json::json!({"error": {"code": 503}});
        let page = serde_json::from_value(page).expect("a page");
        assert_eq!(
            what_is_missing(&page),
            ["an error inside a success: {\"code\":503}"]
        );
        assert!(what_is_missing(&ListTimeSeriesResponse::new()).is_empty());
    }

    #[test]
    fn a_series_may_be_denser_than_declared_within_reason() {
        let window = Window::new(UnixNanos(0), UnixNanos::from_seconds(300)).expect("not empty");
        assert_eq!(points_per_series(window, Duration::from_secs(60)), 301);
        assert_eq!(points_per_series(window, Duration::from_secs(1)), 3_001);
    }
}

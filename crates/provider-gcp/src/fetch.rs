//! Reads one call page by page. Each page is one request through the gate and one batch; no page is asked for before
//! the stream is polled for it. A target is complete only after its last page and only if Google named no error
//! anywhere on the way. All loops end: pages are counted, tokens remembered, points per series bounded.

use crate::GCP;
use crate::config::MAX_PAGE_SIZE;
use crate::connection::Connection;
use crate::convert::{Converter, timestamp};
use crate::decode::{self, Series};
use crate::discover::GcpTarget;
use crate::http::Get;
use crate::plan;
use async_stream::try_stream;
use futures::Stream;
use gate::Request;
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

    fn batch(&mut self, read: Series) -> Result<Batch, ProviderError> {
        let Series { page, odd, missing } = read;
        let given = &page.time_series;
        let limit = points_per_series(self.call.window, self.target.group.grain);
        if given.iter().any(|s| s.points.len() > limit) {
            return Err(self.bad_response("far more points than the window can hold"));
        }
        self.missing.extend(missing);
        let converted = self.converter.page(&page.unit, given, odd);
        // No `cloud_time`: the connection tells the gate the date of each answer.
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
    async fn pay(&mut self, request: &Request, read: &Series) {
        self.returned += u64::try_from(read.page.time_series.len()).unwrap_or(u64::MAX);
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

    async fn ask(&self, token: &str) -> Result<(Request, Series), ProviderError> {
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
        let size = self.connection.config().page_size.clamp(1, MAX_PAGE_SIZE);
        let get = Get {
            project: &self.detail.project,
            list: "timeSeries",
            parameters: vec![
                ("filter", self.detail.query.to_string()),
                // Google's intervals are (start, end], as our windows are.
                ("interval.startTime", timestamp(window.start()).into()),
                ("interval.endTime", timestamp(window.end()).into()),
                ("view", "FULL".to_owned()),
                ("pageSize", size.to_string()),
                ("pageToken", token.to_owned()),
            ],
        };
        let answer = self.connection.ask(&request, &get, decode::series).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::UnixNanos;

    #[test]
    fn a_series_may_be_denser_than_declared_within_reason() {
        let window = Window::new(UnixNanos(0), UnixNanos::from_seconds(300)).expect("not empty");
        assert_eq!(points_per_series(window, Duration::from_secs(60)), 301);
        assert_eq!(points_per_series(window, Duration::from_secs(1)), 3_001);
    }
}

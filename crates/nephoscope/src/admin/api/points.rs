//! `/api/v1/points`: the recent points of the series that a filter finds, series by series, each oldest first.

use super::asked::{Asked, Params};
use super::error::ApiError;
use super::filter::{self, Filter};
use super::listing::{Listing, Row};
use super::series::{account, coverage, number, read_cursor, show_id, write_cursor};
use super::time::rfc3339;
use crate::live::Live;
use crate::recent::{Held, Key, Sample};
use axum::extract::State as Shared;
use axum::response::Response;
use provider_api::UnixNanos;
use serde::Serialize;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

const DEFAULT_ROWS: usize = 1000;
const MOST_ROWS: usize = 10_000;

/// A point.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PointRow {
    /// Identity of its series.
    series: String,
    /// The series' name.
    name: String,
    /// The account's name in the configuration.
    account: String,
    /// End of the interval, by the cloud's clock.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    time: String,
    /// The value; of a distribution the mean, null when there is none.
    #[cfg_attr(test, schemars(with = "Option<f64>"))]
    value: serde_json::Value,
    /// Of a distribution how many values it has, to seven digits; else null.
    count: Option<f32>,
}

impl Row for PointRow {
    const NAME: &'static str = "point";
    const COLUMNS: &'static [&'static str] = &["series", "name", "account", "time", "value", "count"];
}

/// From when to when points are wanted.
#[derive(Clone, Copy, Debug)]
struct Times {
    from: UnixNanos,
    to: UnixNanos,
}

/// The answer.
pub(in crate::admin) async fn list(
    Shared(live): Shared<Arc<Live>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let known = [&filter::PARAMS[..], &["from", "to", "limit", "cursor", "format"]].concat();
    let params = asked.params(&known)?;
    let limit = params.limit(DEFAULT_ROWS, MOST_ROWS)?;
    let filter = Filter::new(&params)?;
    let times = Times {
        from: params.time("from")?.unwrap_or(UnixNanos(i64::MIN)),
        to: params.time("to")?.unwrap_or(UnixNanos(i64::MAX)),
    };
    let start = cursor(&params)?;
    let mut page = Page::new(limit);
    let from = start
        .as_ref()
        .map_or(Bound::Unbounded, |(key, _)| Bound::Included(key.clone()));
    live.recent.walk(from, |key, held| {
        if !filter.wants(key.id, &held.series) {
            return ControlFlow::Continue(());
        }
        let after = start
            .as_ref()
            .filter(|(begun, _)| begun == key)
            .map(|(_, end)| *end);
        let samples = held.ring.samples();
        let samples = samples.filter(|s| times.hold(s.end) && after.is_none_or(|after| s.end > after));
        page.take(key, held, samples)
    });
    let listing = Listing {
        items: page.items,
        next: page.next,
        coverage: Some(coverage(&live)),
    };
    listing.answer(&asked, &params)
}

impl Times {
    fn hold(self, end: UnixNanos) -> bool {
        self.from <= end && end <= self.to
    }
}

/// Points up to a number, and where the next ones begin.
#[derive(Debug)]
struct Page {
    limit: usize,
    items: Vec<PointRow>,
    last: Option<(Key, UnixNanos)>,
    next: Option<String>,
}

impl Page {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            items: Vec::new(),
            last: None,
            next: None,
        }
    }

    fn take(&mut self, key: &Key, held: &Held, samples: impl Iterator<Item = Sample>) -> ControlFlow<()> {
        for sample in samples {
            if self.items.len() == self.limit {
                let last = self.last.take();
                self.next = last.map(|(key, end)| write_cursor(&key, &end.0.to_be_bytes()));
                return ControlFlow::Break(());
            }
            self.items.push(row(key, held, sample));
            self.last = Some((key.clone(), sample.end));
        }
        ControlFlow::Continue(())
    }
}

fn row(key: &Key, held: &Held, sample: Sample) -> PointRow {
    PointRow {
        series: show_id(key.id),
        name: key.name.to_string(),
        account: account(held),
        time: rfc3339(sample.end),
        value: number(sample.value),
        count: sample.count,
    }
}

/// The point that the page before ended with.
fn cursor(params: &Params) -> Result<Option<(Key, UnixNanos)>, ApiError> {
    let Some(bytes) = params.cursor()? else {
        return Ok(None);
    };
    let Some((end, key)) = bytes.split_first_chunk() else {
        return Err(ApiError::bad("`cursor` is too short to be one of ours"));
    };
    Ok(Some((read_cursor(key)?, UnixNanos(i64::from_be_bytes(*end)))))
}

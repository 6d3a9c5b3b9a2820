//! From the pages of one `GetMetricData` request to batches. Folding is pure and knows no SDK type, so that every odd
//! answer is a table line in the tests.
//!
//! A statistic is complete when the cloud says so; a target when all its statistics are. What arrived of a target that
//! failed is kept.

use super::page::{Page, Part, Status, parse_id};
use crate::discover::AwsTarget;
use crate::plan::{MOST_POINTS, points_of};
use provider_api::{
    Batch, Call, ErrorKind, Failure, Pages, Point, Series, SeriesPoints, SkipReason, Skips, Target,
    UnixNanos, Value,
};
use std::sync::Arc;

/// Pages beyond those that the points asked for fill: the cloud may answer with small pages.
const SPARE_PAGES: u64 = 64;
/// An answer with more than so many times the points asked for is none.
const MOST_TIMES_ASKED: u64 = 10;

/// What to do after a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Read on with this token.
    Page(String),
    /// That was all.
    End,
    /// The answer cannot be trusted any further.
    Broken(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Complete,
    Failed,
}

/// One query: what has come of it.
#[derive(Debug, Default)]
struct Query {
    /// Sorted.
    ends: Vec<UnixNanos>,
    complete: bool,
}

#[derive(Debug)]
struct Progress<'a> {
    target: &'a Target,
    detail: &'a AwsTarget,
    queries: Vec<Query>,
    state: State,
}

/// Folds the pages of one call.
#[derive(Debug)]
pub(crate) struct Folder<'a> {
    call: &'a Call,
    targets: Vec<Option<Progress<'a>>>,
    pages: Pages,
    most_points: u64,
    points: u64,
    batch: Batch,
    skips: Skips,
}

impl<'a> Folder<'a> {
    pub(crate) fn new(call: &'a Call) -> Self {
        let asked: u64 = call.targets.iter().map(|t| points_of(t, call.window)).sum();
        Self {
            call,
            targets: call.targets.iter().map(progress).collect(),
            pages: Pages::at_most(asked.div_ceil(MOST_POINTS) + SPARE_PAGES),
            most_points: asked.saturating_mul(MOST_TIMES_ASKED),
            points: 0,
            batch: Batch::default(),
            skips: Skips::default(),
        }
    }

    /// What this page adds, and whether to read on.
    pub(crate) fn page(&mut self, page: Page) -> (Batch, Next) {
        for part in page.parts {
            self.points = self
                .points
                .saturating_add(u64::try_from(part.values.len()).unwrap_or(u64::MAX));
            self.part(part);
        }
        let mut batch = std::mem::take(&mut self.batch);
        batch.cloud_time = page.cloud_time;
        batch.skipped = self.skips.take();
        let brought = !batch.series.is_empty() || !batch.complete.is_empty();
        let next = match self.pages.follow(page.token.as_deref(), brought) {
            Err(why) => Next::Broken(why),
            Ok(_) if self.points > self.most_points => Next::Broken(format!(
                "{} points, {} times those asked for",
                self.points, MOST_TIMES_ASKED
            )),
            Ok(Some(token)) => Next::Page(token),
            Ok(None) => Next::End,
        };
        (batch, next)
    }

    fn part(&mut self, part: Part) {
        let Some((index, statistic)) = parse_id(&part.id) else {
            return self.skip(SkipReason::BadShape, &part.id.as_str().into(), part.values.len());
        };
        let Some(mut progress) = self.targets.get_mut(index).and_then(Option::take) else {
            return self.skip(SkipReason::BadShape, &part.id.as_str().into(), part.values.len());
        };
        self.part_of(&mut progress, statistic, part);
        if let Some(place) = self.targets.get_mut(index) {
            *place = Some(progress);
        }
    }

    fn part_of(&mut self, progress: &mut Progress<'a>, statistic: usize, part: Part) {
        let name = &progress.detail.metric.name;
        let Some(query) = progress.queries.get_mut(statistic) else {
            return self.skip(SkipReason::BadShape, name, part.values.len());
        };
        if part.starts.len() != part.values.len() {
            self.skip(
                SkipReason::BadShape,
                name,
                part.values.len().max(part.starts.len()),
            );
            let message = format!(
                "{} timestamps for {} values",
                part.starts.len(),
                part.values.len()
            );
            return self.fail(progress, ErrorKind::BadResponse, message);
        }
        let points = self.points(
            progress.target,
            name,
            query,
            part.starts.iter().copied().zip(part.values),
        );
        if !points.is_empty() {
            self.batch.series.extend(series(progress, statistic, points));
        }
        self.settle(progress, statistic, &part.status, &part.messages);
    }

    /// The good points among those that came, oldest first.
    fn points(
        &mut self,
        target: &Target,
        name: &Arc<str>,
        query: &mut Query,
        given: impl Iterator<Item = (UnixNanos, f64)>,
    ) -> Vec<Point> {
        let grain = target.group.grain;
        let mut points: Vec<Point> = Vec::new();
        for (start, value) in given {
            let end = start.plus(grain);
            let fault = if !value.is_finite() {
                SkipReason::NotFinite
            } else if start.floor(grain) != start {
                SkipReason::BadTime
            } else if !self.call.window.holds(end) {
                SkipReason::OutsideWindow
            } else if let Err(place) = query.ends.binary_search(&end) {
                query.ends.insert(place, end);
                points.push(Point {
                    start: Some(start),
                    end,
                    value: Value::Double(value),
                });
                continue;
            } else {
                SkipReason::Repeated
            };
            self.skip(fault, name, 1);
        }
        points.sort_by_key(|p| p.end);
        points
    }

    /// What the status makes of the statistic and its target.
    fn settle(
        &mut self,
        progress: &mut Progress<'a>,
        statistic: usize,
        status: &Status,
        messages: &[String],
    ) {
        let words = || {
            if messages.is_empty() {
                "no reason given".to_owned()
            } else {
                messages.join("; ")
            }
        };
        match status {
            Status::Complete => self.complete(progress, statistic),
            Status::PartialData => {}
            Status::InternalError => {
                let kind = ErrorKind::Unavailable { retry_after: None };
                self.fail(progress, kind, format!("InternalError: {}", words()));
            }
            Status::Forbidden => self.fail(progress, ErrorKind::Forbidden, format!("Forbidden: {}", words())),
            Status::Other(code) => {
                self.fail(progress, ErrorKind::BadResponse, format!("{code}: {}", words()));
            }
        }
    }

    fn complete(&mut self, progress: &mut Progress<'a>, statistic: usize) {
        if let Some(query) = progress.queries.get_mut(statistic) {
            query.complete = true;
        }
        if progress.state == State::Open && progress.queries.iter().all(|q| q.complete) {
            progress.state = State::Complete;
            self.batch.complete.push(progress.target.id);
        }
    }

    /// Once per target, and not after it was completed.
    fn fail(&mut self, progress: &mut Progress<'a>, kind: ErrorKind, message: String) {
        if progress.state == State::Open {
            progress.state = State::Failed;
            self.batch.failed.push(Failure {
                target: progress.target.id,
                kind,
                message,
            });
        }
    }

    /// A part without points counts as one, so that it is not dropped in silence.
    fn skip(&mut self, reason: SkipReason, metric: &Arc<str>, points: usize) {
        self.skips.add(reason, metric, points.max(1));
    }
}

fn progress(target: &Target) -> Option<Progress<'_>> {
    let detail = AwsTarget::of(target)?;
    let queries = detail
        .metric
        .statistics
        .iter()
        .map(|_| Query::default())
        .collect();
    Some(Progress {
        target,
        detail,
        queries,
        state: State::Open,
    })
}

fn series(progress: &Progress<'_>, statistic: usize, points: Vec<Point>) -> Option<SeriesPoints> {
    let detail = progress.detail;
    let metric = Arc::clone(detail.metric.statistics.get(statistic)?);
    let resource = Arc::clone(&detail.resource);
    let series = Series {
        resource,
        metric,
        attributes: detail.dimensions.clone(),
    };
    Some(SeriesPoints {
        target: progress.target.id,
        series,
        points,
    })
}

#[cfg(test)]
mod tests;

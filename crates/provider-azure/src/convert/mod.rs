//! From Azure's values to points: names, units, kinds, times and dimensions. Pure. Anything that cannot be a point is
//! counted by reason and the rest goes on.
//!
//! `points` reads buckets, `naming` says what a metric is called and is.

mod naming;
mod points;

pub(crate) use naming::Metrics;

use crate::target::{AskedMetric, Question, TargetDetail, parse_iso};
use crate::wire::{MetricValues, ResourceValues, TimeSeries};
use points::points;
use provider_api::{
    Attributes, ErrorKind, Series, SeriesId, SeriesPoints, SkipReason, Skips, TargetId, Window,
};
use std::collections::HashSet;
use std::sync::Arc;

/// What one resource's answer gave.
#[derive(Debug, Default)]
pub(crate) struct Converted {
    pub(crate) series: Vec<SeriesPoints>,
    pub(crate) skips: Skips,
    /// The first metric that failed by itself.
    pub(crate) failure: Option<(ErrorKind, String)>,
    /// Asked metrics that the answer does not mention.
    pub(crate) missing: Vec<Arc<str>>,
    /// Metrics whose series count reached `top`.
    pub(crate) full: Vec<Arc<str>>,
}

/// Converts one resource's answer.
#[derive(Debug)]
pub(crate) struct Conversion<'a> {
    id: TargetId,
    detail: &'a TargetDetail,
    window: Window,
    metrics: &'a mut Metrics,
    out: Converted,
}

impl<'a> Conversion<'a> {
    pub(crate) fn new(
        id: TargetId,
        detail: &'a TargetDetail,
        window: Window,
        metrics: &'a mut Metrics,
    ) -> Self {
        Self {
            id,
            detail,
            window,
            metrics,
            out: Converted::default(),
        }
    }

    /// The points of the resource. `asked` are the metrics that this request named.
    pub(crate) fn run(mut self, values: &ResourceValues, asked: &[AskedMetric]) -> Converted {
        let mut missing: Vec<&AskedMetric> = asked.iter().collect();
        let answered = values.interval.as_deref();
        let grain_kept = answered.is_none_or(|i| parse_iso(i) == Some(self.detail.question.grain));
        for metric in &values.value {
            let name = &metric.name.value;
            let Some(found) = missing.iter().position(|m| m.name.eq_ignore_ascii_case(name)) else {
                self.skip(&name.as_str().into(), metric);
                continue;
            };
            let known = missing.swap_remove(found);
            if let Some(failure) = failed(metric) {
                self.out.failure.get_or_insert(failure);
            } else if grain_kept {
                self.metric(metric, known);
            } else {
                // Another grain than asked for: the ends of the buckets are unknown.
                self.skip(&known.name, metric);
            }
        }
        self.out.missing = missing.into_iter().map(|m| m.name.clone()).collect();
        self.out
    }

    fn skip(&mut self, name: &Arc<str>, metric: &MetricValues) {
        let points = metric.timeseries.iter().map(|t| t.data.len()).sum();
        self.out.skips.add(SkipReason::BadShape, name, points);
    }

    fn metric(&mut self, values: &MetricValues, asked: &AskedMetric) {
        let mut seen: HashSet<SeriesId> = HashSet::new();
        for line in &values.timeseries {
            self.line(line, &values.unit, asked, &mut seen);
        }
        let question = &self.detail.question;
        let top = usize::try_from(question.top).unwrap_or(usize::MAX);
        if !question.dimensions.is_empty() && values.timeseries.len() >= top {
            self.out.full.push(asked.name.clone());
        }
    }

    /// One combination of dimension values: a series per aggregation.
    fn line(&mut self, line: &TimeSeries, unit: &str, asked: &AskedMetric, seen: &mut HashSet<SeriesId>) {
        let question = &self.detail.question;
        let attributes = dimensions(line, question);
        for aggregation in &question.aggregations {
            let mut skip = |reason| self.out.skips.add(reason, &asked.name, 1);
            let points = points(line, *aggregation, question.grain, self.window, &mut skip);
            if points.is_empty() {
                continue;
            }
            let series = Series {
                resource: self.detail.resource.clone(),
                metric: self.metrics.get(question, asked, *aggregation, unit),
                attributes: attributes.clone(),
            };
            if seen.insert(series.id()) {
                self.out.series.push(SeriesPoints {
                    target: self.id,
                    series,
                    points,
                });
            } else {
                self.out
                    .skips
                    .add(SkipReason::Repeated, &asked.name, points.len());
            }
        }
    }
}

/// A failure inside a 200, which leaves the other metrics intact.
fn failed(metric: &MetricValues) -> Option<(ErrorKind, String)> {
    let code = metric
        .error_code
        .as_deref()
        .filter(|c| !c.is_empty() && !c.eq_ignore_ascii_case("Success"))?;
    let words = metric.error_message.as_deref().unwrap_or_default();
    let kind = match code {
        c if c.contains("Throttl") => ErrorKind::Throttled { retry_after: None },
        c if c.starts_with("Internal") || c.contains("Timeout") => {
            ErrorKind::Unavailable { retry_after: None }
        }
        _ => ErrorKind::InvalidRequest,
    };
    Some((kind, format!("{}: {code}: {words}", metric.name.value)))
}

/// Answers lower-case the names of dimensions: they get the definition's spelling back.
fn dimensions(line: &TimeSeries, question: &Question) -> Attributes {
    let spelling = |given: &str| -> Arc<str> {
        let known = question.dimensions.iter().find(|d| d.eq_ignore_ascii_case(given));
        known.cloned().unwrap_or_else(|| given.into())
    };
    Attributes::new(
        line.dimensions
            .iter()
            .map(|d| (spelling(&d.name.value), d.value.as_str().into()))
            .collect(),
    )
}

#[cfg(test)]
mod tests;

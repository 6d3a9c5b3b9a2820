//! From Azure's values to points: names, units, kinds, times and dimensions. Pure. Anything that cannot be a point is
//! counted by reason and the rest goes on.
//!
//! `points` reads buckets, `naming` says what a metric is called and is.

mod naming;
mod points;

pub(crate) use naming::{Metrics, asked};

use crate::grain::parse_iso;
use crate::question::{AskedMetric, Question};
use crate::target::TargetDetail;
use crate::wire::{DimensionValue, MetricValues, ResourceValues, TimeSeries};
use points::points;
use provider_api::{
    Attributes, ErrorKind, Series, SeriesId, SeriesPoints, SkipReason, Skips, TargetId, Window,
};
use std::collections::HashSet;
use std::sync::Arc;

/// What a metric without a name is counted under.
const NAMELESS: &str = "(no name)";

/// What one resource's answer gave.
#[derive(Debug, Default)]
pub(crate) struct Converted {
    pub(crate) series: Vec<SeriesPoints>,
    pub(crate) skips: Skips,
    /// Metrics that failed by themselves.
    pub(crate) failed: Vec<(AskedMetric, ErrorKind, String)>,
    /// Asked metrics that the answer does not mention.
    pub(crate) missing: Vec<AskedMetric>,
    /// Those that were answered.
    pub(crate) answered: Vec<AskedMetric>,
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
        let answered = values.interval.get();
        let grain_kept = answered.is_none_or(|i| parse_iso(i) == Some(self.detail.question.grain));
        let odd = values.value.as_ref().map_or(0, |list| list.odd);
        self.out.skips.add(SkipReason::BadShape, &NAMELESS.into(), odd);
        for metric in values.metrics() {
            let name = metric.name.get().unwrap_or(NAMELESS);
            let Some(found) = missing.iter().position(|m| same(&m.name, name)) else {
                self.skip(&name.into(), metric);
                continue;
            };
            let known = missing.swap_remove(found);
            let failure = failed(metric);
            if let Some((kind, words)) = failure {
                self.out.failed.push((known.clone(), kind, words));
                // What came all the same is true.
                if grain_kept {
                    self.metric(metric, known);
                }
            } else if grain_kept {
                self.out.answered.push(known.clone());
                self.metric(metric, known);
            } else {
                // Another grain than asked for: the ends of the buckets are unknown.
                self.skip(&known.name, metric);
            }
        }
        self.out.missing = missing.into_iter().cloned().collect();
        self.out
    }

    fn skip(&mut self, name: &Arc<str>, metric: &MetricValues) {
        let points: usize = metric.timeseries.items.iter().map(|t| t.data.items.len()).sum();
        // An answer without points is counted as well.
        self.out.skips.add(SkipReason::BadShape, name, points.max(1));
    }

    fn metric(&mut self, values: &MetricValues, asked: &AskedMetric) {
        let mut seen: HashSet<SeriesId> = HashSet::new();
        self.odd(values.timeseries.odd, asked);
        let unit = values.unit.get().unwrap_or(&asked.unit);
        for line in &values.timeseries.items {
            self.line(line, unit, asked, &mut seen);
        }
        let question = &self.detail.question;
        let top = usize::try_from(question.top).unwrap_or(usize::MAX);
        if !question.dimensions.is_empty() && values.timeseries.items.len() >= top {
            self.out.full.push(asked.name.clone());
        }
    }

    /// Elements of another shape.
    fn odd(&mut self, count: usize, asked: &AskedMetric) {
        self.out.skips.add(SkipReason::BadShape, &asked.name, count);
    }

    /// One combination of dimension values: a series per aggregation.
    fn line(&mut self, line: &TimeSeries, unit: &str, asked: &AskedMetric, seen: &mut HashSet<SeriesId>) {
        let question = &self.detail.question;
        self.odd(line.data.odd + line.dimensions.odd, asked);
        let Some(attributes) = dimensions(line, question) else {
            self.odd(line.data.items.len(), asked);
            return;
        };
        for aggregation in asked.aggregations.iter() {
            let mut skip = |reason| self.out.skips.add(reason, &asked.name, 1);
            let points = points(line, aggregation, question.grain, self.window, &mut skip);
            if points.is_empty() {
                continue;
            }
            let series = Series {
                resource: self.detail.resource.clone(),
                metric: self.metrics.get(question, asked, aggregation, unit),
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
        .get()
        .filter(|c| !c.eq_ignore_ascii_case("Success"))?;
    let words = metric.error_message.or_empty();
    let kind = match code {
        c if c.contains("Throttl") => ErrorKind::Throttled { retry_after: None },
        c if ["Internal", "Timeout", "Partial", "Unavailable"]
            .iter()
            .any(|word| c.contains(word)) =>
        {
            ErrorKind::Unavailable { retry_after: None }
        }
        _ => ErrorKind::InvalidRequest,
    };
    let name = metric.name.get().unwrap_or(NAMELESS);
    Some((kind, format!("{name}: {code}: {words}")))
}

/// Answers lower-case the names of dimensions: they get the definition's spelling back. Nothing when one has no name or no
/// value: the points would be another series'.
fn dimensions(line: &TimeSeries, question: &Question) -> Option<Attributes> {
    let spelling = |given: &str| -> Arc<str> {
        let known = question.dimensions.iter().find(|d| same(d, given));
        known.cloned().unwrap_or_else(|| given.into())
    };
    let pair = |d: &DimensionValue| Some((spelling(d.name.get()?), d.value.0.as_deref()?.into()));
    let pairs: Option<Vec<_>> = line.dimensions.items.iter().map(pair).collect();
    (line.dimensions.odd == 0).then_some(Attributes::new(pairs?))
}

/// Azure compares names without case.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests;

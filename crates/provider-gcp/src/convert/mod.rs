//! From Google's series to ours: kind, name, resource, attributes, points. Points that cannot be told truthfully are
//! left out and counted; the rest of a series goes on. Reading pages is `fetch`'s, distributions are `distribution`'s.
//!
//! Kinds, in `shape`: CUMULATIVE becomes a monotonic cumulative sum. DELTA becomes a delta sum that does **not** claim to be
//! monotonic: a few of Google's deltas can be negative, and nothing in a descriptor says which. A GAUGE distribution has
//! no OTLP form of its own and goes out as a delta histogram without a start.

mod shape;
mod time;

pub(crate) use time::{time, timestamp};

use crate::GCP;
use crate::discover::GcpTarget;
use crate::naming;
use crate::place::{Place, platform, resource_id};
use google_cloud_api::model::MonitoredResource;
use google_cloud_api::model::metric_descriptor::ValueType;
use google_cloud_monitoring_v3::model::TimeSeries;
use provider_api::{
    AccountId, Attributes, Kind, Metric, Point, Resource, Series, SeriesId, SeriesPoints, SkipReason,
    Skipped, Skips, TargetId, Texts, UnixNanos, Window,
};
use shape::{Shape, point, shape};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a page gave.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) series: Vec<SeriesPoints>,
    pub(crate) skipped: Vec<Skipped>,
}

/// Kind, unit and type of value as the answer has them.
type Described = (Kind, Arc<str>, ValueType);

/// Converts the pages of one call; shares resources, metrics and label texts between them.
#[derive(Debug)]
pub(crate) struct Converter<'a> {
    account: &'a AccountId,
    target: TargetId,
    detail: &'a GcpTarget,
    window: Window,
    metrics: Vec<(Described, Arc<Metric>)>,
    resources: HashMap<Attributes, Arc<Resource>>,
    texts: Texts,
    /// First and last end of each series on the pages before: what lies between came already.
    handed_over: HashMap<SeriesId, (UnixNanos, UnixNanos)>,
}

impl<'a> Converter<'a> {
    pub(crate) fn new(
        account: &'a AccountId,
        target: TargetId,
        detail: &'a GcpTarget,
        window: Window,
    ) -> Self {
        Self {
            account,
            target,
            detail,
            window,
            metrics: Vec::new(),
            resources: HashMap::new(),
            texts: Texts::default(),
            handed_over: HashMap::new(),
        }
    }

    /// One page with its unit, without so many points that could not be read.
    pub(crate) fn page(&mut self, unit: &str, given: &[TimeSeries], odd: usize) -> Page {
        let mut skips = Left::of(&self.detail.metric_type);
        skips.add(SkipReason::BadShape, odd);
        let mut found: BTreeMap<SeriesId, SeriesPoints> = BTreeMap::new();
        for one in given {
            let Some((shape, series)) = self.series(unit, one, &mut skips) else {
                continue;
            };
            let points = one.points.iter().filter_map(|p| skips.keep(point(shape, p)));
            let empty = || SeriesPoints {
                target: self.target,
                series: series.clone(),
                points: Vec::new(),
            };
            found
                .entry(series.id())
                .or_insert_with(empty)
                .points
                .extend(points);
        }
        let mut page = Page::default();
        for (id, mut series) in found {
            self.in_order(id, &mut series.points, &mut skips);
            if !series.points.is_empty() {
                page.series.push(series);
            }
        }
        page.skipped = skips.counts.take();
        page
    }

    /// Oldest first, each end once, within the window.
    fn in_order(&mut self, id: SeriesId, points: &mut Vec<Point>, skips: &mut Left<'_>) {
        let window = self.window;
        skips.retain(points, SkipReason::OutsideWindow, |p| window.holds(p.end));
        if let Some((first, last)) = self.handed_over.get(&id).copied() {
            skips.retain(points, SkipReason::Repeated, |p| p.end < first || last < p.end);
        }
        points.sort_by_key(|p| p.end);
        let before = points.len();
        points.dedup_by_key(|p| p.end);
        skips.add(SkipReason::Repeated, before - points.len());
        if let (Some(first), Some(last)) = (points.first(), points.last()) {
            let range = self.handed_over.entry(id).or_insert((first.end, last.end));
            *range = (range.0.min(first.end), range.1.max(last.end));
        }
    }

    fn series(&mut self, unit: &str, given: &TimeSeries, skips: &mut Left<'_>) -> Option<(Shape, Series)> {
        let asked = given
            .metric
            .as_ref()
            .is_some_and(|m| *m.r#type == *self.detail.metric_type);
        let shape = match shape(&given.metric_kind, &given.value_type) {
            Ok(shape) if asked => shape,
            Ok(_other_metric) => {
                skips.add(SkipReason::BadShape, given.points.len());
                return None;
            }
            Err(reason) => {
                skips.add(reason, given.points.len());
                return None;
            }
        };
        let own = given.resource.as_ref();
        let place = Place::of(own, &self.detail.project);
        let attributes = self.point_attributes(given, &place);
        let resource = self.resource(own, &place);
        Some((
            shape,
            Series {
                resource,
                metric: self.metric(shape.kind, unit, &given.value_type),
                attributes,
            },
        ))
    }

    fn metric(&mut self, kind: Kind, unit: &str, value: &ValueType) -> Arc<Metric> {
        let unit = naming::unit(unit, &self.detail.unit);
        let alike = |(of, _): &&(Described, Arc<Metric>)| of.0 == kind && &*of.1 == unit && of.2 == *value;
        if let Some((_, known)) = self.metrics.iter().find(alike) {
            return known.clone();
        }
        let (metric_type, description) = (&self.detail.metric_type, &self.detail.description);
        let metric = Arc::new(naming::metric(metric_type, description, kind, unit, value));
        self.metrics
            .push(((kind, unit.into(), value.clone()), metric.clone()));
        metric
    }

    fn resource(&mut self, own: Option<&MonitoredResource>, place: &Place<'_>) -> Arc<Resource> {
        let kind = own.map(|r| r.r#type.as_str()).filter(|t| !t.is_empty());
        let id = own.and_then(|r| resource_id(r, place));
        let account = self.account.0.clone();
        let given = [
            ("cloud.provider", Some(GCP.as_str())),
            ("cloud.account.id", Some(place.project)),
            ("cloud.region", place.region),
            ("cloud.availability_zone", place.zone),
            ("cloud.platform", kind.and_then(platform)),
            ("cloud.resource_id", id.as_deref()),
            ("nephoscope.account", Some(&*account)),
            ("gcp.resource_type", kind),
        ];
        let pairs = given
            .into_iter()
            .filter_map(|(k, v)| Some((self.texts.get(k), self.texts.get(v?))))
            .collect();
        let attributes = Attributes::new(pairs);
        let new = || Arc::new(Resource::new(attributes.clone()));
        self.resources
            .entry(attributes.clone())
            .or_insert_with(new)
            .clone()
    }

    /// Metric labels, then the resource's own that the resource attributes do not already say.
    fn point_attributes(&mut self, given: &TimeSeries, place: &Place<'_>) -> Attributes {
        let mut pairs = Vec::new();
        let labels = given.metric.as_ref().map(|m| &m.labels);
        for (key, value) in labels.into_iter().flatten() {
            pairs.push((self.texts.get(key), self.texts.get(value)));
        }
        for (key, value) in given.resource.iter().flat_map(|r| &r.labels) {
            if place.says(key, value) {
                continue;
            }
            let taken = labels.is_some_and(|l| l.contains_key(key));
            let key = if taken {
                self.texts.get(&format!("resource.{key}"))
            } else {
                self.texts.get(key)
            };
            pairs.push((key, self.texts.get(value)));
        }
        Attributes::new(pairs)
    }
}

/// What was left out of one page, all of the one metric that was asked for.
#[derive(Debug)]
struct Left<'a> {
    metric: &'a Arc<str>,
    counts: Skips,
}

impl<'a> Left<'a> {
    fn of(metric: &'a Arc<str>) -> Self {
        Self {
            metric,
            counts: Skips::default(),
        }
    }

    fn add(&mut self, reason: SkipReason, points: usize) {
        self.counts.add(reason, self.metric, points);
    }

    fn keep<T>(&mut self, result: Result<T, SkipReason>) -> Option<T> {
        result.map_err(|reason| self.add(reason, 1)).ok()
    }

    fn retain(&mut self, points: &mut Vec<Point>, reason: SkipReason, good: impl Fn(&Point) -> bool) {
        let before = points.len();
        points.retain(good);
        self.add(reason, before - points.len());
    }
}

#[cfg(test)]
mod tests;

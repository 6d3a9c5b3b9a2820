//! A bounded table of the newest point of each series. What gets no points any more leaves it.

use super::labels::{Labels, labels};
use super::names::{Shape, metric_name, unit_name};
use crate::encode::Encoded;
use crate::recode::decode;
use crate::transport::{Transport, Verdict};
use async_trait::async_trait;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, HistogramDataPoint, Metric, NumberDataPoint, metric::Data as Otlp,
    number_data_point::Value,
};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Lines of text. At about 300 bytes each, 30 MB.
const MAX_LINES: usize = 100_000;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// How long a series stays after its last point came, at least: two scrapes of the seldomest kind.
const KEPT_AT_LEAST: Duration = Duration::from_secs(10 * 60);

/// How long it stays when nothing is known of when the next point is to come.
const KEPT_AT_FIRST: Duration = Duration::from_secs(60 * 60);

/// So many times the distance of two points, or of two arrivals, a series stays after its last point came.
const KEPT_DISTANCES: u32 = 3;

/// How often what is gone is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// The newest point of each series.
#[derive(Debug, Default)]
pub struct Latest {
    table: Mutex<Table>,
}

/// All series by family.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) families: BTreeMap<String, Family>,
    lines: usize,
    swept: Option<Instant>,
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Counter,
    /// Running totals in buckets.
    Histogram,
    /// What an interval had in buckets; to Prometheus three families of gauges.
    Interval,
    /// Metrics of unlike kinds share the name.
    Unknown,
}

/// Series with one name.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) kind: Kind,
    /// In Prometheus' words; empty for none.
    pub(super) unit: String,
    /// The least of those given, so that it does not hang on who came first.
    pub(super) help: String,
    pub(super) samples: BTreeMap<Labels, Sample>,
}

/// A point.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) data: Data,
    pub(super) time_ms: u64,
    arrived: Instant,
    kept: Duration,
}

/// What a point holds.
#[derive(Debug)]
pub(super) enum Data {
    Real(f64),
    Int(i64),
    Histogram(Box<Histogram>),
}

/// Counts up to each bound, the last up to infinity.
#[derive(Debug)]
pub(super) struct Histogram {
    pub(super) bounds: Vec<f64>,
    pub(super) counts: Vec<u64>,
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
}

impl Data {
    fn lines(&self) -> usize {
        match self {
            Self::Real(_) | Self::Int(_) => 1,
            Self::Histogram(h) => h.counts.len() + 2,
        }
    }
}

impl Sample {
    /// Whether it is still shown.
    pub(super) fn stays(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.arrived) <= self.kept
    }
}

impl Latest {
    /// How many series it holds.
    pub fn series(&self) -> usize {
        self.locked().families.values().map(|f| f.samples.len()).sum()
    }

    pub(super) fn locked(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for Latest {
    async fn deliver(&self, batch: &Encoded) -> Verdict {
        let request = match decode(batch) {
            Ok(request) => request,
            Err(e) => return Verdict::Drop { why: e.to_string() },
        };
        let now = Instant::now();
        let mut rejected = 0;
        let mut table = self.locked();
        table.sweep(now);
        for r in &request.resource_metrics {
            let resource = r.resource.as_ref().map_or(&[][..], |r| &r.attributes);
            for metric in r.scope_metrics.iter().flat_map(|s| &s.metrics) {
                rejected += table.take(metric, resource, now);
            }
        }
        let message = if rejected > 0 {
            format!("the table is full at {MAX_LINES} lines")
        } else {
            String::new()
        };
        Verdict::Delivered { rejected, message }
    }
}

impl Table {
    /// Takes all points of a metric and says how many did not fit.
    fn take(&mut self, metric: &Metric, resource: &[KeyValue], now: Instant) -> i64 {
        let (kind, points): (Kind, Vec<Taken>) = match &metric.data {
            Some(Otlp::Gauge(d)) => (Kind::Gauge, numbers(&d.data_points)),
            Some(Otlp::Sum(d)) => {
                let total =
                    d.is_monotonic && d.aggregation_temporality() == AggregationTemporality::Cumulative;
                let kind = if total { Kind::Counter } else { Kind::Gauge };
                (kind, numbers(&d.data_points))
            }
            Some(Otlp::Histogram(d)) => {
                let total = d.aggregation_temporality() == AggregationTemporality::Cumulative;
                let kind = if total { Kind::Histogram } else { Kind::Interval };
                (kind, d.data_points.iter().map(histogram).collect())
            }
            Some(Otlp::ExponentialHistogram(_) | Otlp::Summary(_)) | None => return 0, // we make none
        };
        let Some(family) = Family::of(metric, kind) else {
            return 0;
        };
        let (name, empty) = family;
        let mut rejected = 0;
        for point in points {
            let labels = labels(point.attributes, resource, None);
            rejected += i64::from(!self.put(&name, &empty, labels, point, now));
        }
        rejected
    }

    /// False when the table is full.
    fn put(&mut self, name: &str, like: &Family, labels: Labels, point: Taken<'_>, now: Instant) -> bool {
        let lines = point.data.lines();
        let known = self.families.get(name);
        let is_new = known.is_none_or(|family| !family.samples.contains_key(&labels));
        if is_new && self.lines + lines > MAX_LINES {
            return false;
        }
        let family = self
            .families
            .entry(name.to_owned())
            .or_insert_with(|| like.described());
        family.meet(like);
        match family.samples.entry(labels) {
            Entry::Vacant(place) => {
                self.lines += lines;
                place.insert(point.first(now));
            }
            Entry::Occupied(mut known) => {
                let before = known.get().data.lines();
                if known.get_mut().follow(point, now) {
                    self.lines = (self.lines + lines).saturating_sub(before);
                }
            }
        }
        true
    }

    /// Forgets what is no longer shown.
    fn sweep(&mut self, now: Instant) {
        let last = *self.swept.get_or_insert(now);
        if now.saturating_duration_since(last) < SWEEP_EVERY {
            return;
        }
        self.swept = Some(now);
        self.families.retain(|_, family| {
            family.samples.retain(|_, sample| sample.stays(now));
            !family.samples.is_empty()
        });
        let samples = self.families.values().flat_map(|family| family.samples.values());
        self.lines = samples.map(|sample| sample.data.lines()).sum();
    }
}

impl Family {
    /// The name, and a family without samples.
    fn of(metric: &Metric, kind: Kind) -> Option<(String, Self)> {
        let shape = match kind {
            Kind::Gauge => Shape::Gauge,
            Kind::Counter => Shape::Counter,
            Kind::Histogram | Kind::Interval | Kind::Unknown => Shape::Other,
        };
        let name = metric_name(&metric.name, &metric.unit, shape)?;
        let unit = match (&*metric.unit, shape) {
            ("1", Shape::Gauge) => "ratio".to_owned(),
            (unit, _) => unit_name(unit),
        };
        let family = Self {
            kind,
            unit,
            help: metric.description.clone(),
            samples: BTreeMap::new(),
        };
        Some((name, family))
    }

    fn described(&self) -> Self {
        Self {
            kind: self.kind,
            unit: self.unit.clone(),
            help: self.help.clone(),
            samples: BTreeMap::new(),
        }
    }

    fn meet(&mut self, other: &Self) {
        if self.kind != other.kind {
            self.kind = Kind::Unknown;
        }
        if other.help < self.help {
            self.help.clone_from(&other.help);
        }
    }
}

/// A point on its way into the table.
struct Taken<'a> {
    attributes: &'a [KeyValue],
    data: Data,
    time_ms: u64,
    /// Length of its interval, where it has one.
    interval: Duration,
}

impl Taken<'_> {
    fn first(self, now: Instant) -> Sample {
        Sample {
            kept: KEPT_AT_FIRST.max(self.interval * KEPT_DISTANCES),
            data: self.data,
            time_ms: self.time_ms,
            arrived: now,
        }
    }
}

impl Sample {
    /// Takes a point that is no older, and says whether it did. How long a series stays goes by what is known of its rhythm.
    fn follow(&mut self, point: Taken<'_>, now: Instant) -> bool {
        if point.time_ms < self.time_ms {
            return false;
        }
        let points = Duration::from_millis(point.time_ms - self.time_ms).max(point.interval);
        let arrivals = now.saturating_duration_since(self.arrived);
        // Points of one batch say nothing of the next.
        if !arrivals.is_zero() {
            self.kept = KEPT_AT_LEAST.max(points.max(arrivals) * KEPT_DISTANCES);
        }
        self.data = point.data;
        self.time_ms = point.time_ms;
        self.arrived = now;
        true
    }
}

fn numbers(points: &[NumberDataPoint]) -> Vec<Taken<'_>> {
    points.iter().filter_map(number).collect()
}

fn number(p: &NumberDataPoint) -> Option<Taken<'_>> {
    let data = match p.value? {
        Value::AsDouble(v) => Data::Real(v),
        Value::AsInt(v) => Data::Int(v),
    };
    Some(Taken {
        attributes: &p.attributes,
        data,
        time_ms: p.time_unix_nano / NANOS_PER_MILLI,
        interval: interval(p.start_time_unix_nano, p.time_unix_nano),
    })
}

fn histogram(p: &HistogramDataPoint) -> Taken<'_> {
    let mut total = 0_u64;
    let counts = p.bucket_counts.iter().map(|count| {
        total = total.saturating_add(*count);
        total
    });
    Taken {
        attributes: &p.attributes,
        data: Data::Histogram(Box::new(Histogram {
            counts: counts.collect(),
            bounds: p.explicit_bounds.clone(),
            count: p.count,
            sum: p.sum,
        })),
        time_ms: p.time_unix_nano / NANOS_PER_MILLI,
        interval: interval(p.start_time_unix_nano, p.time_unix_nano),
    }
}

/// Running totals begin long ago: such a start says nothing of the distance of points.
fn interval(start: u64, end: u64) -> Duration {
    const LONGEST: Duration = Duration::from_secs(7 * 86_400);
    let length = if start == 0 { 0 } else { end.saturating_sub(start) };
    Some(Duration::from_nanos(length))
        .filter(|length| *length <= LONGEST)
        .unwrap_or_default()
}

//! Our own requests back into points: `wire` and `encode` in reverse.
//!
//! What identifies a resource and what only describes it look alike on the wire, and a metric's description has the cloud's
//! name in it already; a point, its kind and the attributes are what they were.

use crate::encode::Encoded;
use crate::recode::{DecodeError, decode};
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, HistogramDataPoint, NumberDataPoint, metric::Data, number_data_point,
};
use provider_api::{
    Attributes, Buckets, Cloud, Exemplar, Histogram, Kind, Metric, MetricSpec, Point, Resource, Series,
    SeriesPoints, TargetId, Temporality, UnixNanos, Value,
};
use std::sync::Arc;

/// The points of a request of ours, in its order; the target of each is unknown.
pub fn read(encoded: &Encoded) -> Result<Vec<SeriesPoints>, DecodeError> {
    let request = decode(encoded)?;
    let mut all: Vec<SeriesPoints> = Vec::new();
    for r in &request.resource_metrics {
        let of = r.resource.as_ref().map_or(&[][..], |r| &r.attributes);
        let resource = Arc::new(Resource::new(attributes(of)));
        for s in &r.scope_metrics {
            let scope = s.scope.clone().unwrap_or_default();
            s.metrics
                .iter()
                .for_each(|m| read_metric(m, &scope, &resource, &mut all));
        }
    }
    Ok(all)
}

fn read_metric(
    m: &otlp::Metric,
    scope: &InstrumentationScope,
    resource: &Arc<Resource>,
    all: &mut Vec<SeriesPoints>,
) {
    let Some((kind, points)) = points(m) else { return };
    let metric = Arc::new(Metric::new(spec(m, scope, kind)));
    let mut before = None;
    for (attributes_now, point) in points {
        match all.last_mut().filter(|_| before == Some(attributes_now)) {
            Some(series) => series.points.push(point),
            None => all.push(SeriesPoints {
                target: TargetId(0),
                series: Series {
                    resource: Arc::clone(resource),
                    metric: Arc::clone(&metric),
                    attributes: attributes(attributes_now),
                },
                points: vec![point],
            }),
        }
        before = Some(attributes_now);
    }
}

fn spec(m: &otlp::Metric, scope: &InstrumentationScope, kind: Kind) -> MetricSpec {
    let cloud = match scope.name.strip_prefix("nephoscope.") {
        Some("azure") => Cloud::Azure,
        Some("gcp") => Cloud::Gcp,
        Some(_) | None => Cloud::Aws,
    };
    MetricSpec {
        cloud,
        namespace: text(&scope.attributes, "cloud.metrics.namespace")
            .unwrap_or_default()
            .into(),
        name: m.name.as_str().into(),
        cloud_name: text(&m.metadata, "cloud.metric.name").unwrap_or(&m.name).into(),
        statistic: text(&m.metadata, "cloud.metric.statistic").map(Into::into),
        unit: m.unit.as_str().into(),
        kind,
        description: m.description.as_str().into(),
    }
}

/// A point and its attributes.
type Attributed<'a> = (&'a [KeyValue], Point);

/// The kind and the points; nothing for what we never write.
fn points(m: &otlp::Metric) -> Option<(Kind, Vec<Attributed<'_>>)> {
    match m.data.as_ref()? {
        Data::Gauge(d) => Some((Kind::Gauge, numbers(&d.data_points))),
        Data::Sum(d) => {
            let kind = Kind::Sum {
                temporality: temporality(d.aggregation_temporality()),
                monotonic: d.is_monotonic,
            };
            Some((kind, numbers(&d.data_points)))
        }
        Data::Histogram(d) => {
            let kind = Kind::Histogram {
                temporality: temporality(d.aggregation_temporality()),
            };
            let points = d.data_points.iter().map(|p| (&p.attributes[..], histogram(p)));
            Some((kind, points.collect()))
        }
        Data::ExponentialHistogram(_) | Data::Summary(_) => None,
    }
}

fn temporality(of: AggregationTemporality) -> Temporality {
    match of {
        AggregationTemporality::Delta => Temporality::Delta,
        AggregationTemporality::Cumulative | AggregationTemporality::Unspecified => Temporality::Cumulative,
    }
}

fn numbers(points: &[NumberDataPoint]) -> Vec<Attributed<'_>> {
    let number = |p: &NumberDataPoint| match p.value {
        Some(number_data_point::Value::AsInt(v)) => Value::Int(v),
        Some(number_data_point::Value::AsDouble(v)) => Value::Double(v),
        None => Value::Double(f64::NAN),
    };
    let point = |p: &NumberDataPoint| Point {
        start: start(p.start_time_unix_nano),
        end: time(p.time_unix_nano),
        value: number(p),
    };
    points.iter().map(|p| (&p.attributes[..], point(p))).collect()
}

fn histogram(p: &HistogramDataPoint) -> Point {
    let value = Histogram {
        count: p.count,
        sum: p.sum,
        buckets: Buckets {
            bounds: p.explicit_bounds.clone(),
            counts: p.bucket_counts.clone(),
        },
        exemplars: p.exemplars.iter().map(exemplar).collect(),
    };
    Point {
        start: start(p.start_time_unix_nano),
        end: time(p.time_unix_nano),
        value: Value::Histogram(Box::new(value)),
    }
}

fn exemplar(e: &otlp::Exemplar) -> Exemplar {
    Exemplar {
        value: match e.value {
            Some(otlp::exemplar::Value::AsDouble(v)) => v,
            Some(otlp::exemplar::Value::AsInt(_)) | None => f64::NAN,
        },
        time: time(e.time_unix_nano),
        trace_id: e.trace_id.as_slice().try_into().ok(),
        span_id: e.span_id.as_slice().try_into().ok(),
        attributes: attributes(&e.filtered_attributes),
    }
}

fn start(nanos: u64) -> Option<UnixNanos> {
    (nanos != 0).then(|| time(nanos))
}

fn time(nanos: u64) -> UnixNanos {
    UnixNanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn attributes(all: &[KeyValue]) -> Attributes {
    let pair = |one: &KeyValue| Some((one.key.as_str().into(), value(one)?.into()));
    Attributes::new(all.iter().filter_map(pair).collect())
}

fn text<'a>(all: &'a [KeyValue], key: &str) -> Option<&'a str> {
    all.iter().find(|one| one.key == key).and_then(value)
}

fn value(of: &KeyValue) -> Option<&str> {
    let Any::StringValue(text) = of.value.as_ref()?.value.as_ref()? else {
        return None;
    };
    Some(text)
}

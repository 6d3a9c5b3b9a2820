//! Points to send.

use provider_api::{
    Attributes, Buckets, Cloud, Exemplar, Histogram, Metric, MetricSpec, Point, Resource, Series,
    SeriesPoints, TargetId, Temporality, UnixNanos, Value,
};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const NOON: i64 = 1_795_000_000;

pub(crate) fn attrs(pairs: &[(&str, &str)]) -> Attributes {
    Attributes::new(
        pairs
            .iter()
            .map(|(k, v)| (Arc::from(*k), Arc::from(*v)))
            .collect(),
    )
}

pub(crate) fn series(
    region: &str,
    name: &str,
    kind: provider_api::Kind,
    instance: &str,
    points: Vec<Point>,
) -> SeriesPoints {
    let resource = attrs(&[("cloud.provider", "aws"), ("cloud.region", region)]);
    let metric = MetricSpec {
        cloud: Cloud::Aws,
        namespace: "AWS/EC2".into(),
        name: name.into(),
        cloud_name: "CPUUtilization".into(),
        statistic: Some("Average".into()),
        unit: "%".into(),
        kind,
        description: "How busy.".into(),
    };
    let series = Series {
        resource: Arc::new(Resource::new(resource)),
        metric: Arc::new(Metric::new(metric)),
        attributes: attrs(&[("InstanceId", instance)]),
    };
    SeriesPoints {
        target: TargetId(1),
        series,
        points,
    }
}

pub(crate) fn point(second: i64, value: Value) -> Point {
    let end = UnixNanos::from_seconds(NOON + second);
    Point {
        start: Some(end.minus(Duration::from_secs(60))),
        end,
        value,
    }
}

pub(crate) fn histogram() -> Value {
    let example = Exemplar {
        value: 1.5,
        time: UnixNanos::from_seconds(NOON - 5),
        trace_id: Some([7; 16]),
        span_id: Some([9; 8]),
        attributes: attrs(&[("k", "v")]),
    };
    let buckets = Buckets {
        bounds: vec![1.0, 2.0],
        counts: vec![1, 2, 0],
    };
    Value::Histogram(Box::new(Histogram {
        count: 3,
        sum: Some(4.5),
        buckets,
        exemplars: vec![example],
    }))
}

pub(crate) fn one_of_each() -> Vec<SeriesPoints> {
    let sum = |temporality| provider_api::Kind::Sum {
        temporality,
        monotonic: temporality == Temporality::Cumulative,
    };
    let instant = Point {
        start: None,
        end: UnixNanos::from_seconds(NOON),
        value: Value::Double(0.0),
    };
    vec![
        series(
            "eu",
            "a.gauge",
            provider_api::Kind::Gauge,
            "i-1",
            vec![point(0, Value::Double(12.5)), point(60, Value::Int(-3))],
        ),
        series("us", "a.gauge", provider_api::Kind::Gauge, "i-2", vec![instant]),
        series(
            "eu",
            "b.delta",
            sum(Temporality::Delta),
            "i-1",
            vec![point(0, Value::Int(7))],
        ),
        series(
            "eu",
            "c.total",
            sum(Temporality::Cumulative),
            "i-1",
            vec![point(0, Value::Double(8.0))],
        ),
        series(
            "eu",
            "d.hist",
            provider_api::Kind::Histogram {
                temporality: Temporality::Delta,
            },
            "i-1",
            vec![point(0, histogram())],
        ),
        series(
            "eu",
            "a.gauge",
            provider_api::Kind::Gauge,
            "i-3",
            vec![point(0, Value::Double(f64::NAN)), point(0, histogram())],
        ),
    ]
}

pub(crate) fn many(n: i64) -> Vec<SeriesPoints> {
    let of = |i| vec![point(i % 600, Value::Int(i))];
    (0..n)
        .map(|i| {
            series(
                "eu",
                "a.gauge",
                provider_api::Kind::Gauge,
                &format!("i-{i:08}"),
                of(i),
            )
        })
        .collect()
}

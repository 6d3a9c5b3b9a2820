//! Ordinary and odd series, as bodies in and points out.

use crate::testing::{TYPE, always, convert, double, page, window};
use provider_api::{Kind, SkipReason, Temporality, UnixNanos, Value};
use serde_json::{Value as Json, json};

#[test]
fn a_series_has_its_resource_name_unit_and_labels() {
    let page = convert(always(), &page("GAUGE", "DOUBLE", &[(60, 60, double(0.5))], ""));
    let series = &page.series[0].series;
    let resource: Vec<_> = series.resource.attributes().iter().collect();
    assert_eq!(
        resource,
        [
            ("cloud.account.id", "p"),
            ("cloud.availability_zone", "europe-west1-b"),
            ("cloud.platform", "gcp_compute_engine"),
            ("cloud.provider", "gcp"),
            ("cloud.region", "europe-west1"),
            (
                "cloud.resource_id",
                "//compute.googleapis.com/projects/p/zones/europe-west1-b/instances/1"
            ),
            ("gcp.resource_type", "gce_instance"),
            ("nephoscope.account", "ml"),
        ]
    );
    let labels: Vec<_> = series.attributes.iter().collect();
    assert_eq!(
        labels,
        [("instance_id", "1"), ("instance_name", "vm"), ("zone", "mine")]
    );
    let spec = series.metric.spec();
    assert_eq!(
        (&*spec.name, &*spec.unit),
        ("gcp.compute.instance.cpu.utilization", "1")
    );
    assert_eq!(
        (&*spec.namespace, &*spec.cloud_name),
        ("compute.googleapis.com", TYPE)
    );
}

#[test]
fn kinds_and_values() {
    let distribution = || json!({"distributionValue": {"count": "2", "mean": 1.5}});
    let (delta, cumulative) = (Temporality::Delta, Temporality::Cumulative);
    for (kind, value, given, wanted, start) in [
        ("GAUGE", "DOUBLE", double(1.5), Kind::Gauge, None),
        ("GAUGE", "BOOL", json!({"boolValue": true}), Kind::Gauge, None),
        (
            "DELTA",
            "INT64",
            json!({"int64Value": "7"}),
            Kind::Sum {
                temporality: delta,
                monotonic: false,
            },
            Some(60),
        ),
        (
            "CUMULATIVE",
            "INT64",
            json!({"int64Value": "7"}),
            Kind::Sum {
                temporality: cumulative,
                monotonic: true,
            },
            Some(60),
        ),
        (
            "GAUGE",
            "DISTRIBUTION",
            distribution(),
            Kind::Histogram { temporality: delta },
            None,
        ),
        (
            "DELTA",
            "DISTRIBUTION",
            distribution(),
            Kind::Histogram { temporality: delta },
            Some(60),
        ),
        (
            "CUMULATIVE",
            "DISTRIBUTION",
            distribution(),
            Kind::Histogram {
                temporality: cumulative,
            },
            Some(60),
        ),
    ] {
        let page = convert(always(), &page(kind, value, &[(60, 120, given)], ""));
        let point = &page.series[0].points[0];
        assert_eq!(page.series[0].series.metric.spec().kind, wanted, "{kind} {value}");
        assert_eq!(point.start, start.map(UnixNanos::from_seconds), "{kind} {value}");
        match &point.value {
            Value::Double(d) => assert!((d - 1.5).abs() < f64::EPSILON),
            Value::Int(i) => assert_eq!(*i, if value == "BOOL" { 1 } else { 7 }),
            Value::Histogram(h) => assert_eq!((h.count, h.sum), (2, Some(3.0))),
        }
    }
}

#[test]
fn what_cannot_be_told_is_counted_by_reason() {
    let one = |v: Json| vec![(60, 120, v)];
    for (kind, value, points, wanted) in [
        (
            "GAUGE",
            "DOUBLE",
            one(json!({"doubleValue": "NaN"})),
            SkipReason::NotFinite,
        ),
        (
            "GAUGE",
            "STRING",
            one(json!({"stringValue": "x"})),
            SkipReason::NoNumber,
        ),
        ("GAUGE", "DOUBLE", one(json!({})), SkipReason::BadShape),
        (
            "METRIC_KIND_UNSPECIFIED",
            "DOUBLE",
            one(double(1.0)),
            SkipReason::BadShape,
        ),
        ("DELTA", "DISTRIBUTION", one(double(1.0)), SkipReason::BadShape),
        (
            "DELTA",
            "DOUBLE",
            vec![(180, 120, double(1.0))],
            SkipReason::BadTime,
        ),
        (
            "GAUGE",
            "DOUBLE",
            vec![(0, 600, double(1.0))],
            SkipReason::OutsideWindow,
        ),
        (
            "GAUGE",
            "DOUBLE",
            vec![(0, 0, double(1.0))],
            SkipReason::OutsideWindow,
        ),
    ] {
        let page = convert(window(0, 300), &page(kind, value, &points, ""));
        let skipped: Vec<_> = page.skipped.iter().map(|s| (s.reason, s.points)).collect();
        assert_eq!(skipped, [(wanted, 1)], "{kind} {value}");
        assert!(page.series.is_empty());
    }
    let twice = [(0, 120, double(2.0)), (0, 120, double(2.0)), (0, 60, double(1.0))];
    let page = convert(window(0, 300), &page("GAUGE", "DOUBLE", &twice, ""));
    assert_eq!(page.skipped[0].reason, SkipReason::Repeated);
    assert_eq!(
        page.series[0]
            .points
            .iter()
            .map(|p| p.end.seconds())
            .collect::<Vec<_>>(),
        [60, 120]
    );
}

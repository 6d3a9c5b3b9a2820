//! Metrics that meet in one outgoing name, and those that do not.

use super::*;
use crate::names::snake;
use crate::{
    Attributes, Cloud, Kind, MetricSpec, Point, Resource, Series, SeriesPoints, TargetId, UnixNanos, Value,
};

fn metric(cloud: Cloud, namespace: &str, cloud_name: &str) -> Metric {
    let (statistic, end) = match cloud {
        Cloud::Gcp => (None, ""),
        Cloud::Aws | Cloud::Azure => (Some("Average".into()), ".average"),
    };
    Metric::new(MetricSpec {
        cloud,
        namespace: namespace.into(),
        name: format!("{cloud}.{}.{}{end}", snake(namespace), snake(cloud_name)).into(),
        cloud_name: cloud_name.into(),
        statistic,
        unit: "".into(),
        kind: Kind::Gauge,
        description: "".into(),
    })
}

fn told(apart: &Apart, metric: Metric) -> Vec<(String, String)> {
    let series = Series {
        resource: Arc::new(Resource::new(Attributes::default())),
        metric: Arc::new(metric),
        attributes: Attributes::default(),
    };
    let points = vec![Point {
        start: None,
        end: UnixNanos(1),
        value: Value::Int(1),
    }];
    let batch = Batch {
        series: vec![SeriesPoints {
            target: TargetId(1),
            series,
            points,
        }],
        ..Batch::default()
    };
    let batch = apart.told(batch);
    let pairs = batch.series[0].series.attributes.iter();
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

#[test]
fn names_that_meet_are_told_apart_and_the_others_left_alone() {
    use Cloud::{Aws, Azure, Gcp};
    for (cloud, a, b, keys) in [
        (
            Aws,
            ("Shop", "Requests"),
            ("Shop", "requests"),
            "cloud.metric.name",
        ),
        (
            Aws,
            ("Shop", "使用率"),
            ("Shop", "Shi Yong Lu"),
            "cloud.metric.name",
        ),
        (
            Azure,
            ("M", "Disk Read Bytes/sec"),
            ("M", "Disk Read Bytes Sec"),
            "cloud.metric.name",
        ),
        (
            Aws,
            ("Shop/Orders", "Late"),
            ("shop-orders", "Late"),
            "cloud.metrics.namespace",
        ),
        (
            Aws,
            ("A/B", "Foo"),
            ("A", "B Foo"),
            "cloud.metric.name cloud.metrics.namespace",
        ),
        (
            Gcp,
            ("custom", "disk"),
            ("custom", "disk-bytes"),
            "cloud.metric.name",
        ),
        (Gcp, ("custom", "a.b"), ("custom", "a_b"), "cloud.metric.name"),
        (Azure, ("M", "Requests"), ("m", "requests"), ""),
        (Aws, ("Shop", "Read"), ("Shop", "Read Bytes"), ""),
        (Aws, ("Shop", "使用率"), ("Shop", "可用性"), ""),
    ] {
        let apart = Apart::default();
        apart.saw(&metric(cloud, a.0, a.1));
        assert_eq!(apart.untold(), []);
        apart.saw(&metric(cloud, b.0, b.1));
        assert_eq!(apart.untold().is_empty(), keys.is_empty(), "{a:?} {b:?}");
        for _ in 0..2 {
            for (namespace, name) in [a, b] {
                apart.saw(&metric(cloud, namespace, name));
                assert_eq!(apart.untold(), [], "told once");
                let pairs = told(&apart, metric(cloud, namespace, name));
                let got: Vec<&str> = pairs.iter().map(|(key, _)| key.as_str()).collect();
                assert_eq!(got.join(" "), keys, "{a:?} {b:?}");
                for (key, value) in &pairs {
                    assert_eq!(value, if key == NAMESPACE { namespace } else { name });
                }
            }
        }
        assert_eq!(told(&apart, metric(cloud, "Other", "Requests")), []);
    }
}

#[test]
fn what_has_met_stays_told_apart_when_one_is_left() {
    let apart = Apart::default();
    apart.saw(&metric(Cloud::Aws, "Shop", "Requests"));
    apart.saw(&metric(Cloud::Aws, "Shop", "requests"));
    let met = apart.untold().remove(0);
    assert_eq!(
        met.to_string(),
        "\"Shop Requests\", \"Shop requests\" share the metric name aws.shop.requests; their points carry cloud.metric.name to tell them apart"
    );
    let later = Apart::default();
    later.read(apart.write().as_bytes());
    assert_eq!(later.met(), [met]);
    later.saw(&metric(Cloud::Aws, "Shop", "requests"));
    assert_eq!(later.untold(), [], "told before");
    assert_eq!(told(&later, metric(Cloud::Aws, "Shop", "requests")).len(), 1);
    // A third one is told again.
    later.saw(&metric(Cloud::Aws, "Shop", "REQUESTS"));
    assert_eq!(later.untold().len(), 1);
}

/// A statistic that is added later makes no other series of those that are there.
#[test]
fn statistics_of_one_metric_do_not_meet_and_are_told_apart_together() {
    let of = |name: &str, statistic: &str| {
        let spec = metric(Cloud::Aws, "Shop", name).spec().clone();
        Metric::new(MetricSpec {
            name: format!("aws.shop.requests.{statistic}").into(),
            statistic: Some(statistic.into()),
            ..spec
        })
    };
    let apart = Apart::default();
    apart.saw(&of("Requests", "average"));
    apart.saw(&of("Requests", "sum"));
    assert_eq!(apart.untold(), []);
    apart.saw(&of("requests", "maximum"));
    apart.saw(&of("requests", "sum"));
    assert_eq!(apart.untold().len(), 1);
    assert_eq!(told(&apart, of("Requests", "average")).len(), 1);
}

#[test]
fn a_text_of_others_says_nothing() {
    let apart = Apart::default();
    for text in ["", "apart 2\n", "apart 1\n\ta\tb\n", "apart 1\nzz\ta\n", "\u{0}"] {
        apart.read(text.as_bytes());
        assert_eq!(apart.met(), [], "{text:?}");
    }
}

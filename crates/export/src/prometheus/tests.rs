//! What a scrape is shown: names, labels, what has ended, and what `match[]` chooses.

use super::*;
use crate::encode::{Limits, encode};
use crate::transport::{Transport as _, Verdict};
use provider_api::{
    Attributes, Buckets, Cloud, Histogram, Kind, Metric, MetricSpec, Point, Resource, Series, SeriesPoints,
    TargetId, Temporality, UnixNanos, Value,
};
use std::sync::Arc;
use std::time::Duration;

const GAUGE: Kind = Kind::Gauge;

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    Attributes::default().with(pairs)
}

fn series(name: &str, cloud_name: &str, unit: &str, kind: Kind, id: &str) -> Series {
    let spec = MetricSpec {
        cloud: Cloud::Aws,
        namespace: "AWS/EC2".into(),
        name: name.into(),
        cloud_name: cloud_name.into(),
        statistic: None,
        unit: unit.into(),
        kind,
        description: "".into(),
    };
    Series {
        resource: Arc::new(Resource::new(attributes(&[("cloud.region", "eu")]))),
        metric: Arc::new(Metric::new(spec)),
        attributes: attributes(&[("InstanceId", id)]),
    }
}

fn sum(temporality: Temporality) -> Kind {
    Kind::Sum {
        temporality,
        monotonic: true,
    }
}

async fn put(latest: &Latest, series: Series, minute: i64, value: Value) {
    let end = UnixNanos::from_seconds(minute * 60);
    let points = vec![Point {
        start: Some(end.minus(Duration::from_secs(60))),
        end,
        value,
    }];
    let batch = vec![SeriesPoints {
        target: TargetId(1),
        series,
        points,
    }];
    for encoded in encode(&batch, Limits::default()) {
        let took = latest.deliver(&encoded).await;
        assert!(matches!(took, Verdict::Delivered { rejected: 0, .. }));
    }
}

fn plain(latest: &Arc<Latest>) -> String {
    federate(&[Arc::clone(latest)], TextFormat::Prometheus, &[])
}

fn buckets() -> Value {
    Value::Histogram(Box::new(Histogram {
        count: 3,
        sum: Some(4.5),
        buckets: Buckets {
            bounds: vec![1.0],
            counts: vec![1, 2],
        },
        exemplars: vec![],
    }))
}

#[tokio::test]
async fn both_formats_say_name_type_unit_and_the_clouds_own_name() {
    let latest = Arc::new(Latest::default());
    let cpu = series("aws.ec2.cpu.average", "CPU \"x\"\\Use", "%", GAUGE, "i-2");
    put(&latest, cpu, 1, Value::Double(12.5)).await;
    let io = sum(Temporality::Cumulative);
    put(
        &latest,
        series("aws.ec2.io", "IO", "By", io, "i-1"),
        1,
        Value::Int(7),
    )
    .await;
    let kind = Kind::Histogram {
        temporality: Temporality::Cumulative,
    };
    put(
        &latest,
        series("gcp.latency", "latency", "s", kind, "i-1"),
        1,
        buckets(),
    )
    .await;
    let cpu = series("aws.ec2.cpu.average", "CPU \"x\"\\Use", "%", GAUGE, "i-1");
    put(&latest, cpu, 2, Value::Int(-1)).await;
    assert_eq!(
        plain(&latest),
        r#"# HELP aws_ec2_cpu_average_percent CPU "x"\\Use
# TYPE aws_ec2_cpu_average_percent gauge
aws_ec2_cpu_average_percent{InstanceId="i-1",cloud_region="eu"} -1 120000
aws_ec2_cpu_average_percent{InstanceId="i-2",cloud_region="eu"} 12.5 60000
# HELP aws_ec2_io_bytes_total IO
# TYPE aws_ec2_io_bytes_total counter
aws_ec2_io_bytes_total{InstanceId="i-1",cloud_region="eu"} 7 60000
# HELP gcp_latency_seconds latency
# TYPE gcp_latency_seconds histogram
gcp_latency_seconds_bucket{InstanceId="i-1",cloud_region="eu",le="1"} 1 60000
gcp_latency_seconds_bucket{InstanceId="i-1",cloud_region="eu",le="+Inf"} 3 60000
gcp_latency_seconds_sum{InstanceId="i-1",cloud_region="eu"} 4.5 60000
gcp_latency_seconds_count{InstanceId="i-1",cloud_region="eu"} 3 60000
"#
    );
    assert_eq!(
        federate(&[latest], TextFormat::OpenMetrics, &[]),
        r#"# HELP aws_ec2_cpu_average_percent CPU \"x\"\\Use
# TYPE aws_ec2_cpu_average_percent gauge
# UNIT aws_ec2_cpu_average_percent percent
aws_ec2_cpu_average_percent{InstanceId="i-1",cloud_region="eu"} -1 120.000
aws_ec2_cpu_average_percent{InstanceId="i-2",cloud_region="eu"} 12.5 60.000
# HELP aws_ec2_io_bytes IO
# TYPE aws_ec2_io_bytes counter
# UNIT aws_ec2_io_bytes bytes
aws_ec2_io_bytes_total{InstanceId="i-1",cloud_region="eu"} 7 60.000
# HELP gcp_latency_seconds latency
# TYPE gcp_latency_seconds histogram
# UNIT gcp_latency_seconds seconds
gcp_latency_seconds_bucket{InstanceId="i-1",cloud_region="eu",le="1.0"} 1 60.000
gcp_latency_seconds_bucket{InstanceId="i-1",cloud_region="eu",le="+Inf"} 3 60.000
gcp_latency_seconds_sum{InstanceId="i-1",cloud_region="eu"} 4.5 60.000
gcp_latency_seconds_count{InstanceId="i-1",cloud_region="eu"} 3 60.000
# EOF
"#
    );
}

#[tokio::test]
async fn what_happened_in_an_interval_is_a_gauge() {
    let latest = Arc::new(Latest::default());
    let (io, of) = (sum(Temporality::Delta), Temporality::Delta);
    put(&latest, series("a.io.sum", "IO", "By", io, "i"), 1, Value::Int(7)).await;
    let histogram = Kind::Histogram { temporality: of };
    put(
        &latest,
        series("b.size", "size", "By", histogram, "i"),
        1,
        buckets(),
    )
    .await;
    let text = plain(&latest);
    let kinds: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    assert_eq!(
        kinds,
        [
            "# TYPE a_io_sum_bytes gauge",
            "# TYPE b_size_bytes_bucket gauge",
            "# TYPE b_size_bytes_count gauge",
            "# TYPE b_size_bytes_sum gauge",
        ]
    );
    assert!(
        text.contains("\nb_size_bytes_count{InstanceId=\"i\",cloud_region=\"eu\"} 3 60000\n"),
        "{text}"
    );
}

#[tokio::test]
async fn selectors_choose_by_name_and_label() {
    let latest = Arc::new(Latest::default());
    for (name, id) in [("aws.a", "i-1"), ("aws.b", "i-2"), ("gcp.c", "i-1")] {
        put(&latest, series(name, "x", "", GAUGE, id), 1, Value::Int(1)).await;
    }
    let kind = Kind::Histogram {
        temporality: Temporality::Delta,
    };
    put(&latest, series("gcp.h", "x", "", kind, "i-3"), 1, buckets()).await;
    for (selectors, wanted) in [
        (&["aws_a"][..], "aws_a"),
        (&["{__name__=~\"aws_.*\"}"], "aws_a aws_b"),
        (&["{__name__=~\"aws_.*\"}", "gcp_c"], "aws_a aws_b gcp_c"),
        (&["{InstanceId=\"i-1\",__name__!=\"aws_a\"}"], "gcp_c"),
        (&["{le=\"+Inf\"}"], "gcp_h_bucket"),
        (&["gcp_h_count"], "gcp_h_count"),
        (&["gcp_h"], ""),
        (&["{job=\"x\"}"], ""),
    ] {
        let all: Vec<Selector> = selectors
            .iter()
            .map(|text| Selector::parse(text).unwrap())
            .collect();
        let text = federate(&[Arc::clone(&latest)], TextFormat::Prometheus, &all);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let names: Vec<&str> = samples.filter_map(|line| line.split('{').next()).collect();
        assert_eq!(names.join(" "), wanted, "{selectors:?}");
        let heads = text.lines().filter(|line| line.starts_with("# TYPE")).count();
        assert!(heads <= names.len(), "no head without samples: {text}");
    }
}

/// The clock stands still but for what is slept.
#[tokio::test(start_paused = true)]
async fn a_series_that_has_ended_leaves() {
    let latest = Arc::new(Latest::default());
    let one = |id: &str| series("a", "A", "", GAUGE, id);
    let minutes = |n: u64| tokio::time::sleep(Duration::from_secs(n * 60));
    put(&latest, one("seldom"), 0, Value::Int(1)).await;
    put(&latest, one("often"), 0, Value::Int(1)).await;
    put(&latest, one("once"), 0, Value::Int(1)).await;
    for minute in 1..=20 {
        minutes(1).await;
        put(&latest, one("often"), minute, Value::Int(1)).await;
    }
    put(&latest, one("seldom"), 20, Value::Int(1)).await;
    let shown = || ["often", "seldom", "once"].map(|id| plain(&latest).contains(id));
    assert_eq!(shown(), [true; 3]);
    minutes(11).await;
    assert_eq!(shown(), [false, true, true], "10 minutes after its last point");
    minutes(31).await;
    assert_eq!(shown(), [false, true, false], "an hour after its first point");
    minutes(19).await;
    assert_eq!(shown(), [false; 3], "three times the time between its points");
    minutes(2).await;
    put(&latest, one("new"), 90, Value::Int(1)).await;
    put(&latest, one("new"), 91, Value::Int(2)).await;
    minutes(2).await;
    put(&latest, one("new"), 92, Value::Int(3)).await;
    assert_eq!(latest.series(), 1, "the others are forgotten");
    // A late point changes nothing.
    put(&latest, one("new"), 80, Value::Int(4)).await;
    assert!(plain(&latest).contains("} 3 "), "{}", plain(&latest));
}

#[tokio::test]
async fn tables_are_one_text() {
    let (a, b) = (Arc::new(Latest::default()), Arc::new(Latest::default()));
    put(&a, series("m", "M", "", GAUGE, "i-1"), 1, Value::Int(1)).await;
    put(&b, series("m", "M", "", GAUGE, "i-1"), 1, Value::Int(1)).await;
    put(&b, series("m", "M", "", GAUGE, "i-2"), 1, Value::Int(1)).await;
    let text = federate(&[a, b], TextFormat::OpenMetrics, &[]);
    for once in ["# TYPE m ", "i-1", "i-2", "# EOF"] {
        assert_eq!(text.matches(once).count(), 1, "{once} in {text}");
    }
}

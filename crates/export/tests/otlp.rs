//! Our encoder and transports against an OTLP server that knows nothing of them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test ends where it fails"
)]

use async_trait::async_trait;
use export::receiver::{Fault, FlatPoint, FlatValue, Receiver};
use export::{
    Compression, Delivery, DeliverySnapshot, Deltas, DestinationConfig, Encoded, Kind, Limits, OtlpConfig,
    Protocol, Source, Transport, Verdict, connect, encode,
};
use provider_api::{
    Attributes, Buckets, Cloud, Exemplar, Histogram, Metric, MetricSpec, Point, Resource, Series,
    SeriesPoints, TargetId, Temporality, UnixNanos, Value,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const NOON: i64 = 1_795_000_000;

fn attrs(pairs: &[(&str, &str)]) -> Attributes {
    Attributes::new(
        pairs
            .iter()
            .map(|(k, v)| (Arc::from(*k), Arc::from(*v)))
            .collect(),
    )
}

fn series(
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

fn point(second: i64, value: Value) -> Point {
    let end = UnixNanos::from_seconds(NOON + second);
    Point {
        start: Some(end.minus(Duration::from_secs(60))),
        end,
        value,
    }
}

fn histogram() -> Value {
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

fn one_of_each() -> Vec<SeriesPoints> {
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

fn many(n: i64) -> Vec<SeriesPoints> {
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

async fn receiver() -> Receiver {
    let any = "127.0.0.1:0".parse().unwrap();
    Receiver::start(any, any).await.unwrap()
}

fn config(receiver: &Receiver, protocol: Protocol) -> DestinationConfig {
    let endpoint = match protocol {
        Protocol::Grpc => receiver.grpc_endpoint(),
        Protocol::Http => receiver.http_endpoint(),
    };
    let otlp = OtlpConfig {
        protocol,
        timeout: Duration::from_secs(5),
        ..OtlpConfig::new(endpoint)
    };
    DestinationConfig {
        name: "test".into(),
        kind: Kind::Otlp(otlp),
        promote: vec![],
        deltas: Deltas::Keep,
    }
}

fn transport(receiver: &Receiver, protocol: Protocol) -> Arc<dyn Transport> {
    connect(&config(receiver, protocol)).unwrap().transport
}

fn sorted(mut points: Vec<FlatPoint>) -> Vec<FlatPoint> {
    points.sort_by(|a, b| (&a.metric, &a.attributes, a.time).cmp(&(&b.metric, &b.attributes, b.time)));
    points
}

fn taken(rejected: i64, message: &str) -> Verdict {
    Verdict::Delivered {
        rejected,
        message: message.into(),
    }
}

fn check_each(points: &[FlatPoint]) {
    let u = |s: i64| u64::try_from((NOON + s) * 1_000_000_000).unwrap();
    assert_eq!(points.len(), 6);
    let g = &points[0];
    assert_eq!(
        (g.kind, g.temporality, g.start, g.time),
        ("gauge", None, u(-60), u(0))
    );
    assert_eq!((g.scope_name.as_str(), g.unit.as_str()), ("nephoscope.aws", "%"));
    assert_eq!(g.scope_attributes["cloud.metrics.namespace"], "AWS/EC2");
    assert_eq!(
        (
            &*g.metadata["cloud.metric.name"],
            &*g.metadata["cloud.metric.statistic"]
        ),
        ("CPUUtilization", "Average")
    );
    assert_eq!(g.description, "How busy. (CPUUtilization)");
    assert_eq!(
        (&*g.resource["cloud.region"], &*g.attributes["InstanceId"]),
        ("eu", "i-1")
    );
    assert_eq!(
        (&g.value, &points[1].value),
        (&FlatValue::Double(12.5), &FlatValue::Int(-3))
    );
    assert_eq!(
        (
            points[2].start,
            &points[2].value,
            &*points[2].resource["cloud.region"]
        ),
        (0, &FlatValue::Double(0.0), "us")
    );
    let kind = |p: &FlatPoint| (p.kind, p.temporality, p.monotonic);
    assert_eq!(kind(&points[3]), ("sum", Some("delta"), false));
    assert_eq!(kind(&points[4]), ("sum", Some("cumulative"), true));
    assert_eq!(kind(&points[5]), ("histogram", Some("delta"), false));
    let FlatValue::Histogram {
        count,
        sum,
        bounds,
        counts,
        exemplars,
    } = &points[5].value
    else {
        panic!()
    };
    assert_eq!(
        (*count, *sum, &bounds[..], &counts[..]),
        (3, Some(4.5), &[1.0, 2.0][..], &[1, 2, 0][..])
    );
    assert_eq!(
        (
            exemplars[0].value,
            exemplars[0].trace_id.len(),
            &*exemplars[0].attributes["k"]
        ),
        (1.5, 16, "v")
    );
    assert_eq!(&*points[5].attributes["InstanceId"], "i-1");
}

#[tokio::test]
async fn every_kind_arrives_unchanged_over_both_protocols() {
    let receiver = receiver().await;
    let batch = &encode(&one_of_each(), Limits::default())[0];
    assert_eq!(
        (
            batch.points,
            batch.oldest_end.seconds(),
            batch.newest_end.seconds()
        ),
        (6, NOON, NOON + 60)
    );
    for protocol in [Protocol::Grpc, Protocol::Http] {
        assert_eq!(transport(&receiver, protocol).deliver(batch).await, taken(0, ""));
        check_each(&sorted(receiver.take()));
    }
    assert_eq!(receiver.last_http_body(), batch.gzip, "gzip passes unchanged");
    assert_eq!(u32::try_from(receiver.largest_message()).unwrap(), batch.raw_len);
    receiver.stop().await;
}

#[tokio::test]
async fn without_compression_and_with_changes() {
    let receiver = receiver().await;
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let mut config = config(&receiver, protocol);
        let Kind::Otlp(otlp) = &mut config.kind else {
            panic!()
        };
        otlp.compression = Compression::None;
        (config.promote, config.deltas) = (vec!["cloud.region".into()], Deltas::Gauge);
        let batch = &encode(&one_of_each(), Limits::default())[0];
        assert_eq!(
            connect(&config).unwrap().transport.deliver(batch).await,
            taken(0, "")
        );
        let points = sorted(receiver.take());
        assert!(
            points
                .iter()
                .all(|p| p.attributes["cloud.region"] == p.resource["cloud.region"])
        );
        assert_eq!((points[3].kind, points[4].kind), ("gauge", "sum"));
    }
}

#[tokio::test]
async fn answers_become_verdicts() {
    let receiver = receiver().await;
    let batch = &encode(&one_of_each(), Limits::default())[0];
    let after = Duration::from_secs(7);
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let t = transport(&receiver, protocol);
        receiver.script(vec![
            Fault::Unavailable,
            Fault::SlowDown { after },
            Fault::TooLarge,
            Fault::Invalid,
            Fault::Unauthenticated,
            Fault::Internal,
            Fault::Partial {
                rejected: 2,
                message: "old".into(),
            },
        ]);
        assert!(matches!(
            t.deliver(batch).await,
            Verdict::Retry { after: None, .. }
        ));
        assert!(matches!(t.deliver(batch).await, Verdict::Retry { after: Some(a), .. } if a == after));
        assert!(matches!(t.deliver(batch).await, Verdict::Split { .. }));
        assert!(matches!(t.deliver(batch).await, Verdict::Split { .. }));
        assert!(matches!(t.deliver(batch).await, Verdict::Hold { .. }));
        assert!(matches!(t.deliver(batch).await, Verdict::Drop { .. }));
        assert_eq!(t.deliver(batch).await, taken(2, "old"));
    }
    receiver.script(vec![Fault::Page]);
    let page = transport(&receiver, Protocol::Http).deliver(batch).await;
    assert!(matches!(page, Verdict::Hold { .. }), "{page:?}");
}

#[tokio::test]
async fn nobody_there_is_a_retry() {
    let receiver = receiver().await;
    let (grpc, http) = (
        transport(&receiver, Protocol::Grpc),
        transport(&receiver, Protocol::Http),
    );
    receiver.stop().await;
    let batch = &encode(&one_of_each(), Limits::default())[0];
    for t in [grpc, http] {
        let v = t.deliver(batch).await;
        assert!(matches!(v, Verdict::Retry { after: None, .. }), "{v:?}");
    }
}

#[tokio::test]
async fn above_the_limit_it_is_split_oldest_first() {
    let receiver = receiver().await;
    let points = many(80_000);
    let batches = encode(
        &points,
        Limits {
            max_bytes: 3 << 20,
            max_points: 1_000_000,
        },
    );
    assert!(
        batches.len() > 1 && batches.iter().all(|b| b.raw_len <= 3 << 20),
        "{}",
        batches.len()
    );
    assert!(batches.is_sorted_by(|a, b| a.newest_end <= b.oldest_end));
    let whole = encode(
        &points,
        Limits {
            max_bytes: usize::MAX,
            max_points: usize::MAX,
        },
    )
    .remove(0);
    assert!(whole.raw_len > 4 << 20);
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let t = transport(&receiver, protocol);
        let refused = t.deliver(&whole).await;
        assert!(matches!(refused, Verdict::Split { .. }), "{refused:?}");
        for b in &batches {
            assert_eq!(t.deliver(b).await, taken(0, ""));
        }
        assert_eq!(receiver.take().len(), 80_000);
    }
    let stats = deliver(&receiver, vec![whole]).await;
    assert_eq!((stats.delivered_points, stats.dropped_points), (80_000, 0));
}

#[test]
fn points_of_different_age_do_not_share_a_request() {
    let old_and_new = vec![
        point(0, Value::Int(1)),
        point(9_000, Value::Int(2)),
        point(9_060, Value::Int(3)),
    ];
    let batches = encode(
        &[series("eu", "a", provider_api::Kind::Gauge, "i", old_and_new)],
        Limits::default(),
    );
    assert_eq!(batches.iter().map(|b| b.points).collect::<Vec<_>>(), [1, 2]);
}

/// Gives each batch until it is done, then ends.
#[derive(Clone)]
struct Queue(Arc<Mutex<VecDeque<(u64, Encoded)>>>);

#[async_trait]
impl Source for Queue {
    async fn next(&self) -> Option<(u64, Encoded)> {
        self.0.lock().unwrap().front().cloned()
    }
    async fn done(&self, sequence: u64) {
        let first = self.0.lock().unwrap().pop_front();
        assert_eq!(first.map(|f| f.0), Some(sequence));
    }
}

async fn deliver(receiver: &Receiver, batches: Vec<Encoded>) -> DeliverySnapshot {
    let queue = Queue(Arc::new(Mutex::new((0..).zip(batches).collect())));
    let wait = Duration::from_millis(5);
    let delivery =
        Delivery::new("test", transport(receiver, Protocol::Grpc), queue.clone()).with_waits(wait, wait);
    let stats = delivery.stats();
    let done = tokio::time::timeout(Duration::from_secs(60), delivery.run(CancellationToken::new()));
    done.await.expect("the queue empties");
    assert!(queue.0.lock().unwrap().is_empty());
    stats.snapshot()
}

#[tokio::test]
async fn retry_and_hold_lose_nothing() {
    let receiver = receiver().await;
    receiver.script(vec![
        Fault::Unavailable,
        Fault::Unauthenticated,
        Fault::Unavailable,
    ]);
    let stats = deliver(&receiver, encode(&one_of_each(), Limits::default())).await;
    assert_eq!(
        (
            stats.delivered_points,
            stats.dropped_points,
            stats.requests_retry,
            stats.requests_hold
        ),
        (6, 0, 2, 1)
    );
    assert!(!stats.holding && stats.last_success_ms > 0 && !stats.last_error.is_empty());
    assert_eq!(receiver.received().len(), 6);
}

#[tokio::test]
async fn one_bad_point_does_not_take_the_batch_along() {
    let receiver = receiver().await;
    receiver.refuse(Some(Box::new(|p| p.value == FlatValue::Int(321))));
    let stats = deliver(&receiver, encode(&many(1_000), Limits::default())).await;
    assert_eq!((stats.delivered_points, stats.dropped_points), (999, 1));
    assert!(receiver.requests() < 30, "{}", receiver.requests());
    assert_eq!(receiver.received().len(), 999);
}

#[tokio::test]
async fn a_back_end_that_refuses_everything_costs_a_bounded_number_of_requests() {
    let receiver = receiver().await;
    receiver.refuse(Some(Box::new(|_| true)));
    let stats = deliver(&receiver, encode(&many(2_000), Limits::default())).await;
    assert_eq!((stats.delivered_points, stats.dropped_points), (0, 2_000));
    assert!(receiver.requests() < 600, "{}", receiver.requests());
}

#[tokio::test]
async fn stop_leaves_an_unsettled_batch_in_the_queue() {
    let receiver = receiver().await;
    receiver.script(vec![Fault::Unauthenticated; 10]);
    let queue = Queue(Arc::new(Mutex::new(
        (0..).zip(encode(&one_of_each(), Limits::default())).collect(),
    )));
    let delivery = Delivery::new("test", transport(&receiver, Protocol::Grpc), queue.clone());
    let (stats, stop) = (delivery.stats(), CancellationToken::new());
    let running = tokio::spawn(delivery.run(stop.clone()));
    while !stats.snapshot().holding {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_eq!(queue.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn json_lines_and_prometheus_text() {
    let folder = std::env::temp_dir().join(format!("nephoscope-export-{}", std::process::id()));
    let plain = |kind| DestinationConfig {
        name: "x".into(),
        kind,
        promote: vec![],
        deltas: Deltas::Keep,
    };
    let batch = &encode(&one_of_each(), Limits::default())[0];
    let file = connect(&plain(Kind::File { path: folder.clone() }))
        .unwrap()
        .transport;
    for _ in 0..2 {
        assert_eq!(file.deliver(batch).await, taken(0, ""));
    }
    let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(text.lines().count(), 2);
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert!(line["resourceMetrics"].is_array());
    for part in [
        r#""asInt":"7""#,
        r#""traceId":"07070707"#,
        r#""timeUnixNano":"1795000000000000000""#,
        r#""bucketCounts":["1","2","0"]"#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }

    let scrape = connect(&plain(Kind::Prometheus)).unwrap();
    assert_eq!(scrape.transport.deliver(batch).await, taken(0, ""));
    let text = scrape.latest.unwrap().render();
    for line in [
        "# TYPE a_gauge gauge\n",
        "# TYPE c_total counter\n",
        "a_gauge{InstanceId=\"i-1\",cloud_provider=\"aws\",cloud_region=\"eu\"} -3 1795000060000\n",
        "d_hist_bucket{InstanceId=\"i-1\",cloud_provider=\"aws\",cloud_region=\"eu\",le=\"+Inf\"} 3 1795000000000\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[tokio::test]
async fn what_is_not_built_says_so() {
    let receiver = receiver().await;
    let mut c = config(&receiver, Protocol::Grpc);
    c.deltas = Deltas::Cumulative;
    let text = connect(&c).unwrap_err().to_string();
    assert_eq!(
        text,
        "destination test: `deltas: cumulative` is not in this version; write `keep` or `gauge`"
    );
}

/// `cargo test --release -- --ignored --nocapture`: the budget is 2 µs a point.
#[test]
#[ignore = "a measurement"]
fn price_of_a_point() {
    let points = many(20_000);
    let start = std::time::Instant::now();
    let bytes: usize = encode(&points, Limits::default())
        .iter()
        .map(|b| b.gzip.len())
        .sum();
    eprintln!("{:?} a point, {bytes} bytes", start.elapsed() / 20_000);
}

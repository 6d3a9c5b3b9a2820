//! What is encoded arrives unchanged, over both protocols and in every compression.

use crate::back_end::{config, receiver, sorted, taken, transport};
use crate::points::{NOON, one_of_each};
use export::receiver::{FlatPoint, FlatValue};
use export::{Compression, Deltas, Kind, Limits, Protocol, connect, encode};
use provider_api::Matcher;

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
async fn every_compression_arrives_and_is_what_it_says() {
    let receiver = receiver().await;
    let batch = &encode(&one_of_each(), Limits::default())[0];
    let table = [
        (Compression::Gzip, "gzip"),
        (Compression::Zstd, "zstd"),
        (Compression::None, ""),
    ];
    for protocol in [Protocol::Grpc, Protocol::Http] {
        for (compression, name) in table {
            let mut config = config(&receiver, protocol);
            let Kind::Otlp(otlp) = &mut config.kind else {
                panic!()
            };
            otlp.compression = compression;
            let transport = connect(&config).unwrap().transport;
            assert_eq!(transport.deliver(batch).await, taken(0, ""), "{name}");
            assert_eq!(receiver.last_encoding(), name);
            check_each(&sorted(receiver.take()));
        }
    }
    let raw = receiver.last_http_body();
    assert_eq!(u32::try_from(raw.len()).unwrap(), batch.raw_len, "none is none");
}

#[tokio::test]
async fn cumulative_entries_go_out_as_they_are() {
    let receiver = receiver().await;
    let mut config = config(&receiver, Protocol::Grpc);
    config.deltas = Deltas::Cumulative;
    let batch = &encode(&one_of_each(), Limits::default())[0];
    let transport = connect(&config).unwrap().transport;
    assert_eq!(transport.deliver(batch).await, taken(0, ""));
    check_each(&sorted(receiver.take()));
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
        (config.promote, config.deltas) = (vec![Matcher::exactly("cloud.region")], Deltas::Gauge);
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

//! Deltas that have waited for a destination become totals when it wants them so, and the totals go on from there.

use super::*;
use provider_api::{
    AccountId, Attributes, Cloud, GroupSpec, Kind as Shape, Metric, MetricSpec, Point, Resource, Scope,
    Series, TargetId, Temporality, UnixNanos, Value, Window,
};
use store::{Change, Lane};

const DELTA: Shape = Shape::Sum {
    temporality: Temporality::Delta,
    monotonic: true,
};

fn points(kind: Shape, minute: i64, value: i64) -> SeriesPoints {
    let pair = |k: &str, v: &str| (Arc::from(k), Arc::from(v));
    let metric = MetricSpec {
        cloud: Cloud::Azure,
        namespace: "Microsoft.Sql/servers".into(),
        name: format!("m.{}", if kind == DELTA { "sum" } else { "gauge" }).into(),
        cloud_name: "M".into(),
        statistic: None,
        unit: "1".into(),
        kind,
        description: "What it is.".into(),
    };
    let resource = Resource::described(vec![pair("id", "x")], vec![pair("tag.team", "a")], Vec::new());
    SeriesPoints {
        target: TargetId(1),
        series: Series {
            resource: Arc::new(resource),
            metric: Arc::new(Metric::new(metric)),
            attributes: Attributes::new(vec![pair("k", "v")]),
        },
        points: vec![Point {
            start: Some(UnixNanos::from_seconds(minute * 60 - 60)),
            end: UnixNanos::from_seconds(minute * 60),
            value: Value::Int(value),
        }],
    }
}

async fn take(store: &Store, minute: i64, value: i64) {
    let group = GroupSpec {
        scope: Scope::new("s"),
        name: "g".into(),
        entry: 0,
        namespace: "n".into(),
        grain: Duration::from_secs(60),
        on_grain: true,
        every: Duration::from_secs(60),
        settle: Duration::ZERO,
        lookback: Duration::ZERO,
        initial: Duration::from_secs(60),
        retention: Duration::from_secs(86_400),
        longest_window: Duration::from_secs(86_400),
    };
    let ends = |minute: i64| UnixNanos::from_seconds(minute * 60);
    let change = Change {
        account: &AccountId("a".into()),
        lane: Lane::Live,
        group: &group,
        window: Window::new(ends(minute - 1), ends(minute)).unwrap(),
        points: vec![points(DELTA, minute, value), points(Shape::Gauge, minute, value)],
        complete: vec![TargetId(1)],
    };
    assert_eq!(store.commit(change).await.unwrap().fresh, 2);
}

/// Everything that waits: kind, minute and value.
async fn drain(store: &Store) -> Vec<(bool, i64, Value)> {
    let mut all = Vec::new();
    while store.usage().destinations[0].pending_points > 0 {
        let (seq, entry, deltas_only) = store.next_of("d", &Wanted::default()).await.unwrap();
        for one in export::read(&batch(entry, deltas_only).encoded).unwrap() {
            let kind = one.series.metric.spec().kind;
            assert_ne!(kind, DELTA);
            let told = |p: Point| (kind != Shape::Gauge, p.end.seconds() / 60, p.value);
            all.extend(one.points.into_iter().map(told));
        }
        store.acknowledge("d", seq).await.unwrap();
    }
    all
}

#[tokio::test]
async fn deltas_that_have_waited_become_totals_and_the_totals_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options {
        ballast_bytes: 0,
        ..Options::new(folder.path(), 64 << 20).destination("d")
    };
    let store = Store::open(&options, Box::new(Otlp3MiB)).unwrap();
    for minute in 1..=3 {
        take(&store, minute, 10).await;
    }
    for seq in [1, 2] {
        store.keep_deltas("d", seq, 1).await.unwrap();
    }
    // The first two have only deltas left, the third waits as a whole.
    options.destinations[0].format = Format::Cumulative;
    let changed = store.set_destinations(options.destinations.clone(), 64 << 20);
    changed.await.unwrap();
    take(&store, 4, 5).await;
    let mut all = drain(&store).await;
    all.sort_by_key(|(sum, minute, _)| (*sum, *minute));
    let gauge = |minute, value| (false, minute, Value::Int(value));
    let sum = |minute, value| (true, minute, Value::Int(value));
    let wanted = [
        gauge(3, 10),
        gauge(4, 5),
        sum(1, 10),
        sum(2, 20),
        sum(3, 30),
        sum(4, 35),
    ];
    assert_eq!(all, wanted);
    store.close().await.unwrap();
    let store = Store::open(&options, Box::new(Otlp3MiB)).unwrap();
    take(&store, 5, 1).await;
    assert!(drain(&store).await.contains(&sum(5, 36)));
}

#[tokio::test]
async fn so_they_do_when_the_line_was_changed_while_the_daemon_was_down() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options {
        ballast_bytes: 0,
        ..Options::new(folder.path(), 64 << 20).destination("d")
    };
    let store = Store::open(&options, Box::new(Otlp3MiB)).unwrap();
    take(&store, 1, 10).await;
    store.keep_deltas("d", 1, 1).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    options.destinations[0].format = Format::Cumulative;
    let store = Store::open(&options, Box::new(Otlp3MiB)).unwrap();
    store.close().await.unwrap();
    drop(store);
    let store = Store::open(&options, Box::new(Otlp3MiB)).unwrap();
    assert_eq!(drain(&store).await, [(true, 1, Value::Int(10))]);
    take(&store, 2, 5).await;
    assert!(drain(&store).await.contains(&(true, 2, Value::Int(15))));
}

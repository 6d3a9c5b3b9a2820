//! What a point costs from our model to compressed bytes: `cargo bench -p export --bench encode`.
//!
//! The budget is a microsecond: at a million points a minute the encoder then takes under two per cent of a core.
#![expect(clippy::print_stdout, reason = "a measurement is for reading")]

use export::{Encoded, Limits, encode};
use provider_api::{
    Attributes, Buckets, Cloud, Histogram, Kind, Metric, MetricSpec, Point, Resource, Series, SeriesPoints,
    TargetId, Temporality, UnixNanos, Value,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SERIES: usize = 10_000;
/// How many resources and metrics share them.
const RESOURCES: usize = 20;
const METRICS: usize = 50;
const POINTS_PER_SERIES: i64 = 10;
const ROUNDS: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);

fn main() {
    measure("gauge", &input(Kind::Gauge, number));
    let temporality = Temporality::Delta;
    measure(
        "histogram of 20 buckets",
        &input(Kind::Histogram { temporality }, histogram),
    );
}

fn measure(what: &str, input: &[SeriesPoints]) {
    let mut best = Duration::MAX;
    let mut batches = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        batches = encode(input, Limits::default());
        best = best.min(start.elapsed());
    }
    let points: u32 = batches.iter().map(|b| b.points).sum();
    let bytes = |of: fn(&Encoded) -> usize| batches.iter().map(of).sum::<usize>();
    let raw = bytes(|b| usize::try_from(b.raw_len).unwrap_or(0));
    println!(
        "{what}: {} ns a point; {points} points, {} requests, {raw} bytes, {} compressed",
        best.as_nanos() / u128::from(points),
        batches.len(),
        bytes(|b| b.gzip.len()),
    );
}

fn input(kind: Kind, value: fn(&mut fastrand::Rng) -> Value) -> Vec<SeriesPoints> {
    let mut random = fastrand::Rng::with_seed(1);
    let resources: Vec<_> = (0..RESOURCES).map(resource).collect();
    let metrics: Vec<_> = (0..METRICS).map(|i| metric(i, kind)).collect();
    (0..SERIES)
        .map(|i| SeriesPoints {
            target: TargetId(1),
            series: Series {
                resource: Arc::clone(&resources[i % RESOURCES]),
                metric: Arc::clone(&metrics[i / RESOURCES % METRICS]),
                attributes: attributes(&[("InstanceId", format!("i-0{i:016x}"))]),
            },
            points: (0..POINTS_PER_SERIES)
                .map(|n| point(n, value(&mut random)))
                .collect(),
        })
        .collect()
}

fn resource(i: usize) -> Arc<Resource> {
    Arc::new(Resource::new(attributes(&[
        ("cloud.provider", "aws".into()),
        ("cloud.account.id", "123456789012".into()),
        ("cloud.region", format!("eu-central-{i}")),
    ])))
}

fn metric(i: usize, kind: Kind) -> Arc<Metric> {
    Arc::new(Metric::new(MetricSpec {
        cloud: Cloud::Aws,
        namespace: "AWS/EC2".into(),
        name: format!("aws.ec2.metric_{i}.average").into(),
        cloud_name: format!("Metric{i}").into(),
        statistic: Some("Average".into()),
        unit: "By".into(),
        kind,
        description: "A metric.".into(),
    }))
}

fn attributes(pairs: &[(&str, String)]) -> Attributes {
    Attributes::new(
        pairs
            .iter()
            .map(|(k, v)| (Arc::from(*k), Arc::from(v.as_str())))
            .collect(),
    )
}

fn point(n: i64, value: Value) -> Point {
    let start = UnixNanos::from_seconds(1_795_000_000 + n * 60);
    Point {
        start: Some(start),
        end: start.plus(MINUTE),
        value,
    }
}

/// Values with the digits of real averages.
fn number(random: &mut fastrand::Rng) -> Value {
    Value::Double((random.f64() * 1e6).round() / 60.0)
}

fn histogram(random: &mut fastrand::Rng) -> Value {
    let counts: Vec<u64> = (0..20).map(|_| random.u64(0..100)).collect();
    let bounds = (0..19).map(|i| 1.5_f64.powi(i)).collect();
    Value::Histogram(Box::new(Histogram {
        count: counts.iter().sum(),
        sum: Some(random.f64()),
        buckets: Buckets { bounds, counts },
        exemplars: vec![],
    }))
}

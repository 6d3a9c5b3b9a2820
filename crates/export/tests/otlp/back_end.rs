//! A receiver, a destination that points at it, and a queue to drain into it.

use async_trait::async_trait;
use export::receiver::{FlatPoint, Receiver};
use export::{
    Batch, Delivery, DeliverySnapshot, Deltas, DestinationConfig, Encoded, Kind, OtlpConfig, Protocol,
    Source, Transport, Verdict, Waits, Want, connect, decode, recode,
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, metric::Data};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub(crate) async fn receiver() -> Receiver {
    let any = "127.0.0.1:0".parse().unwrap();
    Receiver::start(any, any).await.unwrap()
}

pub(crate) fn config(receiver: &Receiver, protocol: Protocol) -> DestinationConfig {
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

pub(crate) fn transport(receiver: &Receiver, protocol: Protocol) -> Arc<dyn Transport> {
    connect(&config(receiver, protocol)).unwrap().transport
}

pub(crate) fn sorted(mut points: Vec<FlatPoint>) -> Vec<FlatPoint> {
    points.sort_by(|a, b| (&a.metric, &a.attributes, a.time).cmp(&(&b.metric, &b.attributes, b.time)));
    points
}

pub(crate) fn taken(rejected: i64, message: &str) -> Verdict {
    Verdict::Delivered {
        rejected,
        message: message.into(),
    }
}

/// Gives each batch until it is done, then ends.
#[derive(Clone)]
pub(crate) struct Queue(pub(crate) Arc<Mutex<VecDeque<(u64, Batch)>>>);

impl Queue {
    pub(crate) fn new(batches: Vec<Encoded>) -> Self {
        let batches = batches.into_iter().map(Batch::whole);
        Self(Arc::new(Mutex::new((0..).zip(batches).collect())))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

#[async_trait]
impl Source for Queue {
    async fn next(&self, want: &Want) -> Option<(u64, Batch)> {
        let all = self.0.lock().unwrap();
        let mut wanted = all
            .iter()
            .filter(|(n, batch)| !want.except.contains(n) && (want.deltas || !batch.deltas_only));
        wanted.next().cloned()
    }
    async fn done(&self, sequence: u64) {
        let mut all = self.0.lock().unwrap();
        let at = all.iter().position(|(n, _)| *n == sequence);
        all.remove(at.expect("done once")).unwrap();
    }
    async fn keep_deltas(&self, sequence: u64, points: u32) {
        let mut all = self.0.lock().unwrap();
        let (_, batch) = all.iter_mut().find(|(n, _)| *n == sequence).expect("not done");
        assert!(points > 0 && points <= batch.encoded.points);
        let whole = decode(&batch.encoded).unwrap();
        *batch = Batch {
            encoded: recode(&deltas_of(whole)).unwrap(),
            deltas_only: true,
        };
    }
    async fn skipped(&self) -> u64 {
        0
    }
    async fn waiting(&self) -> u64 {
        let all = self.0.lock().unwrap();
        all.iter().map(|(_, batch)| u64::from(batch.encoded.points)).sum()
    }
}

/// As the store's reader does it.
fn deltas_of(mut request: ExportMetricsServiceRequest) -> ExportMetricsServiceRequest {
    for s in request
        .resource_metrics
        .iter_mut()
        .flat_map(|r| &mut r.scope_metrics)
    {
        s.metrics.retain(|m| match &m.data {
            Some(Data::Sum(d)) => d.aggregation_temporality() == AggregationTemporality::Delta,
            Some(Data::Histogram(d)) => d.aggregation_temporality() == AggregationTemporality::Delta,
            _ => false,
        });
    }
    request
}

/// Quick ones, so that a test need not wait.
pub(crate) fn waits(each: Duration) -> Waits {
    Waits {
        backoff_first: each,
        hold_every: each,
        ..Waits::default()
    }
}

pub(crate) async fn deliver(receiver: &Receiver, batches: Vec<Encoded>) -> DeliverySnapshot {
    let queue = Queue::new(batches);
    let wait = waits(Duration::from_millis(5));
    let delivery = Delivery::new("test", transport(receiver, Protocol::Grpc), queue.clone()).with_waits(wait);
    let stats = delivery.stats();
    let done = tokio::time::timeout(Duration::from_secs(60), delivery.run(CancellationToken::new()));
    done.await.expect("the queue empties");
    assert!(queue.is_empty());
    stats.snapshot()
}

//! A receiver, a destination that points at it, and a queue to drain into it.

use async_trait::async_trait;
use export::receiver::{FlatPoint, Receiver};
use export::{
    Delivery, DeliverySnapshot, Deltas, DestinationConfig, Encoded, Kind, OtlpConfig, Protocol, Source,
    Transport, Verdict, connect,
};
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
pub(crate) struct Queue(pub(crate) Arc<Mutex<VecDeque<(u64, Encoded)>>>);

impl Queue {
    pub(crate) fn new(batches: Vec<Encoded>) -> Self {
        Self(Arc::new(Mutex::new((0..).zip(batches).collect())))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

#[async_trait]
impl Source for Queue {
    async fn next(&self) -> Option<(u64, Encoded)> {
        self.0.lock().unwrap().front().cloned()
    }
    async fn done(&self, sequence: u64) {
        let first = self.0.lock().unwrap().pop_front();
        assert_eq!(first.map(|f| f.0), Some(sequence));
    }
    async fn waiting(&self) -> u64 {
        let all = self.0.lock().unwrap();
        all.iter().map(|(_, batch)| u64::from(batch.points)).sum()
    }
}

pub(crate) async fn deliver(receiver: &Receiver, batches: Vec<Encoded>) -> DeliverySnapshot {
    let queue = Queue::new(batches);
    let wait = Duration::from_millis(5);
    let delivery =
        Delivery::new("test", transport(receiver, Protocol::Grpc), queue.clone()).with_waits(wait, wait);
    let stats = delivery.stats();
    let done = tokio::time::timeout(Duration::from_secs(60), delivery.run(CancellationToken::new()));
    done.await.expect("the queue empties");
    assert!(queue.is_empty());
    stats.snapshot()
}

//! A queue is drained: nothing lost, nothing given up without need, nothing forgotten at the end.

use crate::back_end::{Queue, deliver, receiver, transport};
use crate::points::{many, one_of_each};
use export::receiver::{Fault, FlatValue};
use export::{Delivery, Limits, Protocol, encode};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

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
async fn a_back_end_that_refuses_everything_loses_nothing_and_costs_few_requests() {
    let receiver = receiver().await;
    receiver.refuse(Some(Box::new(|_| true)));
    let batches: Vec<_> = (0..3)
        .flat_map(|_| encode(&many(2_000), Limits::default()))
        .collect();
    let queue = Queue::new(batches);
    let delivery = Delivery::new("test", transport(&receiver, Protocol::Grpc), queue.clone());
    let (stats, stop) = (delivery.stats(), CancellationToken::new());
    let running = tokio::spawn(delivery.run(stop.clone()));
    while !stats.snapshot().holding || receiver.requests() < 14 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    running.await.unwrap();
    let now = stats.snapshot();
    assert_eq!(
        (now.delivered_points, now.dropped_points, now.losses),
        (0, 0, None)
    );
    assert!(now.last_error.contains("check `protocol`"), "{}", now.last_error);
    assert!(receiver.requests() <= 15, "{}", receiver.requests());
    assert_eq!(queue.0.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn stop_leaves_an_unsettled_batch_in_the_queue() {
    let receiver = receiver().await;
    receiver.script(vec![Fault::Unauthenticated; 10]);
    let queue = Queue::new(encode(&one_of_each(), Limits::default()));
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

//! The oldest first: what lies beyond a gap waits for a destination that wants it so, and for nobody else.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common::{Line, commit, lines, open, options, points, window};
use provider_api::UnixNanos;
use std::sync::Arc;
use std::time::Duration;
use store::{Options, Store};
use tokio::time::timeout;

fn ordered(dir: &std::path::Path) -> Options {
    let mut options = options(dir).destination("ordered").destination("plain");
    options.destinations[0].oldest_first = true;
    options
}

/// Points of two targets, one a minute, of this span.
async fn take(store: &Store, from_min: i64, to_min: i64, targets: &[u64]) {
    let ends: Vec<i64> = (from_min + 1..=to_min).map(|end| end * 60).collect();
    let all = targets
        .iter()
        .map(|target| points(*target, &format!("x{target}"), &ends));
    let span = window(from_min * 60, to_min * 60);
    commit(store, 0, span, all.collect(), targets).await.unwrap();
}

async fn next(store: &Store, name: &str) -> Option<Vec<Line>> {
    let next = timeout(Duration::from_millis(50), store.next(name));
    let (seq, entry) = next.await.ok()?.unwrap();
    store.acknowledge(name, seq).await.unwrap();
    Some(lines(&entry))
}

/// The minutes of all that goes out at once.
async fn all(store: &Store, name: &str) -> Vec<i64> {
    let mut minutes = Vec::new();
    while let Some(lines) = next(store, name).await {
        minutes.extend(lines.iter().map(|line| UnixNanos(line.2).seconds() / 60));
    }
    minutes
}

async fn reopened(store: Arc<Store>, options: &Options) -> Arc<Store> {
    store.close().await.unwrap();
    drop(store);
    open(options)
}

#[tokio::test]
async fn the_present_waits_for_its_gap_and_goes_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = ordered(dir.path());
    let store = open(&options);
    take(&store, 0, 5, &[1, 2]).await;
    assert_eq!(all(&store, "ordered").await.len(), 10);
    // A pause, the present, and the gap in two pieces. The second target has no gap.
    take(&store, 5, 20, &[2]).await;
    take(&store, 20, 25, &[1, 2]).await;
    let before = all(&store, "ordered").await;
    assert_eq!(before, (6..=25).collect::<Vec<_>>(), "the second target's alone");
    take(&store, 5, 10, &[1]).await;
    take(&store, 25, 27, &[1]).await;
    let store = reopened(store, &options).await;
    assert_eq!(all(&store, "ordered").await, [6, 7, 8, 9, 10]);
    take(&store, 10, 20, &[1]).await;
    assert_eq!(all(&store, "ordered").await, (11..=27).collect::<Vec<_>>());
    assert!(store.keeps_up());
    assert_eq!(all(&store, "plain").await.len(), 10 + 20 + 22);
    timeout(Duration::from_secs(60), store.drained()).await.unwrap();
}

#[tokio::test]
async fn a_gap_that_nobody_closes_holds_up_nothing_for_longer_than_two_hours() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&ordered(dir.path()));
    take(&store, 0, 5, &[1, 2]).await;
    assert_eq!(all(&store, "ordered").await.len(), 10);
    take(&store, 20, 25, &[1]).await;
    take(&store, 5, 139, &[2]).await;
    assert_eq!(all(&store, "ordered").await.len(), 134);
    take(&store, 139, 141, &[2]).await;
    let minutes = all(&store, "ordered").await;
    assert_eq!(minutes, [21, 22, 23, 24, 25, 140, 141]);
}

#[tokio::test]
async fn room_goes_before_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = ordered(dir.path());
    options.destinations[0].max_bytes = 400;
    let store = open(&options);
    take(&store, 0, 1, &[1]).await;
    assert_eq!(all(&store, "ordered").await, [1]);
    take(&store, 20, 21, &[1]).await;
    assert!(next(&store, "ordered").await.is_none());
    take(&store, 21, 26, &[1]).await;
    assert!(next(&store, "ordered").await.is_some());
}

#[tokio::test]
async fn what_comes_later_of_a_target_waits_for_what_came_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&ordered(dir.path()));
    take(&store, 0, 5, &[1, 2]).await;
    assert_eq!(all(&store, "ordered").await.len(), 10);
    take(&store, 20, 25, &[1, 2]).await;
    // The gap of one is closed, the other's is not: both stand in one entry.
    take(&store, 5, 20, &[1]).await;
    take(&store, 25, 27, &[1]).await;
    assert_eq!(all(&store, "ordered").await, (6..=20).collect::<Vec<_>>());
    take(&store, 5, 20, &[2]).await;
    let minutes = all(&store, "ordered").await;
    let (gap, rest) = minutes.split_at(15);
    assert_eq!(gap, (6..=20).collect::<Vec<_>>());
    assert_eq!(rest, [21, 22, 23, 24, 25, 21, 22, 23, 24, 25, 26, 27]);
}

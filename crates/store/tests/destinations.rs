//! Destinations that come, go and change: by a restart or while the store is open, with the same outcome.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common::{commit, drain, open, options, point, points, series_of, window};
use provider_api::{Kind, SeriesPoints, TargetId, Temporality, UnixNanos};
use std::sync::Arc;
use std::time::Duration;
use store::{DestinationSpec, Format, OnFull, Options, Store};
use tokio::time::timeout;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
enum How {
    Restarted,
    Running,
}

fn spec(name: &str) -> DestinationSpec {
    DestinationSpec {
        name: name.into(),
        max_bytes: 1 << 20,
        on_full: OnFull::Pause,
        format: Format::Delta,
        resend_revisions: false,
        oldest_first: false,
    }
}

fn cumulative(name: &str) -> DestinationSpec {
    DestinationSpec {
        format: Format::Cumulative,
        ..spec(name)
    }
}

/// The store with these destinations from now on.
async fn change(store: Arc<Store>, options: &Options, how: How) -> Arc<Store> {
    match how {
        How::Restarted => {
            store.close().await.unwrap();
            drop(store);
            open(options)
        }
        How::Running => {
            let changed = store.set_destinations(options.destinations.clone(), options.max_bytes);
            changed.await.unwrap();
            store
        }
    }
}

fn waiting(store: &Store) -> Vec<(String, u64)> {
    let destinations = store.usage().destinations.into_iter();
    destinations.map(|d| (d.name, d.pending_points)).collect()
}

fn named(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected
        .iter()
        .map(|(name, n)| ((*name).to_owned(), *n))
        .collect()
}

async fn take(store: &Store, end_s: i64) {
    let minute = window(end_s - 60, end_s);
    let done = commit(store, 0, minute, vec![points(1, "x", &[end_s])], &[1]).await;
    assert_eq!(done.unwrap().fresh, 1);
}

async fn reordered_renamed_and_changed(how: How) {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.destinations = vec![spec("a"), spec("b")];
    let store = open(&options);
    take(&store, 60).await;
    drain(&store, 0).await;

    let b = DestinationSpec {
        resend_revisions: true,
        ..spec("b")
    };
    options.destinations = vec![spec("c"), b, spec("a")];
    let store = change(store, &options, how).await;
    assert_eq!(waiting(&store), named(&[("c", 0), ("b", 1), ("a", 0)]), "{how:?}");
    take(&store, 120).await;
    assert_eq!(drain(&store, 1).await.len(), 2);

    options.destinations = vec![options.destinations.remove(1)];
    let store = change(store, &options, how).await;
    assert_eq!(
        (store.usage().spool_bytes, waiting(&store)),
        (0, named(&[("b", 0)]))
    );
    timeout(PATIENCE, store.drained()).await.unwrap();
    take(&store, 180).await;
    options.destinations.clear();
    let store = change(store, &options, how).await;
    assert_eq!(store.usage().spool_bytes, 0, "nobody waits for it any more");
    let store = change(store, &options, How::Restarted).await;
    assert_eq!(store.usage().spool_bytes, 0, "and the file knows");
}

#[tokio::test]
async fn destinations_may_be_reordered_renamed_and_changed() {
    reordered_renamed_and_changed(How::Restarted).await;
    reordered_renamed_and_changed(How::Running).await;
}

fn delta(end_s: i64, value: f64) -> Vec<SeriesPoints> {
    let kind = Kind::Sum {
        temporality: Temporality::Delta,
        monotonic: true,
    };
    vec![SeriesPoints {
        target: TargetId(1),
        series: series_of("a", kind),
        points: vec![point(end_s, value)],
    }]
}

async fn take_delta(store: &Store, end_s: i64, value: f64) {
    let minute = window(end_s - 60, end_s);
    commit(store, 0, minute, delta(end_s, value), &[1]).await.unwrap();
}

async fn values(store: &Store) -> Vec<(i64, String)> {
    let lines = drain(store, 0).await.into_iter();
    lines
        .map(|(_, _, end, value)| (UnixNanos(end).seconds(), value))
        .collect()
}

async fn totals_begin_anew(how: How) {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    let at = |end: i64, sum: &str| (end, format!("Double({sum})"));
    options.destinations = vec![cumulative("d")];
    let mut store = open(&options);
    take_delta(&store, 60, 1.0).await;
    options.destinations = vec![spec("d")];
    store = change(store, &options, how).await;
    take_delta(&store, 120, 2.0).await;
    assert_eq!(values(&store).await, [at(60, "1.0"), at(120, "2.0")], "{how:?}");
    options.destinations = vec![cumulative("d")];
    store = change(store, &options, how).await;
    take_delta(&store, 180, 4.0).await;
    assert_eq!(values(&store).await, [at(180, "4.0")], "nobody had carried it on");
}

#[tokio::test]
async fn what_waits_goes_out_as_it_was_encoded_and_totals_begin_anew() {
    totals_begin_anew(How::Restarted).await;
    totals_begin_anew(How::Running).await;
}

#[tokio::test]
async fn a_destination_that_goes_makes_room_for_those_who_wait() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    let small = DestinationSpec {
        max_bytes: 1,
        ..spec("stuck")
    };
    options.destinations = vec![small, spec("d")];
    let store = open(&options);
    take(&store, 60).await;
    let blocked = tokio::spawn({
        let store = Arc::clone(&store);
        async move { take(&store, 120).await }
    });
    options.destinations.remove(0);
    let store = change(store, &options, How::Running).await;
    timeout(PATIENCE, blocked).await.unwrap().unwrap();
    assert_eq!(waiting(&store), named(&[("d", 2)]));
    let next = timeout(PATIENCE, store.next("new"));
    options.destinations.push(spec("new"));
    let set = store.set_destinations(options.destinations.clone(), options.max_bytes);
    let ((), (_, entry)) = tokio::join!(
        async {
            set.await.unwrap();
            take(&store, 180).await;
        },
        async { next.await.unwrap().unwrap() }
    );
    assert_eq!(entry.points, 1, "it begins at the end");
}

async fn to_and_fro(how: How) {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.destinations = vec![spec("d")];
    let mut store = open(&options);
    for (round, format) in [spec, cumulative, spec, cumulative].into_iter().enumerate() {
        options.destinations = vec![format("d")];
        store = change(store, &options, how).await;
        // A switch without a point in between leaves nothing to remember.
        store = change(store, &options, how).await;
        let end = i64::try_from(60 * (round + 1)).unwrap();
        take_delta(&store, end, 1.0).await;
    }
    let store = change(store, &options, How::Restarted).await;
    let ends: Vec<i64> = values(&store).await.into_iter().map(|(end, _)| end).collect();
    assert_eq!(ends, [60, 120, 180, 240], "{how:?}");
}

#[tokio::test]
async fn a_format_that_is_switched_to_and_fro_loses_nothing_that_waits() {
    to_and_fro(How::Restarted).await;
    to_and_fro(How::Running).await;
}

#[tokio::test]
async fn a_file_of_format_2_keeps_its_switch() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.destinations = vec![spec("d")];
    let store = open(&options);
    take_delta(&store, 60, 1.0).await;
    options.destinations = vec![cumulative("d")];
    let store = change(store, &options, How::Running).await;
    take_delta(&store, 120, 1.0).await;
    store.close().await.unwrap();
    drop(store);
    let conn = rusqlite::Connection::open(dir.path().join("nephoscope.db")).unwrap();
    conn.execute_batch(include_str!("fixtures/format-5-to-2.sql"))
        .unwrap();
    conn.close().unwrap();
    let store = open(&options);
    let ends: Vec<i64> = values(&store).await.into_iter().map(|(end, _)| end).collect();
    assert_eq!(ends, [60, 120]);
}

//! Entries that others pass: acknowledged in any order, whole or but for their deltas, across restarts.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common::{commit, open, options, points, window};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{DestinationSpec, Format, OnFull, Options, Store, Wanted};

/// A store with entries 1 to `n` of one point each.
async fn filled(options: &Options, n: i64) -> Arc<Store> {
    let store = open(options);
    for end in 1..=n {
        let minute = window((end - 1) * 60, end * 60);
        let done = commit(&store, 0, minute, vec![points(1, "x", &[end * 60])], &[1]).await;
        assert_eq!(done.unwrap().fresh, 1);
    }
    store
}

fn wanted(except: &[u64], deltas: bool) -> Wanted {
    Wanted {
        except: except.iter().copied().collect::<BTreeSet<_>>(),
        deltas,
    }
}

async fn next(store: &Store, name: &str, wanted: &Wanted) -> (u64, bool) {
    let (seq, _, deltas_only) = store.next_of(name, wanted).await.unwrap();
    (seq, deltas_only)
}

fn waiting(store: &Store, at: usize) -> (u64, u64) {
    let of = &store.usage().destinations[at];
    (of.pending_points, of.kept_deltas)
}

async fn reopened(store: Arc<Store>, options: &Options) -> Arc<Store> {
    store.close().await.unwrap();
    drop(store);
    open(options)
}

#[tokio::test]
async fn one_entry_is_passed_by_others_and_waits_across_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path()).destination("a").destination("b");
    let store = filled(&options, 5).await;
    assert_eq!(next(&store, "a", &wanted(&[1], true)).await, (2, false));
    for seq in [2, 4] {
        store.acknowledge("a", seq).await.unwrap();
    }
    assert_eq!((waiting(&store, 0), waiting(&store, 1)), ((3, 0), (5, 0)));
    let store = reopened(store, &options).await;
    assert_eq!(waiting(&store, 0), (3, 0));
    for seq in [1, 3, 5] {
        assert_eq!(next(&store, "a", &wanted(&[], true)).await, (seq, false));
        store.acknowledge("a", seq).await.unwrap();
        store.acknowledge("a", seq).await.unwrap();
    }
    assert_eq!(waiting(&store, 0), (0, 0));
    for seq in 1..=5 {
        store.acknowledge("b", seq).await.unwrap();
    }
    store.drained().await;
    let store = reopened(store, &options).await;
    assert_eq!(store.usage().spool_bytes, 0);
}

#[tokio::test]
async fn what_is_left_of_an_entry_waits_beside_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path()).destination("a");
    let store = filled(&options, 3).await;
    for seq in [1, 2] {
        store.keep_deltas("a", seq, 1).await.unwrap();
    }
    assert_eq!(next(&store, "a", &wanted(&[], false)).await, (3, false));
    store.acknowledge("a", 3).await.unwrap();
    let store = reopened(store, &options).await;
    assert_eq!((waiting(&store, 0), store.usage().spool_points), ((2, 2), 2));
    assert_eq!(next(&store, "a", &wanted(&[], true)).await, (1, true));
    assert_eq!(next(&store, "a", &wanted(&[1], true)).await, (2, true));
    for seq in [2, 1] {
        store.acknowledge("a", seq).await.unwrap();
    }
    store.drained().await;
}

#[tokio::test]
async fn what_was_passed_keeps_its_look_when_the_destination_wants_another() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path()).destination("a");
    let store = filled(&options, 2).await;
    store.acknowledge("a", 2).await.unwrap();
    options.destinations = vec![DestinationSpec {
        resend_revisions: true,
        ..options.destinations.remove(0)
    }];
    let store = reopened(store, &options).await;
    assert_eq!(next(&store, "a", &wanted(&[], true)).await, (1, false));
    store.acknowledge("a", 1).await.unwrap();
    store.drained().await;
}

#[tokio::test]
async fn the_oldest_is_skipped_first_also_when_it_was_passed() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path()).destination("a");
    let store = filled(&options, 3).await;
    store.acknowledge("a", 2).await.unwrap();
    let bytes = store.usage().destinations[0].pending_bytes;
    options.destinations[0] = DestinationSpec {
        name: "a".into(),
        max_bytes: bytes + bytes / 4,
        on_full: OnFull::DropOldest,
        format: Format::Delta,
        resend_revisions: false,
        oldest_first: false,
    };
    let changed = store.set_destinations(options.destinations.clone(), options.max_bytes);
    changed.await.unwrap();
    let minute = window(180, 240);
    commit(&store, 0, minute, vec![points(1, "x", &[240])], &[1])
        .await
        .unwrap();
    let of = &store.usage().destinations[0];
    assert_eq!((of.pending_points, of.dropped_points), (2, 1));
    assert_eq!(next(&store, "a", &wanted(&[], true)).await, (3, false));
}

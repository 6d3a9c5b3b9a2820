//! History is fetched in its own lane: apart from what is polled, in any order of ranges as far as one gap goes, each
//! point once.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common::{MINUTE, account, commit, drain, group, open, options, points, window};
use provider_api::{TargetId, UnixNanos};
use std::path::Path;
use std::sync::Arc;
use store::{Change, Committed, Lane, Progress, Store, Stretches};

const TARGET: u64 = 1;

/// Fetches the minutes of `(from, to]`; complete or not.
async fn fetch(store: &Store, from: i64, to: i64, complete: bool) -> Committed {
    let ends: Vec<i64> = (from + 1..=to).map(|minute| minute * MINUTE).collect();
    let change = Change {
        lane: Lane::Backfill,
        account: &account(),
        group: &group(0),
        window: window(from * MINUTE, to * MINUTE),
        points: vec![points(TARGET, "a", &ends)],
        complete: if complete {
            vec![TargetId(TARGET)]
        } else {
            Vec::new()
        },
    };
    store.commit(change).await.unwrap()
}

fn fetched(store: &Store) -> Progress {
    store.backfilled(&account(), TargetId(TARGET)).unwrap()
}

fn minutes(since: i64, upto: i64, ahead: Option<(i64, i64)>) -> Progress {
    let at = |minute: i64| UnixNanos::from_seconds(minute * MINUTE);
    Progress {
        since: at(since),
        upto: at(upto),
        ahead: Stretches::new(ahead.map(|(from, to)| (at(from), at(to)))),
    }
}

fn start(dir: &Path) -> Arc<Store> {
    open(&options(dir).destination("d"))
}

#[tokio::test]
async fn history_knows_nothing_of_what_is_polled() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path());
    let polled = vec![points(TARGET, "a", &[1001 * MINUTE])];
    let live = window(1000 * MINUTE, 1001 * MINUTE);
    commit(&store, 0, live, polled, &[TARGET]).await.unwrap();
    assert_eq!(fetch(&store, 100, 1000, true).await.fresh, 900);
    let before = store.progress(&account(), TargetId(TARGET)).unwrap();
    assert_eq!(before, minutes(1000, 1001, None));
    assert_eq!(fetched(&store), minutes(100, 1000, None));
}

/// More minutes than are remembered between windows, so that only progress can tell.
#[tokio::test]
async fn an_earlier_range_is_taken_after_a_later_one_and_each_point_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path());
    fetch(&store, 2000, 2500, true).await;
    // Ended in the middle of a call.
    fetch(&store, 2500, 2600, false).await;
    assert_eq!(fetch(&store, 1000, 1300, false).await.fresh, 300);
    store.close().await.unwrap();
    let store = start(dir.path());
    let again = fetch(&store, 1000, 1400, true).await;
    assert_eq!((again.fresh, again.repeated, again.late), (100, 300, 0));
    assert_eq!(fetched(&store), minutes(1000, 1400, Some((2000, 2500))));
    assert_eq!(fetch(&store, 1400, 2000, true).await.fresh, 600);
    assert_eq!(fetched(&store), minutes(1000, 2500, None));
    let rest = fetch(&store, 2500, 2700, true).await;
    assert_eq!((rest.fresh, rest.repeated), (100, 100));
    let mut ends: Vec<i64> = drain(&store, 0).await.into_iter().map(|line| line.2).collect();
    ends.sort_unstable();
    let wanted: Vec<i64> = (1001..=2700)
        .map(|minute| UnixNanos::from_seconds(minute * MINUTE).0)
        .collect();
    assert_eq!(ends, wanted);
}

#[tokio::test]
async fn a_range_that_touches_from_below_joins_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path());
    fetch(&store, 2000, 2100, true).await;
    assert_eq!(fetch(&store, 1900, 2000, true).await.fresh, 100);
    assert_eq!(fetched(&store), minutes(1900, 2100, None));
    assert_eq!(fetch(&store, 2100, 2200, true).await.fresh, 100);
}

#[tokio::test]
async fn a_second_gap_is_not_remembered_so_nothing_is_taken_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path());
    fetch(&store, 2000, 2100, true).await;
    fetch(&store, 1000, 1100, true).await;
    let done = fetch(&store, 500, 600, true).await;
    assert_eq!((done.fresh, done.deferred), (0, 100));
    assert_eq!(fetched(&store), minutes(1000, 1100, Some((2000, 2100))));
}

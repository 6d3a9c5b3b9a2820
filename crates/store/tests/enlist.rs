//! Targets are known before they are polled: where a new one begins, what is looked back over when something else is asked
//! of one, and how a file of format 3 goes on under the identities of today.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common::{MINUTE, account, commit, drain, open, options, point, points, series, window};
use provider_api::{
    Members, Metric, MetricSpec, Pairs, Resource, Series, SeriesId, SeriesPoints, TargetId, UnixNanos,
};
use std::path::Path;
use std::sync::Arc;
use store::{Enlisted, Lane, Listing, Progress, Store, Stretches};

fn at(minute: i64) -> UnixNanos {
    UnixNanos::from_seconds(minute * MINUTE)
}

fn listing(target: u64, members: u64) -> Listing {
    Listing {
        target: TargetId(target),
        members: Members(members),
        former: Vec::new(),
        from: Some(at(5)),
        again: at(20),
    }
}

async fn enlist(store: &Store, listing: Listing) -> Enlisted {
    store.enlist(&account(), Lane::Live, vec![listing]).await.unwrap()
}

fn start(dir: &Path) -> Arc<Store> {
    open(&options(dir).destination("d"))
}

fn ends(name: &str, target: u64, minutes: std::ops::RangeInclusive<i64>) -> Vec<SeriesPoints> {
    let ends: Vec<i64> = minutes.map(|minute| minute * MINUTE).collect();
    vec![points(target, name, &ends)]
}

fn progress(store: &Store, target: u64) -> (UnixNanos, UnixNanos) {
    let Progress { since, upto, .. } = store.progress(&account(), TargetId(target)).unwrap();
    (since, upto)
}

#[tokio::test]
async fn a_new_target_begins_where_its_listing_says_also_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path());
    let new = Enlisted {
        new: 1,
        ..Enlisted::default()
    };
    assert_eq!(enlist(&store, listing(1, 7)).await, new);
    let later = Listing {
        from: Some(at(50)),
        ..listing(1, 7)
    };
    assert_eq!(enlist(&store, later.clone()).await, Enlisted::default());
    drop(store);
    let store = start(dir.path());
    assert_eq!(enlist(&store, later).await, Enlisted::default());
    assert_eq!(progress(&store, 1), (at(5), at(5)));
    let taken = commit(
        &store,
        0,
        window(5 * MINUTE, 9 * MINUTE),
        ends("a", 1, 6..=9),
        &[1],
    )
    .await;
    assert_eq!(taken.unwrap().fresh, 4);
    assert_eq!(progress(&store, 1), (at(5), at(9)));
}

#[tokio::test]
async fn what_is_new_of_a_changed_target_is_taken_and_what_was_taken_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path());
    enlist(&store, listing(1, 7)).await;
    commit(
        &store,
        0,
        window(5 * MINUTE, 30 * MINUTE),
        ends("old", 1, 6..=30),
        &[1],
    )
    .await
    .unwrap();
    // An outage made a gap.
    commit(
        &store,
        0,
        window(60 * MINUTE, 90 * MINUTE),
        ends("old", 1, 61..=90),
        &[1],
    )
    .await
    .unwrap();
    let changed = Enlisted {
        changed: 1,
        ..Enlisted::default()
    };
    assert_eq!(enlist(&store, listing(1, 8)).await, changed);
    assert_eq!(enlist(&store, listing(1, 8)).await, Enlisted::default());
    let Progress { upto, ahead, .. } = store.progress(&account(), TargetId(1)).unwrap();
    assert_eq!((upto, ahead), (at(20), Stretches::default()));
    let mut all = ends("old", 1, 21..=90);
    all.extend(ends("new", 1, 21..=90));
    let taken = commit(&store, 0, window(20 * MINUTE, 90 * MINUTE), all, &[1])
        .await
        .unwrap();
    assert_eq!(taken.fresh, 70 + 30, "the new series, and the gap of the old one");
    assert_eq!(progress(&store, 1), (at(5), at(90)));
    let mut lines = drain(&store, 0).await;
    let all = lines.len();
    lines.sort();
    lines.dedup();
    assert_eq!((all, lines.len()), (85 + 70, 85 + 70));
}

#[tokio::test]
async fn a_change_while_an_outage_lasts_forgets_nothing_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path());
    enlist(&store, listing(1, 7)).await;
    commit(
        &store,
        0,
        window(5 * MINUTE, 10 * MINUTE),
        ends("old", 1, 6..=10),
        &[1],
    )
    .await
    .unwrap();
    // Looked back over to minute 20 only, but nothing after minute 10 has been taken.
    enlist(&store, listing(1, 8)).await;
    assert_eq!(progress(&store, 1), (at(5), at(10)));
}

/// A series as format 3 identified it, and as it is identified today.
fn described(team: &str) -> SeriesPoints {
    let pair = |key: &str, value: &str| -> Pairs { vec![(key.into(), value.into())] };
    let resource = Resource::described(pair("id", "1"), pair("tag.team", team), pair("name", "n"));
    let mut series = series("a");
    series.resource = Arc::new(resource);
    SeriesPoints {
        target: TargetId(2),
        series,
        points: Vec::new(),
    }
}

fn of(one: &SeriesPoints, minutes: std::ops::RangeInclusive<i64>) -> Vec<SeriesPoints> {
    let points = minutes.map(|minute| point(minute * MINUTE, 1.0)).collect();
    vec![SeriesPoints {
        points,
        ..one.clone()
    }]
}

/// Gives a series in the file the identity that another version had for it. The last four bytes of a state are a checksum, by
/// its owner.
fn identified_as(conn: &rusqlite::Connection, series: &Series, id: SeriesId) {
    let [now, then] = [series.id(), id].map(|id| id.0.to_le_bytes());
    let state = conn.query_row("SELECT state FROM series WHERE id=?1", [now], |row| row.get(0));
    let mut state: Vec<u8> = state.unwrap();
    let check = state.len() - 4;
    for (i, byte) in state[check..].iter_mut().enumerate() {
        *byte ^= now[i] ^ then[i];
    }
    conn.execute(
        "UPDATE series SET id=?2, state=?3 WHERE id=?1",
        (now, then, state),
    )
    .unwrap();
}

/// Two metrics of a cloud that had one name were one series in a file of format 4; the first that comes goes on as it.
#[tokio::test]
async fn a_file_of_format_4_goes_on_and_metrics_that_had_one_name_are_two() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path());
    enlist(&store, listing(1, 7)).await;
    let first = window(5 * MINUTE, 30 * MINUTE);
    commit(&store, 0, first, ends("a", 1, 6..=30), &[1])
        .await
        .unwrap();
    store.close().await.unwrap();
    drop(store);
    let conn = rusqlite::Connection::open(dir.path().join("nephoscope.db")).unwrap();
    identified_as(&conn, &series("a"), series("a").former_ids()[0]);
    conn.execute_batch(include_str!("fixtures/format-5-to-4.sql"))
        .unwrap();
    conn.close().unwrap();

    let store = start(dir.path());
    let mut both = ends("a", 1, 26..=40);
    let mut other = both[0].clone();
    let spec = MetricSpec {
        cloud_name: "m".into(),
        ..other.series.metric.spec().clone()
    };
    other.series.metric = Arc::new(Metric::new(spec));
    assert_eq!(other.series.former_ids(), both[0].series.former_ids());
    both.push(other);
    let taken = commit(&store, 0, window(25 * MINUTE, 40 * MINUTE), both, &[1]);
    let taken = taken.await.unwrap();
    assert_eq!((taken.fresh, taken.repeated, taken.revised), (10 + 15, 5, 0));
}

#[tokio::test]
async fn a_file_of_format_3_goes_on_under_the_identities_of_today() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path());
    // Two targets of the old way are one today; their series was identified by its tag, too.
    let mut old = described("x");
    old.target = TargetId(1);
    let attributes =
        provider_api::Attributes::new(vec![("id".into(), "1".into()), ("tag.team".into(), "x".into())]);
    old.series.resource = Arc::new(Resource::new(attributes));
    commit(&store, 0, window(5 * MINUTE, 30 * MINUTE), of(&old, 6..=30), &[1])
        .await
        .unwrap();
    commit(
        &store,
        0,
        window(8 * MINUTE, 25 * MINUTE),
        ends("b", 9, 9..=25),
        &[9],
    )
    .await
    .unwrap();
    store.close().await.unwrap();
    drop(store);
    let conn = rusqlite::Connection::open(dir.path().join("nephoscope.db")).unwrap();
    identified_as(&conn, &old.series, old.series.former_ids()[1]);
    identified_as(&conn, &series("b"), series("b").former_ids()[1]);
    conn.execute_batch(include_str!("fixtures/format-5-to-3.sql"))
        .unwrap();
    conn.close().unwrap();

    let store = start(dir.path());
    let today = Listing {
        former: vec![TargetId(1), TargetId(77), TargetId(9)],
        ..listing(2, 7)
    };
    let taken_over = Enlisted {
        taken_over: 1,
        ..Enlisted::default()
    };
    assert_eq!(enlist(&store, today.clone()).await, taken_over);
    assert_eq!(progress(&store, 2), (at(8), at(25)), "what both were taken up to");
    assert_eq!(enlist(&store, today).await, Enlisted::default());
    // The window is asked for again; a tag has changed meanwhile, and the points say it under the identity of today.
    let mut all = of(&described("x"), 26..=40);
    all.extend(ends("b", 2, 26..=40));
    let taken = commit(&store, 0, window(25 * MINUTE, 40 * MINUTE), all, &[2])
        .await
        .unwrap();
    assert_eq!((taken.fresh, taken.repeated), (10 + 15, 5));
    let edited = commit(
        &store,
        0,
        window(39 * MINUTE, 41 * MINUTE),
        of(&described("y"), 40..=41),
        &[2],
    );
    let edited = edited.await.unwrap();
    assert_eq!((edited.fresh, edited.repeated), (1, 1));
    drop(store);
    let store = start(dir.path());
    assert_eq!(progress(&store, 2), (at(8), at(41)));
    assert_eq!(store.latest(&account()), Some(at(41)));
}

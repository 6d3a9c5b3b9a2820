//! No room: callers are told, what is waiting can still be acknowledged, and the store goes on by itself.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common::{self, commit, open, options, points, window};
use bytes::Bytes;
use provider_api::{SeriesPoints, TargetId, UnixNanos};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use store::{DestinationSpec, Encode, Entry, Format, Observer, OnFull, Options, Store, StoreError};
use tokio::time::{Duration, timeout};

/// A megabyte for each commit.
#[derive(Debug)]
struct Megabytes;

impl Encode for Megabytes {
    fn encode(&self, points: &[SeriesPoints]) -> Vec<Entry> {
        vec![Entry {
            payload: Bytes::from(vec![7; 1 << 20]),
            raw_len: 1 << 20,
            points: u32::try_from(points.len()).unwrap(),
            oldest_end: UnixNanos(0),
            newest_end: UnixNanos(0),
        }]
    }

    fn decode(&self, _entry: &Entry) -> Option<Vec<SeriesPoints>> {
        None
    }
}

async fn fill(store: &Store, from: u64) -> (u64, StoreError) {
    for n in from.. {
        let all = points(n, &n.to_string(), &[60]);
        if let Err(error) = commit(store, 0, window(0, 60), vec![all], &[n]).await {
            return (n, error);
        }
    }
    unreachable!()
}

/// What failed left no trace, and after acknowledgements it is taken.
async fn recovers(store: &Store) {
    let (failed, error) = fill(store, 0).await;
    assert_eq!(error, StoreError::Full);
    assert!(error.is_retryable());
    let target = provider_api::TargetId(failed);
    assert_eq!(store.progress(&common::account(), target), None);
    let series = store.usage().series;
    assert_eq!(u64::try_from(series).unwrap(), failed);
    for _ in 0..3 {
        let (seq, _) = store.next("d").await.unwrap();
        store.acknowledge("d", seq).await.unwrap();
    }
    timeout(Duration::from_secs(30), store.recovered())
        .await
        .unwrap()
        .unwrap();
    let all = points(failed, &failed.to_string(), &[60]);
    let done = commit(store, 0, window(0, 60), vec![all], &[failed])
        .await
        .unwrap();
    assert_eq!(done.fresh, 1);
}

/// At most sixteen megabytes, of which a destination takes as many as there are.
fn small(dir: &Path) -> Options {
    let mut options = Options {
        max_bytes: 16 << 20,
        ledger_bytes: 0,
        ..options(dir)
    }
    .destination("d");
    options.destinations[0].max_bytes = u64::MAX;
    options
}

#[tokio::test]
async fn a_file_at_its_limit_pauses_and_goes_on_after_acknowledgements() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&small(dir.path()), Box::new(Megabytes)).unwrap();
    recovers(&store).await;
    let size = std::fs::metadata(dir.path().join("nephoscope.db")).unwrap().len();
    assert!(size <= 16 << 20, "{size}");
}

/// Whom points are shown to.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<TargetId>>>);

impl Observer for Seen {
    fn taken(&self, fresh: &[SeriesPoints]) {
        self.0.lock().unwrap().extend(fresh.iter().map(|one| one.target));
    }
}

#[tokio::test]
async fn points_are_seen_once_they_are_durable_and_not_when_they_failed() {
    let dir = tempfile::tempdir().unwrap();
    let seen = Seen::default();
    let observer: Option<Box<dyn Observer>> = Some(Box::new(seen.clone()));
    let store = Store::open_observed(&small(dir.path()), Box::new(Megabytes), observer).unwrap();
    let (failed, error) = fill(&store, 0).await;
    assert_eq!(error, StoreError::Full);
    for _ in 0..3 {
        let (seq, _) = store.next("d").await.unwrap();
        store.acknowledge("d", seq).await.unwrap();
    }
    let again = vec![points(failed, &failed.to_string(), &[60]), points(0, "0", &[60])];
    commit(&store, 0, window(0, 60), again, &[failed]).await.unwrap();
    store.close().await.unwrap();
    let wanted: Vec<TargetId> = (0..=failed).map(TargetId).collect();
    assert_eq!(*seen.0.lock().unwrap(), wanted);
}

struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn new(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path());
        mount
            .output()
            .is_ok_and(|done| done.status.success())
            .then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        assert!(
            Command::new("umount")
                .arg(self.path())
                .status()
                .unwrap()
                .success()
        );
    }
}

#[tokio::test]
async fn a_full_disk_pauses_and_goes_on_after_acknowledgements() {
    let Some(disk) = Tmpfs::new("64m") else {
        println!("skipped: a small file system needs the right to mount");
        return;
    };
    let options = Options::new(disk.path(), 1 << 30).destination("d");
    let store = Store::open(&options, Box::new(Megabytes)).unwrap();
    assert!(disk.path().join("ballast").exists());
    recovers(&store).await;
    assert!(disk.path().join("ballast").exists());
    store.close().await.unwrap();
    Store::open(&options, Box::new(Megabytes)).unwrap();
}

#[tokio::test]
async fn a_disk_filled_by_others_is_noticed_when_they_make_room() {
    let Some(disk) = Tmpfs::new("48m") else {
        println!("skipped: a small file system needs the right to mount");
        return;
    };
    let store = Store::open(
        &Options::new(disk.path(), 1 << 30).destination("d"),
        Box::new(Megabytes),
    )
    .unwrap();
    let theirs = disk.path().join("theirs");
    std::fs::write(&theirs, vec![1; 25 << 20]).unwrap();
    let (failed, error) = fill(&store, 0).await;
    assert_eq!(error, StoreError::Full);
    std::fs::remove_file(theirs).unwrap();
    timeout(Duration::from_secs(30), store.recovered())
        .await
        .unwrap()
        .unwrap();
    let all = points(failed, "again", &[60]);
    commit(&store, 0, window(0, 60), vec![all], &[failed])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_destination_at_its_limit_holds_polling_back_until_it_has_taken_something() {
    let mut options = Options::new("unused", 64 << 20).destination("d");
    options.destinations[0].max_bytes = 2 << 20;
    let store = Store::in_memory(&options, Box::new(Megabytes)).unwrap();
    for n in 0..2 {
        commit(
            &store,
            0,
            window(0, 60),
            vec![points(n, &n.to_string(), &[60])],
            &[n],
        )
        .await
        .unwrap();
    }
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { commit(&store, 0, window(0, 60), vec![points(2, "2", &[60])], &[2]).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(store.usage().destinations[0].pending_bytes, 2 << 20);
    let (seq, _) = store.next("d").await.unwrap();
    store.acknowledge("d", seq).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().fresh, 1);
}

#[tokio::test]
async fn a_destination_may_skip_its_oldest_instead() {
    let mut options = Options::new("unused", 64 << 20);
    options.destinations.push(DestinationSpec {
        name: "d".into(),
        max_bytes: 2 << 20,
        on_full: OnFull::DropOldest,
        format: Format::Delta,
        resend_revisions: false,
        oldest_first: false,
    });
    let store = Store::in_memory(&options, Box::new(Megabytes)).unwrap();
    for n in 0..5 {
        commit(
            &store,
            0,
            window(0, 60),
            vec![points(n, &n.to_string(), &[60])],
            &[n],
        )
        .await
        .unwrap();
    }
    let usage = store.usage();
    assert_eq!(
        (usage.destinations[0].pending_bytes, usage.spool_bytes),
        (2 << 20, 2 << 20)
    );
    assert_eq!(usage.destinations[0].dropped_points, 3);
    assert_eq!(store.next("d").await.unwrap().0, 4);
}

#[tokio::test]
async fn what_waits_for_room_ends_when_the_store_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path()).destination("d");
    options.destinations[0].max_bytes = 1;
    let store = open(&options);
    commit(&store, 0, window(0, 60), vec![points(1, "1", &[60])], &[1])
        .await
        .unwrap();
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { commit(&store, 0, window(0, 60), vec![points(2, "2", &[60])], &[2]).await }
    });
    store.close().await.unwrap();
    assert_eq!(waiting.await.unwrap(), Err(StoreError::Closed));
}

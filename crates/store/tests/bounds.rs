//! The files have bounds: the log is cut back to one, and the file takes what the fullest spool needed, not more each time.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common::{commit, options, points, window};
use bytes::Bytes;
use provider_api::{SeriesPoints, UnixNanos};
use rusqlite::Connection;
use std::path::Path;
use store::{Encode, Entry, LOG_BYTES, Store};

/// Of one entry.
const ENTRY_BYTES: u32 = 1 << 20;

/// An entry of a mebibyte for each commit.
#[derive(Debug)]
struct Mebibytes;

impl Encode for Mebibytes {
    fn encode(&self, _points: &[SeriesPoints]) -> Vec<Entry> {
        vec![Entry {
            payload: Bytes::from(vec![7; usize::try_from(ENTRY_BYTES).unwrap()]),
            raw_len: ENTRY_BYTES,
            points: 1,
            oldest_end: UnixNanos(0),
            newest_end: UnixNanos(0),
        }]
    }

    fn decode(&self, _entry: &Entry) -> Option<Vec<SeriesPoints>> {
        None
    }
}

fn open(dir: &Path) -> std::sync::Arc<Store> {
    let options = options(dir).destination("d");
    Store::open(&options, Box::new(Mebibytes)).unwrap()
}

fn size(dir: &Path, name: &str) -> u64 {
    std::fs::metadata(dir.join(name)).unwrap().len()
}

async fn fill(store: &Store, entries: u64, from: &mut u64) {
    for n in *from..*from + entries {
        let all = points(n, &n.to_string(), &[60]);
        commit(store, 0, window(0, 60), vec![all], &[n]).await.unwrap();
    }
    *from += entries;
}

async fn empty(store: &Store) {
    while store.usage().spool_bytes > 0 {
        let (seq, _) = store.next("d").await.unwrap();
        store.acknowledge("d", seq).await.unwrap();
    }
}

#[tokio::test]
async fn a_log_that_had_to_grow_is_cut_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut next = 0;
    fill(&store, 1, &mut next).await;
    // Whoever reads keeps the log from being begun anew.
    let reader = Connection::open(dir.path().join("nephoscope.db")).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM entries")
        .unwrap();
    fill(&store, 30, &mut next).await;
    let grown = size(dir.path(), "nephoscope.db-wal");
    assert!(grown > LOG_BYTES, "{grown}");
    drop(reader);
    fill(&store, 3, &mut next).await;
    let cut = size(dir.path(), "nephoscope.db-wal");
    assert!(cut <= LOG_BYTES, "{cut}");
    // An ordinary life needs a quarter of it, and the transaction that went beyond.
    let one = u64::from(ENTRY_BYTES);
    empty(&store).await;
    fill(&store, 30, &mut next).await;
    let log = size(dir.path(), "nephoscope.db-wal");
    assert!(log <= LOG_BYTES, "{log}, an entry is {one}");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_spool_that_is_filled_again_and_again_takes_the_same_space() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (mut next, entries) = (0, 16);
    let mut sizes = Vec::new();
    for _ in 0..5 {
        fill(&store, entries, &mut next).await;
        sizes.push(size(dir.path(), "nephoscope.db"));
        empty(&store).await;
    }
    store.close().await.unwrap();
    sizes.push(size(dir.path(), "nephoscope.db"));
    // What a checkpoint had not yet moved there, and the ledger's rows.
    let most = u64::from(ENTRY_BYTES) * entries + (LOG_BYTES >> 2) + (256 << 10);
    assert!(
        sizes.iter().all(|size| *size <= most),
        "{most} at most: {sizes:?}"
    );
}

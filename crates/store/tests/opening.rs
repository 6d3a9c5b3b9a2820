//! What can be wrong when a store is opened: each has its own words, and none changes the file.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common::{Lines, MINUTE, account, commit, open, options, points, window};
use provider_api::{TargetId, UnixNanos};
use rusqlite::Connection;
use std::path::Path;
use std::process::Command;
use store::{OpenError, Options, Progress, Store, Stretches};

fn db(dir: &Path) -> std::path::PathBuf {
    dir.join("nephoscope.db")
}

fn refused(options: &Options) -> OpenError {
    Store::open(options, Box::new(Lines)).unwrap_err()
}

async fn filled(dir: &Path) -> Options {
    let options = options(dir).destination("d");
    let store = open(&options);
    for n in 0..200 {
        let all = points(n, &n.to_string(), &[60, 120, 180]);
        commit(&store, 0, window(0, 180), vec![all], &[n]).await.unwrap();
    }
    store.close().await.unwrap();
    options
}

/// Left as a crash would leave it.
fn unclean(dir: &Path) {
    let conn = Connection::open(db(dir)).unwrap();
    conn.execute("UPDATE meta SET value=0 WHERE key='clean'", [])
        .unwrap();
    conn.close().unwrap();
}

#[tokio::test]
async fn a_second_process_is_told_who_holds_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let store = open(&options);
    let error = refused(&options);
    assert!(
        matches!(&error, OpenError::Locked { pid, .. } if *pid == std::process::id().to_string()),
        "{error}"
    );
    store.close().await.unwrap();
    open(&options);
}

#[tokio::test]
async fn a_truncated_file_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let options = filled(dir.path()).await;
    let whole = std::fs::read(db(dir.path())).unwrap();
    for length in [
        0,
        1,
        100,
        4096,
        whole.len() / 2,
        whole.len() - 4096,
        whole.len() - 1,
    ] {
        std::fs::write(db(dir.path()), &whole[..length]).unwrap();
        let error = refused(&options);
        assert!(
            matches!(error, OpenError::Corrupted { .. }),
            "{length} bytes: {error}"
        );
        assert!(
            std::fs::read(db(dir.path())).unwrap() == whole[..length],
            "{length} bytes: changed"
        );
    }
}

/// A flipped bit is found, or lies where nothing is stored: then everything is as it was.
#[tokio::test]
async fn flipped_bits_are_found_or_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let options = filled(dir.path()).await;
    unclean(dir.path());
    let whole = std::fs::read(db(dir.path())).unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let mut found = 0;
    for _ in 0..120 {
        let mut flipped = whole.clone();
        let at = random.usize(..whole.len());
        flipped[at] ^= 1 << random.u32(..8);
        std::fs::write(db(dir.path()), &flipped).unwrap();
        match Store::open(&options, Box::new(Lines)) {
            Err(error) => {
                found += 1;
                let known = matches!(
                    error,
                    OpenError::Corrupted { .. } | OpenError::NotOurs { .. } | OpenError::Newer { .. }
                );
                assert!(known, "byte {at}: {error:?}");
                assert!(
                    std::fs::read(db(dir.path())).unwrap() == flipped,
                    "byte {at}: changed"
                );
            }
            Ok(store) => drop(store),
        }
        for left in ["nephoscope.db-wal", "nephoscope.db-shm"] {
            if dir.path().join(left).exists() {
                std::fs::remove_file(dir.path().join(left)).unwrap();
            }
        }
    }
    assert!(found > 12, "{found} of 120");
}

#[tokio::test]
async fn an_entry_whose_bytes_have_changed_is_skipped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path()).destination("d");
    let store = open(&options);
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
    store.close().await.unwrap();
    let conn = Connection::open(db(dir.path())).unwrap();
    conn.execute("UPDATE entries SET payload=zeroblob(10) WHERE seq=1", [])
        .unwrap();
    conn.close().unwrap();
    let store = open(&options);
    let (seq, _) = store.next("d").await.unwrap();
    assert_eq!((seq, store.usage().destinations[0].dropped_points), (2, 1));
}

#[tokio::test]
async fn a_file_of_another_program_and_one_from_the_future_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let options = filled(dir.path()).await;
    let change = |sql: &str| {
        let conn = Connection::open(db(dir.path())).unwrap();
        conn.execute_batch(sql).unwrap();
        conn.close().unwrap();
        std::fs::read(db(dir.path())).unwrap()
    };
    let before = change("PRAGMA user_version=6; UPDATE meta SET value='9.9' WHERE key='written_by'");
    let error = refused(&options);
    assert!(
        matches!(&error, OpenError::Newer { found: 6, known: 5, written_by, .. } if written_by == "9.9"),
        "{error}"
    );
    assert!(std::fs::read(db(dir.path())).unwrap() == before, "changed");
    let before = change("PRAGMA application_id=77");
    let error = refused(&options);
    assert!(
        matches!(
            error,
            OpenError::NotOurs {
                application_id: 77,
                ..
            }
        ),
        "{error}"
    );
    assert!(std::fs::read(db(dir.path())).unwrap() == before, "changed");
}

#[tokio::test]
async fn a_file_of_format_0_is_brought_to_today_with_its_settings() {
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(db(dir.path())).unwrap();
    conn.execute_batch(include_str!("fixtures/format-0.sql")).unwrap();
    conn.close().unwrap();
    let options = options(dir.path()).destination("d");
    let store = open(&options);
    assert_eq!(store.setting("settle/AWS/EC2").as_deref(), Some(&b"180"[..]));
    commit(&store, 0, window(0, 60), vec![points(1, "a", &[60])], &[1])
        .await
        .unwrap();
    store.close().await.unwrap();
    let conn = Connection::open(db(dir.path())).unwrap();
    let version: i64 = conn
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 5);
}

#[tokio::test]
async fn a_file_of_format_1_opens_with_its_gap_and_what_was_taken() {
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(db(dir.path())).unwrap();
    conn.execute_batch(include_str!("fixtures/format-1.sql")).unwrap();
    conn.close().unwrap();
    let options = options(dir.path()).destination("d");
    let store = open(&options);
    let at = |minutes: i64| UnixNanos::from_seconds(minutes * MINUTE);
    let progress = |target: u64| store.progress(&account(), TargetId(target)).unwrap();
    let whole = |upto: i64, ahead: Stretches| Progress {
        since: at(100),
        upto: at(upto),
        ahead,
    };
    assert_eq!(progress(1), whole(120, Stretches::default()));
    assert_eq!(progress(2), whole(110, Stretches::new([(at(200), at(215))])));
    // It knows what was taken on both sides of the gap.
    for (from, to, fresh) in [(210, 220, 5), (105, 200, 90), (215, 221, 1)] {
        let ends: Vec<i64> = (from + 1..=to).map(|minute| minute * MINUTE).collect();
        let asked = window(from * MINUTE, to * MINUTE);
        let done = commit(&store, 600, asked, vec![points(2, "b", &ends)], &[2])
            .await
            .unwrap();
        assert_eq!(
            (done.fresh, done.too_old, done.deferred),
            (fresh, 0, 0),
            "{from}..{to}"
        );
    }
    assert_eq!(progress(2), whole(221, Stretches::default()));
    store.close().await.unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_or_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let error = refused(&options(&dir.path().join("file/below")));
    assert!(matches!(error, OpenError::Directory { .. }), "{error}");
    let Some(_mounted) = Mounted::read_only(dir.path()) else {
        println!("skipped: a read-only file system needs the right to mount");
        return;
    };
    let error = refused(&options(dir.path()));
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
}

/// A read-only tmpfs while it lives.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn read_only(dir: &Path) -> Option<Self> {
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "ro,size=1m", "tmpfs"])
            .arg(dir)
            .output();
        done.is_ok_and(|done| done.status.success())
            .then(|| Self(dir.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        assert!(Command::new("umount").arg(&self.0).status().unwrap().success());
    }
}

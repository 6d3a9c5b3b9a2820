//! Kills and power cuts: points and ledger agree, nothing acknowledged comes back, nothing is lost.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests; the child speaks to its parent"
)]

use crate::common::{self, MINUTE, account, commit, lines, open, options, points, power_cut, window};
use provider_api::TargetId;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use store::{Options, Store};

/// Kills in one run of the test.
const KILLS: u32 = 300;

/// Power cuts in one run of the test.
const POWER_CUTS: u32 = 20;

/// Targets that the child polls side by side, each with one series.
const TARGETS: u64 = 4;

/// Set in the child: where its store is.
const CHILD: &str = "NEPHOSCOPE_CRASH_CHILD";

/// Minutes that each window of the child holds.
const MINUTES: i64 = 3;

fn child_options(dir: &Path) -> Options {
    options(dir).destination("d")
}

/// Not a test of its own: what the killed process runs. Polls and delivers for ever; says what it has been promised.
#[test]
#[ignore = "run by the other tests as a child process"]
fn child() {
    let Some(dir) = child_dir() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = open(&child_options(&dir));
        println!("\nopen");
        let tasks: Vec<_> = (0..TARGETS)
            .map(|target| tokio::spawn(poll(Arc::clone(&store), target)))
            .collect();
        deliver(&store).await;
        drop(tasks);
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "the parent tells the child through the environment"
)]
fn child_dir() -> Option<PathBuf> {
    std::env::var(CHILD).ok().map(PathBuf::from)
}

async fn poll(store: Arc<Store>, target: u64) {
    loop {
        let from = store
            .progress(&account(), TargetId(target))
            .map_or(0, |p| p.upto.seconds());
        let to = from + MINUTES * MINUTE;
        let ends: Vec<i64> = (1..=MINUTES).map(|n| from + n * MINUTE).collect();
        let all = points(target, &target.to_string(), &ends);
        commit(&store, 0, window(from, to), vec![all], &[target])
            .await
            .unwrap();
        println!("\ntaken {target} {to}");
    }
}

async fn deliver(store: &Store) {
    loop {
        let (seq, entry) = store.next("d").await.unwrap();
        for (id, _, end, _) in lines(&entry) {
            println!("\nsent {seq} {id} {}", end / 1_000_000_000);
        }
        store.acknowledge("d", seq).await.unwrap();
        println!("\nacknowledged {seq}");
    }
}

/// What a child has been promised before it was killed.
#[derive(Debug, Default)]
struct Promised {
    taken: BTreeMap<u64, i64>,
    acknowledged: u64,
    promises: u32,
}

/// Series and end of every point that was sent, with the entry that it was sent in.
type Sent = BTreeMap<(String, i64), u64>;

fn sent(all: &mut Sent, id: &str, end: i64, seq: u64) {
    let before = all.insert((id.to_owned(), end), seq);
    assert!(
        before.is_none_or(|before| before == seq),
        "{id} {end} in entries {before:?} and {seq}"
    );
}

fn start(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--ignored", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills it after so many promises, and reads those that it still made until then.
fn kill_after(mut child: Child, promises: u32, all: &mut Sent) -> Promised {
    let mut promised = Promised::default();
    let mut left = promises;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["taken", target, upto] => {
                promised
                    .taken
                    .insert(target.parse().unwrap(), upto.parse().unwrap());
            }
            ["sent", seq, id, end] => {
                sent(all, id, end.parse().unwrap(), seq.parse().unwrap());
                continue;
            }
            ["acknowledged", seq] => promised.acknowledged = seq.parse().unwrap(),
            _ => continue,
        }
        promised.promises += 1;
        left = left.saturating_sub(1);
        if left == 0 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    promised
}

/// Every point up to each target's progress has been sent or waits, in one entry; what waits has not been acknowledged.
async fn agree(dir: &Path, all: &mut Sent, promised: &Promised) {
    let store = open(&child_options(dir));
    while store.usage().spool_points > 0 {
        let (seq, entry) = store.next("d").await.unwrap();
        assert!(seq > promised.acknowledged, "entry {seq} was acknowledged");
        for (id, _, end, _) in lines(&entry) {
            sent(all, &id, end / 1_000_000_000, seq);
        }
        store.acknowledge("d", seq).await.unwrap();
    }
    for target in 0..TARGETS {
        let upto = store
            .progress(&account(), TargetId(target))
            .map_or(0, |p| p.upto.seconds());
        assert!(
            upto >= promised.taken.get(&target).copied().unwrap_or(0),
            "target {target} went back"
        );
        let id = format!("{:032x}", common::series(&target.to_string()).id().0);
        let found = all.keys().filter(|(of, _)| *of == id).map(|(_, end)| *end);
        assert!(
            found.eq((1..=upto / MINUTE).map(|n| n * MINUTE)),
            "target {target} up to {upto}"
        );
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn hundreds_of_kills_lose_nothing_and_repeat_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    let (mut all, mut promises) = (Sent::new(), 0);
    for _ in 0..KILLS {
        let promised = kill_after(start(dir.path()), random.u32(1..40), &mut all);
        promises += promised.promises;
        agree(dir.path(), &mut all, &promised).await;
    }
    assert!(promises > KILLS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_at_any_moment_leaves_points_and_ledger_in_agreement() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let store = open(&child_options(&live));
    for cut in 0..POWER_CUTS {
        let copy = dir.path().join(cut.to_string());
        let upto = |t| {
            store
                .progress(&account(), TargetId(t))
                .map_or(0, |p| p.upto.seconds())
        };
        let before: Vec<i64> = (0..TARGETS).map(upto).collect();
        let polls: Vec<_> = (0..TARGETS)
            .map(|t| tokio::spawn(poll_some(Arc::clone(&store), t)))
            .collect();
        power_cut(&live, &copy);
        for poll in polls {
            poll.await.unwrap();
        }
        whole(&copy, &before).await;
    }
    store.close().await.unwrap();
}

/// A few polls, so that there is something to cut off.
async fn poll_some(store: Arc<Store>, target: u64) {
    for _ in 0..4 {
        let from = store
            .progress(&account(), TargetId(target))
            .map_or(0, |p| p.upto.seconds());
        let all = points(target, &target.to_string(), &[from + MINUTE, from + 2 * MINUTE]);
        commit(&store, 0, window(from, from + 2 * MINUTE), vec![all], &[target])
            .await
            .unwrap();
    }
}

/// Nothing was delivered, so every point up to the progress waits, once.
async fn whole(copy: &Path, at_least: &[i64]) {
    let store = open(&child_options(copy));
    let mut waiting: BTreeMap<(String, i64), u32> = BTreeMap::new();
    while store.usage().spool_points > 0 {
        let (seq, entry) = store.next("d").await.unwrap();
        for (id, _, end, _) in lines(&entry) {
            *waiting.entry((id, end / 1_000_000_000)).or_default() += 1;
        }
        store.acknowledge("d", seq).await.unwrap();
    }
    for (target, at_least) in (0..TARGETS).zip(at_least) {
        let upto = store
            .progress(&account(), TargetId(target))
            .map_or(0, |p| p.upto.seconds());
        assert!(upto >= *at_least);
        let id = format!("{:032x}", common::series(&target.to_string()).id().0);
        let wanted = (1..=upto / MINUTE).map(|n| ((id.clone(), n * MINUTE), 1_u32));
        let found = waiting
            .iter()
            .filter(|((of, _), _)| *of == id)
            .map(|(k, n)| (k.clone(), *n));
        assert!(wanted.eq(found), "target {target}");
    }
    store.close().await.unwrap();
}

//! A destination takes nothing for a day and its spool is small: polling pauses within bounds. Then it takes what waits
//! at its own pace: everything comes once and in order, and the present does not wait for the past.

use super::cloud::{EVERY, GROUPS, MINUTE, TARGETS_PER_GROUP, targets, truth};
use super::destination::Destination;
use super::lines::Lines;
use super::{BEGINNING_S, HOUR, World, check_complete, check_order, late};
use provider_api::UnixNanos;
use scheduler::{AccountProgress, Clock as _, Progress};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{Options, Store};
use tokio_util::sync::CancellationToken;

/// What may wait for the destination: half an hour of points.
const SPOOL_BYTES: u64 = 64 << 10;

/// Room for the ledger in the file.
const LEDGER_BYTES: u64 = 1 << 20;

/// What `SQLite` lets the write-ahead log and its index grow to before it is moved into the file, and one transaction.
const LOG_BYTES: u64 = 5 << 20;

/// What an answer brings while its group keeps up: the points of at most three polls.
const POLL_BYTES: u64 = 3 * 5 * TARGETS_PER_GROUP * 256;

/// What an answer brings while its group catches up: the points of the longest window.
const WINDOW_BYTES: u64 = 2 * 60 * TARGETS_PER_GROUP * 256;

/// A directory of this test run.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn bytes(&self) -> u64 {
        let files = std::fs::read_dir(&self.0).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What everybody does; the same before and after a turn of the store while there is no room: who does not sleep waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    jobs: usize,
    asleep: Option<usize>,
    given: usize,
    held: usize,
}

/// The world, the destination, and what is known of jobs that wait for it.
struct Paused {
    world: World,
    destination: Destination,
    dir: Dir,
    /// When jobs were last seen to wait for room.
    waiting: Option<Standing>,
}

impl Paused {
    fn new(name: &str, outage: (UnixNanos, UnixNanos)) -> Self {
        let dir = Dir::new(name);
        let mut options = Options::new(&dir.0, SPOOL_BYTES).destination("d");
        options.ledger_bytes = LEDGER_BYTES;
        options.ballast_bytes = 0;
        let store = Store::open(&options, Box::new(Lines)).unwrap();
        let world = World::with(Vec::new(), store);
        Self {
            destination: Destination::new(world.clock.now(), outage),
            world,
            dir,
            waiting: None,
        }
    }

    /// Runs a scheduler until `end`; `watch` is called whenever everybody is at rest.
    async fn run(&mut self, end: UnixNanos, mut watch: impl FnMut(&Self, &Progress)) -> Arc<Progress> {
        let scheduler = self.world.scheduler();
        let (progress, stop) = (scheduler.progress(), CancellationToken::new());
        let running = tokio::spawn(scheduler.run(stop.clone(), Duration::ZERO));
        while self.now() < end {
            self.rest(&progress).await;
            watch(self, &progress);
            if self.destination.next <= self.now() {
                self.destination.take(self.now(), &self.world.store).await;
                self.waiting = None;
            } else {
                self.world.clock.step(Some(self.destination.next));
            }
        }
        stop.cancel();
        running.await.unwrap().unwrap();
        progress
    }

    fn now(&self) -> UnixNanos {
        self.world.clock.now()
    }

    /// Returns when the driver and the lister sleep, and every job sleeps or waits for room in the spool.
    async fn rest(&mut self, progress: &Progress) {
        loop {
            let at = self.standing(progress);
            if at.asleep == Some(at.jobs + 2) || (at.asleep.is_some() && self.waiting == Some(at)) {
                return;
            }
            self.waiting = None;
            if at.asleep.is_some() && !self.has_room() {
                // Behind whatever was on its way into the store.
                self.world.store.put_setting("here", b"").await.unwrap();
                tokio::task::yield_now().await;
                self.waiting = Some(at).filter(|_| !self.has_room());
            }
            tokio::task::yield_now().await;
        }
    }

    fn standing(&self, progress: &Progress) -> Standing {
        Standing {
            jobs: progress.snapshot()[0].in_flight,
            asleep: self.world.clock.asleep(),
            given: self.world.sky.given.all(),
            held: self.world.sky.given.held(),
        }
    }

    fn has_room(&self) -> bool {
        self.world.store.usage().destinations[0].pending_bytes < SPOOL_BYTES
    }

    fn check_bounds(&self, account: &AccountProgress) {
        let in_flight = u64::try_from(account.in_flight).unwrap();
        assert!(in_flight <= GROUPS, "{account:?}");
        let bytes = self.world.store.usage().spool_bytes;
        assert!(bytes <= SPOOL_BYTES + GROUPS * WINDOW_BYTES, "{bytes} wait");
        let file = self.dir.bytes();
        let most = SPOOL_BYTES + LEDGER_BYTES + LOG_BYTES;
        assert!(file <= most, "{file} bytes on the disk");
    }

    /// Both groups wait.
    fn check_paused(&self, account: &AccountProgress) {
        assert_eq!(account.in_flight, 2, "{account:?}");
        let bytes = self.world.store.usage().spool_bytes;
        assert!(bytes <= SPOOL_BYTES + GROUPS * POLL_BYTES, "{bytes} wait");
    }

    /// How far what was delivered of the group that is worst off lies behind what is settled.
    fn late(&self, account: &AccountProgress) -> Duration {
        let settle = account.groups.values().map(|group| group.settle).min().unwrap();
        let oldest = *self.destination.newest.values().min().unwrap();
        self.now().minus(settle).since(oldest)
    }

    /// Once it was delivered after the outage, the present is never more than three polls late.
    fn check_late(&self, account: &AccountProgress, since: UnixNanos) {
        let newest = &self.destination.newest;
        let now = self.now();
        if newest.len() == 2 && newest.values().all(|newest| *newest > since) {
            let late = (self.late(account), late(now, account));
            assert!(late.0 <= EVERY * 3 && late.1 <= EVERY * 3, "{late:?}");
        } else {
            // What ends after it is settled a while later.
            let settle = account.groups.values().map(|group| group.settle).max();
            let settle = settle.unwrap_or_default();
            let most = since.plus(settle).plus(EVERY * 3);
            assert!(now <= most, "the present waits for the past");
        }
    }

    fn check_delivered(&self, outage: (UnixNanos, UnixNanos)) {
        let first = (BEGINNING_S / MINUTE + 1) * MINUTE;
        for target in targets() {
            let ends = &self.destination.taken[&target];
            check_complete(ends, target, first, self.now());
            check_order(ends, (outage.0.plus(HOUR), outage.1.minus(HOUR)));
            check_present(ends, target, outage);
        }
    }
}

/// The present came before the gap and in order, but for points that were late themselves.
fn check_present(ends: &[i64], target: u64, outage: (UnixNanos, UnixNanos)) {
    let in_time = |end: &i64| truth(target, *end).shows.is_some_and(|s| s.as_secs() < 60);
    let present = ends.iter().copied().filter(|end| *end > outage.1.seconds());
    let present: Vec<i64> = present.filter(in_time).collect();
    assert!(
        present.is_sorted(),
        "the present of target {target} is out of order"
    );
    let gap = outage.0.plus(HOUR).seconds()..outage.1.minus(HOUR).seconds();
    let at = |wanted: &dyn Fn(&i64) -> bool| ends.iter().position(wanted).unwrap();
    assert!(
        at(&|end| *end > outage.1.seconds() - 15 * MINUTE) < at(&|end| gap.contains(end)),
        "target {target} began with the past"
    );
}

/// What is seen on the way.
#[derive(Debug, Default)]
struct Seen {
    /// Answers given and points taken once polling has paused.
    paused: Option<(usize, u64)>,
    /// Ticks skipped by then, and by the end of the outage.
    ticks: (Option<u64>, u64),
    /// The most that lay behind.
    behind: Duration,
}

impl Seen {
    fn watch(&mut self, paused: &Paused, progress: &Progress, outage: (UnixNanos, UnixNanos)) {
        let (now, account) = (paused.now(), &progress.snapshot()[0]);
        paused.check_bounds(account);
        if outage.0.plus(HOUR) <= now && now < outage.1 {
            paused.check_paused(account);
            let given = paused.world.sky.given.all();
            let figures = (given, account.points);
            assert_eq!(figures, *self.paused.get_or_insert(figures), "something moves");
            self.ticks.1 = progress.ticks_skipped();
            self.ticks.0.get_or_insert(self.ticks.1);
        }
        paused.check_late(account, outage.1);
        let behind = account.groups.values().map(|g| g.behind);
        self.behind = behind.fold(self.behind, Duration::max);
    }
}

#[tokio::test]
async fn a_destination_that_takes_nothing_for_a_day_pauses_polling_and_then_gets_everything() {
    let beginning = UnixNanos::from_seconds(BEGINNING_S);
    let outage = (beginning.plus(HOUR * 3), beginning.plus(HOUR * 27));
    let mut paused = Paused::new("pause", outage);
    let mut seen = Seen::default();
    let end = outage.1.plus(HOUR * 8);
    let progress = paused
        .run(end, |paused, progress| seen.watch(paused, progress, outage))
        .await;
    let account = progress.snapshot()[0].clone();
    assert!(
        seen.behind > HOUR * 22,
        "there was something to catch up with: {seen:?}"
    );
    assert!(account.groups.values().all(|g| g.behind.is_zero()), "{account:?}");
    // Both groups tick every five minutes of 23 hours.
    let ticks = seen.ticks.1 - seen.ticks.0.unwrap();
    assert!((2 * 23 * 12 - 2..=2 * 23 * 12).contains(&ticks), "{ticks} ticks");
    let lost = paused.world.store.usage().destinations[0].dropped_points + account.lost_seconds;
    assert_eq!((account.too_old, account.deferred, lost), (0, 0, 0));
    paused.check_delivered(outage);
}

#[tokio::test]
async fn a_restart_in_the_middle_of_the_pause_loses_nothing() {
    let beginning = UnixNanos::from_seconds(BEGINNING_S);
    let outage = (beginning.plus(HOUR), beginning.plus(HOUR * 13));
    let mut paused = Paused::new("restart", outage);
    let mut watch = |paused: &Paused, progress: &Progress| {
        let account = &progress.snapshot()[0];
        paused.check_bounds(account);
        if !account.groups.is_empty() {
            paused.check_late(account, outage.1);
        }
    };
    let before = paused.run(outage.0.plus(HOUR * 6), &mut watch).await;
    assert_eq!(before.snapshot()[0].in_flight, 2, "both groups wait for room");
    let progress = paused.run(outage.1.plus(HOUR * 6), &mut watch).await;
    let account = progress.snapshot()[0].clone();
    assert_eq!(
        (account.too_old, account.deferred, account.lost_seconds),
        (0, 0, 0)
    );
    paused.check_delivered(outage);
}
